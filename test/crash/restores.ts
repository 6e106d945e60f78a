import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { randomFrom } from '../../src/dev/emulator/faults.ts';
import type { Emulator } from '../../src/dev/emulator/index.ts';
import { openLedger } from '../../src/ledger/ledger.ts';
import { folderStore } from '../../src/ledger/store/folder.ts';
import { contentsOf } from '../engine/restore/restored.ts';
import { USER, withServedEmulator } from '../support/registry.ts';
import { crowded, FLAGS } from './contents.ts';

/*
 * Purges a registry with soft delete, and kills the restore of that (`kill -9`) at random moments, again and again. The last
 * one may end: then the registry must be what it was, byte for byte and lock for lock, and no run may be left open.
 */

export interface RestoreCrashOptions {
  readonly points: number;
  readonly seed: number;
  readonly jobs: number;
  readonly onFailure: (failure: string) => void;
}

export interface RestoreCrashReport {
  readonly points: number;
  readonly registries: number;
  /** Kills by what of the registry was back then. */
  readonly phases: Readonly<Record<'nothing' | 'a part' | 'everything', number>>;
  readonly failures: number;
}

const MAIN = fileURLToPath(new URL('../../dist/src/doors/cli/main.js', import.meta.url));
const MOST_KILLS = 5;
const CHANGES: ReadonlySet<string> = new Set(['restore-deleted', 'put-manifest', 'update-tag', 'update-manifest']);

export async function crashRestores({
  points,
  seed,
  jobs,
  onFailure,
}: RestoreCrashOptions): Promise<RestoreCrashReport> {
  const phases = { nothing: 0, 'a part': 0, everything: 0 };
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
  return { points, registries, phases, failures };
}

async function oneRegistry(
  random: () => number,
  kills: number,
  phases: Record<'nothing' | 'a part' | 'everything', number>,
): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'acr-retention-crash-'));
  const options = { repositories: crowded(), faults: { latencyMs: 3 }, softDelete: { retentionDays: 7 } };
  try {
    return await withServedEmulator(options, async (emulator) => {
      const certificate = join(folder, 'ca.pem');
      writeFileSync(certificate, emulator.certificate);
      const runs = join(folder, 'runs');
      const environment = {
        PATH: process.env['PATH'],
        ACR_REGISTRY: emulator.loginServer,
        ACR_USERNAME: USER.username,
        ACR_PASSWORD: USER.password,
        NODE_EXTRA_CA_CERTS: certificate,
        RETENTION_STORAGE: runs,
      };
      const ledger = openLedger(folderStore(runs));
      const before = contentsOf(emulator.repositories());
      const purged = await run(['purge', ...FLAGS, '--include-locked', '--yes'], environment, emulator);
      if (purged.code !== 0) return [`the purge failed: ${purged.output}`];
      const empty = contentsOf(emulator.repositories());
      const id = (await Array.fromAsync(ledger.runs({ kinds: ['purge'] })))[0]?.id ?? '';
      const usual = changesIn(emulator, before);
      const problems: string[] = [];
      for (let kill = 0; kill < kills; kill += 1) {
        // Half of them anywhere, half right after a change was asked for.
        const change = random() < 0.5 ? undefined : 1 + Math.floor(random() * usual);
        const milliseconds = random() * (change === undefined ? 2_500 : 12);
        await run(['restore', id, '--yes'], environment, emulator, { change, milliseconds });
        const now = contentsOf(emulator.repositories());
        phases[isDeepStrictEqual(now, empty) ? 'nothing' : isDeepStrictEqual(now, before) ? 'everything' : 'a part'] +=
          1;
      }
      const last = await run(['restore', id, '--yes'], environment, emulator);
      if (last.code !== 0) problems.push(`the last restore ended with ${last.code}: ${last.output.slice(-500)}`);
      if (!isDeepStrictEqual(contentsOf(emulator.repositories()), before))
        problems.push('the registry is not what it was');
      const open = await ledger.unfinished(emulator.loginServer);
      if (open.length > 0) problems.push(`left open: ${open.join(', ')}`);
      const all = await Array.fromAsync(ledger.runs());
      for (const record of all) if (record.state === 'running') problems.push(`the run ${record.id} is running`);
      return problems;
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** How many changes bring back what is gone, at least. */
function changesIn(emulator: Emulator, before: object): number {
  const count = (state: object): number => JSON.stringify(state).split('"body"').length;
  return Math.max(1, count(before) - count(contentsOf(emulator.repositories())));
}

interface Moment {
  /** After so many changes were asked for; absent: after its start. */
  readonly change: number | undefined;
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
    let changes = 0;
    if (moment && moment.change === undefined) kill();
    else if (moment)
      emulator.onRequest(({ kind }) => {
        if (CHANGES.has(kind) && ++changes === moment.change) kill();
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
