import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { inject } from 'vitest';
import { answered } from './bicep-answers.ts';
import { type Ask, startServer } from './bicep-server.ts';

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

interface Said {
  readonly stdout: string;
  /** It exits with 0 whatever it warns of. */
  readonly diagnostics: readonly string[];
}

/** What the compiler says of a folder in which it changes nothing. @param args with paths in the folder */
export function askBicep(args: readonly string[], folder = infra): Promise<Said> {
  return answered(compiler(), folder, args, () => runBicep(args, folder));
}

/** All files of infra/, as the compiler formats them. */
export function formatted(): Promise<Readonly<Record<string, string>>> {
  return answered(compiler(), infra, 'format', () =>
    inCopy(async (folder) => {
      for (const pattern of PATTERNS) await runBicep(['format', '--pattern', pattern], folder);
      return Object.fromEntries(sourceFiles.map((file) => [file, readFileSync(join(folder, file), 'utf8')] as const));
    }),
  );
}

/** What is written in Bicep. */
export const PATTERNS = ['**/*.bicep', '**/*.bicepparam'] as const;
export const sourceFiles = readdirSync(infra, { recursive: true, encoding: 'utf8' }).filter((file) =>
  /\.bicep(?:param)?$/.test(file),
);

async function runBicep(
  args: readonly string[],
  folder: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<Said> {
  const env = { ...ENVIRONMENT, ...environment };
  const { stdout, stderr } = await run(compiler(), args, { cwd: folder, maxBuffer: 64 << 20, env });
  return { stdout, diagnostics: stderr.split('\n').filter((line) => / : (?:Error|Warning|Info) /.test(line)) };
}

const ENVIRONMENT = { PATH: process.env['PATH'], HOME: process.env['HOME'], DOTNET_NOLOGO: '1' };

function compiler(): string {
  if (bicep === undefined) throw new Error('there is no Bicep compiler');
  return bicep;
}

/** What has to be said to deploy the app, and nothing more. */
export const APP = {
  environmentName: `'prod'`,
  location: `'westeurope'`,
  registryName: `'contoso'`,
  registryResourceGroup: `'platform'`,
} as const;

/** The same for the container job. */
export const JOB = {
  registryName: `'contoso'`,
  registryResourceGroup: `'platform'`,
  image: `'acr-retention:0.1.0'`,
  schedule: `'0 1 * * *'`,
  purge: `['--filter=.*:^(dev|pr)-', '--ago=30d', '--untagged']`,
  timeBudgetInMinutes: '60',
  logRetentionInDays: '90',
} as const;

/** The subscription and the tenant that deployments are predicted for. */
export const SUBSCRIPTION = '00000000-0000-4000-8000-000000000001';
const TENANT = '00000000-0000-4000-8000-000000000002';
const LOCATION = 'westeurope';
const NAME = 'test';

interface PredictOptions {
  /** For templates that are deployed to a resource group: its name. */
  readonly resourceGroup?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

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
  const text = [`using '${template.replace(/^.*\//, '')}'`, ...lines, ''].join('\n');
  return answered(compiler(), infra, [template, text, options], () =>
    inCopy(async (folder) => {
      const file = template.replace(/[^/]+$/, 'parameters.bicepparam');
      await writeFile(join(folder, file), text);
      return snapshotOf(folder, file, options);
    }),
  );
}

/** What a deployment with a parameters file of infra/ would make. */
export function predictFile(file: string, options: PredictOptions = {}): Promise<Snapshot> {
  return answered(compiler(), infra, [file, options], () => inCopy((folder) => snapshotOf(folder, file, options)));
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

let server: Ask | undefined;

async function snapshotOf(folder: string, file: string, options: PredictOptions): Promise<Snapshot> {
  const { resourceGroup, environment } = options;
  // It has the environment that it was started with; and it tells that something is wrong, but not what.
  if (environment === undefined) {
    server ??= startServer(compiler(), ENVIRONMENT);
    const metadata = {
      tenantId: TENANT,
      subscriptionId: SUBSCRIPTION,
      deploymentName: NAME,
      ...(resourceGroup === undefined ? { location: LOCATION } : { resourceGroup }),
    };
    const predicted = await server('bicep/getSnapshot', { path: join(folder, file), metadata }).catch(() => undefined);
    if (predicted) return JSON.parse((predicted as { readonly snapshot: string }).snapshot) as Snapshot;
  }
  const scope = resourceGroup === undefined ? ['--location', LOCATION] : ['--resource-group', resourceGroup];
  const where = ['--subscription-id', SUBSCRIPTION, '--tenant-id', TENANT, '--deployment-name', NAME, ...scope];
  await runBicep(['snapshot', file, '--mode', 'overwrite', ...where], folder, environment);
  return JSON.parse(await readFile(join(folder, file.replace(/\.bicepparam$/, '.snapshot.json')), 'utf8')) as Snapshot;
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
