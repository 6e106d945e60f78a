import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError, Option } from 'commander';
import { KINDS, type Kind } from './world/draws.ts';
import type { Report, Wanted } from './worker.ts';

interface Flags {
  readonly seeds: number;
  readonly from: number;
  readonly only?: readonly Kind[];
  readonly without?: readonly string[];
  readonly workers: number;
  readonly stopAfter: number;
  readonly shrink: boolean;
  readonly story: boolean;
  readonly coverage: boolean;
}

const whole = (text: string): number => {
  if (!/^\d{1,12}$/.test(text)) throw new InvalidArgumentError('a whole number is expected, such as 1000');
  return Number(text);
};
const list = (text: string): readonly string[] => text.split(',').map((one) => one.trim());
const kinds = (text: string): readonly Kind[] =>
  list(text).map((one) => {
    const kind = KINDS.find((known) => known === one);
    if (!kind) throw new InvalidArgumentError(`there is no ${one}; there are ${KINDS.join(', ')}`);
    return kind;
  });

const command = new Command('simulate')
  .description('tells stories of the whole product, each from a seed, and says where something did not hold')
  .option('--seeds <n>', 'how many stories', whole, 1_000)
  .option('--from <n>', 'the first seed', whole, 0)
  .option('--only <kinds>', `nothing else goes wrong: ${KINDS.join(', ')}`, kinds)
  .option('--without <keys>', 'draws that do not happen, as a failure names them', list)
  .option('--workers <n>', 'processes', whole, availableParallelism())
  .option('--stop-after <n>', 'ends after so many failures', whole, 5)
  .addOption(new Option('--no-shrink', 'reports the stories as they are'))
  .option('--story', 'shows every story', false)
  .option('--coverage', 'shows how often each kind met each step', false);

/** Seeds that a worker is given at a time. */
const SHARE = 5;

async function simulateAll(wanted: Flags): Promise<number> {
  const { from, seeds, workers } = wanted;
  const began = performance.now();
  const coverage = new Map<string, number>();
  let [next, done, failed] = [from, 0, 0];
  let shown = began;
  const take = (): Wanted | undefined => {
    if (next >= from + seeds || failed >= wanted.stopAfter) return undefined;
    const share = {
      from: next,
      count: Math.min(SHARE, from + seeds - next),
      only: wanted.only,
      without: wanted.without,
    };
    next += share.count;
    return { ...share, shrink: wanted.shrink, story: wanted.story };
  };
  const tell = (report: Report): void => {
    done += 1;
    for (const [name, count] of report.coverage) coverage.set(name, (coverage.get(name) ?? 0) + count);
    if (report.text !== undefined) process.stdout.write(`${report.text}\n`);
    if (report.problems > 0) failed += 1;
    if (performance.now() - shown < 10_000) return;
    shown = performance.now();
    process.stderr.write(`${done} of ${seeds} seeds, ${rate(done, began)} a second, ${failed} failed\n`);
  };
  await Promise.all(Array.from({ length: Math.max(1, workers) }, () => work(take, tell)));
  if (wanted.coverage) showCoverage(coverage);
  process.stdout.write(`${done} seeds from ${from}, ${rate(done, began)} a second with ${workers} processes: `);
  process.stdout.write(failed === 0 ? 'all held\n' : `${failed} failed\n`);
  return failed === 0 ? 0 : 1;
}

const rate = (done: number, began: number): string => (done / ((performance.now() - began) / 1_000)).toFixed(1);

/** A process that tells stories, until there are none left to take. */
async function work(take: () => Wanted | undefined, tell: (report: Report) => void): Promise<void> {
  while (await workForAWhile(take, tell)) {
    // A fresh process each time: what libraries keep of stories that are over grows.
  }
}

/** Shares that one process takes. */
const SHARES = 1000;

/** @returns whether there may be more to take */
function workForAWhile(take: () => Wanted | undefined, tell: (report: Report) => void): Promise<boolean> {
  return new Promise((resolve, reject) => {
    let taken = 0;
    let isMore = true;
    const worker = fork(fileURLToPath(new URL('worker.ts', import.meta.url)), {
      // A story leaves nothing behind: with more room for what is new, there is less to collect.
      execArgv: [
        '--max-semi-space-size=64',
        '--single-threaded',
        '--import',
        new URL('process/hooks.ts', import.meta.url).href,
      ],
    });
    const give = (): void => {
      const share = taken < SHARES ? take() : undefined;
      isMore = share !== undefined || taken === SHARES;
      taken += 1;
      if (share) worker.send(share);
      else worker.disconnect();
    };
    worker.on('message', (message: Report | 'done') => {
      if (message === 'done') give();
      else tell(message);
    });
    worker.once('error', reject);
    worker.once('exit', (code) =>
      code === 0 ? resolve(isMore) : reject(new Error(`a worker ended with ${code ?? 'a signal'}`)),
    );
    give();
  });
}

function showCoverage(coverage: ReadonlyMap<string, number>): void {
  for (const [name, count] of [...coverage].sort(([a], [b]) => (a < b ? -1 : 1)))
    process.stdout.write(`${String(count).padStart(9)}  ${name}\n`);
}

process.exitCode = await simulateAll(command.parse().opts<Flags>());
