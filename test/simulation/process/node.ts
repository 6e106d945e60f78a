import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

const exec = promisify(execFile);

/** Runs a file of this folder in a process with the hooks. @returns what it printed */
export async function runWithHooks(
  file: string,
  given: readonly string[] = [],
  environment: Readonly<Record<string, string>> = {},
): Promise<string> {
  const hooks = ['--import', './test/simulation/process/hooks.ts'];
  const { stdout } = await exec(process.execPath, [...hooks, `test/simulation/process/${file}`, ...given], {
    cwd: ROOT,
    env: { ...process.env, ...environment },
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout;
}
