import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { folderStore } from '../../../../src/ledger/store/folder.ts';
import { LOCK_TIMES } from '../../../../src/ledger/store/lease.ts';
import { realSystem } from '../../../../src/ledger/store/system.ts';
import type { Holder, Store } from '../../../../src/ledger/store/store.ts';
import { Draws } from '../../world/draws.ts';
import { mount } from '../../store/files.ts';
import { World } from '../../world/world.ts';

/*
 * Run by `files.test.ts`: does the same with a store in a folder of this machine, or with the hooks in a simulated one, and
 * prints what came of each step.
 */

interface Opened {
  readonly store: Store;
  readonly holder: Holder;
}

const LARGE = 'a line of a large file\n'.repeat(60_000);

function* pieces(): Generator<Buffer> {
  const bytes = Buffer.from(LARGE);
  for (let at = 0; at < bytes.length; at += 700_000) yield bytes.subarray(at, at + 700_000);
}

async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const value of values) found.push(value);
  return found;
}

async function tryAll({ store: a, holder }: Opened, { store: b }: Opened): Promise<readonly unknown[]> {
  const came: unknown[] = [];
  const step = async (work: () => Promise<unknown>): Promise<unknown> => {
    const [result] = await Promise.allSettled([work()]);
    const told = result.status === 'fulfilled' ? result.value : String(result.reason);
    came.push(told);
    return told;
  };
  const append = (store: Store, path: string, line: string, length: number): Promise<number> =>
    store.append(path, Buffer.from(line), length);

  await step(() => a.read('runs/x/run.json'));
  await step(() => all(a.list('runs/')));
  const etag = String(await step(() => a.write('runs/x/run.json', 'one', 'absent')));
  await step(() => b.read('runs/x/run.json'));
  await step(() => b.write('runs/x/run.json', 'two', 'absent'));
  await step(() => b.write('runs/x/run.json', 'two', { etag }));
  await step(() => a.write('runs/x/run.json', 'three', { etag }));
  await step(() => a.write('runs/x/run.json', 'four'));
  await step(() => a.write('runs/x/large', Readable.from(pieces())));
  await step(async () => (await text((await b.stream('runs/x/large')) ?? Readable.from([]))) === LARGE);
  await step(() => b.stream('runs/x/none'));
  await step(() => append(a, 'runs/x/journal', 'one\n', 4));
  await step(() => append(a, 'runs/x/journal', 'one\n', 0));
  await step(() => append(b, 'runs/x/journal', 'one\n', 0));
  await step(() => append(b, 'runs/x/journal', 'two\n', 4));
  await step(() => append(a, 'runs/x/journal', 'three\n', 4));
  await step(() => Promise.allSettled(['a', 'b', 'c'].map((line) => append(a, 'runs/x/journal', line, 8))));
  await step(() => a.read('runs/x/journal'));
  await step(() => a.write('runs/x/journal/under/a/file', 'no'));
  await step(() => a.read('runs'));
  await step(() => a.write('runs-old/y', 'old'));
  await step(() => all(b.list('runs/')));
  await step(() => all(b.folders('runs/')));
  await step(() => a.remove('runs-old/y'));
  await step(() => a.remove('runs-old/y'));
  await step(() => all(b.list('runs-old/')));
  await step(() =>
    a.lock('registry', holder).then(async (lock) => {
      await step(() => b.lock('registry', holder));
      await step(() => b.remove('runs/x/large'));
      await lock.release();
      return lock.lost.aborted;
    }),
  );
  await step(() => b.lock('registry', holder).then((lock) => lock.release()));
  await step(() => all(a.list('locks/')));
  return came;
}

const ABOUT = { runId: 'run', startedBy: 'test', since: '2026-03-01T01:00:00Z' } as const;

/** Without what differs: where the files are, and the names of processes. */
function plain(came: readonly unknown[], root: string | RegExp): unknown {
  const told = JSON.stringify(came).replaceAll(root, '');
  return JSON.parse(told.replaceAll(/ on \S+, process \d+,/g, ''));
}

async function real(): Promise<unknown> {
  const root = await mkdtemp(join(tmpdir(), 'same-'));
  try {
    const holder: Holder = { ...ABOUT, ...realSystem.self() };
    const opened = { store: folderStore(join(root, 'ledger'), LOCK_TIMES), holder };
    return plain(await tryAll(opened, opened), root);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

async function simulated(): Promise<unknown> {
  const world = new World(new Draws(1, { only: new Set() }));
  mount(world);
  const open = (name: string): Opened => {
    const process = world.process(name);
    const store = folderStore(`/${name}/ledger`, LOCK_TIMES, process.system);
    return { store, holder: { ...ABOUT, ...process.system.self() } };
  };
  let came: unknown = 'it waits for something that never comes';
  let isOver = false;
  void tryAll(open('a'), open('b'))
    .then(
      (done) => (came = plain(done, /\/[ab](?=\/ledger)/g)),
      (error: unknown) => (came = String(error)),
    )
    .finally(() => (isOver = true));
  await world.run(() => isOver, 3_600_000);
  return came;
}

process.stdout.write(JSON.stringify(await (process.argv[2] === 'real' ? real() : simulated()), undefined, 1));
