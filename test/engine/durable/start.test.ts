import { expect, test } from 'vitest';
import type { Emulator } from '../../../src/dev/emulator/index.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import {
  AlreadyRunning,
  canBeHanded,
  type Handed,
  noneMayRun,
  startHanded,
  startScheduled,
} from '../../../src/engine/durable/start.ts';
import type { Environment } from '../../../src/policy/settings.ts';
import { createLog } from '../../../src/report/log.ts';
import { dryRun, HandOver, parentStatus, readOnly } from '../../../src/index.ts';
import { images, repositoryOf } from '../../support/contents.ts';
import { calm, type Durable } from '../../support/durable.ts';
import { newLedger } from '../../support/ledger.ts';
import { hall, settingsOf } from '../../support/orchestration.ts';
import { connectTo, policyOf, withEmulator } from '../../support/registry.ts';

const COMMAND = '--filter ".*:^dev" --ago 30d';
const DELETING = {
  PURGE_COMMAND: COMMAND,
  PURGE_DRY_RUN: 'false',
  MAX_DELETION_PERCENT: '100',
  KEEP_LAST_TAG: 'false',
};

const APPS = Object.fromEntries(
  Array.from({ length: 6 }, (_, n) => [`app${n}`, repositoryOf(...images(`app${n}`, 2, 'dev'))]),
);

interface Place {
  readonly emulators: readonly Emulator[];
  readonly ledger: Ledger;
  readonly durable: Durable;
  readonly settings: Environment;
}

/** Two registries, and the engine. */
async function withTwo(settings: Environment, work: (place: Place) => Promise<void>): Promise<void> {
  await withEmulator({ repositories: APPS }, (one) =>
    withEmulator({ repositories: APPS }, async (other) => {
      const emulators = [one, other];
      const ledger = newLedger();
      const durable = hall({ emulators, ledger, settings, options: { choices: calm } });
      await work({ emulators, ledger, durable, settings });
    }),
  );
}

const tick = ({ ledger, durable }: Place, by: string) => ({
  client: durable.client() as never,
  ledger,
  log: createLog('silent'),
  now: new Date(),
  by,
  pastDue: false,
});

test('a tick starts all registries under one parent; the next one leaves alone what is at work', async () => {
  await withTwo(DELETING, async (place) => {
    const settings = settingsOf(place);
    const first = await startScheduled(settings, tick(place, 'first'));
    expect(first.left).toEqual([]);
    const parent = first.instanceId ?? '';
    // Nothing has been done yet, so it has not been said which of them are at work.
    await place.durable.run();
    const status = await parentStatus(place.ledger, parent);
    expect(status?.state).toBe('done');
    expect(status?.children.map(({ registry }) => registry)).toEqual(place.emulators.map((one) => one.loginServer));
    for (const { run } of status?.children ?? []) expect(run).toMatchObject({ state: 'done', parent, by: 'first' });
  });
});

test('a second start answers with the id and the state of the one that runs', async () => {
  await withTwo(DELETING, async (place) => {
    const settings = settingsOf(place);
    const { durable, ledger } = place;
    // In the middle of the first: right before its first visit.
    let second: Promise<Awaited<ReturnType<typeof startScheduled>>> | undefined;
    let refused: Promise<unknown> | undefined;
    place.emulators[0]?.onRequest(({ kind }) => {
      if (kind !== 'list-tags' || second) return;
      second = startScheduled(settings, tick(place, 'second'));
      refused = noneMayRun(durable.client() as never, [place.emulators[0]?.loginServer ?? '']).catch(
        (error: unknown) => error,
      );
    });
    await startScheduled(settings, tick(place, 'first'));
    await durable.run();
    const left = (await second)?.left ?? [];
    const [run] = await Array.fromAsync(ledger.runs({ registry: place.emulators[0]?.loginServer ?? '' }));
    expect(left[0]).toMatchObject({ state: 'Running', runId: run?.id });
    expect(await refused).toBeInstanceOf(AlreadyRunning);
    // It was not done twice.
    expect(await Array.fromAsync(ledger.runs())).toHaveLength(2);
  });
});

test('a dry run that takes too long is gone on with, under its own id, and comes to the same', async () => {
  await withTwo({ PURGE_COMMAND: COMMAND }, async (place) => {
    const { ledger, durable } = place;
    const [emulator] = place.emulators;
    if (!emulator) throw new Error('no registry');
    const late = new AbortController();
    let answered = 0;
    emulator.onRequest(({ kind }) => {
      if (kind === 'list-tags' && ++answered === 3) late.abort(new HandOver('it takes too long'));
    });
    const options = {
      policies: [policyOf(['--filter', '.*:^dev', '--ago', '30d', '--concurrency', '1'])],
      guards: { maxDeletions: 1, keepLastTag: true },
      now: new Date(emulator.start.getTime() + 1),
      onDecisions: () => undefined,
    };
    const { runId, handedOver } = await dryRun(readOnly(connectTo(emulator)), {
      ...options,
      ledger,
      by: 'request',
      signal: late.signal,
    });
    expect(handedOver).toBe(true);
    // Whoever looks at it meanwhile is not told that it has ended.
    expect(await ledger.run(runId)).toMatchObject({ state: 'running', progress: { of: 6 } });

    const handed: readonly Handed[] = [{ registry: emulator.loginServer, runId }];
    const about = { client: durable.client() as never, ledger, now: new Date(), by: 'request' };
    expect(await canBeHanded(about.client, [emulator.loginServer])).toBe(true);
    await startHanded(handed, about);
    // No second one is handed over meanwhile; and where one is all the same, its record says what became of it.
    expect(await canBeHanded(about.client, [emulator.loginServer])).toBe(false);
    const second = await dryRun(readOnly(connectTo(emulator)), {
      ...options,
      ledger,
      by: 'second',
      signal: late.signal,
    });
    const hand = startHanded([{ registry: emulator.loginServer, runId: second.runId }], { ...about, by: 'second' });
    await expect(hand).rejects.toThrow('409');
    expect(await ledger.run(second.runId)).toMatchObject({
      state: 'failed',
      error: { message: expect.stringContaining('409') as unknown },
    });
    await durable.run();
    const whole = newLedger();
    const inline = await dryRun(readOnly(connectTo(emulator)), { ...options, ledger: whole });
    const run = await ledger.run(runId);
    expect(run).toMatchObject({ state: 'done', progress: { done: 6, of: 6 }, totals: inline.totals });
    expect(inline.breakers.length).toBeGreaterThan(0);
    expect(run?.breakers).toEqual(inline.breakers);
    expect(await Array.fromAsync(ledger.decisions(runId))).toEqual(
      await Array.fromAsync(whole.decisions(inline.runId)),
    );
  });
});
