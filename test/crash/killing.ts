/* eslint-disable no-console -- a report */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { randomFrom } from '../../src/dev/emulator/faults.ts';
import type { Emulator, EmulatorOptions } from '../../src/dev/emulator/index.ts';
import { type Ledger, openLedger } from '../../src/ledger/ledger.ts';
import { folderStore } from '../../src/ledger/store/folder.ts';
import { USER, withServedEmulator } from '../support/registry.ts';

/* Commands that are killed (`kill -9`) at random moments, several times on the same registry; the last one may end. */

const MAIN = fileURLToPath(new URL('../../dist/src/doors/cli/main.js', import.meta.url));
const MOST_KILLS = 5;

/** When a command is killed. */
interface Moment {
  /** So many milliseconds after the nth call of these kinds; absent: after its start. */
  readonly after?: { readonly isCounted: (kind: string) => boolean; readonly nth: number } | undefined;
  readonly milliseconds: number;
}

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

/** A registry, and what commands record of it. */
export interface Life {
  readonly emulator: Emulator;
  readonly folder: string;
  readonly ledger: Ledger;
  /** Runs a command, which is killed at a moment, if there is one. */
  readonly call: (args: readonly string[], moment?: Moment, more?: NodeJS.ProcessEnv) => Promise<Ended>;
}

/** What a command needs to reach an embedded registry. */
export function environmentAt(emulator: Emulator, folder: string): NodeJS.ProcessEnv {
  const certificate = join(folder, 'ca.pem');
  writeFileSync(certificate, emulator.certificate);
  return {
    PATH: process.env['PATH'],
    ACR_REGISTRY: emulator.loginServer,
    ACR_USERNAME: USER.username,
    ACR_PASSWORD: USER.password,
    NODE_EXTRA_CA_CERTS: certificate,
  };
}

/** Kills commands on one registry. @returns what is wrong afterwards, also that a run is not closed */
export async function live(
  options: EmulatorOptions,
  work: (life: Life) => Promise<readonly string[]>,
): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'acr-retention-crash-'));
  try {
    return await withServedEmulator({ ...options, faults: { latencyMs: 3 } }, async (emulator) => {
      const runs = join(folder, 'runs');
      const environment = { ...environmentAt(emulator, folder), RETENTION_STORAGE: runs };
      const ledger = openLedger(folderStore(runs));
      const problems = await work({
        emulator,
        folder,
        ledger,
        call: (args, moment, more) => call(args, { ...environment, ...more }, emulator, moment),
      });
      const running = (await Array.fromAsync(ledger.runs())).filter(({ state }) => state === 'running');
      return [...problems, ...running.map(({ id }) => `the run ${id} is running`)];
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function call(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  emulator: Emulator,
  moment: Moment | undefined,
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [MAIN, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let timer: NodeJS.Timeout | undefined;
    const kill = (): void => void (timer = setTimeout(() => child.kill('SIGKILL'), moment?.milliseconds));
    let calls = 0;
    const { after } = moment ?? {};
    if (after)
      emulator.onRequest(({ kind }) => {
        if (after.isCounted(kind) && ++calls === after.nth) kill();
      });
    else if (moment) kill();
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

/**
 * The command line of a crash test: kills at so many points, on as many registries as that takes, and counts the kills by
 * how far the command was.
 * @param phases what is counted, each with its words
 * @param one kills so many times on one registry, and tells how far each was
 */
export async function crashCommand<Phase extends string>(
  name: string,
  phases: Readonly<Record<Phase, string>>,
  one: (random: () => number, kills: number, count: (phase: Phase) => void) => Promise<readonly string[]>,
): Promise<void> {
  const { points, seed, jobs } = new Command(name)
    .option('--points <n>', 'kills', '200')
    .option('--seed <n>', 'of the random moments', String(Date.now() % 1_000_000))
    .option('--jobs <n>', 'registries side by side', '3')
    .parse()
    .opts<{ readonly points: string; readonly seed: string; readonly jobs: string }>();
  console.log(`${points} points, seed ${seed}`);
  const counts = new Map<Phase, number>();
  let [ahead, registries, failures] = [Number(points), 0, 0];
  const work = async (): Promise<void> => {
    while (ahead > 0) {
      const number = (registries += 1);
      const random = randomFrom(Number(seed) * 10_007 + number);
      const kills = Math.min(ahead, 1 + Math.floor(random() * MOST_KILLS));
      ahead -= kills;
      const problems = await one(random, kills, (phase) => counts.set(phase, (counts.get(phase) ?? 0) + 1));
      if (problems.length === 0) continue;
      failures += 1;
      console.log(`FAILED registry ${number}: ${problems.join('; ')}`);
    }
  };
  await Promise.all(Array.from({ length: Number(jobs) }, work));
  console.log(`${points} kills on ${registries} registries`);
  for (const [phase, words] of Object.entries(phases) as [Phase, string][])
    console.log(`  ${String(counts.get(phase) ?? 0).padStart(4)} ${words}`);
  console.log(`  ${failures} failures`);
  process.exitCode = failures > 0 ? 1 : 0;
}
