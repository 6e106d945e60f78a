import { describe, expect, test } from 'vitest';
import type { Emulator } from '../../../src/dev/emulator/index.ts';
import { memoryStore } from '../../../src/ledger/store/memory.ts';
import { type Ledger, openLedger } from '../../../src/ledger/ledger.ts';
import type { RunRecord } from '../../../src/ledger/records.ts';
import { lastScheduled } from '../../../src/engine/resume.ts';
import { CancelRefused, cancelRun } from '../../../src/index.ts';
import { disagreements } from '../../crash/check.ts';
import { dying } from '../../support/dying.ts';
import { newLedger } from '../../support/ledger.ts';
import { withEmulator } from '../../support/registry.ts';
import { begin, goOn, isDeletion, leftIn, said, several, stopAfter, type Way, WAYS } from '../../support/slices.ts';

const DEV = ['-f', '.*:^dev', '--ago', '30d', '--untagged', '--concurrency', '2'];
/** Ages in decisions are the same then. */
const START = new Date(Date.now() - 60_000);

/** The run that works, or had just begun to. */
async function running(ledger: Ledger): Promise<RunRecord | undefined> {
  for await (const run of ledger.runs({ states: ['running'] })) return run;
  return undefined;
}

/** Who asks: this process, whose runs look at once; or another one, of which a run finds no more than the file. */
type From = 'here' | 'elsewhere';

const ask = async (ledger: Ledger, id: string, from: From): Promise<void> => {
  if (from === 'elsewhere') await ledger.cancel(id, { at: new Date().toISOString(), askedBy: 'command line' });
  else
    await cancelRun(ledger, id, { now: new Date(), askedBy: 'request', by: 'test' }).catch((error: unknown) => {
      // It came to its end while it was asked.
      if (!(error instanceof CancelRefused)) throw error;
    });
};

/**
 * Cancels the run once something has been asked of the registry so many times. What is asked after that is answered
 * late, so that the run is still at it when it finds out. @returns until it was cancelled
 */
function cancelAfter(
  emulator: Emulator,
  ledger: Ledger,
  from: From,
  count: number,
  isCounted: (kind: string) => boolean,
): () => Promise<void> {
  let calls = 0;
  let asked = Promise.resolve();
  emulator.onRequest(({ kind }) => {
    if (!isCounted(kind) || ++calls !== count) return;
    emulator.faults({ latencyMs: 50 });
    asked = running(ledger)
      .then((run) => run && ask(ledger, run.id, from))
      .finally(() => setTimeout(() => emulator.faults({}), 200));
  });
  return () => asked;
}

/** A purge that somebody cancels while it deletes. */
async function cancelled(emulator: Emulator, ledger: Ledger, from: From, options = {}) {
  const asked = cancelAfter(emulator, ledger, from, 2, isDeletion);
  const summary = await begin(emulator, {
    way: 'purge',
    commands: [DEV],
    ledger,
    options: { progressMilliseconds: 1, ...options },
  });
  await asked();
  emulator.onRequest(undefined);
  return summary;
}

describe('whenever a run is cancelled', () => {
  test.each<[Way, From]>([
    ['purge', 'here'],
    ['purge', 'elsewhere'],
    ['guarded purge', 'elsewhere'],
    ['apply', 'here'],
  ])('in the middle of what is deleted: %s, from %s', async (way, from) => {
    const repositories = several(4);
    let partial = 0;
    for (const count of [1, 2, 3, 5, 8, 11, 14]) {
      await withEmulator({ repositories, start: START }, async (emulator) => {
        const store = memoryStore();
        const ledger = openLedger(store);
        const had = leftIn(emulator);
        const asked = cancelAfter(emulator, ledger, from, count, isDeletion);
        const options = { progressMilliseconds: 1 };
        const { totals } = await begin(emulator, { way, commands: [DEV], ledger, options });
        await asked();
        const left = new Set(leftIn(emulator));
        expect(await disagreements({ ledger, registry: emulator.loginServer, had, left, store })).toEqual([]);
        expect(totals.tags.deleted + totals.manifests.deleted).toBe(had.length - left.size);
        if (left.size < had.length && left.size > had.length - 32) partial += 1;
      });
    }
    // How many depends on how fast the machine is; that some were, on nothing.
    expect(partial).toBeGreaterThan(0);
  });

  test.each<[Way, From]>(WAYS.flatMap((way) => [[way, 'here'] as const, [way, 'elsewhere'] as const]))(
    '%s, from %s: it ends before it is done, and comes to the same when it is gone on with by its id',
    async (way, from) => {
      const repositories = several(30, 2);
      const through = await withEmulator({ repositories, start: START }, async (emulator) => {
        const ledger = newLedger();
        const { runId } = await begin(emulator, { way, commands: [DEV], ledger });
        return { left: leftIn(emulator), said: await said(ledger, runId) };
      });
      await withEmulator({ repositories, start: START, faults: { latencyMs: 5 } }, async (emulator) => {
        const ledger = newLedger();
        const kind = way === 'dry run' ? 'list-tags' : 'delete-manifest';
        const asked = cancelAfter(emulator, ledger, from, 2, (one) => one === kind);
        const options = { progressMilliseconds: 1 };
        const summary = await begin(emulator, { way, commands: [DEV], ledger, options });
        const { runId, stopped, totals, repositories: repositoriesOf } = summary;
        await asked();
        emulator.onRequest(undefined);
        expect(stopped).toMatchObject({
          by: 'cancel',
          detail: expect.stringMatching(
            new RegExp(`^it was cancelled .*of 30 repositories done, .*acr-retention resume ${runId}$`),
          ) as unknown,
        });
        expect(totals.manifests.deleted).toBeLessThan(60);
        // What was not begun says why: by itself, or with its repository.
        const undone: string[] = [];
        for (const { repository: name, state, error } of repositoriesOf)
          for await (const decision of ledger.decisions(runId, { repository: name, action: 'delete' }))
            if (decision.action === 'delete' && decision.outcome === 'not-attempted')
              undone.push(decision.error?.message ?? (state === 'stopped' ? (error?.message ?? '') : ''));
        expect(undone.filter((why) => !why.includes('stopped'))).toEqual([]);
        expect(repositoriesOf.filter(({ state }) => state === 'stopped').length).toBeGreaterThan(0);
        const { runId: same, succeeded } = await goOn(emulator, ledger, runId);
        expect({ same, succeeded }).toEqual({ same: runId, succeeded: true });
        expect(await ledger.run(runId)).not.toHaveProperty('cancelled');
        expect({ left: leftIn(emulator), said: await said(ledger, runId) }).toEqual(through);
      });
    },
  );
});

describe('a run that is cancelled', () => {
  test('while the ledger takes its time to answer that it has begun deletes nothing', async () => {
    await withEmulator({ repositories: several(4) }, async (emulator) => {
      const store = memoryStore();
      const ledger = openLedger(store);
      const had = leftIn(emulator);
      const slow = openLedger({
        ...store,
        async write(...about) {
          const etag = await store.write(...about);
          const run = about[2] === 'absent' ? await running(ledger) : undefined;
          if (run) await ask(ledger, run.id, 'elsewhere');
          return etag;
        },
      });
      const { runId } = await begin(emulator, { way: 'purge', commands: [DEV], ledger: slow });
      expect(await ledger.run(runId)).toMatchObject({ state: 'stopped', stopped: { by: 'cancel' } });
      expect(leftIn(emulator)).toEqual(had);
    });
  });

  test('is not gone on with by the next tick', async () => {
    await withEmulator({ repositories: several(12) }, async (emulator) => {
      const ledger = newLedger();
      const { runId } = await cancelled(emulator, ledger, 'here', { kind: 'scheduled' });
      const run = await ledger.run(runId);
      const wanted = {
        registry: emulator.loginServer,
        policyHash: run?.policy.hash ?? '',
        dryRun: false,
        sources: [],
        findings: [],
      };
      expect(await lastScheduled(ledger, wanted, new Date())).toMatchObject({ state: 'left', why: 'it was cancelled' });
    });
  });

  test('can be cancelled again: it changes nothing, and the first to ask stays named', async () => {
    await withEmulator({ repositories: several(12) }, async (emulator) => {
      const ledger = newLedger();
      const { runId } = await cancelled(emulator, ledger, 'here');
      const first = await ledger.run(runId);
      await ledger.cancel(runId, { at: new Date().toISOString(), askedBy: 'command line', by: 'another' });
      expect(await cancelRun(ledger, runId, { now: new Date(), askedBy: 'command line' })).toEqual(first);
      expect(await ledger.run(runId)).toEqual(first);
    });
  });

  test('and whose process dies before it notices is completed, and left', async () => {
    await withEmulator({ repositories: several(4) }, async (emulator) => {
      const store = memoryStore();
      const ledger = openLedger(store);
      const had = leftIn(emulator);
      let writes = 12;
      const broke = openLedger(dying(store, () => --writes === 0));
      const died = begin(emulator, { way: 'purge', commands: [DEV], ledger: broke });
      await expect(died).rejects.toThrow('the disk is gone');
      const [id = ''] = await ledger.unfinished(emulator.loginServer);
      // It says `running`: only who comes next finds out.
      expect(await cancelRun(ledger, id, { now: new Date(), askedBy: 'request' })).toMatchObject({ state: 'running' });
      await expect(goOn(emulator, ledger, undefined)).rejects.toThrow('no run in');
      await begin(emulator, { way: 'purge', commands: [DEV], ledger });
      expect(await ledger.run(id)).toMatchObject({ state: 'stopped', stopped: { by: 'cancel' } });
      const question = { ledger, registry: emulator.loginServer, had, left: new Set(leftIn(emulator)), store };
      expect(await disagreements(question)).toEqual([]);
    });
  });
});

describe('a run that was stopped otherwise', () => {
  test('and that the next tick would go on with can be cancelled', async () => {
    await withEmulator({ repositories: several(6) }, async (emulator) => {
      const ledger = newLedger();
      const signal = stopAfter(emulator, 2, isDeletion);
      const options = { signal, kind: 'scheduled' as const };
      const { runId, stopped } = await begin(emulator, { way: 'purge', commands: [DEV], ledger, options });
      expect(stopped?.by).toBe('signal');
      emulator.onRequest(undefined);
      const run = await cancelRun(ledger, runId, { now: new Date(), askedBy: 'request' });
      expect(run).toMatchObject({ state: 'stopped', stopped: { by: 'cancel' } });
      expect(run.stopped?.detail).not.toContain('the next run');
      const wanted = {
        registry: emulator.loginServer,
        policyHash: run.policy.hash,
        dryRun: false,
        sources: [],
        findings: [],
      };
      expect(await lastScheduled(ledger, wanted, new Date())).toMatchObject({ state: 'left' });
      expect(await goOn(emulator, ledger, runId)).toMatchObject({ runId, succeeded: true });
    });
  });

  test('at the same moment as it is cancelled says that it was cancelled', async () => {
    await withEmulator({ repositories: several(20), faults: { latencyMs: 5 } }, async (emulator) => {
      const ledger = newLedger();
      const stop = new AbortController();
      let asked = Promise.resolve();
      let deletions = 0;
      emulator.onRequest(({ kind }) => {
        if (!isDeletion(kind) || ++deletions !== 2) return;
        asked = running(ledger).then(async (run) => {
          if (run) await ask(ledger, run.id, 'elsewhere');
          stop.abort();
        });
      });
      // It never looks by itself.
      const options = { signal: stop.signal, progressMilliseconds: 1_000_000 };
      const { stopped } = await begin(emulator, { way: 'purge', commands: [DEV], ledger, options });
      await asked;
      expect(stopped?.by).toBe('cancel');
    });
  });
});

test('what is over cannot be cancelled, and says what it is; what there is not, neither', async () => {
  await withEmulator({ repositories: several(1) }, async (emulator) => {
    const ledger = newLedger();
    const about = { now: new Date(), askedBy: 'request' } as const;
    const { runId } = await begin(emulator, { way: 'purge', commands: [DEV], ledger });
    const before = await ledger.run(runId);
    await expect(cancelRun(ledger, runId, about)).rejects.toMatchObject({
      why: 'over',
      message: expect.stringContaining('is done') as unknown,
    });
    expect(await ledger.run(runId)).toEqual(before);
    for (const id of ['20200101T000000Z-000000', '../../etc', ''])
      await expect(cancelRun(ledger, id, about)).rejects.toMatchObject({ why: 'unknown' });
  });
});
