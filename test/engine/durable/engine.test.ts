import { describe, expect, test } from 'vitest';
import { calm } from '../../support/durable.ts';
import { images, repositoryOf } from '../../support/contents.ts';
import { newLedger } from '../../support/ledger.ts';
import { withEmulator } from '../../support/registry.ts';
import { hall, scheduled } from '../../support/orchestration.ts';

describe('the durable engine', () => {
  test('purges a registry', async () => {
    const repositories = Object.fromEntries(
      Array.from({ length: 60 }, (_, n) => [
        `app-${n}`,
        repositoryOf(...images(`app-${n}`, 2, 'dev'), ...images(`app-${n}/kept`, 1, 'v1')),
      ]),
    );
    await withEmulator({ repositories }, async (emulator) => {
      const ledger = newLedger();
      const settings = {
        PURGE_COMMAND: '--filter ".*:^dev" --ago 30d',
        PURGE_DRY_RUN: 'false',
        MAX_DELETION_PERCENT: '100',
      };
      const durable = hall({ emulators: [emulator], ledger, settings, options: { choices: calm } });
      durable.start('retention', { instanceId: 'one', input: scheduled([emulator]) });
      await durable.run();
      const [run] = await Array.fromAsync(ledger.runs());
      expect(run?.state).toBe('done');
    });
  });
});
