import { availableParallelism } from 'node:os';
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
 * A layer of the house. Its files share modules, and with them the time that it takes to load these: nothing in them may
 * depend on what another file has left behind.
 */
const layer = (
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
    // Real sockets and property tests: a slow machine must not turn a right answer into a failure.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    projects: [
      // First what takes longest.
      layer('deployment', ['infra'], ['test/support/find-bicep.ts', 'test/support/functions-host/early.ts']),
      layer('doors', ['doors']),
      { extends: true, test: { name: 'alone', include: ALONE, pool: 'forks' } },
      layer('engine', ['engine', 'executor', 'conformance', 'scenarios', 'simulation', 'support']),
      layer('wire', ['registry', 'evidence', 'notify', 'dev']),
      layer('storage', ['ledger']),
      layer('pure', ['policy', 'planner', 'report']),
      layer('docs', ['docs', 'bench']),
      // When the others are through.
      { extends: true, test: { name: 'simulation', include: [SIMULATION], sequence: { groupOrder: 1 } } },
    ],
  },
});
