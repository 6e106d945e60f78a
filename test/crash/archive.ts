/* eslint-disable no-console -- a report */
import { Command } from 'commander';
import { crashArchives } from './archives.ts';

/*
 * `npm run crash:archive -- --points 200`: kills purges that archive at random points, and compares what is gone from the
 * registry with what is in the archive.
 */

const { points, seed, jobs } = new Command('crash:archive')
  .option('--points <n>', 'kills', '200')
  .option('--seed <n>', 'of the random moments', String(Date.now() % 1_000_000))
  .option('--jobs <n>', 'registries side by side', '3')
  .parse()
  .opts<{ readonly points: string; readonly seed: string; readonly jobs: string }>();

console.log(`${points} points, seed ${seed}`);
const report = await crashArchives({
  points: Number(points),
  seed: Number(seed),
  jobs: Number(jobs),
  onFailure: (failure) => console.log(`FAILED ${failure}`),
});
console.log(`${points} kills on ${report.registries} registries`);
for (const [phase, count] of Object.entries(report.phases)) console.log(`  ${String(count).padStart(4)} ${phase}`);
console.log(`  ${report.failures} failures`);
process.exitCode = report.failures > 0 ? 1 : 0;
