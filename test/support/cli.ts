import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The file behind the `bin` entry, as `npm run build` leaves it. */
export const BIN = new URL('../../dist/src/doors/cli/main.js', import.meta.url).pathname;
/** Where it runs: what it records is left there. */
export const folder = mkdtempSync(join(tmpdir(), 'acr-retention-test-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the built command line, in a folder of its own. */
export function cli(args: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<Ran> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [BIN, ...args], {
      // What it logs is looked at in a test of its own.
      cwd: folder,
      env: { ...process.env, LOG_LEVEL: 'silent', ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const)
      child[name].setEncoding('utf8').on('data', (text: string) => (output[name] += text));
    child.on('close', (code) => resolve({ code, ...output }));
  });
}
