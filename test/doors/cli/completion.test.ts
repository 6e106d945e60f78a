import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { expect, test } from 'vitest';
import { newProgram } from '../../../src/doors/cli/commands.ts';
import { completionsOf } from '../../../src/doors/cli/completion.ts';
import { ledgerAt } from '../../../src/index.ts';
import { BIN, cli, folder } from '../../support/cli.ts';
import { sampleRegistry } from '../../../src/dev/emulator/index.ts';
import { policyOf, run, withEmulator } from '../../support/registry.ts';

const RUNS = [
  ['20261124T130052Z-01e520', 'dry-run, done, contoso.azurecr.io'],
  ['20261123T130052Z-7c93ab', 'purge, done, contoso.azurecr.io'],
] as const;

test.each([
  ['commands', ['sho'], ['show']],
  ['commands within others', ['policy', 'c'], ['check', 'convert']],
  ['no hidden ones', ['__'], []],
  ['flags', ['purge', '--max-d'], ['--max-deletions', '--max-deletion-percent']],
  ['values of flags', ['runs', 'list', '--output', 'n'], ['ndjson']],
  ['the same behind an equals sign', ['show', '--output=c'], ['--output=csv']],
  ['the same as bash splits it', ['show', '--output', '=', 'c'], ['csv']],
  ['the same with nothing behind it', ['show', '--output', '='], ['text', 'json', 'ndjson', 'csv']],
  ['what an argument may be', ['completion', ''], ['bash', 'zsh', 'fish']],
  ['ids of runs', ['apply', '20261124'], [RUNS[0][0]]],
  ['the second one, too', ['diff', RUNS[0][0], ''], [RUNS[0][0], RUNS[1][0]]],
  ['behind flags', ['show', '--runs', 'folder', ''], [RUNS[0][0], RUNS[1][0]]],
  ['runs as values of flags', ['policy', 'try', 'a.yaml', '--against', '20261123'], [RUNS[1][0]]],
  ['nothing where a file is named: the shell completes it', ['purge', '--policy', ''], []],
  ['nothing where an image is named', ['explain', ''], []],
] as const)('completes %s', async (_, words, expected) => {
  const found = await completionsOf(
    newProgram(() => undefined),
    words,
    () => Promise.resolve(RUNS),
  );
  expect(found.map(([value]) => value)).toEqual(expected);
});

test('bash completes with the script: commands, flags, runs of the ledger, and names of files', async () => {
  // On the path as npm puts it there.
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'acr-retention'), `#!/bin/sh\nexec '${process.execPath}' '${BIN}' "$@"\n`);
  chmodSync(join(bin, 'acr-retention'), 0o755);
  const ledger = ledgerAt({ kind: 'folder', folder: 'completed' }, folder);
  const { summary } = await withEmulator({ repositories: sampleRegistry() }, (emulator) =>
    run(emulator, policyOf(['--filter', '.*:^dev-', '--ago', '30d', '--dry-run']), undefined, ledger),
  );
  const script = (await cli(['completion', 'bash'])).stdout;
  const completed = (...words: readonly string[]): readonly string[] => {
    const typed = ['acr-retention', ...words].map((word) => `'${word}'`).join(' ');
    const { stdout, stderr } = spawnSync(
      'bash',
      [
        '--norc',
        '-c',
        // Sourced twice, as a shell within a shell does.
        `${script}\n${script}\nCOMP_WORDS=(${typed}); COMP_CWORD=${words.length}; _acr_retention; printf '%s\\n' "\${COMPREPLY[@]}"`,
      ],
      {
        cwd: folder,
        encoding: 'utf8',
        env: { ...process.env, PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}` },
      },
    );
    expect(stderr).toBe('');
    return stdout.trimEnd().split('\n');
  };
  expect(completed('unp')).toEqual(['unpulled']);
  expect(completed('purge', '--dry')).toEqual(['--dry-run']);
  expect(completed('show', '--output', '=', 'nd')).toEqual(['ndjson']);
  expect(completed('apply', '--runs', 'completed', '2')).toEqual([summary.runId]);
  // Nothing, and the shell takes over; what is typed is not evaluated.
  expect(completed('purge', '--policy', '$(touch here)')).toEqual(['']);
  expect(spawnSync('ls', { cwd: folder, encoding: 'utf8' }).stdout).not.toContain('here');
  expect(script).toContain('complete -o bashdefault -o default -F _acr_retention acr-retention');
});

test('the other shells have a script; one that there is not is refused', async () => {
  for (const shell of ['zsh', 'fish']) expect((await cli(['completion', shell])).stdout).toContain('__complete -- ');
  expect(await cli(['completion', 'tcsh'])).toMatchObject({ code: 2, stdout: '' });
});
