import { NO_QUARANTINES } from '../support/no-quarantine.ts';
import { describe, expect, test } from 'vitest';
import { planTask } from '../../src/engine/inventory.ts';
import type { Decision } from '../../src/planner/decision.ts';
import type { RegistryReader } from '../../src/registry/types.ts';
import type { TagFilter } from '../../src/policy/filter.ts';
import { createPolicy, type PurgeFlags } from '../../src/policy/purge-policy.ts';
import { matchHere } from '../support/match.ts';
import { digestOf, ids, NOW, registryOf, type Shaped } from '../support/shapes.ts';

/*
 * Repositories that no build makes, and that a client may push. Where the work grew with the square of their size each
 * of the large ones would take minutes: that is what they are here for. What is counted is counted, and no time is.
 */

const IMAGE = 'application/vnd.oci.image.manifest.v1+json';

/** By their number of manifests. What is tagged `dev-…` is deleted, what is tagged `v…` is kept. */
const SHAPES: Readonly<Record<string, { readonly large: number; readonly of: (count: number) => readonly Shaped[] }>> =
  {
    'two indexes that share all children, one of which is kept': {
      large: 8000,
      of: (count) => [
        { id: 0, tags: ['v1'], children: ids(count, 2) },
        { id: 1, tags: ['dev-1'], children: ids(count, 2) },
        ...ids(count, 2).map((id) => ({ id })),
      ],
    },
    'two indexes that share all children and are deleted': {
      large: 8000,
      of: (count) => [
        { id: 0, tags: ['dev-0'], children: ids(count, 2) },
        { id: 1, tags: ['dev-1'], children: ids(count, 2) },
        ...ids(count, 2).map((id) => ({ id })),
      ],
    },
    'indexes that share one child and are deleted': {
      large: 5000,
      of: (count) => [{ id: 0 }, ...ids(count, 1).map((id) => ({ id, children: [0] }))],
    },
    'indexes that share one child and are kept': {
      large: 5000,
      of: (count) => [{ id: 0 }, ...ids(count, 1).map((id) => ({ id, tags: [`v${id}`], children: [0] }))],
    },
    'an index that repeats its child': {
      large: 20_000,
      of: (count) => [{ id: 0 }, { id: 1, tags: ['dev-1'], children: ids(count).map(() => 0) }],
    },
    'an index within an index, and so on, all of which are deleted': {
      large: 3000,
      of: (count) => nested(count, 'dev-0'),
    },
    'an index within an index, and so on, all of which are kept': {
      large: 3000,
      of: (count) => nested(count, 'v0'),
    },
    'a referrer of a referrer, and so on, all of which are deleted': {
      large: 3000,
      of: (count) =>
        ids(count).map((id) => (id === 0 ? { id, mediaType: IMAGE, tags: ['dev-0'] } : { id, subject: id - 1 })),
    },
    'a referrer of a referrer, and so on, the last of which is kept': {
      large: 3000,
      of: (count) =>
        ids(count).map((id) => ({
          id,
          mediaType: IMAGE,
          ...(id > 0 && { subject: id - 1 }),
          ...(id === count - 1 && { tags: ['v0'] }),
        })),
    },
    'referrers of one image that is deleted': {
      large: 5000,
      of: (count) => [{ id: 0, tags: ['dev-0'] }, ...ids(count, 1).map((id) => ({ id, subject: 0 }))],
    },
    'referrers of one image that is kept': {
      large: 5000,
      of: (count) => [{ id: 0, tags: ['v0'] }, ...ids(count, 1).map((id) => ({ id, subject: 0 }))],
    },
    'an index with very many tags that are deleted': {
      large: 20_000,
      of: (count) => [{ id: 0, tags: ids(count).map((tag) => `dev-${tag}`), children: ids(1000, 1) }, ...images(1000)],
    },
    'an index with very many tags, one of which is kept': {
      large: 20_000,
      of: (count) => [
        { id: 0, tags: ['v1', ...ids(count).map((tag) => `dev-${tag}`)], children: ids(1000, 1) },
        ...images(1000),
      ],
    },
  };

function nested(count: number, tag: string): readonly Shaped[] {
  return ids(count).map((id) => ({
    id,
    children: id + 1 < count ? [id + 1] : [],
    ...(id === 0 && { tags: [tag] }),
  }));
}

function images(count: number): readonly Shaped[] {
  return ids(count, 1).map((id) => ({ id }));
}

interface Ran {
  readonly decisions: readonly Decision[];
  readonly read: readonly string[];
  readonly asked: readonly string[];
  /** How often the planner looked something up. */
  readonly lookups: number;
}

class Counted<K, V> extends Map<K, V> {
  lookups = 0;
  override get(key: K): V | undefined {
    this.lookups += 1;
    return super.get(key);
  }
  override has(key: K): boolean {
    this.lookups += 1;
    return super.has(key);
  }
}

async function run(
  things: readonly Shaped[],
  flags: Partial<PurgeFlags> = {},
  over: Partial<RegistryReader> = {},
): Promise<Ran> {
  const registry = registryOf(things);
  const byDigest = new Counted((await registry.reader.manifests('app'))?.byDigest);
  byDigest.lookups = 0;
  const reader = { ...registry.reader, ...over, manifests: () => Promise.resolve({ byDigest, newest: undefined }) };
  const policy = createPolicy({ filter: ['app:^dev-'], ago: '30d', untagged: true, ...flags });
  const planned = await planTask(
    {
      reader,
      now: NOW,
      preview: false,
      matched: new Set<TagFilter>(),
      match: matchHere,
      quarantine: NO_QUARANTINES,
      // eslint-disable-next-line @typescript-eslint/no-empty-function -- nothing is remembered
      facts: () => ({ async *read() {}, write: () => Promise.resolve() }),
    },
    'app',
    { policy, filters: policy.filters },
  );
  return {
    decisions: [...(planned?.plan.decisions ?? [])],
    read: registry.read,
    asked: registry.asked,
    lookups: byDigest.lookups,
  };
}

/** What becomes of the manifests, all but for the few with a name of their own. */
function outcomes({ decisions }: Ran): ReadonlySet<string> {
  return new Set(
    decisions.filter(({ kind }) => kind === 'manifest').map(({ action, reason }) => `${action} ${reason}`),
  );
}

describe.each(Object.entries(SHAPES))('%s', (_, { large, of }) => {
  test.each([{}, { keep: '10' }, { includeLocked: true }])('the work grows with the size: %o', async (flags) => {
    const [small, double] = [await run(of(200), flags), await run(of(400), flags)];
    expect(double.lookups).toBeLessThan(small.lookups * 2.3 + 1000);
    expect(new Set(double.read).size).toBe(double.read.length);
  });

  test('is planned the same, however large', async () => {
    expect(outcomes(await run(of(large)))).toEqual(outcomes(await run(of(50))));
  });
});

test('a chain of referrers is asked for once, and not planned anew for each', async () => {
  // Too many to be read one by one: the registry is asked what refers to what is deleted.
  const chain = ids(2000).map((id) =>
    id === 0 ? { id, mediaType: IMAGE, tags: ['dev-0'] } : { id, subject: id - 1, tags: [`v${id}`] },
  );
  const small = await run(chain.slice(0, 1000));
  const large = await run(chain);
  expect(large.asked).toHaveLength(2000);
  expect(large.read).toEqual([digestOf(0)]);
  expect(large.lookups).toBeLessThan(small.lookups * 2.3);
  expect(outcomes(large)).toEqual(new Set(['keep has-tags', 'keep subject-of-kept']));
});

test('a sentence names a few of very many tags', async () => {
  const { decisions } = await run(SHAPES['an index with very many tags that are deleted']?.of(5000) ?? []);
  expect(decisions.find(({ digest, kind }) => kind === 'manifest' && digest === digestOf(0))?.detail).toMatch(
    /^has no tag left when dev-0, dev-1, .* and 4990 more are deleted, and is /,
  );
  expect(Math.max(...decisions.map(({ detail }) => detail.length))).toBeLessThan(400);
});

test('what refers to itself, as the registry says, is kept, and the plan comes to an end', async () => {
  const circle = new Map([
    [digestOf(0), [digestOf(1)]],
    [digestOf(1), [digestOf(2)]],
    [digestOf(2), [digestOf(0)]],
  ]);
  const { decisions } = await run(
    [
      ...ids(3).map((id) => ({ id, children: [3] })),
      { id: 3 },
      // Too many to be read: the registry is asked.
      ...ids(50, 10).map((id) => ({ id, mediaType: IMAGE, tags: [`v${id}`] })),
    ],
    {},
    {
      manifest: (_, digest) =>
        Promise.resolve({
          state: 'read',
          children: circle.has(digest) ? [{ digest: digestOf(3), index: false }] : [],
          subject: undefined,
        }),
      referrers: (_, digest) => Promise.resolve(circle.get(digest) ?? []),
    },
  );
  const became = new Map(decisions.map(({ digest, action, reason }) => [digest, `${action} ${reason}`]));
  expect(ids(4).map((id) => became.get(digestOf(id)))).toEqual([
    'keep unreadable',
    'keep subject-of-kept',
    'keep subject-of-kept',
    'keep child-of-kept-index',
  ]);
});
