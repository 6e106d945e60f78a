import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { parseRegistryState } from '../../src/dev/emulator/index.ts';
import { split } from 'shlex';
import { readCase, runCase } from '../../src/doors/cli/policy-case.ts';
import { tokensOf } from '../docs/markdown.ts';
import type { Totals } from '../../src/ledger/summary.ts';
import { reference, run, withEmulator } from '../support/registry.ts';

/*
 * A folder a story. Of flags: `registry.json` (the embedded registry's state), `commands` (one a line, each run against a
 * fresh registry) and `expected.yaml` (what comes of each command, in the same order). Of a policy file: a case, as
 * `acr-retention policy test` runs it.
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
const stories = readdirSync(folder, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);
const isCase = (name: string): boolean => existsSync(new URL(`${name}/expect.yaml`, folder));
const cases = stories.filter(isCase);

test.each(cases)('%s', async (name) => {
  const { differences, problems } = await runCase(readCase(fileURLToPath(new URL(name, folder)), name, undefined));
  expect({ differences, problems }).toEqual({ differences: [], problems: [] });
});

test('each example of the documentation is a case', () => {
  const files = globSync('docs/policies/*.yaml', { cwd: fileURLToPath(new URL('../../', folder)) });
  const blocks = tokensOf('docs/policy-file.md').flatMap((token) =>
    token.type === 'code' && token.lang === 'yaml' ? [String(token.text)] : [],
  );
  const read = (path: string): string => readFileSync(new URL(path, folder), 'utf8');
  const named = cases.map((name) => (parseYaml(read(`${name}/expect.yaml`)) as { readonly policy?: string }).policy);
  const own = cases.filter((_, index) => named[index] === undefined).map((name) => read(`${name}/policy.yaml`).trim());
  expect(files.length * blocks.length).toBeGreaterThan(0);
  expect(files.filter((file) => !named.includes(`../../../${file}`))).toEqual([]);
  expect(blocks.filter((text) => !own.includes(text.trim()))).toEqual([]);
});

test('the case that the documentation shows is one of these', () => {
  const shown = tokensOf('docs/policy-commands.md').flatMap((token) =>
    token.type === 'code' && token.lang === 'yaml' ? [`${String(token.text)}\n`] : [],
  );
  const file = (name: string): string => readFileSync(new URL(`policy-commands/${name}.yaml`, folder), 'utf8');
  expect(shown).toEqual([file('registry'), file('expect')]);
});

describe.each(stories.filter((name) => !isCase(name)))('%s', (name) => {
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
