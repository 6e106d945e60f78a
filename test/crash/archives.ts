import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { randomFrom } from '../../src/dev/emulator/faults.ts';
import type { Emulator } from '../../src/dev/emulator/index.ts';
import { archiveAt } from '../../src/ledger/open.ts';
import { openLedger } from '../../src/ledger/ledger.ts';
import { folderStore } from '../../src/ledger/store/folder.ts';
import { lostOf, wholes } from '../support/archived.ts';
import { USER, withServedEmulator } from '../support/registry.ts';

/*
 * Kills a purge that archives (`kill -9`) at random moments, again and again on the same registry. After each kill all that
 * is gone from the registry must be in the archive, byte for byte; and the last purge, which may end, must delete all.
 */

export interface ArchiveCrashOptions {
  readonly points: number;
  readonly seed: number;
  readonly jobs: number;
  readonly onFailure: (failure: string) => void;
}

export interface ArchiveCrashReport {
  readonly registries: number;
  /** Kills by how far the purge was then. */
  readonly phases: Readonly<Record<Phase, number>>;
  readonly failures: number;
}

type Phase = 'before it began' | 'archiving' | 'deleting' | 'done';

const MAIN = fileURLToPath(new URL('../../dist/src/doors/cli/main.js', import.meta.url));
const FLAGS = ['--filter', '.*:^old', '--ago', '30d', '--untagged', '--concurrency', '3'];
const MOST_KILLS = 5;

export async function crashArchives({
  points,
  seed,
  jobs,
  onFailure,
}: ArchiveCrashOptions): Promise<ArchiveCrashReport> {
  const phases = { 'before it began': 0, archiving: 0, deleting: 0, done: 0 };
  let [ahead, registries, failures] = [points, 0, 0];
  const work = async (): Promise<void> => {
    while (ahead > 0) {
      const number = (registries += 1);
      const random = randomFrom(seed * 10_007 + number);
      const kills = Math.min(ahead, 1 + Math.floor(random() * MOST_KILLS));
      ahead -= kills;
      const problems = await oneRegistry(random, kills, phases);
      if (problems.length === 0) continue;
      failures += 1;
      onFailure(`registry ${number}: ${problems.join('; ')}`);
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  return { registries, phases, failures };
}

async function oneRegistry(
  random: () => number,
  kills: number,
  phases: Record<Phase, number>,
): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'acr-retention-crash-'));
  const { contents, options } = wholes(3, 5);
  try {
    return await withServedEmulator({ ...options, faults: { latencyMs: 3 } }, async (emulator) => {
      const certificate = join(folder, 'ca.pem');
      writeFileSync(certificate, emulator.certificate);
      const [runs, archived] = [join(folder, 'runs'), join(folder, 'archive')];
      const environment = {
        PATH: process.env['PATH'],
        ACR_REGISTRY: emulator.loginServer,
        ACR_USERNAME: USER.username,
        ACR_PASSWORD: USER.password,
        NODE_EXTRA_CA_CERTS: certificate,
        RETENTION_STORAGE: runs,
        ARCHIVE: archived,
      };
      const ledger = openLedger(folderStore(runs));
      const archive = archiveAt({ kind: 'folder', folder: archived });
      const purge = ['purge', ...FLAGS, '--yes'];
      const problems: string[] = [];
      const all = emulator.manifestsLeft().length;
      for (let kill = 0; kill < kills; kill += 1) {
        // A third of them anywhere, a third while it archives, and a third right after a deletion was asked for.
        const kind = Math.floor(random() * 3);
        const event = kind === 1 ? 'read-blob' : kind === 2 ? 'delete-manifest' : undefined;
        const nth = 1 + Math.floor(random() * (event === 'read-blob' ? 60 : Math.max(1, all / 3)));
        await run(purge, environment, emulator, { event, nth, milliseconds: random() * (event ? 15 : 2_500) });
        phases[phaseOf(emulator, all)] += 1;
        problems.push(...(await lostOf(emulator, archive, contents)));
      }
      const last = await run(purge, environment, emulator);
      if (last.code !== 0) problems.push(`the last purge ended with ${last.code}: ${last.output.slice(-500)}`);
      const left = emulator.manifestsLeft();
      if (left.length > 0) problems.push(`left: ${left.join(', ')}`);
      problems.push(...(await lostOf(emulator, archive, contents)));
      for (const name of contents.keys()) {
        const { tags } = await archive.repository(emulator.loginServer, name);
        if (tags.size !== contents.get(name)?.length) problems.push(`the archive of ${name} has ${tags.size} tags`);
      }
      for (const record of await Array.fromAsync(ledger.runs()))
        if (record.state === 'running') problems.push(`the run ${record.id} is running`);
      return problems;
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function phaseOf(emulator: Emulator, all: number): Phase {
  const left = emulator.manifestsLeft().length;
  if (left === 0) return 'done';
  if (left < all) return 'deleting';
  return emulator.counts()['read-blob'] > 0 ? 'archiving' : 'before it began';
}

interface Moment {
  /** After the nth call of this kind; absent: after its start. */
  readonly event: 'read-blob' | 'delete-manifest' | undefined;
  readonly nth: number;
  readonly milliseconds: number;
}

function run(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  emulator: Emulator,
  moment?: Moment,
): Promise<{ readonly code: number | null; readonly output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [MAIN, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let timer: NodeJS.Timeout | undefined;
    const kill = (): void => void (timer = setTimeout(() => child.kill('SIGKILL'), moment?.milliseconds));
    let calls = 0;
    if (moment && moment.event === undefined) kill();
    else if (moment)
      emulator.onRequest(({ kind }) => {
        if (kind === moment.event && ++calls === moment.nth) kill();
      });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(timer);
      emulator.onRequest(undefined);
      resolve({ code, output });
    });
  });
}
