import { allowRealTime, forbidRealTime, loadProduct, realTimeErrors, reseed, setNow, setTicks } from '../hooks.ts';
import crypto, { randomBytes, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { newMatch } from '../../../../src/engine/matching.ts';
import { gunzippedLines, toGzippedLines } from '../../../../src/ledger/ndjson.ts';
import { systemClock } from '../../../../src/registry/clock.ts';
import { compileRegex } from '../../../../src/policy/regex/regex.ts';
import { Draws } from '../../world/draws.ts';
import { watchRealWork } from '../real-work.ts';
import { World } from '../../world/world.ts';

/*
 * Run by `hooks.test.ts` in a process with the hooks: tries each of them, and prints what it found as JSON.
 */

await loadProduct();

function drawn(): unknown {
  return [
    randomUUID(),
    crypto.randomUUID(),
    globalThis.crypto.randomUUID(),
    randomBytes(5).toString('hex'),
    Math.random(),
    [...globalThis.crypto.getRandomValues(new Uint8Array(3))],
    [...crypto.getRandomValues(new Uint8Array(3))],
    [...crypto.randomFillSync(new Uint8Array(3))],
    crypto.randomInt(1_000_000),
  ];
}
reseed(7);
const first = drawn();
const second = drawn();
reseed(7);
const again = drawn();

setTicks(() => 12);
setNow(() => 1_000.5);
const told = [
  performance.now(),
  Date.now(),
  new Date().toISOString(),
  new Date(5).getTime(),
  new Date() instanceof Date,
];

/** How something ends before the world's next event. */
async function before(work: () => Promise<unknown>): Promise<unknown> {
  const world = new World(new Draws(1));
  let end: unknown = 'waits';
  void work().then(
    (value) => (end = value),
    (error: unknown) => (end = String(error)),
  );
  await world.run(() => false, 0);
  return end;
}

const values = Array.from({ length: 3000 }, (_, nth) => ({ nth, text: 'x'.repeat(50) }));
async function packed(): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of toGzippedLines(values)) pieces.push(piece);
  return Buffer.concat(pieces);
}
async function unpacked(bytes: Buffer): Promise<number> {
  let count = 0;
  for await (const some of gunzippedLines(Readable.from([bytes]))) count += some.length;
  return count;
}

forbidRealTime();
const realWork = watchRealWork();
const bytes = await packed();
const settled = {
  zlib: await before(async () => unpacked(await packed())),
  cut: await before(() => unpacked(bytes.subarray(0, bytes.length - 20))),
  match: await before(() => newMatch(60)([compileRegex('^v\\d+$', { flag: '--filter' })], ['v1', 'latest'])),
  turn: await before(() => systemClock.turn()),
  sleep: await before(() => sleep(1)),
  timer: await before(() => Promise.resolve().then(() => setTimeout(() => undefined, 1))),
};
const quiet = realWork();
const caught = realTimeErrors.map(({ message }) => message);
allowRealTime();
const seesReal = watchRealWork();
await readFile(import.meta.filename);
await sleep(1);
const loud = seesReal().map((stack) => stack.split('\n')[0]);

// eslint-disable-next-line no-console -- for the test
console.log(JSON.stringify({ first, second, again, told, settled, caught, quiet, loud }));
