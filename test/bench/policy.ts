import { NO_QUARANTINES } from '../support/no-quarantine.ts';
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { planTask } from '../../src/engine/inventory.ts';
import { newMatch } from '../../src/engine/matching.ts';
import { parsePolicyFile } from '../../src/policy/file/parse.ts';
import { createPolicy, type PurgePolicy } from '../../src/policy/purge-policy.ts';
import { toInstant } from '../../src/registry/time.ts';
import type { ManifestRecord, RegistryReader, TagRecord } from '../../src/registry/types.ts';

/*
 * Planning 100,000 tags by one filter, and by a policy of 50 rules: the time of the processors, the worker's included.
 */

const TAGS = 100_000;
const RULES = 50;
const REPEAT = 5;
const NOW = new Date();

const kindOf = (n: number): string => `kind${n % RULES}`;

const tags = Array.from({ length: TAGS }, (_, n): TagRecord => ({
  name: `${kindOf(n)}-${n}`,
  digest: `sha256:${createHash('sha256').update(String(n)).digest('hex')}`,
  lastUpdated: toInstant(new Date(NOW.getTime() - (n % 400) * 86_400_000)),
  locked: false,
})).sort((a, b) => ((a.lastUpdated ?? '') < (b.lastUpdated ?? '') ? 1 : -1));

const records = tags.map(({ name, digest = '', lastUpdated }): ManifestRecord => ({
  digest,
  mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
  kind: 'plain',
  mayRefer: false,
  looksRunnable: true,
  size: 100,
  created: lastUpdated,
  lastUpdated,
  locked: false,
  tags: [name],
}));

/** It lists what is there, and is asked for nothing else. */
const reader: RegistryReader = {
  loginServer: 'registry',
  repositories: () => Promise.resolve(['app']),
  tags: () => Promise.resolve(tags),
  lookAtTags: () => Promise.resolve(new Map()),
  manifests: () => Promise.resolve({ byDigest: new Map(records.map((one) => [one.digest, one])), newest: undefined }),
  attributes: () => Promise.resolve({ locked: false, tags: TAGS, manifests: TAGS }),
  manifest: () => Promise.resolve({ state: 'missing' }),
  manifestAttributes: () => Promise.resolve(undefined),
  referrers: () => Promise.resolve([]),
  manifestCount: () => Promise.resolve(TAGS),
};

async function planned(policy: PurgePolicy): Promise<{ readonly milliseconds: number; readonly deletions: number }> {
  const match = newMatch(60);
  // The worker is there.
  await match([{ pattern: 'x', entangled: false, expressions: [/x/], test: () => [] }], ['x']);
  const began = process.cpuUsage();
  const planned = await planTask(
    {
      reader,
      now: NOW,
      preview: true,
      matched: new Set(),
      match,
      quarantine: NO_QUARANTINES,
      facts: () => ({ read: () => Readable.from([]), write: () => Promise.resolve() }),
    },
    'app',
    { policy, filters: policy.filters },
  );
  let deletions = 0;
  for (const { action } of planned?.plan.decisions ?? []) if (action === 'delete') deletions += 1;
  const { user, system } = process.cpuUsage(began);
  return { milliseconds: (user + system) / 1000, deletions };
}

const rule = (_: unknown, n: number): string => {
  const tagsOf = n % 3 === 0 ? `['kind${n}-*']` : `{ regex: '^kind${n}-[0-9]+$' }`;
  return `  - { name: kind${n}, tags: ${tagsOf}, keep: { newest: 3, daily: 7, weekly: 4 }, olderThan: 30d }`;
};
const file = `version: 1
protect: [{ tags: [latest] }]
rules:
${Array.from({ length: RULES }, rule).join('\n')}
`;

const filter = createPolicy({ filter: ['.*:^kind'], ago: '30d', untagged: true });
const rules = createPolicy({ file: { name: 'retention.yaml', retention: parsePolicyFile(file) } });
const best = { filter: Infinity, rules: Infinity };
for (let n = 0; n < REPEAT; n += 1)
  for (const [name, policy] of Object.entries({ filter, rules }) as ['filter' | 'rules', PurgePolicy][]) {
    const { milliseconds, deletions } = await planned(policy);
    best[name] = Math.min(best[name], milliseconds);
    process.stdout.write(`${name}: ${Math.round(milliseconds)} ms, ${deletions} deletions\n`);
  }
process.stdout.write(`${RULES} rules take ${(best.rules / best.filter).toFixed(2)} times as long as one filter\n`);
process.exit(0);
