import { describe, expect, test } from 'vitest';
import { sampleRegistry } from '../../src/dev/emulator/index.ts';
import type { FindingsSource } from '../../src/engine/findings/findings.ts';
import type { ImageFindings } from '../../src/evidence/findings.ts';
import type { Difference } from '../../src/ledger/plan-diff.ts';
import { type Trial, tryPolicy } from '../../src/engine/try-policy.ts';
import type { PurgePolicy } from '../../src/policy/purge-policy.ts';
import type { RunOptions } from '../../src/index.ts';
import { newLedger } from '../support/ledger.ts';
import { policyOf, reference, ruledBy, run, withEmulator } from '../support/registry.ts';

/** What a policy would do by what a run recorded; what it does by a dry run of its own; and the calls of the trial. */
async function tried(
  first: PurgePolicy,
  policy: PurgePolicy,
  evidence?: RunOptions['evidence'],
  findings?: RunOptions['findings'],
) {
  return withEmulator({ repositories: sampleRegistry() }, async (emulator) => {
    const ledger = newLedger();
    const { decisions: before, summary } = await run(emulator, first, undefined, ledger, { evidence, findings });
    const record = await ledger.run(summary.runId);
    if (!record) throw new Error('the run is not recorded');
    const calls = emulator.requests().length;
    const differences: Difference[] = [];
    const trial = await tryPolicy(ledger, record, policy, (one) => void differences.push(one));
    expect(emulator.requests()).toHaveLength(calls);
    const { decisions: now } = await run(emulator, policy, undefined, newLedger(), { evidence, findings });
    const deletedBy = (some: typeof now): readonly string[] =>
      some.filter(({ action }) => action === 'delete').map(reference);
    return { trial, differences, before: deletedBy(before), now: deletedBy(now) };
  });
}

const dryRun = { dryRun: true } as const;
const EVERYTHING = ruledBy('version: 1\nrules: [{ name: all, olderThan: 0d }]\nuntagged: { olderThan: 0d }\n', dryRun);
const POLICY = ruledBy(
  `version: 1
protect: [{ tags: [latest] }]
rules:
  - { name: pull requests, tags: ['pr-*'], olderThan: 14d }
  - { name: features, tags: ['[Ff]eature-*'], keep: { newest: 2 } }
untagged: { olderThan: 30d, keep: { newest: 1 } }
`,
  dryRun,
);

/** What the policy would delete, by the differences to what the run decided to delete. */
function deletedBy(trial: Trial, before: readonly string[], differences: readonly Difference[]): readonly string[] {
  const [removed, added] = (['removed', 'added'] as const).map((wanted) =>
    differences.filter(({ change }) => change === wanted).map(({ goes }) => reference(goes)),
  );
  expect(trial.before.tags + trial.before.manifests).toBe(before.length);
  const deleted = [...before.filter((one) => !removed?.includes(one)), ...(added ?? [])];
  expect(deleted).toHaveLength(trial.deletes.tags + trial.deletes.manifests);
  return deleted;
}

describe('a policy, tried on what a run has recorded', () => {
  test('of a run that has recorded everything: it is what a dry run says, without a call', async () => {
    const { trial, differences, before, now } = await tried(EVERYTHING, POLICY);
    expect(now.length).toBeGreaterThan(100);
    expect(before.length).toBeGreaterThan(now.length);
    expect(deletedBy(trial, before, differences).toSorted()).toEqual(now.toSorted());
    expect(trial.notKnown).toEqual({ 'not recorded': 0, pulls: 0, findings: 0, use: 0 });
  });

  test('of flags: what no filter matched is not known, and never deleted by more than a dry run says', async () => {
    const flags = policyOf(['--filter', '.*:^(pr|feature)-', '--ago', '30d', '--dry-run']);
    const { trial, differences, before, now } = await tried(flags, POLICY);
    const deleted = deletedBy(trial, before, differences);
    expect(deleted.filter((one) => !now.includes(one))).toEqual([]);
    expect(trial.notKnown['not recorded']).toBeGreaterThan(0);
  });

  test('what the run kept because it was in use is kept, with its image', async () => {
    const facts = [{ repository: 'microtodo-frontendapi', tag: 'pr-43', where: 'namespace review' }];
    const about = {
      source: 'kube',
      observedAt: new Date(0).toISOString(),
      scope: '',
      complete: true,
      problems: [],
      facts,
    };
    const source = { name: 'kube', read: () => Promise.resolve(about) };
    const evidence = { sources: [source], rememberMilliseconds: 0 };
    const { trial, differences, before, now } = await tried(EVERYTHING, POLICY, evidence);
    expect(deletedBy(trial, before, differences).toSorted()).toEqual(now.toSorted());
    expect(now).not.toContain('microtodo-frontendapi:pr-43');
    expect(trial.notKnown).toEqual({ 'not recorded': 0, pulls: 0, findings: 0, use: 2 });
  });

  test('what the policy asks of pulls is not known', async () => {
    const asking = ruledBy('version: 1\nrules: [{ name: all, olderThan: 30d, notPulledWithin: 7d }]\n', dryRun);
    const { trial } = await tried(EVERYTHING, asking);
    expect(trial.deletes).toEqual({ tags: 0, manifests: 0 });
    expect(trial.notKnown.pulls).toBeGreaterThan(0);
  });

  test('the findings that the run recorded count, and where it knew of all use; else what asks for them is not known', async () => {
    const asking = ruledBy(
      'version: 1\nrules: [{ name: all, olderThan: 20d, findings: { severity: high } }]\n',
      dryRun,
    );
    const about = { source: 'kube', observedAt: new Date(0).toISOString(), scope: '', complete: true, problems: [] };
    const facts = [{ repository: 'shop/api', tag: '1.0.0', where: 'namespace shop' }];
    const evidence = {
      sources: [{ name: 'kube', read: () => Promise.resolve({ ...about, facts }) }],
      rememberMilliseconds: 0,
    };
    const scanned = (digest: string, index: number): readonly [string, ImageFindings] => [
      digest,
      { scan: { by: 'trivy', bySeverity: index % 2 === 0 ? { high: 1 } : { low: 1 }, fixable: {}, ids: [] } },
    ];
    const source: FindingsSource = {
      source: 'defender',
      read: ({ listing }) => {
        const digests = [...listing.byDigest.keys()].filter((digest) => !digest.endsWith('0')).sort();
        const answer = { observedAt: new Date(0).toISOString(), complete: true, problems: [] };
        return Promise.resolve({ ...answer, images: new Map(digests.map(scanned)) });
      },
    };
    const findings = { sources: [source] };
    const { trial, differences, before, now } = await tried(EVERYTHING, asking, evidence, findings);
    expect(now.length).toBeGreaterThan(10);
    expect(deletedBy(trial, before, differences).toSorted()).toEqual(now.toSorted());
    expect(trial.notKnown.findings).toBeGreaterThan(0);
    const none = await tried(EVERYTHING, asking, evidence);
    expect(none.trial.deletes).toEqual({ tags: 0, manifests: 0 });
    expect(none.trial.notKnown.findings).toBeGreaterThan(10);
    const unused = await tried(EVERYTHING, asking, undefined, findings);
    expect(unused.trial.deletes).toEqual({ tags: 0, manifests: 0 });
    expect(unused.trial.notKnown.use).toBeGreaterThan(10);
  });
});
