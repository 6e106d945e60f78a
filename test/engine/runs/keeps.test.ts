import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RegistryState, RepositoryState } from '../../../src/dev/emulator/index.ts';
import { broken } from '../../support/invariants.ts';
import { flags, repository } from '../../support/random-registry.ts';
import { reference, run, withEmulator } from '../../support/registry.ts';

/*
 * What holds always of `--protect` and `--keep-at-least`, over random registries and flags. `FC_RUNS=5000` searches longer.
 */

const numRuns = Number(process.env['FC_RUNS'] ?? 150);

const registry: fc.Arbitrary<RegistryState> = fc.record({ app: repository, 'team/app': repository });

/** A glob, and the same as an expression, written by hand. */
const PROTECTIONS: readonly (readonly [string, RegExp])[] = [
  ['app:dev1', /^app:dev1$/],
  ['**:v[0-4]', /:v[0-4]$/],
  ['*:pr-*', /^[^/]+:pr-/],
  ['team/**:*', /^team\//],
  ['**:{dev2,v7}', /:(?:dev2|v7)$/],
];

const isSignature = (name: string): boolean => /^sha256-[0-9a-f]{64}/.test(name);

/** The newest of what a filter matches, by name where they are of one time. */
function newestOf({ tags }: RepositoryState, filter: RegExp, count: number): readonly string[] {
  return tags
    .filter(({ name }) => filter.test(name) && !isSignature(name))
    .toSorted((one, other) => one.age - other.age || (one.name < other.name ? -1 : 1))
    .slice(0, count)
    .map(({ name }) => name);
}

test('with them never more is deleted than without; what they name stays, with all that it needs', async () => {
  const protecting = fc.subarray([...PROTECTIONS], { maxLength: 2 });
  await fc.assert(
    fc.asyncProperty(registry, flags, protecting, fc.nat(3), async (repositories, args, protect, atLeast) => {
      await withEmulator({ repositories }, async (emulator) => {
        const without = await run(emulator, [...args, '--dry-run']);
        const had = [...emulator.tagsLeft(), ...emulator.manifestsLeft()];
        const more = [...protect.flatMap(([glob]) => ['--protect', glob]), '--keep-at-least', String(atLeast)];
        const { summary, decisions } = await run(emulator, [...args, ...more]);
        const left = new Set([...emulator.tagsLeft(), ...emulator.manifestsLeft()]);

        expect(summary.succeeded).toBe(true);
        expect(broken(repositories, emulator.repositories(), args.includes('--include-locked'))).toEqual([]);
        const gone = had.filter((one) => !left.has(one));
        expect(
          decisions
            .filter(({ action }) => action === 'delete')
            .map(reference)
            .toSorted(),
        ).toEqual(gone.toSorted());
        const goneWithout = new Set(without.decisions.filter(({ action }) => action === 'delete').map(reference));
        expect(gone.filter((one) => !goneWithout.has(one))).toEqual([]);
        expect(gone.filter((one) => protect.some(([, names]) => names.test(one)))).toEqual([]);

        const [repositoryPattern = '', tagPattern = ''] = (args[1] ?? '').split(':');
        const matched = Object.entries(repositories).filter(([name]) =>
          new RegExp(`^${repositoryPattern}$`).test(name),
        );
        for (const [name, contents] of matched)
          for (const tag of newestOf(contents, new RegExp(tagPattern), atLeast))
            expect(left).toContain(`${name}:${tag}`);
        for (const one of decisions)
          if (one.reason === 'protected' || one.reason === 'kept-newest')
            expect(one).toMatchObject({ action: 'keep', beyondAcrPurge: true });
      });
    }),
    { numRuns },
  );
});
