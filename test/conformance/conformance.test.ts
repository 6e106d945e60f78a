import { readFileSync } from 'node:fs';
import { CommanderError } from 'commander';
import { describe, expect, test } from 'vitest';
import { type Emulator, type RegistryState } from '../../src/dev/emulator/index.ts';
import { InvalidPolicy } from '../../src/policy/errors.ts';
import { reference, type Run, run, withEmulator } from '../support/registry.ts';

/** What `acr purge` (Azure/acr-cli, March 2026) did in each of these cases, recorded against a stand-in registry. */
interface Case {
  readonly name: string;
  readonly args: readonly string[];
  readonly repositories: RegistryState;
  readonly acrPurge: {
    readonly exitCode: number;
    readonly error?: string;
    readonly removedTags: readonly string[];
    readonly removedManifests: readonly string[];
  };
}

const cases = readFileSync(new URL('cases.ndjson', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line) as Case);

/** Ages that `acr purge` takes for something else than was written. We refuse them. */
const MISREAD = new Set(['-1d', '+1d', 'abc', '1.5d', '1 d', 'd', '2d-3h', '1h1d']);

function isMisread({ args }: Case): boolean {
  return MISREAD.has(args[args.indexOf('--ago') + 1] ?? '');
}

describe.each(cases)('$name', (one) => {
  if (one.acrPurge.exitCode !== 0 || isMisread(one)) {
    test('is refused before anything is contacted', async () => {
      await withEmulator({ repositories: one.repositories }, async (emulator) => {
        const refused = await run(emulator, one.args).then(
          () => undefined,
          (error: unknown) => error,
        );
        expect(refused instanceof InvalidPolicy || refused instanceof CommanderError).toBe(true);
        expect(emulator.requests()).toEqual([]);
      });
    });
    return;
  }

  test('removes only what acr purge removed, and says of the rest why it is kept', async () => {
    await withEmulator({ repositories: one.repositories }, async (emulator) => {
      const before = left(emulator);
      const result = await run(emulator, one.args);
      const removed = difference(before, left(emulator));
      expectConformance(one, result, removed);
      expect(result.summary.succeeded).toBe(true);
      expect(removed).toEqual(
        new Set(result.decisions.filter((decision) => decision.action === 'delete').map(reference)),
      );
    });
  });

  test('says the same in a dry run, and changes nothing', async () => {
    await withEmulator({ repositories: one.repositories }, async (emulator) => {
      const before = left(emulator);
      const result = await run(emulator, [...one.args, '--dry-run']);
      expect(left(emulator)).toEqual(before);
      expectConformance(
        one,
        result,
        new Set(result.decisions.filter((decision) => decision.action === 'delete').map(reference)),
      );
    });
  });
});

function expectConformance({ acrPurge }: Case, { decisions }: Run, removed: ReadonlySet<string>): void {
  const removedByAcr = new Set([...acrPurge.removedTags, ...acrPurge.removedManifests]);
  expect(difference(removed, removedByAcr)).toEqual(new Set());
  const beyond = new Set(decisions.filter((decision) => decision.beyondAcrPurge).map(reference));
  expect(beyond).toEqual(difference(removedByAcr, removed));
}

function left(emulator: Emulator): ReadonlySet<string> {
  return new Set([...emulator.tagsLeft(), ...emulator.manifestsLeft()]);
}

function difference(all: ReadonlySet<string>, without: ReadonlySet<string>): ReadonlySet<string> {
  return new Set([...all].filter((one) => !without.has(one)));
}
