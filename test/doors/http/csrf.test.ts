import { expect, test } from 'vitest';
import { formToken, whyForged } from '../../../src/doors/http/csrf.ts';

const URL_IN_AZURE = 'https://func-retention.azurewebsites.net/api/review';

const asked = (headers: Readonly<Record<string, string>> = {}, url = URL_IN_AZURE) => ({
  url,
  headers: new Headers(headers),
});

/** A page that was opened, and the cookie that the browser keeps of it. */
function opened(url = URL_IN_AZURE) {
  const { value, cookies } = formToken(asked({}, url));
  const [cookie] = cookies;
  if (!cookie) throw new Error('no cookie');
  return { value, cookie, header: `theme=dark; ${cookie.name}=${cookie.value}` };
}

test('the cookie is for this host alone, and no script reads it; a second page keeps the first one valid', () => {
  const { value, cookie, header } = opened();
  expect(cookie).toEqual({
    name: '__Host-acr-retention-form', value, path: '/', httpOnly: true, sameSite: 'Strict', secure: true,
  }); // prettier-ignore
  expect(value).toMatch(/^[\w-]{43}$/);
  expect(opened().value).not.toBe(value);
  expect(formToken(asked({ cookie: header }))).toEqual({ value, cookies: [] });
  // What is none of ours is replaced.
  expect(formToken(asked({ cookie: '__Host-acr-retention-form=x' })).cookies).toHaveLength(1);
});

test('plain HTTP on loopback does without what needs TLS; every other host does not', () => {
  for (const host of ['localhost:7071', '127.0.0.1:8080', '[::1]:7071'])
    expect(opened(`http://${host}/api/review`).cookie).toMatchObject({ name: 'acr-retention-form', secure: false });
  for (const host of ['http://retention.example', 'https://localhost', 'http://localhost.evil.example'])
    expect(opened(`${host}/api/review`).cookie).toMatchObject({ name: '__Host-acr-retention-form', secure: true });
});

test('a form counts with the value that its browser has', () => {
  const { value, header } = opened();
  const cookie = { cookie: header };
  expect(whyForged(asked(cookie), value)).toBeUndefined();
  const other = opened().value;
  for (const [headers, given] of [
    [{}, value],
    [cookie, ''],
    [cookie, other],
    [cookie, `${value}=`],
    [{ cookie: header.replace('__Host-', '') }, value],
    [{ cookie: '__Host-acr-retention-form=' }, ''],
  ] as const)
    expect(whyForged(asked(headers), given)).toMatch(/^It does not belong/);
});

test('a form of another site is refused, whatever it sends', () => {
  const { value, header: cookie } = opened();
  const own = 'https://func-retention.azurewebsites.net';
  const why = (headers: Readonly<Record<string, string>>) => whyForged(asked({ cookie, ...headers }), value);
  for (const site of ['cross-site', 'same-site', 'none'])
    expect(why({ 'sec-fetch-site': site, origin: own })).toBe('It comes from another site');
  for (const origin of ['https://evil.example', 'null', '', 'http://func-retention.azurewebsites.net:8080', 'data:x'])
    expect(why({ origin })).toBe('It comes from another site');
  expect(why({ 'sec-fetch-site': 'same-origin', origin: own })).toBeUndefined();
  expect(why({ origin: own })).toBeUndefined();
  // Behind a proxy that forwards under another name.
  expect(why({ origin: 'https://retention.contoso.example', 'x-forwarded-host': 'retention.contoso.example' })).toBe(
    undefined,
  );
  expect(why({ origin: 'https://retention.contoso.example', 'sec-fetch-site': 'same-origin' })).toBeUndefined();
});
