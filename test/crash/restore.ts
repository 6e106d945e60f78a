/* eslint-disable no-console -- a report */
import { Command } from 'commander';
import { crashRestores } from './restores.ts';

/*
 * `npm run crash:restore -- --points 200`: kills restores at random points, and compares the registry with what it was
 * before the purge.
 */

const { points, seed, jobs } = new Command('crash:restore')
  .option('--points <n>', 'kills', '200')
  .option('--seed <n>', 'of the random moments', String(Date.now() % 1_000_000))
  .option('--jobs <n>', 'registries side by side', '3')
  .parse()
  .opts<{ readonly points: string; readonly seed: string; readonly jobs: string }>();

console.log(`${points} points, seed ${seed}`);
const report = await crashRestores({
  points: Number(points),
  seed: Number(seed),
  jobs: Number(jobs),
  onFailure: (failure) => console.log(`FAILED ${failure}`),
});
console.log(`${report.points} kills on ${report.registries} registries`);
for (const [phase, count] of Object.entries(report.phases))
  console.log(`  ${String(count).padStart(4)} with ${phase} back`);
console.log(`  ${report.failures} failures`);
process.exitCode = report.failures > 0 ? 1 : 0;
