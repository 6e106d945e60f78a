import { describe, expect, test } from 'vitest';
import { newUseOf } from '../../src/engine/evidence.ts';
import { inUseAt, requestedInUse } from '../../src/engine/in-use.ts';
import type { Evidence, Source, Use } from '../../src/evidence/types.ts';
import { readSettings } from '../../src/policy/settings.ts';
import { image, index } from '../../src/dev/emulator/manifests.ts';
import { repositoryOf } from '../support/contents.ts';
import { newLedger } from '../support/ledger.ts';
import { run, withEmulator } from '../support/registry.ts';

const DAY_MS = 86_400_000;
const HOST = 'contoso.azurecr.io';
const V1 = { repository: 'app', tag: 'v1', where: 'namespace shop, deployment api' };

const saying = (says: Partial<Evidence>, name = 'kube'): Source => ({
  name,
  read: () =>
    Promise.resolve({
      source: name,
      observedAt: new Date().toISOString(),
      scope: 'all namespaces',
      complete: true,
      problems: [],
      facts: [],
      ...says,
    }),
});

const asking = (...sources: readonly Source[]) => ({ sources, rememberMilliseconds: DAY_MS });

test('what is asked again within ten minutes is answered alike, but for another source of the same name', async () => {
  const asked: string[] = [];
  const list = (key: string): Source => {
    const source = saying({}, 'list:https://lists.example/prod.txt?…');
    return { ...source, key, read: (...of) => (asked.push(key), source.read(...of)) };
  };
  const useOf = newUseOf(newLedger());
  for (const key of ['a', 'b', 'a', 'b']) await useOf(HOST, asking(list(key)), new AbortController().signal);
  expect(asked).toEqual(['a', 'b']);
});

describe('what is in use, to be looked at', () => {
  test('is what the sources say now, and what runs remember besides; nothing is remembered of it', async () => {
    const ledger = newLedger();
    const [now, lately, long] = [0, DAY_MS / 2, 3 * DAY_MS].map((age) => new Date(Date.now() - age).toISOString());
    const seen = (tag: string, last = '') => ({ ...V1, tag, source: 'kube', first: last, last });
    const remembered = [seen('v1', lately), seen('v0', lately), seen('old', long)];
    await ledger.rememberUsed(HOST, remembered, new Date(0).toISOString());

    const report = await inUseAt(HOST, asking(saying({ facts: [V1], observedAt: now ?? '' })), ledger);
    expect(report).toEqual({
      registry: HOST,
      state: 'complete',
      sources: [
        {
          source: 'kube',
          scope: 'all namespaces',
          observedAt: now,
          complete: true,
          problems: [],
          images: 1,
          uses: [V1],
        },
      ],
      // Not what the source says anyway, and not what runs have forgotten.
      remembered: [seen('v0', lately)],
    });
    expect(new Set((await ledger.used(HOST)).images)).toEqual(new Set(remembered));
  });

  test('is incomplete where a source is, throws, or gives no answer in time', async () => {
    const silent: Source = { name: 'silent', read: (_, signal) => new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason as Error))) }; // prettier-ignore
    const broken: Source = { name: 'broken', read: () => Promise.reject(new Error('its library cannot be loaded')) };
    const partial = saying({ complete: false, problems: ['pods cannot be listed'], facts: [V1] }, 'partial');
    const report = await inUseAt(HOST, asking(saying({}), partial, broken, silent), newLedger(), undefined, 0.0005);
    expect(report.state).toBe('incomplete');
    expect(report.sources).toMatchObject([
      { source: 'kube', complete: true },
      { source: 'partial', complete: false, problems: ['pods cannot be listed'], images: 1 },
      { source: 'broken', complete: false, problems: ['its library cannot be loaded'], images: 0 },
      { source: 'silent', complete: false, problems: ['it did not say so within 0.0005 minutes'], images: 0 },
    ]);
  });

  test('is incomplete where more was in use lately than is remembered, as a run has it', async () => {
    const ledger = newLedger();
    const [now, lately] = [0, DAY_MS / 2].map((age) => new Date(Date.now() - age).toISOString());
    const seen = (tag: string, last = '', source = 'kube') => ({ ...V1, tag, source, first: last, last });
    await ledger.rememberUsed(HOST, [seen('rare', lately, 'list')], new Date(0).toISOString());
    const many = Array.from({ length: 50_000 }, (_, n) => seen(`v${n}`, now));
    expect(await ledger.rememberUsed(HOST, many, new Date(0).toISOString())).toMatchObject({ forgotten: lately });

    const both = [saying({}, 'list'), saying({})];
    const problem = `more images were in use than are remembered, 50000: what was seen last up to ${lately ?? ''} is forgotten before its time; IN_USE_REMEMBER can be less`; // prettier-ignore
    expect(await inUseAt(HOST, asking(...both), ledger)).toMatchObject({
      state: 'incomplete',
      sources: [
        { source: 'list', complete: true },
        { source: 'kube', complete: false, problems: [problem] },
      ],
    });
    const use = await newUseOf(ledger)(HOST, asking(...both), new AbortController().signal);
    expect(use.ofRepository('other').everything).toEqual({
      reason: 'in-use-unknown',
      detail: `it may be in use: kube could not be read completely: ${problem}`,
    });
    expect(use.records).toMatchObject([{ complete: true }, { complete: false, problems: [problem] }]);

    // What need not be remembered so long may be forgotten.
    const shorter = { ...asking(...both), rememberMilliseconds: DAY_MS / 4 };
    expect(await inUseAt(HOST, shorter, ledger)).toMatchObject({ state: 'complete' });
    expect((await newUseOf(ledger)(HOST, shorter, new AbortController().signal)).records).toMatchObject([{ complete: true }, { complete: true }]); // prettier-ignore
  });

  test('is asked of a registry that the app serves, and of no other', async () => {
    const at = (registries: string, IN_USE = '') =>
      readSettings(
        { ACR_REGISTRY: registries, PURGE_COMMAND: "--filter 'a:b' --ago 1d", PURGE_SCHEDULE: '0 1 * * Sun', IN_USE },
        () => '',
      );
    const ledger = newLedger();
    expect(await requestedInUse(at('contoso'), undefined, ledger)).toEqual({
      registry: HOST,
      state: 'not-configured',
      sources: [],
      remembered: [],
    });
    const two = at('contoso fabrikam', 'list:nowhere.txt');
    expect(await requestedInUse(two, 'contoso', ledger)).toMatchObject({
      registry: HOST,
      state: 'incomplete',
      sources: [{ source: 'list:nowhere.txt', problems: ['there is no such file'] }],
    });
    const asked = async (name?: string): Promise<unknown> => requestedInUse(two, name, ledger);
    await expect(asked('other')).rejects.toThrow('this app serves contoso.azurecr.io, fabrikam.azurecr.io only');
    await expect(asked()).rejects.toThrow('say which one');
  });
});

test('what is tagged and run while the sources are asked is known by its tag: its image is kept', async () => {
  const built = image('app');
  const repositories = { app: repositoryOf({ built, days: 40, tags: ['v1'] }) };
  await withEmulator({ repositories }, async (emulator) => {
    const answer = saying({ facts: [{ ...V1, tag: 'later' }] });
    const source: Source = {
      ...answer,
      read(...asked) {
        emulator.tag('app', 'later', built.digest);
        return answer.read(...asked);
      },
    };
    const command = ['--filter', 'app:^v1$', '--ago', '30d'];
    const { decisions } = await run(emulator, command, undefined, undefined, { evidence: asking(source) });
    expect(decisions).toMatchObject([{ tag: 'v1', action: 'keep', reason: 'in-use' }]);
    expect(emulator.tagsLeft()).toEqual(['app:later', 'app:v1']);
  });
});

test.each<[string, (digest: string) => Partial<Use>]>([
  ['by its tag', () => ({ tag: 'v1' })],
  ['by its digest', (digest) => ({ digest })],
])('what runs %s and is hidden is kept with all that it needs', async (_, named) => {
  const child = { ...image('child'), os: 'linux', architecture: 'amd64' };
  const parent = index([child]);
  const age = (40 * DAY_MS) / 1000;
  const locked = { listEnabled: false };
  const app = {
    manifests: [
      { body: child.body, age },
      { body: parent.body, age, locked },
    ],
    tags: [{ name: 'v1', digest: parent.digest, age, locked }],
  };
  await withEmulator({ repositories: { app } }, async (emulator) => {
    const use = { repository: 'app', where: V1.where, ...named(parent.digest) };
    const command = ['--filter', 'app:.*', '--ago', '30d', '--untagged'];
    const evidence = asking(saying({ facts: [use] }));
    const { decisions } = await run(emulator, command, undefined, undefined, { evidence });
    expect(decisions).toMatchObject([{ kind: 'manifest', digest: child.digest, action: 'keep' }]);
    expect(emulator.manifestsLeft()).toEqual([`app@${child.digest}`, `app@${parent.digest}`].toSorted());
  });
});
