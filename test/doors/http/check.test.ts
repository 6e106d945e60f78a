import { HttpResponse } from '@azure/functions';
import { expect, test } from 'vitest';
import { image, index } from '../../../src/dev/emulator/manifests.ts';
import type { Emulator } from '../../../src/dev/emulator/index.ts';
import { answerCheck, answerLastCheck } from '../../../src/doors/http/check.ts';
import { problemResponse } from '../../../src/doors/http/problem.ts';
import type { RegistryCheck } from '../../../src/ledger/checks.ts';
import { readSettings } from '../../../src/policy/settings.ts';
import { repositoryOf } from '../../support/contents.ts';
import { newLedger } from '../../support/ledger.ts';
import { held } from '../../support/openapi.ts';
import { connectTo, USER, withEmulator } from '../../support/registry.ts';

const multi = index([{ ...image('arm64'), architecture: 'arm64', os: 'linux' }]);
const repositories = {
  app: repositoryOf({ built: multi, days: 9, tags: ['v1'] }),
  web: repositoryOf({ built: image('web'), days: 9, tags: ['v1'] }),
};

const at = (emulator: Emulator, ledger = newLedger()) => {
  const configuration = readSettings(
    {
      ACR_REGISTRY: emulator.loginServer,
      ACR_USERNAME: USER.username,
      ACR_PASSWORD: USER.password,
      PURGE_COMMAND: "--filter '.*:^dev' --ago 30d",
      PURGE_SCHEDULE: '0 1 * * Sun',
    },
    () => '',
  );
  const said = async (method: 'GET' | 'POST', asked: ReturnType<typeof answerCheck>) => {
    const answer = new HttpResponse(await asked.catch(problemResponse)) as unknown as Response;
    const body = (await held(method, '/api/check', answer).json()) as RegistryCheck & { readonly detail?: string };
    return { status: answer.status, body };
  };
  return {
    get: (query = '') => said('GET', answerLastCheck(configuration, ledger, new URLSearchParams(query))),
    post: (query = '', how: Parameters<typeof answerCheck>[4] = {}, signal = new AbortController().signal) =>
      said(
        'POST',
        answerCheck(configuration, ledger, new URLSearchParams(query), signal, {
          open: () => Promise.resolve(connectTo(emulator)),
          ...how,
        }),
      ),
  };
};

test('nothing was checked yet; a check is answered, and kept', () =>
  withEmulator({ repositories }, async (emulator) => {
    const { get, post } = at(emulator);
    const none = await get();
    expect(none.status).toBe(404);
    expect(none.body.detail).toContain('not checked yet');
    const now = await post();
    expect(now.status).toBe(200);
    expect(now.body).toMatchObject({ counts: { 'platform-missing': 1 }, repositories: { checked: 2, of: 2 } });
    expect(await get(`registry=${emulator.loginServer}`)).toEqual(now);
    expect(emulator.counts()['delete-manifest']).toBe(0);
    for (const ask of [get, post]) expect((await ask('registry=fabrikam')).status).toBe(400);
  }));

test('what there is no time for is not known, and is kept as such', () =>
  withEmulator({ repositories }, async (emulator) => {
    const { get, post } = at(emulator);
    const reader = connectTo(emulator);
    // The second repository does not answer.
    const slow = {
      ...reader,
      repositories: () => Promise.resolve(['app', 'web']),
      tags: (name: string) => (name === 'web' ? new Promise<never>(() => undefined) : reader.tags(name)),
    };
    const { status, body } = await post('', { milliseconds: 300, open: () => Promise.resolve(slow) });
    expect(status).toBe(200);
    expect(body.repositories.of).toBe(2);
    expect(body.findings).toContainEqual(expect.objectContaining({ kind: 'not-known', repository: 'web' }));
    expect((await get()).body).toEqual(body);
    // Where not even the repositories are listed, what is kept stays.
    const silent = { ...reader, repositories: () => new Promise<never>(() => undefined) };
    const failed = await post('', { milliseconds: 1, open: () => Promise.resolve(silent) });
    expect(failed.status).toBe(503);
    expect(failed.body.detail).toContain('list the repositories');
    expect((await get()).body).toEqual(body);
  }));

test('a check that the app was stopped in is not kept; two are answered at a time', () =>
  withEmulator({ repositories }, async (emulator) => {
    const { get, post } = at(emulator);
    const stop = new AbortController();
    const silent = { ...connectTo(emulator), tags: () => new Promise<never>(() => undefined) };
    const asked = [1, 2].map(() => post('', { open: () => Promise.resolve(silent) }, stop.signal));
    expect((await post()).status).toBe(429);
    // Not before each of them waits for the tags.
    while (emulator.counts().catalog < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    stop.abort();
    await Promise.all(asked);
    expect((await get()).status).toBe(404);
  }));
