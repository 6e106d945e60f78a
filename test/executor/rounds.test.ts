import { expect, test } from 'vitest';
import { execute } from '../../src/executor/execute.ts';
import type { Decision, Deleted } from '../../src/planner/decision.ts';
import type { ManifestDeletion } from '../../src/planner/types.ts';
import { systemClock } from '../../src/registry/clock.ts';
import type { DeletionResult, ManifestRecord, Registry } from '../../src/registry/types.ts';

const digestOf = (n: number): string => `sha256:${n.toString(16).padStart(64, '0')}`;

const decisionOf = (n: number): Deleted => ({
  repository: 'app',
  kind: 'manifest',
  digest: digestOf(n),
  action: 'delete',
  reason: 'untagged-and-expired',
  detail: 'has no tag',
  beyondAcrPurge: false,
  outcome: 'planned',
});

const recordOf = (digest: string): ManifestRecord => ({
  digest,
  mediaType: undefined,
  kind: 'index',
  mayRefer: false,
  looksRunnable: false,
  size: 1,
  created: undefined,
  lastUpdated: undefined,
  locked: false,
  tags: [],
});

/** A registry in this process; `answer` is what a deletion is answered with, where it is not carried out. */
function registryOf(count: number, answer: (digest: string) => DeletionResult | undefined = () => undefined) {
  const present = new Map<string, ManifestRecord>();
  for (let n = 0; n < count; n += 1) present.set(digestOf(n), recordOf(digestOf(n)));
  const deleted: string[] = [];
  const registry = {
    loginServer: 'registry.example',
    reserve: () => Promise.resolve({ calls: 32, take: () => undefined, release: () => undefined }),
    look: () => Promise.resolve({ since: 0, locked: false, present, unclear: new Set(), added: [], tags: new Map() }),
    deleteManifest(_: string, digest: string) {
      const answered = answer(digest);
      if (answered) return Promise.resolve(answered);
      present.delete(digest);
      deleted.push(digest);
      return Promise.resolve({ state: 'deleted' });
    },
  } as unknown as Registry;
  return { registry, present, deleted };
}

/** Each waits for the one before it, as the platforms of nested indexes do; listed the other way round. */
const chainOf = (count: number): readonly ManifestDeletion[] =>
  Array.from({ length: count }, (_, n) => ({
    digest: digestOf(n),
    tags: [],
    lockedTags: [],
    referrers: [],
    after: n === 0 ? [] : [digestOf(n - 1)],
  })).reverse();

async function run(registry: Registry, manifests: readonly ManifestDeletion[]): Promise<readonly Decision[]> {
  const decisions = manifests.map((_, n) => decisionOf(n));
  const plan = { repository: 'app', decisions, deletionOf: () => undefined, tags: [], manifests };
  const inventory = { byDigest: new Map<string, ManifestRecord>(), newest: undefined };
  for (const { digest } of manifests) inventory.byDigest.set(digest, recordOf(digest));
  return [...(await execute(registry, plan, { inventory, tags: [], includeLocked: false, clock: systemClock }))];
}

const outcomesOf = (decisions: readonly Decision[]): readonly string[] =>
  decisions.map((one) => (one.action === 'delete' ? one.outcome : one.reason));

test('a chain is deleted from its beginning, however long', async () => {
  const { registry, deleted } = registryOf(3000);
  await run(registry, chainOf(3000));
  expect(deleted).toEqual(Array.from({ length: 3000 }, (_, n) => digestOf(n)));
});

test('what waits for one that was refused is not attempted, nor what waits for that', async () => {
  const error = Object.assign(new Error('locked'), { status: 405 });
  const { registry, deleted } = registryOf(5, (digest) =>
    digest === digestOf(2) ? { state: 'refused', error, inDoubt: false } : undefined,
  );
  const decisions = await run(registry, chainOf(5));
  expect(outcomesOf(decisions)).toEqual(['deleted', 'deleted', 'refused', 'not-attempted', 'not-attempted']);
  expect(deleted).toHaveLength(2);
});

test('what waits for one that changed is kept, as that is', async () => {
  const { registry, present } = registryOf(4);
  present.set(digestOf(1), { ...recordOf(digestOf(1)), tags: ['rescued'] });
  const decisions = await run(registry, chainOf(4));
  expect(outcomesOf(decisions)).toEqual(['deleted', ...Array<string>(3).fill('changed-since-plan')]);
  expect(decisions[1]?.detail).toContain('it is tagged rescued now');
  expect(decisions[2]?.detail).toContain(`${digestOf(1)} is kept, which needs it or had to be deleted first`);
});

test('of several that one waits for, the last to be deleted lets it be deleted, and one that is kept keeps it', async () => {
  const [a, b, c, d] = chainOf(4).toReversed();
  if (!a || !b || !c || !d) throw new Error('four');
  const manifests = [
    { ...d, after: [c.digest, a.digest] },
    { ...c, after: [a.digest, b.digest] },
    { ...a, after: [] },
    { ...b, after: [] },
  ];
  const all = registryOf(4);
  await run(all.registry, manifests);
  expect(all.deleted.toSorted()).toEqual([a, b, c, d].map(({ digest }) => digest));
  expect(all.deleted.slice(2)).toEqual([c.digest, d.digest]);
  const gone = registryOf(4, (digest) => (digest === b.digest ? { state: 'already-gone' } : undefined));
  gone.present.delete(b.digest);
  expect(outcomesOf(await run(gone.registry, manifests))).toEqual(['deleted', 'already-gone', 'deleted', 'deleted']);
});

test('two that wait for each other are not attempted', async () => {
  const [a, b] = chainOf(2);
  if (!a || !b) throw new Error('two');
  const { registry, deleted } = registryOf(2);
  const decisions = await run(registry, [a, { ...b, after: [a.digest] }]);
  expect(outcomesOf(decisions)).toEqual(['not-attempted', 'not-attempted']);
  expect(deleted).toEqual([]);
});
