import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, fstatSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeFileSync } from 'node:fs'; // prettier-ignore
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cpuSeconds, peakMegabytes } from '../process.ts';
import { admin, type RunningRegistry } from './protocol.ts';

const ours = fileURLToPath(new URL('../../../dist/src/doors/cli/main.js', import.meta.url));
const loop = new URL('loop.ts', import.meta.url).href;

/** How a program ended, and what it took. */
export interface Ended {
  /** `undefined`: it was killed, as a program is that takes longer than it may. */
  readonly exitCode: number | undefined;
  readonly wallSeconds: number;
  /** Of all its threads; `undefined` where the system does not tell (only Linux does). */
  readonly cpuSeconds: number | undefined;
  readonly peakMegabytes: number | undefined;
  /** How long its event loop got no turn, at the longest; `undefined` where it does not tell. */
  readonly stretchMilliseconds?: number;
  /** The end of what it wrote. */
  readonly output: string;
}

export interface Work {
  readonly isDryRun: boolean;
  /** With a managed identity instead of a name and a password. */
  readonly isEntra?: boolean;
  readonly timeoutSeconds: number;
}

const flags = ['--filter', '.*:^dev', '--ago', '30d', '--untagged', '--concurrency', '32'];

/** What infra/container/Dockerfile starts Node with, and infra/app.bicep the worker. */
const AS_IN_THE_IMAGE = ['--max-semi-space-size=4', '--heap-growing-percent=20'];

/** Purges with the command line of this project, as built. `record` is the folder of its ledger. */
export function runOurs(registry: RunningRegistry, work: Work, record: string): Promise<Ended> {
  const args = [
    ...AS_IN_THE_IMAGE,
    '--import',
    loop,
    ours,
    'purge',
    '--registry',
    registry.url,
    '--runs',
    record,
    ...flags,
  ];
  const identity = work.isEntra ? registry.environment : { ACR_USERNAME: admin.username, ACR_PASSWORD: admin.password };
  return run(process.execPath, args, { ...identity, RETENTION_STORAGE: record }, registry, work);
}

/** Purges with `acr purge`. */
export function runAcr(program: string, registry: RunningRegistry, work: Work): Promise<Ended> {
  const { username, password } = admin;
  const args = ['purge', '--registry', registry.loginServer, '--username', username, '--password', password, ...flags];
  return run(program, args, {}, registry, work);
}

async function run(
  command: string,
  args: readonly string[],
  settings: Readonly<Record<string, string>>,
  { certificate }: RunningRegistry,
  { isDryRun, timeoutSeconds }: Work,
): Promise<Ended> {
  const folder = mkdtempSync(join(tmpdir(), 'acr-retention-bench-'));
  const certificateFile = join(folder, 'certificate.pem');
  writeFileSync(certificateFile, certificate);
  // Nobody reads along while it runs: what it writes goes to a file, and takes no time of anybody else's.
  const files = [join(folder, 'stdout'), join(folder, 'stderr')];
  const loopFile = join(folder, 'loop');
  const [stdout, stderr] = [openSync(files[0] ?? '', 'w+'), openSync(files[1] ?? '', 'w+')];
  try {
    const start = performance.now();
    const child = spawn(command, [...args, ...(isDryRun ? ['--dry-run'] : [])], {
      env: {
        ...cleanEnvironment(),
        NODE_EXTRA_CA_CERTS: certificateFile,
        SSL_CERT_FILE: certificateFile,
        BENCH_LOOP: loopFile,
        ...settings,
      },
      stdio: ['ignore', stdout, stderr],
    });
    const use = watch(child.pid);
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutSeconds * 1000);
    const [exitCode] = (await once(child, 'exit')) as [number | null];
    const wallSeconds = (performance.now() - start) / 1000;
    clearTimeout(timer);
    const output = `${endOf(stdout)}\n${endOf(stderr)}`;
    const stretch = existsSync(loopFile) ? { stretchMilliseconds: Number(readFileSync(loopFile, 'utf8')) } : {};
    return { exitCode: exitCode ?? undefined, wallSeconds, output, ...stretch, ...use() };
  } finally {
    closeSync(stdout);
    closeSync(stderr);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Neither identities nor settings of whoever runs this. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(ACR_|AZURE_|IDENTITY_|MSI_|RETENTION_|NODE_OPTIONS$)/.test(name),
    ),
  );
}

const pollMilliseconds = 20;

/**
 * Looks at a process while it runs. The peak is the system's own high-water mark; only what happens in the last
 * milliseconds of a process can be missed.
 */
function watch(pid = 0): () => Pick<Ended, 'cpuSeconds' | 'peakMegabytes'> {
  let cpu: number | undefined;
  let peak: number | undefined;
  const look = (): void => {
    try {
      // Before `exec` the process is still a copy of this one.
      peak = peakMegabytes(pid) ?? peak;
      cpu = cpuSeconds(pid);
    } catch {
      // It has ended, or this is not Linux.
    }
  };
  const timer = setInterval(look, pollMilliseconds);
  return () => {
    clearInterval(timer);
    return { cpuSeconds: cpu, peakMegabytes: peak };
  };
}

const shownBytes = 200_000;

function endOf(file: number): string {
  const { size } = fstatSync(file);
  const bytes = Buffer.alloc(Math.min(size, shownBytes));
  readSync(file, bytes, 0, bytes.length, size - bytes.length);
  return bytes.toString();
}
