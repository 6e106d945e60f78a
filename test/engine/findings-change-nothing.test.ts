import fc from 'fast-check';
import { expect, test } from 'vitest';
import { digestOf } from '../../src/dev/emulator/manifests.ts';
import type { RepositoryState } from '../../src/dev/emulator/index.ts';
import type { ImageFindings, SeverityCounts } from '../../src/evidence/findings.ts';
import type { RunOptions } from '../../src/index.ts';
import type { Decision } from '../../src/planner/decision.ts';
import { SEVERITIES } from '../../src/policy/severity.ts';
import { newLedger } from '../support/ledger.ts';
import { flags, repository } from '../support/random-registry.ts';
import { policyOf, ruledBy, run, withEmulator } from '../support/registry.ts';

/* Findings keep nothing and delete nothing by themselves: only a rule that asks for them does. */

/** `FC_RUNS=5000 npx vitest run test/engine/findings-change-nothing.test.ts` searches longer. */
const RUNS = Number(process.env['FC_RUNS'] ?? 50);

const counts: fc.Arbitrary<SeverityCounts> = fc.dictionary(fc.constantFrom(...SEVERITIES), fc.nat(9));
const found: fc.Arbitrary<ImageFindings | undefined> = fc.option(
  fc
    .record({
      scan: fc.option(fc.record({ bySeverity: counts, fixable: counts })),
      endOfLife: fc.constantFrom(undefined, '2020-01-01', '2999-01-01', 'soon'),
    })
    .map(({ scan, endOfLife }) => ({
      ...(scan && { scan: { by: 'trivy' as const, ids: [], ...scan } }),
      ...(endOfLife !== undefined && { endOfLife }),
    })),
  { nil: undefined },
);

const POLICIES = [
  'rules: [{ name: all, olderThan: 0d }]',
  'rules: [{ name: all, keep: { newest: 2 } }]\nuntagged: { olderThan: 3d, keep: { newest: 1 } }',
  "rules: [{ name: dev, tags: ['dev*'], olderThan: 3d }]\nuntagged: { olderThan: 0d, orphanedReferrers: delete }",
  "protect: [{ tags: ['v*'] }]\nrules: [{ name: all, olderThan: 1d, onlyIfMoreThan: 2 }]\nuntagged: { olderThan: 8d, referenced: keep }",
];
const given = fc.oneof(
  flags.map((args) => ({ args })),
  fc.constantFrom(...POLICIES).map((text) => ({ text })),
);

// Words of decisions have dates.
const START = new Date();

/** What is known of some of the manifests, and of one that is not there. */
const foundIn = (
  { manifests }: RepositoryState,
  all: readonly (ImageFindings | undefined)[],
): NonNullable<RunOptions['findings']> => {
  const digests = [...manifests.map(({ body }) => digestOf(body)), `sha256:${'0'.repeat(64)}`];
  const images = digests.flatMap((digest, place) => {
    const one = all[place % all.length];
    return one ? [[digest, one] as const] : [];
  });
  const answer = { observedAt: '2026-11-30T00:00:00.000Z', complete: true, problems: [], images: new Map(images) };
  return { sources: [{ source: 'referrers', read: () => Promise.resolve(answer) }] };
};

const withoutFindings = ({ findings, ...decision }: Decision): Omit<Decision, 'findings'> => decision;

test('with findings every decision is the one that is made without, but for what it says of them', async () => {
  await fc.assert(
    fc.asyncProperty(
      repository,
      given,
      fc.array(found, { minLength: 1, maxLength: 20 }),
      fc.boolean(),
      async (state, wanted, all, isDry) => {
        const policy =
          'text' in wanted
            ? ruledBy(`version: 1\n${wanted.text}\n`, { dryRun: isDry })
            : policyOf([...wanted.args, ...(isDry ? ['--dry-run'] : [])]);
        // What is read for findings is remembered, and the next run knows it.
        const runOf = (more: Pick<RunOptions, 'findings'>) =>
          withEmulator({ repositories: { app: state }, start: START }, async (emulator) => {
            const ledger = newLedger();
            if (more.findings) await run(emulator, { ...policy, dryRun: true }, undefined, ledger, more);
            const { decisions, summary } = await run(emulator, policy, undefined, ledger, more);
            const left = [...emulator.tagsLeft(), ...emulator.manifestsLeft()];
            return { left, succeeded: summary.succeeded, decisions: decisions.map(withoutFindings) };
          });
        expect(await runOf({ findings: foundIn(state, all) })).toEqual(await runOf({}));
      },
    ),
    { numRuns: RUNS },
  );
});
