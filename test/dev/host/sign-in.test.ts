import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { madeUpSignIn, SIGN_IN_ENVIRONMENT } from '../../../src/dev/host/sign-in.ts';
import { callerOf, signInWarning } from '../../../src/doors/http/sign-in.ts';

const KEY = 'key of the tests';

describe('the made-up sign-in', () => {
  const signIn = madeUpSignIn('approver', (text) => text === KEY);
  // What gets through is answered with the headers that the app would see.
  const server = createServer((asked, answer) => {
    if (signIn.answer(asked, answer, asked.url?.startsWith('/api/review') === true)) return;
    answer.end(JSON.stringify(signIn.forward(asked.headers)));
  });
  let url = '';
  beforeAll(async () => {
    await once(server.listen(0, '127.0.0.1'), 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => server.close());

  const ask = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(url + path, { redirect: 'manual', ...init });
  const cookieOf = (answer: Response): string => answer.headers.get('set-cookie')?.split(';')[0] ?? '';
  const form = (fields: Readonly<Record<string, string>>): RequestInit => ({
    method: 'POST',
    body: new URLSearchParams(fields),
  });
  const callerBy = async (cookie: string, headers: Readonly<Record<string, string>> = {}) => {
    const seen = (await (await ask('/api/review', { headers: { cookie, ...headers } })).json()) as Record<
      string,
      string
    >;
    return callerOf(seen['x-ms-client-principal'] ?? null);
  };

  test('sends a browser to its login page, and back to where it wanted to go', async () => {
    const sent = await ask('/api/review?run=20261124T010000Z-3f9a0c');
    expect(sent.status).toBe(302);
    const login = sent.headers.get('location') ?? '';
    expect(login).toBe('/.auth/login/aad?post_login_redirect_uri=%2Fapi%2Freview%3Frun%3D20261124T010000Z-3f9a0c');
    expect(await (await ask(login)).text()).toContain('name="as"');
    const back = '/api/review?run=20261124T010000Z-3f9a0c';
    const signedIn = await ask('/.auth/login/aad', form({ code: KEY, as: 'reader', post_login_redirect_uri: back }));
    expect(signedIn.headers.get('location')).toBe(back);
    expect(signedIn.headers.get('set-cookie')).toMatch(/HttpOnly; SameSite=Lax$/);
    expect(await callerBy(cookieOf(signedIn))).toMatchObject({ name: 'Grace Hopper', roles: ['Retention.Reader'] });
  });

  test('an address with the key signs in, too, and the key leaves the address', async () => {
    const sent = await ask(`/api/review?${new URLSearchParams({ code: KEY, view: 'decisions' }).toString()}`);
    expect(sent.headers.get('location')).toBe('/api/review?view=decisions');
    expect(await callerBy(cookieOf(sent))).toMatchObject({
      name: 'Ada Lovelace',
      roles: ['Retention.Reader', 'Retention.Approver'],
    });
  });

  test('without the key no one signs in, and none is sent to another site', async () => {
    const wrong = await ask('/.auth/login/aad', form({ code: 'guess', as: 'approver' }));
    expect(wrong.status).toBe(401);
    expect(cookieOf(wrong)).toBe('');
    expect((await ask('/api/review', { method: 'POST' })).status).toBe(401);
    expect((await ask('/api/review', { headers: { cookie: 'AppServiceAuthSession=guess' } })).status).toBe(302);
    for (const to of ['https://evil.example', '//evil.example', '/\\evil.example', 'evil', '/a\r\nb: c'])
      expect((await ask('/.auth/login/aad', form({ code: KEY, post_login_redirect_uri: to }))).headers.get('location')).toBe('/api/review'); // prettier-ignore
    expect(await (await ask('/.auth/login/aad?post_login_redirect_uri=/%22%3E%3Cb%3E')).text()).not.toContain('"><b>');
  });

  test('the headers of the platform are its own alone; without a session there are none', async () => {
    const forged = { 'x-ms-client-principal': 'forged', 'x-ms-token-aad-id-token': 'forged' };
    expect(await (await ask('/api/runs', { headers: forged })).text()).not.toContain('forged');
    const cookie = cookieOf(await ask('/.auth/login/aad', form({ code: KEY, as: 'stranger' })));
    expect(await callerBy(cookie, forged)).toMatchObject({ name: 'Alan Turing', roles: [] });
    expect(cookieOf(await ask('/.auth/logout', { headers: { cookie } }))).toBe('AppServiceAuthSession=');
  });

  test('a form of any length ends the request', async () => {
    const posted = request(`${url}/.auth/login/aad`, { method: 'POST' });
    const failed = once(posted, 'error');
    posted.end('x'.repeat(100_000));
    expect(await failed).toHaveLength(1);
  });

  test('what it sets is what the platform sets: the app does not doubt it', () => {
    expect(signInWarning({ ...SIGN_IN_ENVIRONMENT })).toBeUndefined();
  });
});
