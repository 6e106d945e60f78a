/* eslint-disable no-console -- a report */
import { Command, Option } from 'commander';
import { startAzurite } from '../support/azurite.ts';
import { crash } from './crash.ts';
import { WAYS } from './ways.ts';

/*
 * `npm run crash -- --points 200 --store both`: kills the command line at random points, and compares the ledger with the
 * registry each time. `--seed` and `--first` do a registry again that failed, as far as timing lets them.
 */

interface Flags {
  readonly points: string;
  readonly store: 'folder' | 'blob' | 'both';
  readonly ways: keyof typeof WAYS;
  readonly seed: string;
  readonly first: string;
  readonly jobs: string;
}

const flags = new Command('crash')
  .option('--points <n>', 'kills, on each store', '200')
  .addOption(new Option('--store <store>', 'where the ledger is').choices(['folder', 'blob', 'both']).default('both'))
  .addOption(new Option('--ways <ways>', 'what is killed').choices(Object.keys(WAYS)).default('all'))
  .option('--seed <n>', 'of the random moments', String(Date.now() % 1_000_000))
  .option('--first <n>', 'the registry to begin with', '0')
  .option('--jobs <n>', 'registries side by side', '3')
  .parse()
  .opts<Flags>();

let failed = false;
for (const store of flags.store === 'both' ? (['folder', 'blob'] as const) : [flags.store]) {
  const azurite = store === 'blob' ? await startAzurite() : undefined;
  try {
    console.log(`${store}: ${flags.points} points, seed ${flags.seed}`);
    const { points, registries, phases, opened, happened, failures, seconds } = await crash({
      points: Number(flags.points),
      ways: flags.ways,
      seed: Number(flags.seed),
      first: Number(flags.first),
      jobs: Number(flags.jobs),
      ...(azurite && { connectionString: azurite.connectionString }),
      onFailure: (failure) => console.log(`FAILED ${failure}`),
    });
    console.log(`${store}: ${points} kills on ${registries} registries in ${Math.round(seconds)} s`);
    for (const [phase, count] of Object.entries(phases)) console.log(`  ${String(count).padStart(4)} ${phase}`);
    console.log(`  ${opened} changes were open when a process was killed; ${happened} of them had taken place`);
    console.log(`  ${failures.length} failures`);
    failed ||= failures.length > 0;
  } finally {
    await azurite?.close();
  }
}
process.exitCode = failed ? 1 : 0;
