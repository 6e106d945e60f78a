import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Emulator, sampleRegistry, startEmulator } from '../emulator/index.ts';
import type { Environment } from '../../policy/settings.ts';
import { printable } from '../../report/escape.ts';
import { hostCommand, type HostFlags, portProblem } from './flags.ts';
import { type Host, startHost } from './host.ts';
import { PEOPLE } from './people.ts';
import { type Keys, opens } from './routes.ts';
import { recordSampleRuns } from './sample-runs.ts';
import { madeUpSignIn, SIGN_IN_ENVIRONMENT } from './sign-in.ts';

/* `npm start`: this app on this machine, at the embedded registry unless ACR_REGISTRY names another. */

/** Something that runs, and whose image nothing else would keep. */
const RUNNING = 'microtodo-frontendapi:pr-43 namespace review, deployment pr-43';

/** What is set unless the environment says otherwise: the demo's purge, once a day. */
function sampleSettings(): Environment {
  return {
    PURGE_SCHEDULE: '0 1 * * *',
    // Reports are attached to some of its images.
    FINDINGS: 'referrers',
    ...(process.env['ACR_TASK_FILE'] === undefined && {
      PURGE_COMMAND: "--filter '.*:^([Ff]eature|pr|ci|dev|sha256)-' --ago 30d --untagged",
    }),
  };
}

const { port, key, masterKey, root, signIn, as } = hostCommand().parse().opts<HostFlags>();

/** The settings that make the app use the embedded registry, with the managed identity that comes with it. */
async function embedded({ loginServer, certificate, environment }: Emulator, folder: string): Promise<Environment> {
  const file = join(folder, 'certificate.pem');
  await writeFile(file, certificate);
  const storage = join(folder, 'runs');
  const list = join(folder, 'running.txt');
  await writeFile(list, `${loginServer}/${RUNNING}\n`);
  return {
    ...environment,
    ACR_REGISTRY: loginServer,
    NODE_EXTRA_CA_CERTS: file,
    RETENTION_STORAGE: process.env['RETENTION_STORAGE'] ?? storage,
    // It is as old as this process, and still right.
    ...(process.env['IN_USE'] === undefined && { IN_USE: `list:${list}`, IN_USE_LIST_MAX_AGE: '3650d' }),
  };
}

/** The id of the newest run, for what is tried out; a placeholder where there is none. */
async function newestRun({ url }: Host, keys: Keys): Promise<string> {
  const response = await fetch(`${url}/api/runs?code=${keys.default}`).catch(() => undefined);
  const { runs = [] } = ((await response?.json().catch(() => ({}))) ?? {}) as {
    readonly runs?: readonly { readonly id: string }[];
  };
  return runs[0]?.id ?? '<id>';
}

function introduce(host: Host, keys: Keys, emulator: Emulator | undefined, run: string): string {
  const { url, routes, timers } = host;
  const curl = (path: string, more = ''): string => `  curl -s ${more}"${url}${path}"`;
  const code = `code=${keys.default}`;
  const master = `-H "x-functions-key: ${keys.master}" `;
  return [
    '',
    `The Function app serves on ${url}. Its schedule deletes nothing unless PURGE_DRY_RUN=false.`,
    emulator ? `It looks after a registry with sample data, on this machine too (${emulator.loginServer}).` : '',
    `Its runs are done by the inline engine${isDurableWanted ? ', whatever RETENTION_ENGINE says: this host has no Durable Functions' : ''}.`,
    'Times are UTC. Stop it with Ctrl-C.',
    '',
    `Review what it did: ${url}/api/review?${code}`,
    `Without a key in the address, ${url} asks for it: ${keys.default}`,
    ...(signIn
      ? [
          `You are then signed in as ${PEOPLE[as].name} (--as ${as}), who does not exist; ${url}/.auth/logout signs out,`,
          'and lets you be another one. --no-sign-in leaves it out: then there are no buttons to approve.',
        ]
      : []),
    '',
    'Functions:',
    ...routes.map(
      ({ name, methods, template, authLevel }) => `  ${name.padEnd(16)}${methods.join(',')} ${template} (${authLevel})`,
    ),
    ...timers.map(({ name, when }) => `  ${name.padEnd(16)}by the clock: ${when}`),
    '',
    'Try, in another shell:',
    curl('/api/health'),
    curl(`/api/status?${code}`),
    curl(`/api/dry-run?${code}`, '-H "Accept: text/plain" '),
    curl(`/api/dry-run?${code}&filter=shop/.*:^pr-&ago=30d&untagged`, '-g '),
    curl(`/api/dry-run?${code}`, `-H "Content-Type: application/json" -d '{"filter": "shop/.*:^pr-", "ago": "30d"}' `),
    curl(
      `/api/dry-run?${code}`,
      `-H "Content-Type: text/plain" -d "acr purge --filter 'shop/.*:^pr-' --ago 30d --untagged" `,
    ),
    curl(`/api/runs?${code}`),
    curl(`/api/runs/${run}?${code}`),
    curl(`/api/runs/${run}/decisions?${code}`),
    curl(`/api/explain?${code}&image=shop/api:1.3.0`, '-g '),
    curl(`/api/in-use?${code}`),
    curl(`/api/review?${code}`, signIn ? '-L -b "" ' : ''),
    curl('/'),
    curl(`/review?run=${run}`),
    curl(`/api/plans/${run}/apply`, `-X POST ${master}`),
    curl(`/api/runs/${run}/cancel`, `-X POST ${master}`),
    ...timers.map(({ name }) => curl(`/admin/functions/${name}`, `-X POST ${master}`)),
    '',
  ].join('\n');
}

const isDurableWanted = (process.env['RETENTION_ENGINE'] ?? '').trim().toLowerCase() === 'durable';
// What the Functions host leaves out too, unless its log level is set.
const verbose = /^(?:debug|trace)$/i.test(process.env['LOG_LEVEL'] ?? '');
const folder = await mkdtemp(join(tmpdir(), 'acr-retention-'));
const emulator =
  process.env['ACR_REGISTRY'] === undefined ? await startEmulator({ repositories: sampleRegistry() }) : undefined;
const keys = { default: key, master: masterKey };
// The sample runs are not logged: their lines would hide the introduction.
let quiet = emulator !== undefined && process.env['RETENTION_STORAGE'] === undefined;
try {
  const host = await startHost({
    root,
    port,
    keys,
    signIn: signIn ? madeUpSignIn(as, (text) => opens(text, 'function', keys)) : undefined,
    environment: {
      // As infra/app.bicep deploys it.
      languageWorkers__node__arguments: '--max-semi-space-size=4 --heap-growing-percent=20',
      ...(emulator && sampleSettings()),
      ...process.env,
      ...(emulator && (await embedded(emulator, folder))),
      ...(signIn && SIGN_IN_ENVIRONMENT),
      // Only the Functions host has Durable Functions.
      ...(isDurableWanted && { RETENTION_ENGINE: 'inline' }),
    },
    log: (level, message, name = 'host') => {
      if (quiet || (!verbose && (level === 'debug' || level === 'trace'))) return;
      process.stdout.write(`${new Date().toISOString()} ${level} [${name}] ${printable(message)}\n`);
    },
  });
  if (quiet) await recordSampleRuns(host.url, keys);
  const run = await newestRun(host, keys);
  quiet = false;
  process.stdout.write(introduce(host, keys, emulator, run));
  await new Promise<void>((resolve) => process.once('SIGINT', () => resolve()).once('SIGTERM', () => resolve()));
  await host.close();
} catch (error) {
  process.stderr.write(`acr-retention: ${printable(portProblem(port, error as Error))}\n`);
  process.exitCode = 1;
} finally {
  await emulator?.close();
  await rm(folder, { recursive: true });
}
