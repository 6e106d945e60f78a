import { expect, test } from 'vitest';
import type { Emulator } from '../../src/dev/emulator/index.ts';
import { image } from '../../src/dev/emulator/manifests.ts';
import { type Ledger, openLedger } from '../../src/ledger/ledger.ts';
import { memoryStore } from '../../src/ledger/store/memory.ts';
import { summarize } from '../../src/ledger/summary.ts';
import { withoutOldWarnings } from '../../src/engine/lost-locks.ts';
import { quarantinesIn } from '../../src/engine/quarantine/quarantine.ts';
import { withoutLockWarning } from '../../src/report/warnings.ts';
import { failuresInWords } from '../../src/report/verdict-words.ts';
import { repositoryOf } from '../support/contents.ts';
import { dying } from '../support/dying.ts';
import { type Run, run, withEmulator } from '../support/registry.ts';
import { goOn } from '../support/slices.ts';

/* What lost its lock to a run counts as locked for every run, whatever the registry says. */

const [dev, other] = [image('dev'), image('other')];
const LOCKED = { deleteEnabled: false };
const repositories = {
  app: repositoryOf(
    { built: dev, days: 90, tags: ['dev'], locked: LOCKED, lockedTags: LOCKED },
    { built: other, days: 1, tags: ['v1'] },
  ),
};
const PLAIN = ['--filter', 'app:dev', '--ago', '30d', '--untagged'];
const ALL = [...PLAIN, '--include-locked'];
const WARNINGS = ['dev', dev.digest].map((name) => {
  const what = `app${name.includes(':') ? '@' : ':'}${name}`;
  return expect.stringMatching(
    `^${what} is without its lock, which could not be put back: az acr repository update .* --delete-enabled false --write-enabled true$`,
  ) as string;
});

/** No deletion is allowed, and no lock is put back. */
function refuse(emulator: Emulator): void {
  let isUnlocked = false;
  emulator.faults({
    failing({ kind }) {
      if (kind.startsWith('delete-')) isUnlocked = true;
      if (kind.startsWith('delete-')) return 405;
      return isUnlocked && kind.startsWith('update-') ? 403 : undefined;
    },
  });
}

const decided = ({ decisions }: Run) =>
  decisions.flatMap(({ kind, action, reason, withoutLock = false, ...one }) =>
    one.tag === 'v1' || one.digest === other.digest ? [] : [{ kind, action, reason, withoutLock }],
  );

const KEPT = [
  { kind: 'tag', action: 'keep', reason: 'locked', withoutLock: true },
  expect.objectContaining({ kind: 'manifest', action: 'keep', withoutLock: true }),
];

const isThere = (emulator: Emulator): boolean =>
  emulator.repositories()['app']?.tags.some(({ name }) => name === 'dev') ?? false;

/** A world in which a run has lost the locks of `app:dev` and its manifest. */
async function withLostLocks(
  live: (world: {
    readonly emulator: Emulator;
    readonly ledger: ReturnType<typeof openLedger>;
    readonly again: (args: readonly string[]) => Promise<Run>;
  }) => Promise<void>,
): Promise<void> {
  await withEmulator({ repositories }, async (emulator) => {
    const ledger = openLedger(memoryStore());
    const again = (args: readonly string[]): Promise<Run> => run(emulator, args, undefined, ledger);
    refuse(emulator);
    const lost = await again(ALL);
    expect(lost.summary.succeeded).toBe(false);
    emulator.faults({});
    await live({ emulator, ledger, again });
  });
}

test('each later run keeps it, a dry run as well, and says how the lock is put back', async () => {
  await withLostLocks(async ({ emulator, again }) => {
    for (const args of [[...PLAIN, '--dry-run'], PLAIN, PLAIN]) {
      const made = await again(args);
      expect(decided(made)).toEqual(KEPT);
      expect(made.summary.warnings).toEqual(WARNINGS);
      expect(made.summary.succeeded).toBe(true);
      expect(made.decisions[0]?.detail).toContain('a run took its lock off and could not put it back');
    }
    expect(isThere(emulator)).toBe(true);
  });
});

test('a run that includes what is locked deletes it, and it is forgotten', async () => {
  await withLostLocks(async ({ emulator, ledger, again }) => {
    const { summary } = await again(ALL);
    expect(summary).toMatchObject({ succeeded: true, warnings: [] });
    expect(isThere(emulator)).toBe(false);
    await expect(ledger.quarantine(emulator.loginServer, 'app')).resolves.toMatchObject({ withoutLock: [] });
  });
});

test('once it was seen locked again, it is as the registry says', async () => {
  await withLostLocks(async ({ emulator, again }) => {
    for (const name of ['dev', dev.digest]) emulator.lock('app', name, LOCKED);
    await expect(again(PLAIN)).resolves.toMatchObject({ summary: { warnings: [] } });
    for (const name of ['dev', dev.digest]) emulator.lock('app', name, { deleteEnabled: true });
    expect((await again(PLAIN)).summary).toMatchObject({ succeeded: true, warnings: [] });
    expect(isThere(emulator)).toBe(false);
  });
});

test('a lock that another client has set besides is not enough', async () => {
  await withLostLocks(async ({ emulator, again }) => {
    emulator.lock('app', 'dev', { writeEnabled: false });
    await again(PLAIN);
    emulator.lock('app', 'dev', { writeEnabled: true });
    expect(decided(await again(PLAIN))).toEqual(KEPT);
  });
});

/** A world in which a process has died that had taken the locks of `app:dev` and its manifest off, and no lock is put back. */
async function withDeadProcess(live: (emulator: Emulator, ledger: Ledger) => Promise<void>): Promise<void> {
  await withEmulator({ repositories }, async (emulator) => {
    const store = memoryStore();
    const broken = openLedger(dying(store, (operation) => operation === 'append'));
    refuse(emulator);
    await expect(run(emulator, ALL, undefined, broken)).rejects.toThrow('the disk is gone');
    emulator.faults({ failing: ({ kind }) => (kind.startsWith('update-') ? 403 : undefined) });
    await live(emulator, openLedger(store));
  });
}

test('what recovery cannot lock again is kept by the run that recovers', async () => {
  await withDeadProcess(async (emulator, ledger) => {
    const made = await run(emulator, PLAIN, undefined, ledger);
    expect(decided(made)).toEqual(KEPT);
    // Once, with the run that has lost it.
    const said = made.summary.warnings.filter((warning) => warning.includes('is without its lock'));
    expect(said.map((warning) => warning.replace(/^the run \S+: /, ''))).toEqual(WARNINGS);
    expect(said.every((warning) => warning.startsWith('the run '))).toBe(true);
    expect(isThere(emulator)).toBe(true);
  });
});

test('the run that recovers says that it failed for the locks, and the run after it only repeats them', async () => {
  await withDeadProcess(async (emulator, ledger) => {
    const { summary } = await run(emulator, PLAIN, undefined, ledger);
    const record = await ledger.run(summary.runId);
    expect(record).toMatchObject({ state: 'failed', locksLost: 2 });
    expect(record && failuresInWords(record, summary.totals, [])).toEqual([
      '2 locks of an earlier run could not be put back.',
    ]);
    const later = await run(emulator, PLAIN, undefined, ledger);
    expect(later.summary).toMatchObject({ succeeded: true, warnings: WARNINGS });
  });
});

test('a run that resumes does not fail for what its first attempt could not put back', async () => {
  await withDeadProcess(async (emulator, ledger) => {
    const { summary } = await run(emulator, PLAIN, AbortSignal.abort(), ledger);
    await expect(ledger.run(summary.runId)).resolves.toMatchObject({ state: 'stopped', locksLost: 2 });
    await expect(goOn(emulator, ledger, summary.runId)).resolves.toMatchObject({ succeeded: true });
    await expect(ledger.run(summary.runId)).resolves.toMatchObject({ state: 'done', locksLost: 0 });
  });
});

test('recovery forgets the locks that it has put back', async () => {
  await withEmulator({ repositories }, async (emulator) => {
    const store = memoryStore();
    const ledger = openLedger(store);
    refuse(emulator);
    await run(emulator, ALL, undefined, ledger);
    const remembered = async () => (await ledger.quarantine(emulator.loginServer, 'app')).withoutLock;
    await expect(remembered()).resolves.toHaveLength(2);
    const broken = openLedger(dying(store, (operation) => operation === 'append'));
    await expect(run(emulator, ALL, undefined, broken)).rejects.toThrow('the disk is gone');
    emulator.faults({});
    await run(emulator, PLAIN, AbortSignal.abort(), ledger);
    await expect(remembered()).resolves.toHaveLength(0);
  });
});

test('the record of a repository does not repeat that a lock is lost once it is not remembered any more', async () => {
  const quarantine = quarantinesIn(openLedger(memoryStore()), 'registry', () => undefined);
  const lock = {
    deleteEnabled: false,
    writeEnabled: true,
    restore: 'az …',
    runId: 'run',
    since: '2026-03-01T00:00:00.000Z',
  };
  await quarantine.change('app', () => ({ withoutLock: [{ key: ':v1', ...lock }] }));
  const lost = (tag: string): string => withoutLockWarning(`app:${tag}`, 'az …');
  const summary = summarize('app', []);
  await expect(withoutOldWarnings(quarantine, summary)).resolves.toEqual(summary);
  await expect(
    withoutOldWarnings(quarantine, { ...summary, warnings: [lost('v1'), 'another', lost('v10')] }),
  ).resolves.toEqual({
    ...summary,
    warnings: [lost('v1'), 'another'],
  });
  await expect(withoutOldWarnings(quarantine, { ...summary, warnings: [lost('v')] })).resolves.toEqual(summary);
});
