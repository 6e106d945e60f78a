import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';

/** Files that need a process of their own: what they are about is kept once a process, or is a process. */
const ALONE = [
  // The token of a managed identity, and the secrets that were read.
  'test/{dev/emulator/identity,registry/tokens,ledger/redact/known,engine/runs/echo}.test.ts',
  'test/ledger/{store,crash,folder-faults}.test.ts',
  // The files that the process has open.
  'test/doors/http/answer.test.ts',
];

/** Takes all processors, and by itself the least time. */
const SIMULATION = 'test/simulation/simulation.test.ts';

/**
 * Files that share modules, and with them the time that it takes to load these: nothing in them may depend on what another
 * file has left behind. Each project loads everything once more in each worker, so there are few.
 */
const sharing = (
  name: string,
  folders: readonly string[],
  globalSetup: string[] = [],
): TestProjectInlineConfiguration => ({
  extends: true,
  test: {
    name,
    globalSetup,
    include: folders.map((folder) => `test/${folder}/**/*.test.ts`),
    exclude: [...ALONE, SIMULATION],
    isolate: false,
    pool: 'threads',
  },
});

export default defineConfig({
  test: {
    setupFiles: ['test/support/in-process-setup.ts'],
    // Much of the time a test waits: for another process, for a registry that throttles, for a lock to run out.
    maxWorkers: availableParallelism() + 2,
    // Hundreds of processes of the app and of the command line are started: each compiles the same code.
    env: { NODE_COMPILE_CACHE: fileURLToPath(new URL('node_modules/.cache/compile', import.meta.url)) },
    // Real sockets and property tests: a slow machine must not turn a right answer into a failure.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    projects: [
      // First what takes longest.
      sharing('deployment', ['infra'], ['test/support/find-bicep.ts', 'test/support/functions-host/early.ts']),
      { extends: true, test: { name: 'alone', include: ALONE, pool: 'forks' } },
      sharing('rooms', ['!(infra)']),
      // When the others are through.
      { extends: true, test: { name: 'simulation', include: [SIMULATION], sequence: { groupOrder: 1 } } },
    ],
  },
});
