import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { attempts, InvalidPolicy, PolicyError } from '../../policy/errors.ts';
import { jsonLine } from '../../report/escape.ts';
import { styleOf } from '../../report/style.ts';
import { type Form, withOutput } from './flags.ts';
import { policyFileIn } from './policy-file.ts';
import { renderCase, renderCount } from './policy-test-text.ts';
import { write as writeOut } from './write.ts';

interface TestFlags {
  readonly policy?: string;
  readonly output: Form;
}

/** What makes a folder a case. */
const FILES = ['registry.yaml', 'expect.yaml'];
const DEEPEST = 20;

/** `acr-retention policy test`: whether a policy file does what its author expects, without a registry. */
export function testCommand(
  finish: (exitCode: 0 | 1) => void,
  write: (text: string) => Promise<void> | void = writeOut,
): Command {
  return withOutput(new Command('test'), ['text', 'json', 'ndjson'])
    .description('run cases: a registry, a policy, and what is expected to be kept and deleted; without a registry')
    .argument('<folder>', 'a case, or a folder of cases: each has registry.yaml and expect.yaml')
    .option(
      '--policy <file>',
      'the policy file of the cases that name none and have no policy.yaml (default: RETENTION_POLICY_FILE)',
    )
    .action(async (folder: string, { policy = policyFileIn(process.env), output }: TestFlags) => {
      // Loaded only here: the deployed app has no registry in memory.
      const { readCase, runCase } = await import('./policy-case.ts');
      const found = casesBelow(folder);
      if (found.length === 0)
        throw new PolicyError('folder', folder, 'has no case: a folder with registry.yaml and expect.yaml');
      const { problems, attempt } = attempts();
      const cases = found.flatMap((name) => attempt(() => readCase(join(folder, name), name || folder, policy)) ?? []);
      // Nothing is tried by halves: a case that cannot be read tests nothing.
      if (problems.length > 0) throw new InvalidPolicy(problems);
      const style = styleOf(process.stdout, process.env);
      const results = [];
      for (const one of cases) {
        const result = await runCase(one);
        results.push(result);
        if (output === 'text') await write(renderCase(result, style));
        if (output === 'ndjson') await write(`${jsonLine(result)}\n`);
      }
      const passed = results.every((result) => result.passed);
      if (output === 'text') await write(renderCount(results));
      else await write(`${jsonLine(output === 'json' ? { passed, cases: results } : { passed })}\n`);
      finish(passed ? 0 : 1);
    });
}

/**
 * The cases below a folder, each by its path in it; the folder itself is ''.
 * @throws {PolicyError} where it cannot be read
 */
function casesBelow(folder: string): readonly string[] {
  const cases: string[] = [];
  const visit = (path: string, depth: number): void => {
    const entries = readdirSync(join(folder, path), { withFileTypes: true });
    if (entries.some((entry) => FILES.includes(entry.name) && !entry.isDirectory())) cases.push(path);
    if (depth === DEEPEST) return;
    for (const entry of entries)
      if (entry.isDirectory() && !entry.name.startsWith('.') && entry.name !== 'node_modules')
        visit(join(path, entry.name), depth + 1);
  };
  try {
    visit('', 0);
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException;
    const problem =
      code === 'ENOENT' ? 'there is no such folder' : code === 'ENOTDIR' ? 'is no folder' : `cannot be read (${code})`;
    throw new PolicyError('folder', folder, problem, { cause });
  }
  return cases.sort();
}
