import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/find-bicep.ts'],
    // Much of the time a test waits for another process: as many at once as there are processors, not one fewer.
    maxWorkers: '100%',
    // Real sockets and property tests: a slow machine must not turn a right answer into a failure.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
