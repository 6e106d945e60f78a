import { writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

/*
 * Loaded before a program (`node --import`): measures for how long its event loop got no turn, and writes the longest such
 * time to the file that BENCH_LOOP names, in milliseconds. What is loaded when it starts is no part of it.
 */

const RESOLUTION_MS = 5;
const file = process.env['BENCH_LOOP'];

if (file !== undefined && isMainThread) {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  // The modules are loaded by then.
  setImmediate(() => delay.enable());
  process.once('exit', () => writeFileSync(file, String(Math.max(0, delay.max / 1e6 - RESOLUTION_MS))));
}
