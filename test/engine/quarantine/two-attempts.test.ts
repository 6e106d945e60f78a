import { expect, test } from 'vitest';
import { image, referrer } from '../../../src/dev/emulator/manifests.ts';
import { repositoryOf } from '../../support/contents.ts';
import { DAY, ledgerOnAClock, unreadable, waitingIn } from '../../support/quarantine.ts';
import { withEmulator } from '../../support/registry.ts';
import { begin, goOn, leftIn, said, stopAfter } from '../../support/slices.ts';

/* What is in quarantine already when a plan is carried out, or a run is resumed. */

const one = image('one');
const sbom = referrer(one, 'application/spdx+json', 'sbom');
const repositories = { app: repositoryOf({ built: one, days: 40, tags: ['dev-1'] }) };
const ARGS = ['--filter', 'app:^dev', '--ago', '30d', '--untagged', '--quarantine'];

test('what a plan makes unreadable may belong to an image that waits in quarantine already', async () => {
  await withEmulator({ repositories }, async (emulator) => {
    const { ledger, later } = ledgerOnAClock();
    const commands = [[...ARGS, '14d']];
    await begin(emulator, { way: 'purge', commands, ledger });
    emulator.push('app', sbom.body, { age: 35 * 86_400 });
    later(DAY);
    const { runId, succeeded } = await begin(emulator, { way: 'apply', commands, ledger });
    expect({ said: await said(ledger, runId), succeeded }).toEqual({
      said: [
        `app:dev-1 keep quarantined`,
        `app@${one.digest} keep quarantined`,
        `app@${sbom.digest} delete referrer-of-deleted quarantined`,
      ].toSorted(),
      succeeded: true,
    });
    expect(unreadable(emulator)).toEqual([one, sbom].map(({ digest }) => `app@${digest}`).toSorted());
    expect(leftIn(emulator)).toEqual(['app:dev-1', ...unreadable(emulator)]);
  });
});

test('a run that is resumed does not delete what it has put into quarantine, though its time is over by then', async () => {
  await withEmulator({ repositories }, async (emulator) => {
    const { ledger, later } = ledgerOnAClock();
    // Once the first command has hidden the image, and before the second one is planned.
    let isHidden = false;
    const signal = stopAfter(emulator, 1, (kind) => {
      isHidden ||= kind === 'update-manifest';
      return isHidden && kind === 'list-tags';
    });
    const commands = [
      [...ARGS, '1m'],
      [...ARGS, '1m'],
    ];
    const { runId, stopped } = await begin(emulator, { way: 'purge', commands, ledger, options: { signal } });
    expect({ stopped: stopped !== undefined, unreadable: unreadable(emulator) }).toEqual({
      stopped: true,
      unreadable: [`app@${one.digest}`],
    });
    emulator.onRequest(undefined);
    later(DAY / 24);
    await goOn(emulator, ledger, runId);
    expect(await said(ledger, runId)).toEqual([
      'app:dev-1 delete matched-and-expired quarantined',
      `app@${one.digest} delete untagged-and-expired quarantined`,
    ]);
    expect(leftIn(emulator)).toEqual(['app:dev-1', `app@${one.digest}`]);

    const next = await begin(emulator, { way: 'purge', commands, ledger });
    expect(await said(ledger, next.runId)).toEqual([
      'app:dev-1 delete matched-and-expired deleted',
      `app@${one.digest} delete untagged-and-expired deleted`,
    ]);
    expect(leftIn(emulator)).toEqual([]);
  });
});

test.each([
  ['manifests', ['--untagged'], []],
  ['tags', [], ['--untagged-only']],
])('what is in quarantine is released where the settings do not look at %s any more', async (_, then, now) => {
  const kept = image('kept');
  const app = repositoryOf(
    { built: one, days: 40, tags: ['dev-1', ...(now.length > 0 ? ['v1'] : [])] },
    { built: kept, days: 1 },
  );
  await withEmulator({ repositories: { app } }, async (emulator) => {
    const { ledger } = ledgerOnAClock();
    const args = ['--filter', 'app:^dev', '--ago', '30d', '--quarantine', '14d'];
    const options = { policyFrom: 'settings' } as const;
    await begin(emulator, { way: 'purge', commands: [[...args, ...then]], ledger, options });
    expect(unreadable(emulator)).toHaveLength(1);
    await begin(emulator, {
      way: 'purge',
      commands: [now.length > 0 ? [...args, ...now] : [...args, '--filter', 'app:^never', '--keep', '1']],
      ledger,
      options,
    });
    expect({ unreadable: unreadable(emulator), waiting: await waitingIn(ledger, emulator) }).toEqual({
      unreadable: [],
      waiting: [],
    });
  });
});
