import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RegistryState, RepositoryState } from '../../../src/dev/emulator/index.ts';
import type { Decision } from '../../../src/planner/decision.ts';
import { newLedger } from '../../support/ledger.ts';
import { broken } from '../../support/invariants.ts';
import { repository } from '../../support/random-registry.ts';
import { reference, ruledBy, run, withEmulator } from '../../support/registry.ts';

/*
 * What holds always of a run by a policy file, over random registries and random policies. `FC_RUNS=5000` searches longer.
 */

const numRuns = Number(process.env['FC_RUNS'] ?? 90);

const registry: fc.Arbitrary<RegistryState> = fc.record({ app: repository, 'team/app': repository });

/** A policy file, as values: JSON is YAML. */
interface Written {
  readonly version: 1;
  readonly protect?: readonly object[];
  readonly rules: readonly { readonly keep?: Readonly<Record<string, unknown>> }[];
  readonly untagged?: Readonly<Record<string, unknown>>;
}

const few = fc.integer({ min: 1, max: 3 });
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const age = fc.constantFrom('0d', '3d', '8d');
const tags = fc.constantFrom<unknown>(
  ['*'],
  ['dev*'],
  ['v*', 'pr-*'],
  { regex: '^(?<kind>[a-z]+)' },
  { semver: '>=0.0.0' },
);
const repositories = fc.constantFrom(['**'], ['*'], ['app'], ['team/**']);

const rule = fc
  .record({
    repositories: maybe(repositories),
    tags: maybe(tags),
    keep: maybe(
      fc.record({
        newest: maybe(few),
        daily: maybe(few),
        weekly: maybe(few),
        monthly: maybe(few),
        within: maybe(fc.constantFrom('1d', '8d')),
      }),
    ),
    olderThan: age,
    onlyIfMoreThan: maybe(few),
    isPerGroup: fc.boolean(),
  })
  .map(({ keep = {}, isPerGroup, ...rest }) => {
    const isGrouped = isPerGroup && keep.newest !== undefined && JSON.stringify(rest.tags ?? '').includes('?<kind>');
    return clean({ ...rest, keep: clean({ ...keep, ...(isGrouped && { per: 'kind' }) }) });
  });

const protection = fc.constantFrom<object>(
  { tags: ['dev1', 'v2'] },
  { repositories: ['team/**'] },
  { names: ['app:pr-1', 'v3'] },
  { tags: { regex: '[02468]$' }, because: 'even' },
);

const policy: fc.Arbitrary<Written> = fc
  .record({
    protect: maybe(fc.array(protection, { minLength: 1, maxLength: 2 })),
    rules: fc.array(rule, { minLength: 1, maxLength: 3 }),
    untagged: maybe(
      fc
        .record({
          olderThan: age,
          newest: maybe(few),
          referenced: maybe(fc.constantFrom('keep', 'delete')),
          orphanedReferrers: maybe(fc.constantFrom('keep', 'delete')),
        })
        .map(({ newest, ...rest }) => clean({ ...rest, ...(newest !== undefined && { keep: { newest } }) })),
    ),
  })
  .map(({ rules, ...rest }) =>
    clean({ version: 1 as const, ...rest, rules: rules.map((one, n) => ({ name: `rule ${n}`, ...one })) }),
  );

/** Without what is not there, and without what is empty. */
function clean<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries: readonly (readonly [string, unknown])[] = Object.entries(value);
  return Object.fromEntries(entries.filter(([, one]) => one !== undefined && JSON.stringify(one) !== '{}')) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

const ruled = (written: object, flags: Parameters<typeof ruledBy>[1] = {}) => ruledBy(JSON.stringify(written), flags);

const deletedOf = (decisions: readonly Decision[]): readonly string[] =>
  decisions
    .filter(({ action }) => action === 'delete')
    .map(reference)
    .toSorted();

test('nothing that stays is broken; what is said is what happened; a second run right after deletes nothing', async () => {
  await fc.assert(
    fc.asyncProperty(registry, policy, fc.boolean(), async (state, written, includeLocked) => {
      await withEmulator({ repositories: state }, async (emulator) => {
        const planned = await run(emulator, ruled(written, { dryRun: true, includeLocked }));
        const had = [...emulator.tagsLeft(), ...emulator.manifestsLeft()];
        const ledger = newLedger();
        const { summary, decisions } = await run(emulator, ruled(written, { includeLocked }), undefined, ledger);
        const left = new Set([...emulator.tagsLeft(), ...emulator.manifestsLeft()]);
        expect(broken(state, emulator.repositories(), includeLocked)).toEqual([]);
        expect(summary.succeeded).toBe(true);
        expect(deletedOf(decisions)).toEqual(had.filter((one) => !left.has(one)).toSorted());
        expect(deletedOf(planned.decisions)).toEqual(deletedOf(decisions));
        for (const one of decisions)
          if (['protected', 'no-rule', 'below-count'].includes(one.reason) || one.reason.startsWith('kept-'))
            expect([...left], reference(one)).toContain(reference(one));
        const second = await run(emulator, ruled(written, { includeLocked }), undefined, ledger);
        expect(deletedOf(second.decisions)).toEqual([]);
      });
    }),
    { numRuns },
  );
});

test('protecting more, or keeping more, never deletes more', async () => {
  const more: fc.Arbitrary<(written: Written) => Written> = fc.oneof(
    protection.map((one) => (written: Written): Written => ({
      ...written,
      protect: [...(written.protect ?? []), one],
    })),
    fc
      .tuple(fc.nat(2), fc.constantFrom('newest', 'daily', 'weekly', 'monthly'))
      .map(([place, count]) => (written: Written): Written => ({
        ...written,
        rules: written.rules.map((one, n) =>
          n === place ? { ...one, keep: { ...one.keep, [count]: Number(one.keep?.[count] ?? 0) + 1 } } : one,
        ),
      })),
  );
  await fc.assert(
    fc.asyncProperty(registry, policy, more, async (state, written, widen) => {
      await withEmulator({ repositories: state }, async (emulator) => {
        const before = new Set(deletedOf((await run(emulator, ruled(written, { dryRun: true }))).decisions));
        const after = deletedOf((await run(emulator, ruled(widen(written), { dryRun: true }))).decisions);
        expect(after.filter((one) => !before.has(one))).toEqual([]);
      });
    }),
    { numRuns },
  );
});

test('the order in which the registry lists changes nothing', async () => {
  await fc.assert(
    fc.asyncProperty(registry, policy, async (state, written) => {
      const reversed = Object.fromEntries(
        Object.entries(state).map(([name, { tags: some, ...rest }]): [string, RepositoryState] => [
          name,
          { ...rest, tags: some.toReversed() },
        ]),
      );
      const said = (repositories: RegistryState) =>
        withEmulator({ repositories, start: new Date('2026-11-24T00:00:00Z') }, async (emulator) => {
          const { decisions } = await run(emulator, ruled(written, { dryRun: true }));
          return decisions.map((one) => `${reference(one)} ${one.reason} ${one.detail}`).toSorted();
        });
      expect(await said(reversed)).toEqual(await said(state));
    }),
    { numRuns: Math.ceil(numRuns / 3) },
  );
});
