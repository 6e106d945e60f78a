/* eslint-disable no-console -- a report */
import { execFileSync } from 'node:child_process';
import { globSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { startEmulator } from '../../src/dev/emulator/index.ts';
import { withApp } from '../support/app.ts';
import { childOf, machine, peakMegabytes } from './process.ts';
import { read } from './read.ts';
import { images, repositoryOf } from '../support/contents.ts';

/*
 * `npm run bench:functions`: what the deployed app weighs, how long it takes to load, and how much memory an answer of
 * 100,000 decisions takes. Peak memory is read from /proc: on Linux only.
 */

const REPOSITORIES = 100;
const IMAGES = 500;
const LOADS = 11;

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The core module that exists in the worker of Azure Functions only, and the time that the app takes to load on it. */
const LOADER = `
  import Module from 'node:module';
  const core = { registerFunction: () => ({}), registerHook: () => ({}), setProgrammingModel() {}, log() {} };
  const original = Module.prototype.require;
  Module.prototype.require = function (id) { return id === '@azure/functions-core' ? core : original.call(this, id); };
  const start = performance.now();
  for (const file of process.argv.slice(1)) await import(file);
  console.log(performance.now() - start);
`;

function packageReport(): void {
  const files = ['host.json', 'package.json', ...globSync('dist/functions/**/*.js', { cwd: root })];
  const bytes = files.reduce((sum, file) => sum + statSync(root + file).size, 0);
  console.log(`deployed: ${files.length} files, ${kilobytes(bytes)}`);
  const entries = globSync('dist/functions/*.js', { cwd: root }).map((file) => `file://${root}${file}`);
  const times = Array.from({ length: LOADS }, () =>
    Number(execFileSync(process.execPath, ['--input-type=module', '-e', LOADER, ...entries], { encoding: 'utf8' })),
  ).sort((a, b) => a - b);
  console.log(`all functions loaded in ${Math.round(times[LOADS >> 1] ?? 0)} ms (median of ${LOADS} processes)`);
}

/** Peak resident memory of the worker. */
function peakOf(host: number | undefined): string {
  try {
    return `${Math.round(peakMegabytes(childOf(host ?? 0)) ?? 0)} MB`;
  } catch {
    return 'unknown';
  }
}

async function answerReport(): Promise<void> {
  const emulator = await startEmulator({
    repositories: Object.fromEntries(
      Array.from({ length: REPOSITORIES }, (_, n) => [`app${n}`, repositoryOf(...images(`app${n}`, IMAGES, 'dev'))]),
    ),
  });
  const settings = {
    PURGE_COMMAND: "--filter '.*:^dev' --ago 30d --untagged",
    PURGE_SCHEDULE: '0 1 * * Sun',
  };
  const cases: readonly (readonly [string, string, string, number])[] = [
    ['NDJSON', 'application/x-ndjson', 'identity', Infinity],
    ['NDJSON, to a client that takes 10 MB a second', 'application/x-ndjson', 'identity', 10_000_000],
    ['NDJSON, gzip', 'application/x-ndjson', 'gzip', Infinity],
    ['JSON', 'application/json', 'identity', Infinity],
  ];
  console.log(`a dry run of ${2 * REPOSITORIES * IMAGES} decisions, each in a fresh worker:`);
  try {
    for (const [name, accept, encoding, speed] of cases) {
      await withApp(emulator, settings, async (app) => {
        await app.ask('/api/health');
        const idle = peakOf(app.process.pid);
        const start = performance.now();
        const bytes = await read(`${app.url}/api/dry-run`, { accept, 'accept-encoding': encoding }, speed);
        const seconds = ((performance.now() - start) / 1000).toFixed(1);
        console.log(`  ${name}: ${kilobytes(bytes)} in ${seconds} s, peak ${peakOf(app.process.pid)} (idle ${idle})`);
      });
    }
  } finally {
    await emulator.close();
  }
}

function kilobytes(bytes: number): string {
  return bytes < 10_000_000 ? `${Math.round(bytes / 1000)} kB` : `${Math.round(bytes / 1_000_000)} MB`;
}

console.log(`${machine()}, ${new Date().toISOString()}`);
packageReport();
await answerReport();
