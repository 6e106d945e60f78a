import { expect, test } from 'vitest';
import type { Emulator, EmulatorOptions } from '../../src/dev/emulator/index.ts';
import { call, form, identityToken, parsed } from '../dev/emulator/support.ts';
import { images, repositoryOf } from '../support/contents.ts';
import { newLedger } from '../support/ledger.ts';
import { USER, withServedEmulator } from '../support/registry.ts';
import { statusOfRegistry, type Status } from '../../src/index.ts';

const repositories = {
  app: repositoryOf(...images('app', 2, 'dev')),
  'shop/web': repositoryOf(...images('web', 1, 'v')),
};
const NEEDS = { catalog: true, deletes: true, unlocks: false, hides: false, repositories: [] as readonly string[] };

/** The refresh token that the registry gives an Entra identity. */
async function refreshTokenOf(emulator: Emulator): Promise<string> {
  const { loginServer: service } = emulator;
  const exchanged = form({ grant_type: 'access_token', service, access_token: await identityToken(emulator) });
  return (parsed(await call(emulator, '/oauth2/exchange', exchanged)) as { readonly refresh_token: string })
    .refresh_token;
}

async function statusOf(
  options: Partial<EmulatorOptions>,
  needs: Partial<typeof NEEDS> = {},
  identity: 'token' | 'user' = 'token',
): Promise<{ readonly status: Status; readonly emulator: Emulator }> {
  return withServedEmulator({ repositories, ...options }, async (emulator) => {
    const who = identity === 'user' ? USER : { password: await refreshTokenOf(emulator) };
    const target = { endpoint: new URL(emulator.url), certificate: emulator.certificate, concurrency: 4, ...who };
    const about = { version: '1.2.3', ledger: newLedger(), given: {} };
    const before = emulator.tagsLeft();
    const status = await statusOfRegistry(target, { ...NEEDS, ...needs }, about);
    expect(emulator.tagsLeft()).toEqual(before);
    const changing = emulator.requests().filter(({ method }) => !['GET', 'POST'].includes(method));
    expect(changing).toEqual([]);
    return { status, emulator };
  });
}

const statesIn = ({ registry }: Status): Readonly<Record<string, string>> =>
  Object.fromEntries(
    (registry?.rights ?? []).map(({ right, repository = '', state }) => [`${right} ${repository}`, state]),
  );

test.each([
  [{ unlocks: true }, 'take off locks'],
  [{ hides: true }, 'make images unreadable'],
  [{ unlocks: true, hides: true }, 'take off locks and make images unreadable'],
])('%o needs to write metadata, to %s', async (needs, toDo) => {
  const { status } = await statusOf({}, needs, 'token');
  expect(status.registry?.rights?.find(({ right }) => right === 'metadata_write')).toMatchObject({
    toDo,
    needed: true,
  });
});

test.each(['token', 'user'] as const)('a %s that may do all of it is told so', async (identity) => {
  const { status } = await statusOf({}, { unlocks: true }, identity);
  expect(statesIn(status)).toEqual({
    'catalog ': 'granted',
    'metadata_read app': 'granted',
    'pull app': 'granted',
    'delete app': 'granted',
    'metadata_write app': 'granted',
  });
  expect(status).toMatchObject({ missing: [], registry: { answers: true } });
});

const RIGHTS = ['catalog', 'metadata_read', 'pull', 'delete', 'metadata_write'] as const;
const ROLES = {
  catalog: ['AcrPull', 'Container Registry Repository Catalog Lister'],
  metadata_read: ['AcrPull', 'Container Registry Repository Reader'],
  pull: ['AcrPull', 'Container Registry Repository Reader'],
  delete: ['AcrDelete', 'Container Registry Repository Contributor'],
  metadata_write: ['AcrPush', 'Container Registry Repository Contributor'],
} as const;

const cases = RIGHTS.flatMap((right) =>
  [false, true].flatMap((tokens) => [false, true].map((abac) => ({ right, tokens, abac }))),
);

test.each(cases)(
  '$right alone is missing (tokens refused: $tokens, by repository: $abac), and the command grants its role',
  async ({ right, tokens, abac }) => {
    const denied = { actions: [right], tokens };
    const { status } = await statusOf({ denied, abac }, { unlocks: true, repositories: ['shop/web'] });
    const rights = status.registry?.rights ?? [];
    expect(rights.filter(({ state }) => state !== 'granted').map((one) => one.right)).toEqual([right]);
    const [role, repositoryRole] = ROLES[right];
    const named = abac ? repositoryRole : role;
    const quoted = named.includes(' ') ? `'${named}'` : named;
    expect(rights.find((one) => one.right === right)?.grant).toBe(
      `az role assignment create --role ${quoted} --assignee '<object id of the identity>' --scope "$(az acr show --name '<registry>' --query id --output tsv)"`,
    );
    expect(status.missing).toEqual([expect.stringContaining(named) as unknown]);
  },
);

test('without deleting, the right to delete is tried and not needed', async () => {
  const { status } = await statusOf({ denied: { actions: ['delete'] } }, { deletes: false });
  expect(status.missing).toEqual([]);
  expect(statesIn(status)).toMatchObject({ 'delete app': 'missing' });
});

test('a token of a scope map is told the action that its map lacks', async () => {
  const { status } = await statusOf({ denied: { actions: ['delete'] } }, { repositories: ['shop/web'] }, 'user');
  expect(status.registry?.rights?.find(({ right }) => right === 'delete')).toMatchObject({
    state: 'missing',
    role: 'content/delete in its scope map',
    grant: expect.stringMatching(/^az acr scope-map update .* --add-repository shop\/web content\/delete$/) as unknown,
  });
});

test('a wrong password is a missing right everywhere, and an empty registry leaves the others open', async () => {
  await withServedEmulator({ repositories }, async (emulator) => {
    const target = { endpoint: new URL(emulator.url), certificate: emulator.certificate, concurrency: 4 };
    const about = { version: '1.2.3', ledger: newLedger(), given: {} };
    const status = await statusOfRegistry({ ...target, username: USER.username, password: 'wrong' }, NEEDS, about);
    expect(status.registry).toMatchObject({ answers: false, error: expect.stringContaining('401') as unknown });
  });
  const { status } = await statusOf({ repositories: {} });
  expect(statesIn(status)).toEqual({
    'catalog ': 'granted',
    'metadata_read ': 'unknown',
    'pull ': 'unknown',
    'delete ': 'unknown',
  });
  expect(status.missing).toEqual([]);
});

test.each([
  [{ state: 'granted', scope: '/subscriptions/one' }, []],
  [{ state: 'unknown', error: 'REGISTRY_RESOURCE_ID names no resource' }, []],
  [
    { state: 'missing', error: 'its roles lack it', scope: '/subscriptions/one' },
    [
      expect.stringMatching(
        /^the identity may not read what Defender for Cloud found \(.*\): it lacks Security Reader$/,
      ),
    ],
  ],
] as const)('whether Defender may be asked is tried where it is: %o', async (trial, missing) => {
  await withServedEmulator({ repositories }, async (emulator) => {
    const target = { endpoint: new URL(emulator.url), certificate: emulator.certificate, concurrency: 4, ...USER };
    const defender = { tried: () => Promise.resolve(trial), read: () => Promise.reject(new Error('not read')) };
    const about = { version: '1.2.3', ledger: newLedger(), given: {}, defender };
    const status = await statusOfRegistry(target, NEEDS, about);
    expect(status.missing).toEqual(missing);
    expect(status.registry).toMatchObject({ answers: true });
    const right = status.registry?.rights?.find((one) => one.right === 'findings');
    expect(right).toMatchObject({ state: trial.state, needed: true });
    expect(right?.grant).toBe(
      trial.state === 'missing'
        ? "az role assignment create --role 'Security Reader' --assignee '<object id of the identity>' --scope /subscriptions/one"
        : undefined,
    );
  });
});
