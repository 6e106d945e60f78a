import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/find-bicep.ts'],
    // Real sockets and property tests: a slow machine must not turn a right answer into a failure.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
