import { describe, expect, test } from 'vitest';
import type { Emulator } from '../../src/dev/emulator/index.ts';
import { image, index } from '../../src/dev/emulator/manifests.ts';
import { openLedger } from '../../src/ledger/ledger.ts';
import { memoryStore } from '../../src/ledger/store/memory.ts';
import { LedgerError } from '../../src/ledger/store/store.ts';
import { purge } from '../../src/index.ts';
import { images, repositoryOf } from '../support/contents.ts';
import { newLedger } from '../support/ledger.ts';
import { connectTo, policyOf, reference, withEmulator } from '../support/registry.ts';
import { begin, goOn, isDeletion, stopAfter } from '../support/slices.ts';

const child = { ...image('child'), os: 'linux', architecture: 'amd64' };
const repositories = {
  app: repositoryOf({ built: child, days: 90 }, ...images('dev', 3, 'dev'), ...images('v', 4, 'v')),
};
const CHILD = `app@${child.digest}`;

/** What happens once the guards were asked about a plan that is kept in memory, and what must be kept then. */
const CHANGES: readonly (readonly [string, readonly string[], (emulator: Emulator) => void, string])[] = [
  ['a tag is locked', ['--include-locked'], (one) => one.lock('app', 'dev-0', { deleteEnabled: false }), 'app:dev-0'],
  [
    'a manifest is locked',
    ['--include-locked'],
    (one) => one.lock('app', child.digest, { deleteEnabled: false }),
    CHILD,
  ],
  ['the newest tag is deleted', ['--keep', '1'], (one) => one.untag('app', 'dev-0'), 'app:dev-1'],
  [
    'a hidden index that needs it is tagged',
    [],
    (one) => {
      const parent = index([child]);
      one.push('app', parent.body, { tag: 'new' });
      one.lock('app', parent.digest, { listEnabled: false });
    },
    CHILD,
  ],
];

describe('between the passes of a guarded purge', () => {
  test.each(CHANGES)('%s: what that keeps is kept', async (_, flags, change, kept) => {
    await withEmulator({ repositories }, async (emulator) => {
      const store = memoryStore();
      let isChanged = false;
      const ledger = openLedger({
        ...store,
        async write(path, content, condition) {
          const written = await store.write(path, content, condition);
          if (!isChanged && typeof content === 'string' && content.includes('"breakersAsked":true')) {
            isChanged = true;
            change(emulator);
          }
          return written;
        },
      });
      await purge(connectTo(emulator, 4), {
        policies: [policyOf(['--filter', '.*:^dev', '--ago', '30d', '--untagged', ...flags])],
        now: new Date(emulator.start.getTime() + 1),
        ledger,
        onDecisions: () => undefined,
        guards: { maxDeletionPercent: 100 },
      });
      expect(isChanged).toBe(true);
      expect([...emulator.tagsLeft(), ...emulator.manifestsLeft()]).toContain(kept);
    });
  });
});

test('a repository whose record could not be closed is completed by the next run, with all that was deleted', async () => {
  await withEmulator(
    { repositories: { ...repositories, b: repositoryOf(...images('b', 2, 'dev')) } },
    async (emulator) => {
      const store = memoryStore();
      const plain = openLedger(store);
      const options = {
        policies: [policyOf(['--filter', '.*:^dev', '--ago', '30d', '--untagged', '--concurrency', '1'])],
        now: new Date(emulator.start.getTime() + 1),
        onDecisions: () => undefined,
      };
      let id = '';
      let hasFailed = false;
      const ledger = openLedger({
        ...store,
        write(path, content, condition) {
          // The first write after everything in the first repository is deleted closes it.
          const isClosing = !hasFailed && !emulator.tagsLeft().some((tag) => tag.startsWith('app:dev'));
          hasFailed ||= isClosing;
          return isClosing ? Promise.reject(new LedgerError('disk full')) : store.write(path, content, condition);
        },
      });
      await expect(
        purge(connectTo(emulator, 1), { ...options, ledger, onBegin: (runId) => void (id = runId) }),
      ).rejects.toThrow('disk full');
      expect(hasFailed).toBe(true);
      await purge(connectTo(emulator, 1), { ...options, ledger: plain });
      const deleted = (await Array.fromAsync(plain.decisions(id, { repository: 'app', action: 'delete' })))
        .filter((one) => one.action === 'delete' && one.outcome === 'deleted')
        .map(reference);
      expect(deleted.filter((name) => name.startsWith('app:dev'))).toHaveLength(3);
      expect((await plain.run(id))?.totals?.tags.deleted).toBe(3);
    },
  );
});

test.each([{ maxDeletionPercent: 100 }, { maxDeletions: 2 }])(
  'a run that is begun without guards, and resumed with %o, keeps what it deleted on record',
  async (guards) => {
    await withEmulator({ repositories: { app: repositoryOf(...images('dev', 6, 'dev')) } }, async (emulator) => {
      const ledger = newLedger();
      const commands = [['--filter', '.*:^dev', '--ago', '30d', '--untagged', '--concurrency', '1']];
      const options = { signal: stopAfter(emulator, 3, isDeletion) };
      const { runId } = await begin(emulator, { way: 'purge', commands, ledger, options });
      emulator.onRequest(undefined);
      await goOn(emulator, ledger, runId, { guards });
      const gone = 6 - emulator.tagsLeft().length;
      expect(gone).toBeGreaterThan(0);
      expect((await ledger.run(runId))?.totals?.tags.deleted).toBe(gone);
    });
  },
);
