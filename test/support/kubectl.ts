import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The `kubectl` of this machine (Debian: the package `kubernetes-client`); `KUBECTL` names another one. */
export function findKubectl(): string | undefined {
  const named = process.env['KUBECTL'] ?? '';
  const paths = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'kubectl'));
  return [...(named === '' ? [] : [named]), ...paths].find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `kubectl`, with nothing left over from another run. */
export function kubectl(program: string, kubeconfig: string, cache: string, ...args: readonly string[]): Promise<Said> {
  return new Promise((resolve) => {
    const options = {
      env: { PATH: process.env['PATH'], HOME: cache, KUBECONFIG: kubeconfig },
      maxBuffer: 256 * 1024 * 1024,
    };
    execFile(program, ['--cache-dir', cache, ...args], options, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code ?? 1) : 0, stdout, stderr }),
    );
  });
}
