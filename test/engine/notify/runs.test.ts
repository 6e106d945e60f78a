import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Emulator } from '../../../src/dev/emulator/index.ts';
import { AFTER_RUN_MS } from '../../../src/engine/notify/tell.ts';
import { type Ledger, openLedger } from '../../../src/ledger/ledger.ts';
import { memoryStore } from '../../../src/ledger/store/memory.ts';
import { realSystem } from '../../../src/ledger/store/system.ts';
import { type Clock, systemClock } from '../../../src/registry/clock.ts';
import { type Configuration, type Environment, readSettings } from '../../../src/policy/settings.ts';
import { createLog } from '../../../src/report/log.ts';
import {
  openRegistry,
  requestedApply,
  scheduledPurge,
  tellMisconfigured,
  type Trigger,
  watchAndNotify,
} from '../../../src/index.ts';
import { calm, seeded } from '../../support/durable.ts';
import { hall, scheduled } from '../../support/orchestration.ts';
import { answering, hanging, SECRET, type StandIn, startReceiver } from '../../support/receiver.ts';
import { USER, withEmulator } from '../../support/registry.ts';
import { several } from '../../support/slices.ts';
import { newLedger } from '../../support/ledger.ts';
import { newShelf } from '../../support/shelf.ts';

/* Messages of whole runs, of both engines, to a receiver over sockets. */

const DELETING = {
  PURGE_COMMAND: '--filter ".*:^dev" --ago 30d --untagged',
  PURGE_DRY_RUN: 'false',
  MAX_DELETION_PERCENT: '100',
  KEEP_LAST_TAG: 'false',
};
const HELD = { ...DELETING, MAX_DELETIONS: '1' };

let receiver: StandIn;
beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(() => receiver.close());

function settingsFor(emulators: readonly Pick<Emulator, 'loginServer'>[], settings: Environment): Environment {
  return {
    ACR_REGISTRY: emulators.map(({ loginServer }) => loginServer).join(' '),
    ACR_USERNAME: USER.username,
    ACR_PASSWORD: USER.password,
    PURGE_SCHEDULE: '0 1 * * Sun',
    REVIEW_URL: 'https://retention.example',
    NOTIFY: ['teams', 'slack', 'cloudevents']
      .map((kind) => `${kind}:http://127.0.0.1:${receiver.port}/${kind}/${SECRET}`)
      .join('\n'),
    ...settings,
  };
}

function configured(emulators: readonly Pick<Emulator, 'loginServer'>[], settings: Environment): Configuration {
  return readSettings(settingsFor(emulators, settings), () => '');
}

const triggerOf = (ledger: Ledger, emulators: readonly Emulator[], over: Partial<Trigger> = {}): Trigger => ({
  now: new Date(),
  ledger,
  startedBy: 'schedule',
  by: 'one',
  onDecisions: () => undefined,
  log: createLog('silent'),
  open(target) {
    const emulator = emulators.find(({ loginServer }) => loginServer === target.endpoint.host);
    return openRegistry({ ...target, ...(emulator && { certificate: emulator.certificate }) });
  },
  ...over,
});

/** A ledger by whose clock pauses are short. */
function hurried(over: Partial<Clock> = {}): Ledger {
  const sleep: Clock['sleep'] = (milliseconds, ...how) => systemClock.sleep(Math.min(milliseconds, 10), ...how);
  return openLedger(memoryStore(undefined, undefined, { ...realSystem, clock: { ...systemClock, sleep, ...over } }));
}

interface CloudEvent {
  readonly id: string;
  readonly type: string;
  readonly subject?: string;
  readonly data: Readonly<Record<string, unknown>> & { readonly text: string };
}

const events = (): readonly CloudEvent[] =>
  receiver.received.filter(({ path }) => path.startsWith('/cloudevents/')).map(({ message }) => message as CloudEvent);
const typesOf = (): readonly string[] => events().map(({ type }) => type.replace('acr-retention.', ''));

describe('a scheduled run', () => {
  test('each receiver is told in its form, after the run is recorded and its lock is released', async () => {
    await withEmulator({ repositories: several(3, 2) }, async (emulator) => {
      const ledger = newLedger();
      const found: unknown[] = [];
      receiver.answers.push((response) => {
        void (async () => {
          const [run] = await Array.fromAsync(ledger.runs());
          const lock = await ledger.lock(run?.registry ?? '', run?.holder ?? (undefined as never));
          await lock.release();
          found.push(run?.state, run?.ended === undefined);
          answering(200)(response, response.req);
        })();
      });
      const [outcome] = await scheduledPurge(configured([emulator], DELETING), triggerOf(ledger, [emulator]));
      expect(outcome).toMatchObject({ summary: { succeeded: true } });
      expect(found).toEqual(['done', false]);
      expect(receiver.received.map(({ path }) => path.split('/')[1]).sort()).toEqual(['cloudevents', 'slack', 'teams']);
      expect(receiver.wrong).toEqual([]);
      expect(typesOf()).toEqual(['deletion-done']);
      expect(events()[0]?.data).toMatchObject({ deleted: { tags: 6 }, run: { kind: 'scheduled', state: 'done' } });
    });
  });

  test.each([
    ['fails', answering(500)],
    ['redirects', answering(302, { location: 'https://retention.example' })],
    ['hangs', hanging],
  ] as const)('a receiver that %s neither fails it nor has it repeated', async (name, answer) => {
    await withEmulator({ repositories: several(2, 1) }, async (emulator) => {
      const ledger = hurried({
        after: (milliseconds, call, use) =>
          systemClock.after(name === 'hangs' && milliseconds === 10_000 ? 300 : milliseconds, call, use),
      });
      receiver.answers.push(...Array.from({ length: 30 }, () => answer));
      const [outcome] = await scheduledPurge(configured([emulator], DELETING), triggerOf(ledger, [emulator]));
      expect(outcome).toMatchObject({ summary: { succeeded: true } });
      const runs = await Array.fromAsync(ledger.runs());
      expect(runs.map(({ state }) => state)).toEqual(['done']);
      expect(receiver.received.length).toBeGreaterThan(0);
    });
  });

  test('that a guard holds back says so, and that a plan waits', async () => {
    await withEmulator({ repositories: several(3, 2) }, async (emulator) => {
      const ledger = newLedger();
      const configuration = configured([emulator], HELD);
      await scheduledPurge(configuration, triggerOf(ledger, [emulator]));
      expect(typesOf()).toEqual(['guard-tripped']);
      const [event] = events();
      const [run] = await Array.fromAsync(ledger.runs());
      expect(event?.data).toMatchObject({
        kinds: ['guard-tripped', 'plan-waits'],
        url: `https://retention.example/review?run=${run?.id ?? ''}`,
      });
      // What approves it is on the page alone.
      const hash = run?.plan?.hash.slice(0, 8) ?? 'none';
      expect(
        receiver.received.map(({ message }) => JSON.stringify(message)).filter((text) => text.includes(hash)),
      ).toEqual([]);

      await requestedApply(
        configuration,
        run?.id ?? '',
        { approve: run?.plan?.hash },
        triggerOf(ledger, [emulator], { startedBy: 'request' }),
      );
      expect(typesOf()).toEqual(['guard-tripped', 'deletion-done']);
    });
  });

  test('of a scheduled dry run: its plan waits', async () => {
    await withEmulator({ repositories: several(3, 2) }, async (emulator) => {
      await scheduledPurge(
        configured([emulator], { ...DELETING, PURGE_DRY_RUN: 'true' }),
        triggerOf(newLedger(), [emulator]),
      );
      expect(typesOf()).toEqual(['plan-waits']);
    });
  });

  test('that could not be begun, of one registry of two; the other is told of as well', async () => {
    await withEmulator({ repositories: several(2, 1) }, (one) =>
      withEmulator({ repositories: several(2, 1) }, async (other) => {
        const ledger = newLedger();
        const holder = {
          runId: 'another',
          startedBy: 'command line',
          host: 'build-7',
          pid: 1,
          since: new Date().toISOString(),
        };
        const lock = await ledger.lock(one.loginServer, holder);
        await scheduledPurge(configured([one, other], DELETING), triggerOf(ledger, [one, other]));
        await lock.release();
        expect(typesOf().toSorted()).toEqual(['deletion-done', 'run-failed']);
        const failed = events().find(({ type }) => type.endsWith('run-failed'));
        expect(failed?.data).toMatchObject({
          registry: one.loginServer,
          error: expect.stringContaining('is in use by the run another') as string,
        });
      }),
    );
  });

  test('that fails', async () => {
    await withEmulator(
      { repositories: several(2, 1), faults: { failing: ({ kind }) => (kind === 'catalog' ? 403 : undefined) } },
      async (emulator) => {
        const ledger = newLedger();
        await expect(scheduledPurge(configured([emulator], DELETING), triggerOf(ledger, [emulator]))).rejects.toThrow(
          '403',
        );
        expect(typesOf()).toEqual(['run-failed']);
        expect(events()[0]?.subject).toBe((await Array.fromAsync(ledger.runs()))[0]?.id);
      },
    );
  });

  test('of which nothing could be told is told by the watch', async () => {
    await withEmulator({ repositories: several(2, 1) }, async (emulator) => {
      const later = { milliseconds: 0 };
      const ledger = hurried({ now: () => Date.now() + later.milliseconds });
      const configuration = configured([emulator], DELETING);
      const { port } = receiver;
      await receiver.close();
      await scheduledPurge(configuration, triggerOf(ledger, [emulator]));
      receiver = await startReceiver(port);
      later.milliseconds = 3_600_000;
      await watchAndNotify(configuration, { ledger, now: new Date(), log: createLog('silent') });
      expect(receiver.received.map(({ path }) => path.split('/')[1]).sort()).toEqual(['cloudevents', 'slack', 'teams']);
      expect(typesOf()).toEqual(['deletion-done']);
    });
  });
});

test('wrong settings: the tick tells people, and nothing is repeated each hour', async () => {
  const ledger = newLedger();
  const configuration = configured([{ loginServer: 'contoso.azurecr.io' }], { ...DELETING, MAX_DELETIONS: 'many' });
  const about = { ledger, log: createLog('silent') };
  // A tick, and the next one.
  await tellMisconfigured(configuration, about);
  await tellMisconfigured(configuration, about);
  await watchAndNotify(configuration, { ...about, now: new Date() });
  expect(typesOf()).toEqual(['run-failed']);
  expect(events()[0]?.data).toMatchObject({ error: expect.stringContaining('MAX_DELETIONS "many"') as string });
});

test('a schedule that is not kept: the watch tells it once', async () => {
  const ledger = newLedger();
  const configuration = configured([{ loginServer: 'contoso.azurecr.io' }], {
    ...DELETING,
    PURGE_SCHEDULE: '0 * * * *',
  });
  const about = { ledger, log: createLog('silent') };
  await watchAndNotify(configuration, { ...about, now: new Date() });
  expect(receiver.received).toEqual([]);
  for (const hours of [3, 4])
    await watchAndNotify(configuration, { ...about, now: new Date(Date.now() + hours * 3_600_000) });
  expect(typesOf()).toEqual(['schedule-overdue']);
  expect(receiver.wrong).toEqual([]);
});

/** Numbers that choose what goes wrong, the same for the same seed. */
function troubleOf(seed: number): readonly number[] {
  let number = seed * 2_654_435_761;
  return Array.from({ length: 120 }, () => (number = (number * 1_103_515_245 + 12_345) % 2_147_483_648) >>> 8);
}

describe('the durable engine', () => {
  test('tells of a run once it is finished', async () => {
    await withEmulator({ repositories: several(3, 2) }, async (emulator) => {
      const ledger = newLedger();
      const durable = hall({
        emulators: [emulator],
        ledger,
        settings: settingsFor([emulator], DELETING),
        options: { choices: calm },
      });
      durable.start('retention', { instanceId: 'one', input: scheduled([emulator]) });
      await durable.run();
      const [run] = await Array.fromAsync(ledger.runs());
      expect(run?.state).toBe('done');
      expect(events().map(({ id, type }) => `${type} ${id}`)).toEqual([
        `acr-retention.deletion-done ${run?.id ?? ''}/ended-0`,
      ]);
      expect(receiver.received).toHaveLength(3);
      expect(receiver.wrong).toEqual([]);
    });
  });

  test.each([1, 2, 3, 4, 5, 6])('with workers that are killed at any moment, never twice (%i)', async (seed) => {
    await withEmulator({ repositories: several(3, 2) }, async (emulator) => {
      const shelf = newShelf(() => durable.now().getTime());
      const ledger = openLedger(shelf.store);
      const durable = hall({
        emulators: [emulator],
        ledger,
        ledgerOf: (execution) => openLedger(shelf.worker(execution)),
        settings: settingsFor([emulator], DELETING),
        options: { choices: seeded(troubleOf(seed)) },
      });
      durable.start('retention', { instanceId: 'one', input: scheduled([emulator]) });
      await durable.run();
      const keys = receiver.received
        .filter(({ path }) => !path.startsWith('/cloudevents'))
        .map(({ path, message }) => path + JSON.stringify(message));
      expect(new Set(keys).size).toBe(keys.length);
      const ids = events().map(({ id }) => id);
      expect(new Set(ids).size).toBe(ids.length);
      const [run] = await Array.fromAsync(ledger.runs());
      expect(run?.state).toBe('done');
    });
  });
});

test('a run waits for messages for half a minute at most', () => {
  expect(AFTER_RUN_MS).toBe(30_000);
});
