import { forbidRealTime, loadProduct, realTimeErrors } from '../hooks.ts';
import { watchRealWork } from '../real-work.ts';
import { simulate } from '../../simulate.ts';

/*
 * Run by `hooks.test.ts` in a process with the hooks: tells some stories, and prints what of them asked for the time, the
 * threads or the disk of this machine.
 */

const count = Number(process.argv[2] ?? 20);

await loadProduct();
forbidRealTime();
const realWork = watchRealWork();
for (let seed = 0; seed < count; seed += 1) await simulate(seed);
const stacks = [...realTimeErrors.map(({ stack }) => stack ?? ''), ...realWork()];
const seen = new Map<string, number>();
for (const stack of stacks) seen.set(stack, (seen.get(stack) ?? 0) + 1);
process.stdout.write(
  JSON.stringify(
    [...seen].map(([stack, times]) => ({ times, stack })),
    undefined,
    1,
  ),
);
