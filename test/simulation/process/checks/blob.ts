import { text } from 'node:stream/consumers';
import { blobStore } from '../../../../src/ledger/store/blob.ts';
import { LedgerError } from '../../../../src/ledger/store/store.ts';
import { BlobService } from '../../store/blob.ts';
import { Draws } from '../../world/draws.ts';
import { forbidRealTime, loadProduct, realTimeErrors } from '../hooks.ts';
import { reseed } from '../random.ts';
import { watchRealWork } from '../real-work.ts';
import { World } from '../../world/world.ts';

/*
 * Run by `blob.test.ts` in a process with the hooks: a process does all that a ledger does in the simulated Blob Storage,
 * while everything goes wrong. Prints whether the same seed is the same story, and what asked for the time, the threads or
 * the disk of this machine.
 */

const SEEDS = 20;

await loadProduct();
await story(0);
forbidRealTime();
const work = watchRealWork();
let isSame = true;
const ends: Record<string, number> = {};
for (let seed = 0; seed < SEEDS; seed += 1) {
  const [first, second] = [await story(seed), await story(seed)];
  isSame &&= first.told === second.told;
  ends[first.end] = (ends[first.end] ?? 0) + 1;
}
const asked = [...new Set(work())];
process.stdout.write(JSON.stringify({ isSame, ends, work: asked, timers: realTimeErrors.map(({ stack }) => stack) }));

async function story(seed: number): Promise<{ readonly end: string; readonly told: string }> {
  reseed(seed);
  const world = new World(new Draws(seed));
  const service = new BlobService(world);
  const client = world.process('a');
  const store = blobStore(service.location(client), { appendBytes: 16, blockBytes: 64, pageSize: 2 }, client.system);
  const holder = { ...client.system.self(), runId: 'run', startedBy: 'schedule', since: '2026-03-01T01:00:00Z' };
  const refusals: string[] = [];
  const attempt = async <T>(doing: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await doing();
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      refusals.push(error.message);
      return undefined;
    }
  };
  const whole = (async () => {
    for (let round = 0; round < 6; round += 1) {
      const lock = await attempt(() => store.lock('registry', holder, 'ephemeral'));
      const etag = await attempt(() => store.write('runs/run.json', `{"round":${round}}`, 'absent'));
      if (etag !== undefined) await attempt(() => store.write('runs/run.json', 'once more', { etag }));
      await attempt(() => store.write('runs/decisions', pieces()));
      await attempt(() => store.append(`runs/journal/${round}`, Buffer.from('{"of":"several pieces"}\n'), 0));
      await attempt(async () => {
        const stream = await store.stream('runs/decisions');
        return stream && text(stream);
      });
      await attempt(() => store.read('runs/run.json'));
      await attempt(() => Array.fromAsync(store.list('runs/')));
      await attempt(() => Array.fromAsync(store.folders('runs/')));
      await client.system.clock.sleep(20_000);
      await attempt(() => store.remove('runs/run.json'));
      await lock?.release();
    }
  })();
  let isOver = false;
  const over = (): boolean => (isOver = true);
  whole.then(over, over);
  const end = await world.run(() => isOver, 24 * 3_600_000);
  if (end === 'done') await whole;
  const files = [...service.files].map(([path, { bytes }]) => [path, bytes.toString()]);
  return { end, told: JSON.stringify([world.elapsed, world.lines, refusals, files]) };
}

async function* pieces(): AsyncGenerator<Uint8Array> {
  for (let n = 0; n < 5; n += 1) {
    await Promise.resolve();
    yield Buffer.alloc(50, String(n));
  }
}
