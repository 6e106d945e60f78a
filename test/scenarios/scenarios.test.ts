import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { parseRegistryState } from '../../src/dev/emulator/index.ts';
import { split } from 'shlex';
import type { Totals } from '../../src/ledger/summary.ts';
import { reference, run, withEmulator } from '../support/registry.ts';

/*
 * A folder a story: `registry.json` (the embedded registry's state), `commands` (one a line, each run against a fresh
 * registry) and `expected.yaml` (what comes of each command, in the same order).
 */

/** What comes of one command. */
interface Expected {
  /** Everything that is deleted, or would be; manifests are counted only, for their digests mean nothing to a reader. */
  readonly deletes: { readonly tags: readonly string[]; readonly manifests: number };
  /** Some of what is kept, and why. */
  readonly keeps?: Readonly<Record<string, string>>;
  /** Some of what the summary says in figures. */
  readonly totals?: Partial<Totals>;
  /** Each is part of a warning; and where this is given, there are no others. */
  readonly warnings?: readonly string[];
  /** The exit code. */
  readonly exit: 0 | 1;
}

const folder = new URL('.', import.meta.url);
const stories = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());

describe.each(stories.map(({ name }) => name))('%s', (name) => {
  const read = (file: string): string => readFileSync(new URL(`${name}/${file}`, folder), 'utf8');
  const commands = read('commands').trim().split('\n');
  const expected = parseYaml(read('expected.yaml')) as readonly Expected[];

  test('says what comes of each command', () => expect(expected).toHaveLength(commands.length));

  test.each(commands.map((command, index) => [command, expected[index]] as const))('%s', async (command, one) => {
    const repositories = parseRegistryState(JSON.parse(read('registry.json')));
    await withEmulator({ repositories }, async (emulator) => {
      const before = new Set([...emulator.tagsLeft(), ...emulator.manifestsLeft()]);
      const { summary, decisions } = await run(emulator, split(command).slice(2).filter((flag) => flag !== '--verbose')); // prettier-ignore
      const gone = decisions.filter(({ action }) => action === 'delete').map(reference);
      expect({
        tags: gone.filter((artifact) => !artifact.includes('@')).sort(),
        manifests: gone.filter((artifact) => artifact.includes('@')).length,
      }).toEqual({ ...one?.deletes, tags: [...(one?.deletes.tags ?? [])].sort() });
      const left = new Set([...emulator.tagsLeft(), ...emulator.manifestsLeft()]);
      expect([...before].filter((artifact) => !left.has(artifact)).sort()).toEqual(
        summary.dryRun ? [] : gone.toSorted(),
      );
      const keeps = decisions.filter(({ action }) => action === 'keep');
      for (const [artifact, reason] of Object.entries(one?.keeps ?? {}))
        expect(keeps.find((decision) => reference(decision) === artifact)?.reason, artifact).toBe(reason);
      expect(summary.totals).toMatchObject(one?.totals ?? {});
      if (one?.warnings)
        expect(summary.warnings).toEqual(one.warnings.map((part) => expect.stringContaining(part) as string));
      expect(summary.succeeded ? 0 : 1).toBe(one?.exit);
    });
  });
});
