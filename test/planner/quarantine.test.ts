import { describe, expect, test } from 'vitest';
import { type Deleted, keyOf, type Kept } from '../../src/planner/decision.ts';
import { stage } from '../../src/planner/quarantine.ts';
import type { Held, ManifestDeletion, Plan, TagDeletion } from '../../src/planner/types.ts';

const NOW = Date.parse('2026-11-30T00:00:00.000Z');
const PAST = '2026-11-29T00:00:00.000Z';
const FUTURE = '2026-12-04T00:00:00.000Z';
const DAY = 86_400_000;

const manifest = (digest: string, about: Partial<ManifestDeletion> = {}): ManifestDeletion => ({
  digest,
  tags: [],
  lockedTags: [],
  referrers: [],
  after: [],
  ...about,
});

const tag = (name: string, digest = 'kept'): TagDeletion => ({ tag: name, digest, locked: false, after: [] });

/** A plan that deletes these. */
function planOf(manifests: readonly ManifestDeletion[], tags: readonly TagDeletion[] = []): Plan {
  const deleted = (kind: 'tag' | 'manifest', name: string, digest = name): Deleted => ({
    repository: 'app',
    kind,
    ...(kind === 'tag' && { tag: name }),
    digest,
    action: 'delete',
    reason: kind === 'tag' ? 'matched-and-expired' : 'untagged-and-expired',
    outcome: 'planned',
    detail: 'it is old',
    beyondAcrPurge: false,
  });
  const members = manifests.flatMap((deletion) => [deletion, ...deletion.referrers]);
  const decisions = [
    ...members.flatMap(({ digest, tags: on }) => [
      deleted('manifest', digest),
      ...on.map((name) => deleted('tag', name, digest)),
    ]),
    ...tags.map((one) => deleted('tag', one.tag, one.digest)),
  ];
  return {
    repository: 'app',
    decisions,
    deletionOf: (kind, name) => decisions.find((one) => keyOf(one) === (kind === 'tag' ? `:${name}` : `@${name}`)),
    tags,
    manifests,
  };
}

const held = (until: string, tags: readonly string[] = [], digest = ''): Held => ({ digest, since: PAST, until, tags });

const WAITING: Kept = {
  repository: 'app',
  kind: 'manifest',
  action: 'keep',
  reason: 'quarantined',
  detail: 'in quarantine',
  beyondAcrPurge: true,
};

interface Given {
  readonly plan: Plan;
  readonly held?: Readonly<Record<string, Held>>;
  readonly days?: number | undefined;
  readonly hides?: readonly string[];
  /** Keys of what the plan that is carried out keeps in quarantine. */
  readonly waits?: readonly string[];
  /** The run that is planned. */
  readonly runId?: string;
}

/** What a plan comes to, a word for each artifact. */
function steps({ plan, held: entries = {}, days, hides, waits, runId }: Given): Readonly<Record<string, string>> {
  const staged = stage(plan, {
    held: new Map(
      Object.entries(entries).map(([key, entry]) => [key, { ...entry, digest: entry.digest || key.slice(1) }]),
    ),
    periodOf: days === undefined ? undefined : () => days * DAY,
    now: NOW,
    only: (hides ?? waits) && {
      tags: new Map(),
      manifests: new Map(),
      hides: new Set(hides),
      waits: new Map((waits ?? []).map((key) => [key, WAITING])),
    },
    runId,
  });
  const sent = new Set([
    ...staged.tags.map((one) => `:${one.tag}`),
    ...staged.manifests.flatMap((one) => [one, ...one.referrers]).map(({ digest }) => `@${digest}`),
  ]);
  const hidden = new Set([
    ...(staged.hides?.tags ?? []).map((one) => `:${one.tag}`),
    ...(staged.hides?.manifests ?? []).map(({ digest }) => `@${digest}`),
  ]);
  return Object.fromEntries(
    [...staged.decisions].map((one) => {
      const key = keyOf(one);
      const step = one.action === 'keep' ? 'waits' : one.quarantine ? 'hides' : 'deletes';
      // What is sent is what is said; a tag on a manifest has the step of that.
      const onManifest = one.kind === 'tag' && plan.tags.every((own) => own.tag !== one.tag);
      if (!onManifest) expect([sent.has(key), hidden.has(key)]).toEqual([step === 'deletes', step === 'hides']);
      return [key, step];
    }),
  );
}

describe('the step of each artifact', () => {
  const image = manifest('image', { tags: ['v1'] });
  const index = manifest('index');
  const child = manifest('child', { after: ['index'] });
  const signed = manifest('image', { referrers: [{ digest: 'signature', tags: [] }] });

  test.each<readonly [string, Given, Readonly<Record<string, string>>]>([
    ['without a quarantine it is deleted', { plan: planOf([image]) }, { '@image': 'deletes', ':v1': 'deletes' }],
    ['with one it is hidden', { plan: planOf([image]), days: 14 }, { '@image': 'hides', ':v1': 'hides' }],
    [
      'it waits until its time is over, also where quarantine was turned off',
      { plan: planOf([image]), held: { '@image': held(FUTURE, ['v1']) } },
      { '@image': 'waits', ':v1': 'waits' },
    ],
    [
      'then it is deleted',
      { plan: planOf([image]), held: { '@image': held(PAST, ['v1']) }, days: 14 },
      { '@image': 'deletes', ':v1': 'deletes' },
    ],
    [
      'not by the run that has put it there',
      { plan: planOf([image]), held: { '@image': { ...held(PAST, ['v1']), runId: 'one' } }, days: 14, runId: 'one' },
      { '@image': 'waits', ':v1': 'waits' },
    ],
    [
      'nor with a tag that it has put there by itself',
      {
        plan: planOf([image]),
        held: { '@image': held(PAST, ['v1']), ':v1': { ...held(PAST, [], 'image'), runId: 'one' } },
        days: 14,
        runId: 'one',
      },
      { '@image': 'waits', ':v1': 'waits' },
    ],
    [
      'a tag that waits by itself is not hidden again with its image',
      { plan: planOf([image]), held: { ':v1': held(FUTURE, [], 'image') }, days: 14 },
      { '@image': 'hides', ':v1': 'waits' },
    ],
    [
      'it is where it named another image then',
      { plan: planOf([image]), held: { ':v1': held(FUTURE, [], 'other') }, days: 14 },
      { '@image': 'hides', ':v1': 'hides' },
    ],
    [
      'by any other one',
      { plan: planOf([image]), held: { '@image': { ...held(PAST, ['v1']), runId: 'one' } }, days: 14, runId: 'two' },
      { '@image': 'deletes', ':v1': 'deletes' },
    ],
    [
      'not by a plan in which it waits, though its time is over by now',
      { plan: planOf([image]), held: { '@image': held(PAST, ['v1']) }, days: 14, waits: ['@image'] },
      { '@image': 'waits', ':v1': 'waits' },
    ],
    [
      'nor is it hidden again by such a plan',
      { plan: planOf([image]), days: 14, waits: ['@image'] },
      { '@image': 'waits', ':v1': 'waits' },
    ],
    [
      'not with a tag that it did not have',
      { plan: planOf([image]), held: { '@image': held(PAST) }, days: 14 },
      { '@image': 'waits', ':v1': 'waits' },
    ],
    [
      'a child waits for its index',
      { plan: planOf([index, child]), held: { '@index': held(FUTURE), '@child': held(PAST) }, days: 14 },
      { '@index': 'waits', '@child': 'waits' },
    ],
    [
      'an index does not wait for its child',
      { plan: planOf([index, child]), held: { '@index': held(PAST), '@child': held(FUTURE) }, days: 14 },
      { '@index': 'deletes', '@child': 'waits' },
    ],
    [
      'a child that comes to it is hidden',
      { plan: planOf([index, child]), held: { '@index': held(FUTURE) }, days: 14 },
      { '@index': 'waits', '@child': 'hides' },
    ],
    [
      'a child without a quarantine waits for its index all the same',
      { plan: planOf([index, child]), held: { '@index': held(FUTURE) } },
      { '@index': 'waits', '@child': 'waits' },
    ],
    [
      'what the registry deletes along has its own quarantine, and is waited for',
      { plan: planOf([signed]), held: { '@image': held(PAST) }, days: 14 },
      { '@image': 'waits', '@signature': 'hides' },
    ],
    [
      'both are over',
      { plan: planOf([signed]), held: { '@image': held(PAST), '@signature': held(PAST) }, days: 14 },
      { '@image': 'deletes', '@signature': 'deletes' },
    ],
    ['a tag is hidden', { plan: planOf([], [tag('old')]), days: 14 }, { ':old': 'hides' }],
    [
      'a tag is deleted',
      { plan: planOf([], [tag('old')]), held: { ':old': held(PAST, [], 'kept') } },
      { ':old': 'deletes' },
    ],
    [
      'a tag that named another image then is not',
      { plan: planOf([], [tag('old')]), held: { ':old': held(PAST, [], 'other') }, days: 14 },
      { ':old': 'waits' },
    ],
    [
      'what is approved for quarantine is not deleted, although its time is over by now',
      { plan: planOf([image]), held: { '@image': held(PAST, ['v1']) }, days: 14, hides: ['@image'] },
      { '@image': 'waits', ':v1': 'waits' },
    ],
    [
      'what is approved for deletion and is not in quarantine is hidden',
      { plan: planOf([image]), days: 14, hides: [] },
      { '@image': 'hides', ':v1': 'hides' },
    ],
  ])('%s', (_, given, expected) => {
    expect(steps(given)).toEqual(expected);
  });

  test('the longest of what goes with one call counts, and each knows the image that it belongs to', () => {
    const staged = stage(planOf([index, manifest('child', { after: ['index'], tags: ['v1'] })]), {
      held: new Map(),
      periodOf: ({ kind }) => (kind === 'tag' ? 3 : 1) * DAY,
      now: NOW,
    });
    const untils = [...staged.decisions].map((one) => [keyOf(one), one.quarantine?.until.slice(0, 10)]);
    expect(untils).toEqual([
      ['@index', '2026-12-01'],
      ['@child', '2026-12-03'],
      [':v1', '2026-12-03'],
    ]);
    expect(Object.fromEntries(staged.hides?.roots ?? [])).toEqual({ '@index': 'index', '@child': 'index' });
    expect(staged.hides?.manifests.map(({ digest, after }) => [digest, after])).toEqual([
      ['index', []],
      ['child', ['index']],
    ]);
  });
});

test('a chain of manifests of which each waits for the next one may be long', () => {
  const count = 20_000;
  const nameOf = (place: number): string => `sha256:${place}`;
  const manifests = Array.from({ length: count }, (_, place) =>
    manifest(nameOf(place), { after: place + 1 < count ? [nameOf(place + 1)] : [] }),
  );
  const plan: Plan = { repository: 'app', decisions: [], deletionOf: () => undefined, tags: [], manifests };
  const waits = new Map(manifests.map(({ digest }) => [`@${digest}`, held(PAST, [], digest)]));
  expect(stage(plan, { held: waits, now: NOW }).manifests).toHaveLength(count);
  const last = held(FUTURE, [], nameOf(count - 1));
  expect(stage(plan, { held: new Map([...waits, [`@${last.digest}`, last]]), now: NOW }).manifests).toEqual([]);
});
