import { expect, test } from 'vitest';
import { images, repositoryOf } from '../../support/contents.ts';
import { calm } from '../../support/durable.ts';
import { newLedger } from '../../support/ledger.ts';
import { hall, scheduled } from '../../support/orchestration.ts';
import { withEmulator } from '../../support/registry.ts';

test('a dry run of the durable engine records what guards would hold back, and is done', async () => {
  const repositories = { app: repositoryOf(...images('app', 3, 'dev')) };
  await withEmulator({ repositories }, async (emulator) => {
    const ledger = newLedger();
    const settings = { PURGE_COMMAND: '--filter ".*:^dev" --ago 30d --untagged', MAX_DELETIONS: '2' };
    const durable = hall({ emulators: [emulator], ledger, settings, options: { choices: calm } });
    durable.start('retention', { instanceId: 'tick', input: scheduled([emulator], 'tick') });
    await durable.run();
    expect(await Array.fromAsync(ledger.runs())).toMatchObject([
      {
        state: 'done',
        dryRun: true,
        plan: { state: 'open', deletions: 6 },
        breakers: [{ breaker: 'max-deletion-percent' }, { breaker: 'no-tag-left', repository: 'app' }],
      },
    ]);
    expect(emulator.tagsLeft()).toHaveLength(3);
  });
});

test('a dry run deletes nothing, whatever pass its orchestration was told', async () => {
  for (const pass of ['purge', 'carry out']) {
    await withEmulator({ repositories: { app: repositoryOf(...images('app', 3, 'dev')) } }, async (emulator) => {
      const ledger = newLedger();
      const durable = hall({
        emulators: [emulator],
        ledger,
        settings: { PURGE_COMMAND: '--filter ".*:^dev" --ago 30d --untagged' },
        options: { choices: calm },
        wrap: (activity, name) =>
          name === 'processRepository'
            ? (input, ...rest) => activity({ ...(input as object), pass }, ...rest)
            : activity,
      });
      durable.start('retention', { instanceId: 'tick', input: scheduled([emulator], 'tick') });
      await durable.run();
      expect(emulator.requests().filter(({ kind }) => /^(?:delete|update)-/.test(kind))).toEqual([]);
      expect(emulator.tagsLeft()).toHaveLength(3);
    });
  }
});
