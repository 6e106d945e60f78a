import { expect, test } from 'vitest';
import { image } from '../../../src/dev/emulator/manifests.ts';
import { repositoryOf } from '../../support/contents.ts';
import { ledgerOnAClock, unreadable } from '../../support/quarantine.ts';
import { reference, run, withEmulator } from '../../support/registry.ts';

/** What another client pushes right when the run makes it unreadable. */

const [one, two] = [image('one'), image('two')];
const ARGS = ['--filter', 'app:^dev-', '--ago', '30d', '--quarantine', '14d'];

/** What a run makes unreadable while a client pushes `dev-1` again, what the next run releases, and why. */
function pushedBetween(withAnother: boolean, patchMovesTime: boolean) {
  const app = repositoryOf(
    { built: one, days: 40, tags: ['v1', 'dev-1'] },
    { built: two, days: 40, tags: ['v2', ...(withAnother ? ['dev-2'] : [])] },
  );
  return withEmulator({ repositories: { app }, patchMovesTime }, async (emulator) => {
    const { ledger } = ledgerOnAClock();
    let isPushed = false;
    emulator.onRequest(({ kind, path }) => {
      if (isPushed || kind !== 'update-tag' || !path.includes('/dev-1?')) return;
      isPushed = true;
      emulator.tag('app', 'dev-1', one.digest);
    });
    await run(emulator, ARGS, undefined, ledger);
    const hidden = unreadable(emulator);
    const { decisions } = await run(emulator, ARGS, undefined, ledger);
    const released = decisions.flatMap((one) =>
      one.action === 'keep' && one.release ? `${reference(one)}: ${one.detail}` : [],
    );
    return { hidden, released };
  });
}

test('where another answer shows that the change itself moves no time, it is a push, and is released', async () => {
  expect(await pushedBetween(true, false)).toEqual({
    hidden: ['app:dev-1', 'app:dev-2'],
    released: ['app:dev-1: it was pushed again since it came into quarantine'],
  });
});

test('where none does, it cannot be told from the change itself, and waits', async () => {
  const told = [await pushedBetween(false, false), await pushedBetween(true, true)];
  expect(told.map(({ released }) => released)).toEqual([[], []]);
});

test('the answer for what was pushed a moment ago does not show it: a moved time would be the same', async () => {
  const app = repositoryOf(
    { built: one, days: 40, tags: ['v1', 'dev-1'] },
    { built: two, days: 0, tags: ['v2', 'dev-2'] },
  );
  await withEmulator({ repositories: { app }, patchMovesTime: true }, async (emulator) => {
    const { ledger } = ledgerOnAClock();
    const args = ['--filter', 'app:^dev-', '--ago', '0d', '--quarantine', '14d'];
    await run(emulator, args, undefined, ledger);
    const { decisions } = await run(emulator, args, undefined, ledger);
    expect(unreadable(emulator)).toEqual(['app:dev-1', 'app:dev-2']);
    expect(decisions.filter(({ reason }) => reason === 'released')).toEqual([]);
  });
});
