import { execFile } from 'node:child_process';
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { onTestFinished } from 'vitest';

/** The `skopeo` of this machine (Debian: the package of that name); `SKOPEO` names another one. */
const SKOPEO = [
  process.env['SKOPEO'] ?? '',
  ...(process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'skopeo')),
].find((path) => path !== '' && isProgram(path));

/** Why tests with skopeo do not run here; `undefined` where they do. */
export const NO_SKOPEO =
  SKOPEO === undefined ? 'there is no skopeo here: apt-get install skopeo, or name it in SKOPEO' : undefined;

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A registry that skopeo is to trust. */
interface Trusted {
  readonly certificate: string;
}

/** Runs skopeo, with nothing of the user's: neither credentials nor a policy. */
export function skopeo(registry: Trusted, ...args: readonly string[]): Promise<Said> {
  if (SKOPEO === undefined) throw new Error(NO_SKOPEO);
  const home = folder();
  const certificate = join(home, 'certificate.pem');
  writeFileSync(certificate, registry.certificate);
  const env = { PATH: process.env['PATH'], HOME: home, XDG_RUNTIME_DIR: home, SSL_CERT_FILE: certificate };
  return new Promise((resolve) => {
    execFile(SKOPEO, ['--insecure-policy', '--tmpdir', home, ...args], { env }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code ?? 1) : 0, stdout, stderr }),
    );
  });
}

/** A folder that goes with the test. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'acr-retention-test-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
