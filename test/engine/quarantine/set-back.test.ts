import { expect, test } from 'vitest';
import { image } from '../../../src/dev/emulator/manifests.ts';
import { beforeCall } from '../../support/between.ts';
import { repositoryOf } from '../../support/contents.ts';
import { DAY, ledgerOnAClock, unreadable, waitingIn } from '../../support/quarantine.ts';
import { reference, run, withEmulator } from '../../support/registry.ts';

/* A clock that was ahead when the plan was made, and is set back before the deletion. */

const one = image('one');
const repositories = { app: repositoryOf({ built: one, days: 40, tags: ['dev-1'] }) };
const ARGS = ['--filter', 'app:^dev', '--ago', '30d', '--quarantine', '14d'];

test.each([
  ['a tag', ARGS, 'list-tags', 'app:dev-1'],
  ['a manifest', [...ARGS, '--untagged'], 'list-manifests', `app@${one.digest}`],
] as const)('%s stays where its quarantine is not over by the clock as it is then', async (_, args, kind, name) => {
  await withEmulator({ repositories }, async (emulator) => {
    const { ledger, later } = ledgerOnAClock();
    const all = [...emulator.tagsLeft(), ...emulator.manifestsLeft()];
    await run(emulator, args, undefined, ledger);

    later(15 * DAY);
    beforeCall(emulator, kind, 2, () => later(-5 * DAY));
    const { summary, decisions } = await run(emulator, args, undefined, ledger);
    expect(decisions.find((decision) => reference(decision) === name)).toMatchObject({
      action: 'keep',
      reason: 'changed-since-plan',
      detail: expect.stringContaining('the clock of this machine was set back') as string,
    });
    expect(summary.succeeded).toBe(true);
    expect([...emulator.tagsLeft(), ...emulator.manifestsLeft()]).toEqual(all);
    expect([unreadable(emulator), await waitingIn(ledger, emulator)]).toEqual([[name], [name]]);

    emulator.onRequest(undefined);
    later(5 * DAY);
    await run(emulator, args, undefined, ledger);
    expect([...emulator.tagsLeft(), ...emulator.manifestsLeft()]).not.toContain(name);
    expect(await waitingIn(ledger, emulator)).toEqual([]);
  });
});
