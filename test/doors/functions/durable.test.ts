import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { FromWorker, FunctionMetadata } from '../../../src/dev/host/protocol.ts';
import type { Environment } from '../../../src/policy/settings.ts';
import { ACTIVITIES } from '../../../src/engine/durable/orchestrators.ts';
import { newFolder } from '../../support/ledger.ts';
import { withApp } from '../../support/app.ts';
import { withServedEmulator } from '../../support/registry.ts';

const ROOT = dirname(createRequire(import.meta.url).resolve('#package.json'));
const WORKER = fileURLToPath(new URL('../../../dist/src/dev/host/worker.js', import.meta.url));

/** What the built app registers with its host. */
async function registered(environment: Environment): Promise<readonly FunctionMetadata[]> {
  const worker = fork(WORKER, [ROOT], { env: { PATH: process.env['PATH'], ...environment }, stdio: 'pipe' });
  try {
    for (;;) {
      const [message] = (await once(worker, 'message')) as [FromWorker];
      if (message.type === 'failed') throw new Error(message.message);
      if (message.type === 'loaded') return message.functions;
    }
  } finally {
    worker.kill();
  }
}

const typesOf = ({ bindings }: FunctionMetadata): readonly string[] => Object.values(bindings).map(({ type }) => type);

const SETTINGS = {
  ACR_REGISTRY: 'contoso fabrikam',
  PURGE_COMMAND: '--filter "app:^dev" --ago 30d',
  PURGE_SCHEDULE: '0 1 * * Sun',
  RETENTION_STORAGE: newFolder(),
};

describe('what is registered with the host', () => {
  test('inline: nothing that would make it load Durable Functions', async () => {
    const types = (await registered(SETTINGS)).flatMap(typesOf);
    expect(types.filter((type) => /orchestration|activity|durable/i.test(type))).toEqual([]);
    expect(types).toContain('timerTrigger');
  });

  test.each([
    ['durable', SETTINGS],
    ['durable, with another setting wrong: what runs already needs its functions', { ...SETTINGS, PURGE_COMMAND: '' }],
  ])('%s', async (_, settings) => {
    const functions = await registered({ ...settings, RETENTION_ENGINE: 'durable' });
    const named = (type: string): readonly string[] =>
      functions.filter((one) => typesOf(one).includes(type)).map(({ name }) => name);
    expect(named('orchestrationTrigger').toSorted()).toEqual(['registry', 'retention', 'settled', 'worker']);
    expect(named('activityTrigger').toSorted()).toEqual(ACTIVITIES.toSorted());
    expect(named('durableClient').toSorted()).toEqual(['dryRun', 'scheduledPurge']);
  });
});

test('npm start has no Durable Functions: it uses the inline engine, and says so', async () => {
  await withServedEmulator({ repositories: {} }, (emulator) =>
    withApp(emulator, { ...SETTINGS, ACR_REGISTRY: emulator.loginServer, RETENTION_ENGINE: 'durable' }, async (app) => {
      const said = app.lines().join('\n');
      expect(said).toContain('inline engine, whatever RETENTION_ENGINE says');
      // A line to try each function that docs/http-api.md lists.
      for (const path of [
        '/api/dry-run?',
        '/api/status?',
        '/api/health"',
        '/api/review?',
        '/api/runs?',
        '/api/explain?',
      ])
        expect(said).toMatch(new RegExp(`curl .*${path.replace(/[?]/g, '\\$&')}`));
      for (const path of [
        '/api/plans/[^/]+/apply',
        '/api/runs/[^/]+/cancel',
        '/api/runs/[^/]+/decisions',
        '/api/runs/[^/?]+\\?',
      ])
        expect(said).toMatch(new RegExp(`curl .*${path}`));
      for (const name of ['scheduledPurge', 'watch'])
        expect(said).toMatch(new RegExp(`curl .*/admin/functions/${name}`));
      const response = await app.ask('/api/status');
      expect(await response.json()).toMatchObject({ settings: { RETENTION_ENGINE: 'inline' } });
    }),
  );
});
