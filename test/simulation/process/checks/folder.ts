import { folderStore } from '../../../../src/ledger/store/folder.ts';
import { LOCK_TIMES } from '../../../../src/ledger/store/lease.ts';
import { appendSurely, type Holder, type Lock, type Store } from '../../../../src/ledger/store/store.ts';
import { Draws, type Kind } from '../../world/draws.ts';
import { type FileSystemOptions, mount } from '../../store/files.ts';
import { forbidRealTime, loadProduct, realTimeErrors, reseed, setNow, setTicks } from '../hooks.ts';
import { watchRealWork } from '../real-work.ts';
import { type Process, type ProcessOptions, World } from '../../world/world.ts';

/*
 * Run by `files.test.ts` in a process with the hooks: stories of the ledger in a folder that need time, faults and several
 * processes. Prints what came of each.
 */

const SECOND = 1000;
const HOUR = 3_600_000;

interface Opened {
  readonly process: Process;
  readonly store: Store;
  readonly holder: Holder;
}

interface Scene {
  readonly world: World;
  readonly open: (name: string, options?: ProcessOptions) => Opened;
  /** What comes of some work: an answer, an error in words, or nothing within an hour. */
  readonly end: (work: () => Promise<unknown>) => Promise<unknown>;
  readonly pass: (milliseconds: number) => Promise<unknown>;
}

function scene(seed: number, only: readonly Kind[], options: FileSystemOptions = {}): Scene {
  const world = new World(new Draws(seed, { only: new Set(only) }));
  reseed(seed);
  setTicks(() => world.elapsed);
  setNow(() => world.now);
  mount(world, options);
  return {
    world,
    open(name, where) {
      const process = world.process(name, where);
      const about = { runId: `run of ${name}`, startedBy: 'test', since: '2026-03-01T01:00:00Z' } as const;
      return {
        process,
        store: folderStore(`/${name}/ledger`, LOCK_TIMES, process.system),
        holder: { ...about, ...process.system.self() },
      };
    },
    async end(work) {
      let end: unknown = 'nothing';
      let isOver = false;
      void work()
        .then(
          (value) => (end = value),
          (error: unknown) => (end = String(error)),
        )
        .finally(() => (isOver = true));
      await world.run(() => isOver, world.elapsed + HOUR);
      return end;
    },
    pass(milliseconds) {
      let isOver = false;
      world.after(milliseconds, () => (isOver = true));
      return world.run(() => isOver, world.elapsed + milliseconds);
    },
  };
}

const lockOf = ({ store, holder }: Opened): Promise<Lock> => store.lock('registry', holder);
const taken = (opened: Opened) => (): Promise<unknown> => lockOf(opened).then(() => 'taken');
const append = ({ store }: Opened, line: string, length: number): Promise<number> =>
  appendSurely(store, 'runs/x/journal', line, length);
const read =
  ({ store }: Opened) =>
  (): Promise<unknown> =>
    store.read('runs/x/journal').then((file) => file?.text);

/** A process is killed while it holds a lock: when may another one have it? */
async function killed(options: ProcessOptions, timeStep?: number): Promise<unknown> {
  const { open, end, pass } = scene(1, [], timeStep === undefined ? {} : { timeStep });
  const a = open('a', { machine: 'here' });
  const b = open('b', options);
  const came = [await end(taken(a)), await end(taken(b))];
  await pass(20 * SECOND);
  a.process.kill();
  came.push(await end(taken(b)));
  await pass(45 * SECOND);
  came.push(await end(taken(b)));
  await pass(20 * SECOND);
  came.push(await end(taken(b)));
  return came.map((one) => (one === 'taken' ? 'taken' : String(one).split(':')[0]));
}

/** A process on another machine stands still for longer than its lock lasts, and comes back. */
async function frozen(): Promise<unknown> {
  const { open, end, pass } = scene(1, []);
  const [a, b] = [open('a', { machine: 'one' }), open('b', { machine: 'two' })];
  let lock: Lock | undefined;
  await end(() => lockOf(a).then((own) => (lock = own)));
  const length = await end(() => append(a, 'one\n', 0));
  const isLost = (): boolean | undefined => lock?.lost.aborted;
  a.process.freeze(100 * SECOND);
  await pass(70 * SECOND);
  const takenOver = await end(taken(b));
  const before = isLost();
  const added = await end(() => append(b, 'two\n', 4));
  await pass(40 * SECOND);
  const late = await end(() => append(a, 'late\n', 4));
  return {
    length,
    takenOver,
    before,
    after: isLost(),
    added,
    late: String(late).split(':')[0],
    file: await end(read(b)),
  };
}

/** A process is killed in the middle of a write. */
async function torn(): Promise<unknown> {
  const line = 'a line that is longer than its part\n';
  for (let seed = 1; seed < 10_000; seed += 1) {
    const { open, end, world } = scene(seed, ['torn-write']);
    const [a, b] = [open('a'), open('b')];
    await end(() => append(b, line, 0));
    if (!b.process.isAlive) continue;
    const came = await end(() => append(a, line, line.length));
    if (a.process.isAlive) continue;
    const file = String(await end(read(b)));
    if (file.length === line.length) continue;
    const repeated = String(await end(() => append(b, line, line.length))).split(':')[0];
    const isPart = file.length < 2 * line.length && (line + line).startsWith(file);
    return { came, isPart, repeated, told: world.lines.map(({ text }) => text) };
  }
  return 'it was never torn';
}

const FAULTS: readonly Kind[] = ['store-error', 'store-lost-answer', 'store-slow', 'store-full', 'torn-write'];

/** Lines that processes add in turns, each with the lock, while everything goes wrong. */
async function crowd(seed: number): Promise<{ readonly problems: readonly string[]; readonly story: string }> {
  const { world, open, end } = scene(seed, FAULTS, { isNetwork: seed % 3 === 0, hasLinks: seed % 5 > 0 });
  const known: string[] = [];
  const tried: string[] = [];
  const work = async (opened: Opened): Promise<void> => {
    for (let nth = 0; nth < 8; nth += 1) {
      const line = `${opened.process.name} ${nth}\n`;
      let lock: Lock | undefined;
      try {
        lock = await lockOf(opened);
        const file = await opened.store.read('runs/x/journal');
        tried.push(line);
        await append(opened, line, Buffer.byteLength(file?.text ?? ''));
        known.push(line);
      } catch {
        await opened.process.system.clock.sleep(5 * SECOND);
      }
      await lock?.release();
    }
  };
  let over = 0;
  const crew = ['a', 'b', 'c'].map((name) => open(name));
  for (const opened of crew) void work(opened).finally(() => (over += 1));
  await world.run(() => over + crew.filter(({ process }) => !process.isAlive).length >= crew.length, 10 * HOUR);
  let text: unknown;
  // A read may fail, too: a disk that works at last is read by another process.
  for (let nth = 0; nth < 20 && typeof text !== 'string'; nth += 1) {
    const reader = open(`reader ${nth}`);
    const found = await end(() => reader.store.read('runs/x/journal').then((file) => ({ text: file?.text ?? '' })));
    if (typeof found === 'object' && found !== null && 'text' in found) text = found.text;
  }
  const file = String(text);
  const times = (line: string): number => file.split(line).length - 1;
  const problems = [
    ...known
      .filter((line) => times(line) !== 1)
      .map((line) => `${line.trim()} was added, and is there ${times(line)} times`),
    ...tried.filter((line) => times(line) > 1).map((line) => `${line.trim()} is there ${times(line)} times`),
  ];
  const story = JSON.stringify([world.lines, file, world.elapsed, known, tried]);
  return { problems: problems.map((problem) => `seed ${seed}: ${problem}`), story };
}

async function crowds(count: number): Promise<unknown> {
  const problems: string[] = [];
  const kinds = new Map<string, number>();
  let isSame = true;
  for (let seed = 1; seed <= count; seed += 1) {
    const one = await crowd(seed);
    problems.push(...one.problems);
    for (const [what] of one.story.matchAll(/is killed|I\/O error although|an I\/O error when|disk full|waits \d+ s/g))
      kinds.set(what.replace(/\d+/, 'n'), (kinds.get(what.replace(/\d+/, 'n')) ?? 0) + 1);
    if (seed % 10 === 0) isSame &&= (await crowd(seed)).story === one.story;
  }
  return { problems, isSame, kinds: Object.fromEntries(kinds) };
}

await loadProduct();
forbidRealTime();
const realWork = watchRealWork();
const came = {
  killedHere: await killed({ machine: 'here' }),
  killedElsewhere: await killed({ machine: 'there' }),
  killedElsewhereCoarse: await killed({ machine: 'there' }, 2000),
  frozen: await frozen(),
  torn: await torn(),
};
const work = realWork();
const story = {
  ...came,
  ...{ crowds: await crowds(Number(process.argv[2] ?? 100)) },
  work,
  timers: realTimeErrors.length,
};
process.stdout.write(JSON.stringify(story, undefined, 1));
