import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/find-bicep.ts'],
    // Much of the time a test waits: for another process, for a registry that throttles, for a lock to run out.
    maxWorkers: availableParallelism() + 1,
    // Real sockets and property tests: a slow machine must not turn a right answer into a failure.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
