import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { inject } from 'vitest';

const run = promisify(execFile);

/** The Bicep compiler; `undefined` on a machine without one, where what needs it is skipped (find-bicep.ts says so). */
export const bicep = inject('bicep');

export const infra = fileURLToPath(new URL('../../infra/', import.meta.url));

/** A resource that a deployment would make. What is only known when it is deployed is an expression: `[reference(…)]`. */
export interface Resource {
  readonly id: string;
  readonly type: string;
  readonly name: string;
  readonly apiVersion: string;
  readonly scope?: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly properties?: Readonly<Record<string, unknown>>;
}

export interface Snapshot {
  readonly predictedResources: readonly Resource[];
  readonly diagnostics: readonly string[];
}

/** Runs the compiler. It exits with 0 whatever it warns of, so its diagnostics are given back, a line each. */
export async function runBicep(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  if (bicep === undefined) throw new Error('there is no Bicep compiler');
  const { stdout, stderr } = await run(bicep, args, {
    maxBuffer: 64 << 20,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], DOTNET_NOLOGO: '1', ...environment },
  });
  return { stdout, diagnostics: stderr.split('\n').filter((line) => / : (?:Error|Warning|Info) /.test(line)) };
}

/** The subscription and the tenant that deployments are predicted for. */
export const SUBSCRIPTION = '00000000-0000-4000-8000-000000000001';
const TENANT = '00000000-0000-4000-8000-000000000002';

/**
 * What a deployment of `template`, a file in infra/, would make with these parameters.
 * @param parameters as they stand in a parameters file, by name: Bicep expressions
 */
export async function predict(template: string, parameters: Readonly<Record<string, string>>): Promise<Snapshot> {
  const folder = await mkdtemp(join(tmpdir(), 'acr-retention-test-'));
  try {
    const file = join(folder, 'parameters.bicepparam');
    const using = relative(folder, join(infra, template));
    const lines = Object.entries(parameters).map(([name, value]) => `param ${name} = ${value}`);
    await writeFile(file, [`using '${using}'`, ...lines, ''].join('\n'));
    return await predictFile(file);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** What a deployment with a parameters file would make. It leaves the snapshot beside that file. */
export async function predictFile(
  file: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<Snapshot> {
  const at = ['--subscription-id', SUBSCRIPTION, '--tenant-id', TENANT, '--location', 'westeurope'];
  const group = ['--resource-group', 'here', '--deployment-name', 'test'];
  await runBicep(['snapshot', file, '--mode', 'overwrite', ...at, ...group], environment);
  return JSON.parse(await readFile(file.replace(/\.bicepparam$/, '.snapshot.json'), 'utf8')) as Snapshot;
}
