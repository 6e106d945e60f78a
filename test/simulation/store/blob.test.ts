import { beforeEach, describe, expect, test } from 'vitest';
import { accountOf } from '../../../src/ledger/store/blob-account.ts';
import { blobStore } from '../../../src/ledger/store/blob.ts';
import type { LockTimes } from '../../../src/ledger/store/lease.ts';
import { ConflictError, HeldError, LedgerError, type Store } from '../../../src/ledger/store/store.ts';
import { all } from '../../dev/emulator/support.ts';
import { describeStore, SMALL } from '../../ledger/contract.ts';
import { describeLock, describeSharedLock } from '../../ledger/contract-locks.ts';
import { BlobService } from './blob.ts';
import { Draws, type Kind } from '../world/draws.ts';
import { runWithHooks } from '../process/node.ts';
import { type Process, World } from '../world/world.ts';

let world: World;
let service: BlobService;
let process: Process;

function begin(draws: Draws, onKilled: (killed: Process) => void = () => undefined): void {
  world = new World(draws);
  service = new BlobService(world, { onKilled });
  process = world.process('a');
  world.process('ended').kill();
}

const open = (lock?: LockTimes): Store => storeOf(process, lock);

function storeOf(of: Process, lock?: LockTimes): Store {
  return blobStore(service.location(of), { ...SMALL, ...(lock && { lock }) }, of.system);
}

/** Lets time pass in the world until something is done. */
async function during<T>(doing: () => Promise<T>): Promise<T> {
  let isOver = false;
  const whole = doing().finally(() => (isOver = true));
  whole.catch(() => undefined);
  expect(await world.run(() => isOver, 24 * 3_600_000)).toBe('done');
  return whole;
}

beforeEach(async () => {
  begin(new Draws(1, { only: new Set() }));
  // Loading the SDK takes real time, once.
  await accountOf(service.location(process)).connect();
});

const simulated = {
  kind: 'simulated blob',
  open,
  ended: 'ended',
  during,
  async steal(name: string) {
    const container = await accountOf(service.location(process)).connect();
    await container.getBlobClient(`locks/${name}`).getBlobLeaseClient().breakLease(0);
  },
};
describeStore(simulated);
describeLock(simulated);
describeSharedLock(simulated);

/** Of all that might happen this alone does, with these numbers. */
class Scripted extends Draws {
  readonly #happens: ReadonlySet<string>;
  readonly #numbers: ReadonlyMap<string, number>;

  constructor(happens: readonly string[], numbers: Readonly<Record<string, number>>) {
    super(1);
    this.#happens = new Set(happens);
    this.#numbers = new Map(Object.entries(numbers));
  }

  override number(key: string): number {
    return this.#numbers.get(key) ?? 0.5;
  }

  override happens(_: Kind, key: string): boolean {
    return this.#happens.has(key);
  }
}

const told = (): readonly string[] => world.lines.map(({ text }) => text);

test.each(Array.from({ length: 30 }, (_, nth) => 5 * nth))(
  'a lock that is released %s ms after another process asked for it is taken, or is in use',
  async (delay) => {
    const name = { ...process.system.self(), runId: 'run', startedBy: 'schedule', since: '2026-03-01T01:00:00.000Z' };
    const other = world.process('b', { machine: 'another' });
    const lock = await during(() => open().lock('app', name, 'ephemeral'));
    const asked = during(async () => {
      const asking = storeOf(other)
        .lock('app', { ...name, runId: 'other' }, 'ephemeral')
        .then(
          () => 'taken',
          (error: unknown) => error,
        );
      await process.system.clock.sleep(delay);
      await lock.release();
      return asking;
    });
    const result = await asked;
    expect(result === 'taken' || result instanceof HeldError, String(result)).toBe(true);
  },
);

/** This request arrives long after its client has given it up. */
const late = (key: string) => new Scripted([`${key} slow`], { [`${key} slow for`]: 1, [`${key} slow where`]: 0.9 });

describe('the simulated Blob Storage', () => {
  test('lets a lease run out by its own clock, whatever the clocks of its clients say', async () => {
    const store = open();
    const other = world.process('b', { skew: 3_600_000, machine: 'another' });
    const [holder, stranger] = [process, other].map(({ system }) => ({
      ...system.self(),
      runId: 'run',
      startedBy: 'schedule',
      since: '2026-03-01T01:00:00.000Z',
    }));
    if (!holder || !stranger) throw new Error('no holders');
    const lock = await during(() => store.lock('all', holder));
    const taken = world.elapsed;
    process.freeze(90_000);
    const elsewhere = storeOf(other);
    const next = await during(async () => {
      for (;;) {
        const own = await elsewhere.lock('all', stranger).catch(() => undefined);
        if (own) return own;
        await other.system.clock.sleep(1000);
      }
    });
    expect(world.elapsed - taken).toBeGreaterThan(59_900);
    expect(world.elapsed - taken).toBeLessThan(62_000);
    expect(service.leased).toEqual(['locks/all']);
    await during(() => process.system.clock.sleep(1000));
    expect(lock.lost.aborted).toBe(true);
    await during(() => lock.release());
    expect(service.leased).toEqual(['locks/all']);
    await during(() => next.release());
    expect(service.leased).toEqual([]);
  });

  test('carries out late what its client has given up', async () => {
    begin(late('store a write 3'));
    const store = open();
    await during(() => store.write('runs/run.json', 'first'));
    const began = world.elapsed;
    // It takes longer than a try may: another one succeeds, and then this one arrives.
    await during(() => store.write('runs/run.json', 'second'));
    expect(world.elapsed - began).toBeGreaterThan(10_000);
    expect(world.elapsed - began).toBeLessThan(11_000);
    await during(() => store.write('runs/run.json', 'third'));
    expect(service.files.get('runs/run.json')?.bytes.toString()).toBe('third');
    await during(() => process.system.clock.sleep(30_000));
    expect(service.files.get('runs/run.json')?.bytes.toString()).toBe('second');
    expect(told()).toEqual(['a write of runs/run.json by a takes 30.0 s']);
  });

  test('refuses what comes late where it was sent on a condition', async () => {
    begin(late('store a write 3'));
    const store = open();
    const etag = await during(() => store.write('runs/run.json', 'first', 'absent'));
    const next = await during(() => store.write('runs/run.json', 'second', { etag }));
    await during(() => store.write('runs/run.json', 'third', { etag: next }));
    await during(() => process.system.clock.sleep(30_000));
    expect(service.files.get('runs/run.json')?.bytes.toString()).toBe('third');
  });

  test('a removal that comes late leaves what was written since', async () => {
    begin(late('store a delete 1'));
    const store = open();
    await during(() => store.write('open/registry/run', ''));
    // It takes longer than a try may: the next one finds the file, and removes it.
    await during(() => store.remove('open/registry/run'));
    await during(() => store.write('open/registry/run', '').then(() => process.system.clock.sleep(30_000)));
    expect(told()).toEqual(['the deletion of open/registry/run by a takes 30.0 s']);
    expect(service.files.get('open/registry/run')?.bytes.toString()).toBe('');
  });

  test('tears a long append, and takes the rest later', async () => {
    begin(new Scripted(['store a append 2 torn'], { 'store a append 2 torn for': 0.5 }));
    const store = open();
    const line = Buffer.from('{"a":"longer than a piece"}\n');
    await expect(during(() => store.append('runs/journal', line, 0))).rejects.toThrow(/runs\/journal: read ECONNRESET/);
    expect(service.files.get('runs/journal')?.bytes.toString()).toBe('{"a":"lo');
    await during(() => process.system.clock.sleep(60_000));
    expect(await during(() => store.append('runs/journal', line.subarray(8), 8))).toBe(line.length);
    expect(told().join()).toMatch(/an append to runs\/journal by a breaks off in the middle of a line/);
  });

  test('has a part of a long append whose process is killed meanwhile', async () => {
    const killed: Process[] = [];
    begin(new Scripted(['store a append 2 torn'], { 'store a append 2 torn how': 0.1 }), (one) => killed.push(one));
    let isOver = false;
    const line = Buffer.from('{"a":"longer than a piece"}\n');
    void open()
      .append('runs/journal', line, 0)
      .finally(() => (isOver = true));
    expect(await world.run(() => isOver, Infinity)).toBe('quiet');
    expect(service.files.get('runs/journal')?.bytes.toString()).toBe('{"a":"lo');
    expect(killed).toEqual([process]);
    expect(process.isAlive).toBe(false);
  });

  test('answers a killed process no more, and carries out what it has sent', async () => {
    const store = open();
    await during(() => store.write('runs/run.json', 'first'));
    let isOver = false;
    void store.write('runs/run.json', 'second').finally(() => (isOver = true));
    await world.run(() => true, Infinity);
    process.kill();
    expect(await world.run(() => isOver, Infinity)).toBe('quiet');
    expect(service.files.get('runs/run.json')?.bytes.toString()).toBe('second');
  });
});

describe('a ledger in it', () => {
  test('has what was written, and says so where it may not, whatever goes wrong', async () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 80; seed += 1) {
      begin(new Draws(seed));
      await toItsEnd(story);
      for (const line of told()) for (const [name, sign] of Object.entries(SIGNS)) if (sign.test(line)) seen.add(name);
    }
    expect([...seen].sort()).toEqual(Object.keys(SIGNS).sort());
  });

  test('asks for no time, thread or disk of this machine, and repeats to the last byte', async () => {
    const found: unknown = JSON.parse(await runWithHooks('checks/blob.ts'));
    expect(found).toMatchObject({ isSame: true, work: [], timers: [] });
  });
});

/** What the faults of the store look like. */
const SIGNS = {
  busy: /answers 503 to .* and to everything for/,
  'busy once': /answers 503 to [^,]*$/,
  error: /answers 500 to [^,]*$/,
  'error, but done': /answers 500 to .*carried out/,
  closed: /answers 403 \w+ to everything/,
  'closed to writes': /answers 403 \w+ to every write/,
  'lost request': /is lost on its way, with the connection/,
  'lost answer': /the answer to .* is lost, with the connection/,
  silence: /is lost.* stays open/,
  cut: /breaks off in its middle/,
  slow: / takes \d/,
  torn: /in the middle of a line, and/,
  'torn by a kill': /in the middle of a line: the process is killed/,
};

/** A story ends with its process. */
async function toItsEnd(telling: () => Promise<void>): Promise<void> {
  const whole = telling();
  let isOver = false;
  void whole.catch(() => undefined).finally(() => (isOver = true));
  if ((await world.run(() => isOver, 24 * 3_600_000)) === 'done') await whole;
  else expect(process.isAlive).toBe(false);
}

/** Longer than anything takes that was sent. */
const ALL_QUIET_MS = 700_000;

/** One process writes and reads its ledger. What it is told must be so. */
async function story(): Promise<void> {
  const store = open();
  const [file, journal] = ['runs/run.json', 'runs/journal'];
  /** What is in each, as far as the process knows. */
  const known = { [file]: '', [journal]: '' };
  let etag = '';
  /** Does something. Where the store fails, looks later at what there is: all that was to be, or a part. */
  const change = async (path: string, next: string, doing: () => Promise<unknown>): Promise<void> => {
    const before = known[path] ?? '';
    try {
      await doing();
      known[path] = next;
    } catch (error) {
      expect(error).toBeInstanceOf(LedgerError);
      expect(error).not.toBeInstanceOf(ConflictError);
      await process.system.clock.sleep(ALL_QUIET_MS);
      const there = service.files.get(path)?.bytes.toString() ?? '';
      if (path === file) expect([before, next]).toContain(there);
      else expect(there.startsWith(before) && next.startsWith(there)).toBe(true);
      known[path] = there;
    }
    expect(service.files.get(path)?.bytes.toString() ?? '').toBe(known[path]);
    if (path === file) etag = service.files.get(path)?.etag ?? '';
  };
  for (let step = 0; step < 15; step += 1) {
    const text = `{"step":${step},"and":"more"}\n`;
    const condition = etag === '' ? 'absent' : { etag };
    await change(file, text, () => store.write(file, text, condition));
    const before = known[journal] ?? '';
    await change(journal, before + text, () => store.append(journal, Buffer.from(text), before.length));
    for (const path of [file, journal]) {
      const read = await store.read(path).catch((error: unknown) => error);
      if (read instanceof LedgerError) continue;
      if (service.files.has(path)) expect(read).toMatchObject({ text: known[path] });
      else expect(read).toBeUndefined();
    }
    const listed = await all(store.list('runs/')).catch((error: unknown) => error);
    if (!(listed instanceof LedgerError)) expect(listed).toEqual([...service.files.keys()]);
  }
}
