import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

/** What was predicted already, by the text of the parameters file: it takes seconds, and depends on nothing else. */
const predicted = new Map<string, Promise<Snapshot>>();

/**
 * What a deployment of `template`, a file in infra/, would make with these parameters.
 * @param parameters as they stand in a parameters file, by name: Bicep expressions
 */
export function predict(
  template: string,
  parameters: Readonly<Record<string, string>>,
  options: PredictOptions = {},
): Promise<Snapshot> {
  const lines = Object.entries(parameters).map(([name, value]) => `param ${name} = ${value}`);
  const key = [template, options.resourceGroup ?? '', ...lines].join('\n');
  const known = predicted.get(key);
  if (known) return known;
  const made = inCopy(async (folder) => {
    const file = join(folder, template.replace(/[^/]+$/, 'parameters.bicepparam'));
    await writeFile(file, [`using '${template.replace(/^.*\//, '')}'`, ...lines, ''].join('\n'));
    return snapshotOf(file, options);
  });
  predicted.set(key, made);
  return made;
}

interface PredictOptions {
  /** For templates that are deployed to a resource group: its name. */
  readonly resourceGroup?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** What a deployment with a parameters file of infra/ would make. */
export function predictFile(file: string, options: PredictOptions = {}): Promise<Snapshot> {
  return inCopy((folder) => snapshotOf(join(folder, file), options));
}

/** Does something with a copy of infra/: snapshots, for example, are left beside what they are made of. */
export async function inCopy<T>(action: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'acr-retention-test-'));
  try {
    await cp(infra, folder, { recursive: true });
    return await action(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function snapshotOf(file: string, { resourceGroup, environment }: PredictOptions): Promise<Snapshot> {
  const scope = resourceGroup === undefined ? ['--location', 'westeurope'] : ['--resource-group', resourceGroup];
  const where = ['--subscription-id', SUBSCRIPTION, '--tenant-id', TENANT, '--deployment-name', 'test', ...scope];
  await runBicep(['snapshot', file, '--mode', 'overwrite', ...where], environment);
  return JSON.parse(await readFile(file.replace(/\.bicepparam$/, '.snapshot.json'), 'utf8')) as Snapshot;
}

/** Names of the roles by their ids, from the file where both stand. */
export const roleNames = new Map(
  [...readFileSync(join(infra, 'roles.bicep'), 'utf8').matchAll(/^ {2}'?([A-Z][\w ]*\w)'?: '([\da-f-]{36})'$/gm)].map(
    ([, name = '', id = '']) => [id, name] as const,
  ),
);

export interface Grant {
  readonly role: string | undefined;
  readonly scope: string;
  readonly condition: unknown;
}

/** What is granted, and on what. Ids of assignments hold the identity's, so they are expressions, with the scope first. */
export function grantsOf(resources: readonly Resource[]): readonly Grant[] {
  return resources
    .filter(({ type }) => type === 'Microsoft.Authorization/roleAssignments')
    .map(({ id, properties }) => ({
      role: roleNames.get(/[\da-f-]{36}$/.exec(String(properties?.['roleDefinitionId']))?.[0] ?? ''),
      scope: /^\[extensionResourceId\('([^']+)'/.exec(id)?.[1] ?? id,
      condition: properties?.['condition'] ?? undefined,
    }));
}

/** The one resource of a type. */
export function only(resources: readonly Resource[], type: string): Resource {
  const [found, ...others] = resources.filter((resource) => resource.type === type);
  if (!found || others.length > 0) throw new Error(`not one ${type}, but ${others.length + (found ? 1 : 0)}`);
  return found;
}
