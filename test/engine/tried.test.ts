import { describe, expect, test } from 'vitest';
import { type EvidenceOptions, newUseOf, whyNotWithout } from '../../src/engine/evidence.ts';
import { evidenceFrom } from '../../src/engine/sources.ts';
import { keptByTries, type Tried, type TriedOptions, type Waiting } from '../../src/engine/quarantine/tried.ts';
import type { TriedEvidence, TriedPull } from '../../src/evidence/pulls.ts';
import { commandFor } from '../../src/ledger/command.ts';
import type { QuarantineEntry } from '../../src/ledger/quarantine.ts';
import {
  type Environment,
  readPullLogSettings,
  readPullSettings,
  readRememberSetting,
} from '../../src/policy/settings.ts';
import { evidenceWarnings } from '../../src/report/warnings.ts';
import { newLedger } from '../support/ledger.ts';
import { d, planOf, type Thing } from '../planner/plan-of.ts';

const NOW = Date.parse('2026-11-30T12:00:00Z');
const IMAGE = `sha256:${'a'.repeat(64)}`;
const CHILD = `sha256:${'b'.repeat(64)}`;
const OTHER = `sha256:${'c'.repeat(64)}`;

const waiting = (more: Partial<Waiting> = {}): Waiting => ({
  kind: 'manifest',
  digest: IMAGE,
  tags: ['v1'],
  since: '2026-11-20T01:00:00.000Z',
  until: '2026-12-04T01:00:00.000Z',
  root: IMAGE,
  ...more,
});
const pull = (more: Partial<TriedPull> = {}): TriedPull => ({
  repository: 'app',
  first: '2026-11-28T08:00:00.000Z',
  last: '2026-11-29T12:00:00.000Z',
  times: 3,
  client: 'containerd/v1.7.2',
  answer: '405',
  ...more,
});
type Unknown = Partial<Omit<Tried, 'covers'>> & { readonly covers?: Tried['covers'] | null };

const log = (tried: readonly TriedPull[], more: Partial<Tried> = {}): Tried => ({
  complete: true,
  problems: [],
  covers: { since: '2026-11-20T01:00:00.000Z', until: '2026-11-30T11:00:00.000Z' },
  lastEvent: '2026-11-30T11:00:00.000Z',
  tried,
  ...more,
});

describe('what was asked for while it was in quarantine', () => {
  test('is kept, and it is said how often, when last, by what, and what the answer was', () => {
    const { digests } = keptByTries([waiting()], log([pull({ digest: IMAGE })]), NOW);
    expect(digests.get(IMAGE)).toEqual({
      reason: 'in-use',
      detail:
        'asked for 3 times since it came into quarantine (2026-11-20), last 24 hours ago (2026-11-29) by containerd/v1.7.2, and answered with 405',
    });
  });

  test.each([
    ['by its digest', { digest: IMAGE }, true],
    ['by a tag that was on it, without a digest', { tag: 'v1' }, true],
    ['by a tag and its digest', { tag: 'new', digest: IMAGE }, true],
    ['with success: an attribute may reach a replica late', { digest: IMAGE, answer: '200' }, true],
    ['without an answer that is known', { digest: IMAGE, answer: undefined }, true],
    ['before it came into quarantine', { digest: IMAGE, last: '2026-11-20T00:59:59.999Z' }, false],
    ['by a tag that names another image by now', { tag: 'v1', digest: OTHER }, false],
    ['by another tag, without a digest', { tag: 'v2' }, false],
    ['by the digest of another image', { digest: OTHER }, false],
  ] as const)('%s', (_, more, isKept) => {
    const { answer, ...rest } = { ...pull(), ...more };
    const tried = { ...rest, ...(answer !== undefined && { answer }) };
    expect(keptByTries([waiting()], log([tried]), NOW).digests.has(IMAGE)).toBe(isKept);
  });

  test('is kept as a tag where only the tag is in quarantine, and only for who asked for the tag', () => {
    const tag = waiting({ kind: 'tag', tag: 'v1', tags: [] });
    const kept = (more: Partial<TriedPull>) => [...keptByTries([tag], log([pull(more)]), NOW).tags.keys()];
    expect(kept({ tag: 'v1' })).toEqual(['v1']);
    expect(kept({ tag: 'v1', digest: IMAGE })).toEqual(['v1']);
    expect(kept({ digest: IMAGE })).toEqual([]);
    expect(kept({ tag: 'v1', digest: OTHER })).toEqual([]);
    expect(kept({ tag: 'v2', digest: IMAGE })).toEqual([]);
  });

  test('is kept with all that belongs to it', () => {
    const all = [
      waiting(),
      waiting({ digest: CHILD, tags: [] }),
      waiting({ kind: 'tag', tag: 'sha256-aaaa.sig', digest: OTHER, tags: [] }),
      waiting({ digest: OTHER, root: OTHER, tags: [] }),
    ];
    const { tags, digests } = keptByTries(all, log([pull({ digest: CHILD, times: 1 })]), NOW);
    expect([...digests.keys()].toSorted()).toEqual([IMAGE, CHILD]);
    expect([...tags.keys()]).toEqual(['sha256-aaaa.sig']);
    expect(digests.get(IMAGE)?.detail).toBe(
      `it belongs together with ${CHILD}, which was asked for since it came into quarantine (2026-11-20), last 24 hours ago (2026-11-29) by containerd/v1.7.2, and answered with 405`,
    );
  });

  test('is not counted where the log counts from before that', () => {
    const tried = log([
      pull({ digest: IMAGE }),
      pull({ digest: IMAGE, answer: '200', first: '2026-11-01T00:00:00.000Z' }),
    ]);
    expect(keptByTries([waiting()], tried, NOW).digests.get(IMAGE)?.detail).toMatch(
      /^asked for since it came into quarantine \(2026-11-20\), last 24 hours ago/,
    );
  });
});

test('the planner keeps what was asked for, with its index, the tags of that and its other platforms, and nothing else', () => {
  const things: readonly Thing[] = [
    { name: 'amd' },
    { name: 'arm' },
    { name: 'index', children: ['amd', 'arm'], tags: ['dev-1'] },
    { name: 'signature', subject: 'index' },
    { name: 'other', tags: ['dev-2'] },
  ];
  const entry = (name: string, root: string, tags: readonly string[] = []): Waiting =>
    waiting({ digest: d(name), root: d(root), tags });
  const entries = [
    ...['amd', 'arm', 'signature'].map((name) => entry(name, 'index')),
    entry('index', 'index', ['dev-1']),
    entry('other', 'other', ['dev-2']),
  ];
  const kept = (more: Partial<TriedPull>) => {
    const evidence = { configs: new Map(), ...keptByTries(entries, log([pull(more)]), NOW) };
    const { decisions } = planOf(things, {}, { evidence });
    const keeps = decisions.filter(({ action }) => action === 'keep');
    expect(new Set(keeps.map(({ reason }) => reason))).toEqual(new Set(keeps.length > 0 ? ['in-use'] : []));
    const nameOf = (digest = '') => things.find(({ name }) => d(name) === digest)?.name ?? digest;
    return keeps.map(({ kind, tag, digest }) => (kind === 'tag' ? `:${tag ?? ''}` : nameOf(digest))).toSorted();
  };
  const whole = [':dev-1', 'amd', 'arm', 'index', 'signature'];
  expect(kept({ digest: d('arm') })).toEqual(whole);
  expect(kept({ tag: 'dev-1' })).toEqual(whole);
  expect(kept({ tag: 'dev-2' })).toEqual([':dev-2', 'other']);
  expect(kept({ tag: 'dev-3' })).toEqual([]);
});

describe('where it cannot be known that it was not asked for', () => {
  const reasonWith = ({ covers, ...more }: Unknown, one = waiting()) => {
    const { covers: known, ...whole } = log([]);
    const reach = covers === undefined ? known : covers;
    return keptByTries([one], { ...whole, ...more, ...(reach && { covers: reach }) }, NOW).digests.get(IMAGE)?.detail;
  };

  test.each([
    [
      'the log cannot be read',
      { complete: false, problems: ['Log Analytics answers 403'] },
      'the log of the registry could not be read completely: Log Analytics answers 403',
    ],
    ['the log has ended', { covers: null, lastEvent: '2026-11-22T00:00:00.000Z' }, 'no event since 2026-11-22T00:00Z'],
    [
      'the log has a gap',
      { covers: { since: '2026-11-25T00:00:00.000Z', until: '2026-11-30T11:00:00.000Z' } },
      'pulls are known since 2026-11-25T00:00Z only, which is less than its quarantine lasts',
    ],
  ] satisfies [string, Unknown, string][])('it may have been: %s', (_, more, why) => {
    expect(reasonWith(more)).toContain('it is in quarantine, and may have been asked for: ');
    expect(reasonWith(more)).toContain(why);
  });

  test('a gap counts no more once the log is known for as long as the quarantine lasts', () => {
    const covers = { since: '2026-11-25T00:00:00.000Z', until: '2026-11-30T11:00:00.000Z' };
    expect(reasonWith({ covers }, waiting({ until: '2026-11-25T01:00:00.000Z' }))).toBeUndefined();
    expect(reasonWith({})).toBeUndefined();
  });
});

describe('a run asks the log of a registry', () => {
  const REGISTRY = 'contoso.azurecr.io';
  const entry = (more: Partial<QuarantineEntry> = {}): QuarantineEntry => ({
    ...waiting(),
    state: 'quarantined',
    runId: 'run',
    policy: { hash: '', from: 'settings' },
    reason: 'matched-and-expired',
    detail: '',
    ...more,
  });

  async function askedWith(
    entries: Readonly<Record<string, readonly QuarantineEntry[]>>,
    { asks = true, ...said }: Partial<TriedEvidence> & { readonly asks?: boolean } = {},
  ) {
    const ledger = newLedger();
    for (const [repository, some] of Object.entries(entries))
      await ledger.changeQuarantine(REGISTRY, repository, () => ({ entries: some, released: [] }));
    const spans: Date[] = [];
    const tried: TriedOptions = {
      asks: () => asks,
      source: {
        name: 'a log',
        tried: (_, from) => {
          spans.push(from);
          const observedAt = '2026-11-30T12:00:00.000Z';
          return Promise.resolve({ source: 'a log', observedAt, ...log([]), ...said });
        },
      },
    };
    const use = newUseOf(ledger);
    const options: EvidenceOptions = { sources: [], rememberMilliseconds: 0, tried };
    return { spans, known: await use(REGISTRY, options, new AbortController().signal) };
  }

  test('since the first of it came into quarantine, for each repository what is its own', async () => {
    const { spans, known } = await askedWith(
      {
        app: [entry(), entry({ digest: OTHER, root: OTHER, tags: ['v2'], since: '2026-11-25T01:00:00.000Z' })],
        base: [entry({ since: '2026-11-18T01:00:00.000Z' })],
        emptied: [],
      },
      { tried: [pull({ digest: IMAGE }), pull({ repository: 'other', digest: OTHER })] },
    );
    expect(spans.map((from) => from.toISOString())).toEqual(['2026-11-18T01:00:00.000Z']);
    expect([...known.ofRepository('app').digests.keys()]).toEqual([IMAGE]);
    // The log of these tests reaches back to the 20th only.
    expect(known.ofRepository('base').digests.get(IMAGE)?.reason).toBe('in-use-unknown');
    expect(known.ofRepository('emptied').digests.size + known.ofRepository('other').digests.size).toBe(0);
    expect(known.records).toEqual([
      {
        source: 'ContainerRegistryRepositoryEvents (quarantine)',
        observedAt: '2026-11-30T12:00:00.000Z',
        scope: 'pulls of what is in quarantine since 2026-11-18T01:00:00.000Z',
        complete: true,
        images: 1,
      },
    ]);
  });

  test('not where nothing waits, nor where the log of the registry is not known', async () => {
    for (const { spans, known } of [await askedWith({ app: [] }), await askedWith({ app: [entry()] }, { asks: false })])
      expect([spans, known.records, known.ofRepository('app').digests.size]).toEqual([[], [], 0]);
  });

  test('and says that it could not be read, by which the run has failed; no later command has to name it', async () => {
    const { known } = await askedWith({ app: [entry()] }, { complete: false, problems: ['Log Analytics answers 403'] });
    expect(known.records).toMatchObject([{ complete: false, problems: ['Log Analytics answers 403'], images: 0 }]);
    expect(known.ofRepository('app').digests.get(IMAGE)?.reason).toBe('in-use-unknown');
    expect(evidenceWarnings(known.records)).toEqual([
      'when something was pulled is not known, so nothing was deleted that it may be about: ContainerRegistryRepositoryEvents (quarantine): Log Analytics answers 403',
    ]);
    expect(commandFor('resume', { id: 'run', evidence: known.records })).toBe('acr-retention resume run');
    expect(whyNotWithout({ evidence: known.records }, [])).toBeUndefined();
  });
});

test('the log is asked where the resource of a registry is named, with or without KEEP_PULLED_WITHIN', () => {
  const id =
    '/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/r/providers/Microsoft.ContainerRegistry/registries/contoso';
  const from = (environment: Environment) =>
    evidenceFrom({ inUse: undefined, pulled: undefined, pullLog: readPullLogSettings(environment), identity: {} });
  const { tried, pulls } = from({ REGISTRY_RESOURCE_ID: id }) ?? {};
  expect(pulls).toBeUndefined();
  expect(['contoso.azurecr.io', 'fabrikam.azurecr.io'].map((host) => tried?.asks(host))).toEqual([true, false]);
  expect(from({})).toBeUndefined();
});

test('what is released for its use stays for IN_USE_REMEMBER, also where no source is configured', () => {
  const pulled = readPullSettings(
    {
      REGISTRY_RESOURCE_ID:
        '/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/r/providers/Microsoft.ContainerRegistry/registries/contoso',
    },
    { within: '30d' },
  );
  const rememberMilliseconds = readRememberSetting({ IN_USE_REMEMBER: '3d' });
  const evidence = evidenceFrom({ inUse: undefined, pulled, rememberMilliseconds, identity: {} });
  expect(evidence?.rememberMilliseconds).toBe(3 * 86_400_000);
});
