import { expect, test } from 'vitest';
import { image, index } from '../../../src/dev/emulator/manifests.ts';
import { repositoryOf } from '../../support/contents.ts';
import { calm } from '../../support/durable.ts';
import { newLedger } from '../../support/ledger.ts';
import { hall, scheduled } from '../../support/orchestration.ts';
import { withEmulator } from '../../support/registry.ts';

const SETTINGS = {
  PURGE_COMMAND: '--filter ".*:^dev" --ago 30d --untagged',
  PURGE_DRY_RUN: 'false',
  KEEP_LAST_TAG: 'false',
};

test.each(['100', '0'])(
  'the durable engine fails a run that may not read, too (MAX_DELETION_PERCENT=%s)',
  async (percent) => {
    const child = { ...image('child'), os: 'linux', architecture: 'amd64' };
    const contents = repositoryOf(
      { built: image('old'), days: 40, tags: ['dev'] },
      { built: child, days: 40 },
      { built: index([child]), days: 40, tags: ['v1'] },
    );
    await withEmulator({ repositories: { app: contents } }, async (emulator) => {
      emulator.faults({
        failing: ({ kind }) => (kind === 'read-manifest' || kind === 'referrers' ? 403 : undefined),
      });
      const ledger = newLedger();
      const settings = { ...SETTINGS, MAX_DELETION_PERCENT: percent };
      const durable = hall({ emulators: [emulator], ledger, options: { choices: calm }, settings });
      durable.start('retention', { instanceId: 'one', input: scheduled([emulator], 'one') });
      await durable.run();
      const [run] = await Array.fromAsync(ledger.runs());
      expect(run).toMatchObject({
        state: percent === '0' ? 'waiting' : 'failed',
        progress: { done: 1, of: 1 },
      });
      const [repository] = await Array.fromAsync(ledger.repositories(run?.id ?? ''));
      const { error, warnings = [] } = repository?.summary ?? {};
      expect([error?.message, ...warnings].join()).toContain('manifests may not be read (403 DENIED)');
      expect(run?.warnings.filter((warning) => warning.includes('AcrPull'))).toHaveLength(1);
    });
  },
);
