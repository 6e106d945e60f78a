import { expect, test, vi } from 'vitest';
import type { Emulator } from '../../../src/dev/emulator/index.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import { startScheduled } from '../../../src/engine/durable/start.ts';
import type { RegistryOutcome } from '../../../src/ledger/summary.ts';
import type { Decision, Decisions } from '../../../src/planner/decision.ts';
import type { Environment } from '../../../src/policy/settings.ts';
import { createLog } from '../../../src/report/log.ts';
import { dryRun, parentStatus, readOnly, requestedDryRun } from '../../../src/index.ts';
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
    place.emulators[0]?.onRequest(({ kind }) => {
      if (kind !== 'list-tags' || second) return;
      second = startScheduled(settings, tick(place, 'second'));
    });
    await startScheduled(settings, tick(place, 'first'));
    await durable.run();
    const left = (await second)?.left ?? [];
    const [run] = await Array.fromAsync(ledger.runs({ registry: place.emulators[0]?.loginServer ?? '' }));
    expect(left[0]).toMatchObject({ state: 'Running', runId: run?.id });
    // It was not done twice.
    expect(await Array.fromAsync(ledger.runs())).toHaveLength(2);
  });
});

/** A client that waits for a dry run, and what it is told. */
function asking(place: Place, by: string) {
  const told: { begun: string[]; decisions: Decision[]; outcomes: RegistryOutcome[] } = {
    begun: [],
    decisions: [],
    outcomes: [],
  };
  const abandoned = new AbortController();
  const asked = {
    ...tick(place, by),
    startedBy: 'request',
    signal: abandoned.signal,
    abandoned: abandoned.signal,
    onBegin: (id: string) => void told.begun.push(id),
    onDecisions: (decisions: Decisions) => Promise.resolve(void told.decisions.push(...decisions)),
    onOutcome: (outcome: RegistryOutcome) => Promise.resolve(void told.outcomes.push(outcome)),
  } as const;
  const configuration = { state: 'valid', settings: settingsOf(place), given: {} } as const;
  const guards = { maxDeletions: 1, keepLastTag: true };
  const { startDurable } = requestedDryRun(configuration, { guards });
  return { told, abandoned, done: startDurable(asked) };
}

test('a dry run that is asked for is an orchestration from its beginning, and comes to the same as in one process', async () => {
  await withTwo({ PURGE_COMMAND: COMMAND }, async (place) => {
    const { ledger, durable, emulators } = place;
    const [first, second] = [asking(place, 'first'), asking(place, 'second')];
    // Both at once: neither refuses the other.
    await vi.waitFor(() => expect([...first.told.begun, ...second.told.begun]).toHaveLength(2));
    await durable.run();
    await Promise.all([first.done, second.done]);
    const whole = newLedger();
    for (const [n, emulator] of emulators.entries()) {
      const inline = await dryRun(readOnly(connectTo(emulator)), {
        policies: [policyOf(['--filter', '.*:^dev', '--ago', '30d'])],
        guards: { ...settingsOf(place).guards, maxDeletions: 1, keepLastTag: true },
        now: new Date(emulator.start.getTime() + 1),
        ledger: whole,
        onDecisions: () => undefined,
      });
      for (const { told } of [first, second]) {
        const outcome = told.outcomes[n];
        if (!outcome || !('summary' in outcome)) throw new Error('no summary');
        const { summary } = outcome;
        expect(summary).toMatchObject({ succeeded: true, totals: inline.totals, warnings: inline.warnings });
        expect(summary.breakers).toEqual(inline.breakers);
        expect(summary.breakers.length).toBeGreaterThan(0);
        expect(Object.keys(summary.examples)).toEqual(Object.keys(inline.examples));
        expect(await Array.fromAsync(ledger.decisions(summary.runId))).toHaveLength(
          (await Array.fromAsync(whole.decisions(inline.runId))).length,
        );
      }
    }
    for (const { told } of [first, second]) expect(told.decisions.length).toBe(24);
    const status = await parentStatus(ledger, first.told.begun[0] ?? '');
    expect(status).toMatchObject({ state: 'done', record: { kind: 'dry-run' } });
  });
});

test('a dry run whose client goes away before it knows where to look is cancelled', async () => {
  await withTwo({ PURGE_COMMAND: COMMAND }, async (place) => {
    const { told, abandoned, done } = asking(place, 'gone');
    await vi.waitFor(() => expect(told.begun).toHaveLength(1));
    abandoned.abort();
    await done;
    await place.durable.run();
    const status = await parentStatus(place.ledger, told.begun[0] ?? '');
    expect(status?.children).toHaveLength(2);
    for (const child of status?.children ?? [])
      expect(child).toMatchObject({ state: 'stopped', run: { stopped: { by: 'cancel' } } });
    expect(told.outcomes).toEqual([]);
  });
});
