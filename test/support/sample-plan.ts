import type { RunRecord } from '../../src/ledger/records.ts';
import { summarize } from '../../src/ledger/summary.ts';
import { total } from '../../src/ledger/total.ts';
import type { Decision } from '../../src/planner/decision.ts';
import { ledgerOf, recordOf, type Recorded } from './review.ts';

/* A made-up registry of a shop, and the plan of a dry run of it, as an approver sees it. */

export const PLAN = '20261124T010000Z-3f9a0c';

const DAY_MS = 86_400_000;
const STARTED = '2026-11-24T01:00:00.000Z';

interface Contents {
  /** Tags in all, and those of them that are to be deleted. */
  readonly tags: number;
  readonly deleted: number;
  /** Days since the last push. */
  readonly pushed: number;
  readonly inUse: number;
}

const SHOP: Readonly<Record<string, Contents>> = {
  'shop/checkout': { tags: 9, deleted: 9, pushed: 48, inUse: 0 },
  'shop/catalog': { tags: 64, deleted: 14, pushed: 1, inUse: 4 },
  'shop/web': { tags: 120, deleted: 11, pushed: 0, inUse: 6 },
  'team/search': { tags: 31, deleted: 6, pushed: 3, inUse: 2 },
  'team/worker': { tags: 18, deleted: 3, pushed: 9, inUse: 1 },
  'tools/ci-runner': { tags: 12, deleted: 0, pushed: 2, inUse: 3 },
  'base/dotnet-runtime': { tags: 22, deleted: 0, pushed: 5, inUse: 11 },
};

function digestOf(repository: string, n: number): string {
  return `sha256:${Buffer.from(`${repository}/${n}`).toString('hex').padEnd(64, '0').slice(-64)}`;
}

/** Decisions on the tags of a repository and on the manifests that they name. */
function decisionsOf(repository: string, { tags, deleted, pushed }: Contents): readonly Decision[] {
  const all = Array.from({ length: tags }, (_, n) => {
    const days = n < deleted ? 48 + 3 * (deleted - n) : pushed + (tags - n);
    const about = {
      repository, digest: digestOf(repository, n), beyondAcrPurge: false,
      lastUpdateTime: new Date(Date.parse(STARTED) - days * DAY_MS).toISOString(),
    }; // prettier-ignore
    const tag = { ...about, kind: 'tag', tag: `dev-${1_400 + n}` } as const;
    const manifest = { ...about, kind: 'manifest', size: 48_000_000 + 1_370_000 * (n % 17) } as const;
    return n < deleted
      ? ([
          { ...tag, action: 'delete', reason: 'matched-and-expired', outcome: 'planned', detail: `matches '.*:^dev-', and is ${days} days old (--ago 30d)` },
          { ...manifest, action: 'delete', reason: 'untagged-and-expired', outcome: 'planned', detail: 'its only tag is deleted, and nothing that is kept needs it' },
        ] as const)
      : ([
          { ...tag, action: 'keep', reason: 'too-young', detail: `matches '.*:^dev-', but is only ${days} days old (--ago 30d)` },
          { ...manifest, action: 'keep', reason: 'has-tags', detail: `has the tag dev-${1_400 + n}` },
        ] as const); // prettier-ignore
  });
  return [...all.map(([tag]) => tag), ...all.map(([, manifest]) => manifest)];
}

/** A dry run of the shop. @param factor how many times as much there is of everything */
export function planOf(
  started: string,
  over: Partial<RunRecord> = {},
  factor = 1,
  without: readonly string[] = [],
): Recorded {
  const decisions: Decision[] = [];
  const repositories = Object.entries(SHOP)
    .filter(([name]) => !without.includes(name))
    .map(([name, one]) => {
      const contents = { ...one, tags: one.tags * factor, deleted: one.deleted * factor };
      const some = decisionsOf(name, contents);
      decisions.push(...some);
      const lastPush = new Date(Date.parse(started) - one.pushed * DAY_MS - 3_720_000).toISOString();
      const listed = { tags: contents.tags, manifests: contents.tags, lastPush, inUse: one.inUse };
      return {
        summary: summarize(name, some, listed),
        planned: { deletions: some.filter(({ action }) => action === 'delete').length, hash: 'a3f0'.repeat(16) },
      };
    });
  const totals = total(repositories.map(({ summary }) => summary));
  const { run } = recordOf(started, [], {
    dryRun: true,
    totals,
    progress: { done: repositories.length, of: repositories.length },
    policy: {
      commands: [
        { given: "acr purge --filter '.*:^dev-' --ago 30d --untagged", understood: { filters: ['.*:^dev-'], agoMilliseconds: 30 * DAY_MS } },
      ],
      hash: 'sha256:4fd3e5a0c1b2',
      from: 'settings',
    },
    guards: { maxDeletions: 500, maxDeletionPercent: 50, maxMedianFactor: 5, keepLastTag: true },
    evidence: [{ source: 'aks:prod', observedAt: started, scope: 'all namespaces', complete: true, images: 27 }],
    plan: { hash: 'a3f09bc4d17e55aa'.repeat(4), deletions: totals.tags.deleted + totals.manifests.deleted, state: 'open' },
    ...over,
  }); // prettier-ignore
  return { run, decisions, repositories };
}

/** What the guards hold back of it. */
export const HELD: Pick<RunRecord, 'breakers'> = {
  breakers: [
    {
      breaker: 'no-tag-left', repository: 'shop/checkout', found: 9, limit: 8,
      detail: 'all 9 tags would be deleted, and a repository must keep one',
    },
  ],
}; // prettier-ignore

/** A ledger with the plan, and with the run of the day before it. */
export function samplePlan(over: Partial<RunRecord> = HELD, factor = 1) {
  const before = planOf('2026-11-23T01:00:00.000Z', { plan: { hash: 'b'.repeat(64), deletions: 64, state: 'applied' } }, 1, ['shop/checkout', 'team/worker']);
  return ledgerOf([planOf(STARTED, over, factor), before]);
} // prettier-ignore
