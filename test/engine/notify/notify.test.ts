import { describe, expect, test } from 'vitest';
import { notifyDue, type Notifying } from '../../../src/engine/notify/notify.ts';
import { receiverKey } from '../../../src/ledger/messages.ts';
import { type Memory, newMemory } from '../../../src/ledger/store/memory.ts';
import type { Hold } from '../../../src/planner/decision.ts';
import type { Notify } from '../../../src/policy/notify.ts';
import {
  clockAt,
  DAY,
  deletions,
  HOUR,
  ledgerOn,
  logging,
  type Moment,
  newOutbox,
  NOTIFY,
  recorded,
} from './recorded.ts';

const STARTED = '2026-11-01T01:00:00.000Z';
const HOLD: Hold = { breaker: 'max-deletions', found: 3, limit: 2, detail: '3 would be deleted, and 2 are the most' };
const WAITING = {
  state: 'waiting',
  breakers: [HOLD],
  plan: { hash: 'a'.repeat(64), deletions: 3, state: 'waiting' },
} as const;

/** An app with its ledger, at a moment that a test moves on. */
function newApp(memory: Memory = newMemory()) {
  const moment: Moment = { at: Date.parse('2026-11-01T01:03:00Z') };
  const outbox = newOutbox();
  const ledger = ledgerOn(memory, moment);
  const tell = (over: Partial<Notifying> = {}): ReturnType<typeof logging> =>
    logging((log) => notifyDue({ notify: NOTIFY, ledger, log, milliseconds: 60_000, send: outbox.send, ...over }));
  return { memory, moment, outbox, ledger, tell };
}

test('each receiver is told once, by any number of processes, however often they look', async () => {
  const { memory, moment, ledger, outbox, tell } = newApp();
  await recorded(ledger, STARTED, {}, deletions(3));
  // Several calls in this process, and in another one, all at the same time.
  const other = ledgerOn(memory, moment);
  await Promise.all([tell(), tell(), tell({ ledger: other }), tell({ ledger: other })]);
  expect(outbox.sent.map(({ place, kind }) => `${place} ${kind}`).sort()).toEqual([
    '1 deletion-done',
    '2 deletion-done',
  ]);
  for (const hours of [1, 2, 30]) {
    moment.at += hours * HOUR;
    await tell();
  }
  expect(outbox.sent).toHaveLength(2);
  expect(new Set(outbox.sent.map(({ id }) => id))).toEqual(new Set(['20261101T010000Z-3f9a0c/ended-0']));
});

test('what is said, and that it approves nothing', async () => {
  const { ledger, outbox, tell } = newApp();
  await recorded(ledger, STARTED, WAITING);
  const [line] = await tell();
  expect(line).toMatchObject({ event: 'notification-sent', kind: 'guard-tripped', runId: '20261101T010000Z-3f9a0c' });
  const [message] = outbox.sent;
  expect(message).toMatchObject({
    kind: 'guard-tripped',
    title: 'A guard holds deletions back: Scheduled run, contoso, 1 Nov 01:00 UTC',
    link: { text: 'Open the plan', url: 'https://retention.example/review?run=20261101T010000Z-3f9a0c' },
    data: { kinds: ['guard-tripped', 'plan-waits'], plan: { state: 'waiting', deletions: 3 } },
  });
  expect(message?.sentences.join(' ')).toContain('3 would be deleted, and 2 are the most');
  // The beginning of the hash approves the plan.
  expect(JSON.stringify(message)).not.toContain('aaaaaaaa');
});

test('only what is chosen', async () => {
  const { ledger, outbox, tell } = newApp();
  await recorded(ledger, STARTED, WAITING, deletions(3));
  await recorded(ledger, '2026-11-01T00:30:00.000Z', {}, deletions(3));
  await tell({ notify: { ...NOTIFY, kinds: ['plan-waits'] } });
  expect(outbox.sent.map(({ kind, data }) => [kind, data['kinds']])).toEqual([
    ['plan-waits', ['plan-waits']],
    ['plan-waits', ['plan-waits']],
  ]);
});

describe('a receiver that is new', () => {
  test('is told what happens from now on, and not of all that did before', async () => {
    const { ledger, outbox, moment, tell } = newApp();
    await recorded(ledger, '2026-10-30T01:00:00.000Z', {}, deletions(3));
    await tell();
    expect(outbox.sent).toEqual([]);
    moment.at += DAY;
    await recorded(ledger, '2026-11-02T01:00:00.000Z', {}, deletions(3));
    await tell();
    expect(outbox.sent).toHaveLength(2);
  });

  test('and so it is with a kind that is chosen anew', async () => {
    const { ledger, outbox, moment, tell } = newApp();
    const some: Notify = { ...NOTIFY, kinds: ['run-failed'] };
    await recorded(ledger, STARTED, {}, deletions(3));
    await tell({ notify: some });
    moment.at += 2 * HOUR;
    await tell();
    expect(outbox.sent).toEqual([]);
  });
});

describe('a receiver that fails', () => {
  const refused = { state: 'failed', why: 'it answered 503', attempts: 5, again: true } as const;

  test('is tried again by the watch, and the others are told at once', async () => {
    const { ledger, outbox, moment, tell } = newApp();
    await recorded(ledger, STARTED, {}, deletions(3));
    outbox.deliveries.push(refused);
    const lines = await tell({ notify: { ...NOTIFY, receivers: NOTIFY.receivers.slice(0, 1) } });
    expect(lines).toMatchObject([
      { event: 'notification-failed', level: 'warn', receiver: 'address 1 of NOTIFY (slack)', why: 'it answered 503' },
    ]);
    await tell();
    // Within minutes it is not tried again: other runs end meanwhile.
    expect(outbox.sent.map(({ place }) => place)).toEqual([2]);
    moment.at += HOUR;
    await tell();
    expect(outbox.sent.map(({ place }) => place)).toEqual([2, 1]);
  });

  test('not for ever', async () => {
    const { ledger, outbox, moment, tell } = newApp();
    await recorded(ledger, STARTED, {}, deletions(3));
    const notify = { ...NOTIFY, receivers: NOTIFY.receivers.slice(0, 1) };
    outbox.deliveries.push(...Array.from({ length: 100 }, () => refused));
    for (let hour = 0; hour < 40; hour += 1) {
      await tell({ notify });
      moment.at += HOUR;
    }
    expect(outbox.deliveries).toHaveLength(100 - 24);
  });

  test('does not take the next messages either, so they wait', async () => {
    const { ledger, outbox, moment, tell } = newApp();
    const notify = { ...NOTIFY, receivers: NOTIFY.receivers.slice(0, 1) };
    await recorded(ledger, '2026-11-01T00:40:00.000Z', {}, deletions(3));
    await recorded(ledger, STARTED, {}, deletions(3));
    outbox.deliveries.push(refused);
    await tell({ notify });
    expect(outbox.sent).toEqual([]);
    moment.at += HOUR;
    await tell({ notify });
    expect(outbox.sent.map(({ subject }) => subject)).toEqual(['20261101T004000Z-3f9a0c', '20261101T010000Z-3f9a0c']);
  });

  test('of one message does not hold up the others with it', async () => {
    const { ledger, outbox, moment, tell } = newApp();
    const notify = { ...NOTIFY, receivers: NOTIFY.receivers.slice(0, 1) };
    await recorded(ledger, '2026-11-01T00:40:00.000Z', {}, deletions(3));
    outbox.deliveries.push(refused, refused);
    await tell({ notify });
    await recorded(ledger, STARTED, {}, deletions(3));
    moment.at += HOUR;
    await tell({ notify });
    expect(outbox.sent.map(({ subject }) => subject)).toEqual(['20261101T010000Z-3f9a0c']);
  });

  test('that may have taken it is not told twice', async () => {
    const { ledger, outbox, moment, tell } = newApp();
    // Both are known from before.
    await tell();
    await recorded(ledger, STARTED, {}, deletions(3));
    outbox.deliveries.push({ state: 'unknown', why: 'it did not answer within 10 s', attempts: 1, again: false });
    await tell({ notify: { ...NOTIFY, receivers: NOTIFY.receivers.slice(0, 1) } });
    moment.at += DAY;
    await tell();
    expect(outbox.sent.map(({ place }) => place)).toEqual([2]);
  });

  test('whatever it throws is not thrown', async () => {
    const { ledger, tell } = newApp();
    await recorded(ledger, STARTED, {}, deletions(3));
    const lines = await tell({ send: () => Promise.reject(new TypeError('a mistake')) });
    expect(lines.map(({ event }) => event)).toEqual(['notification-failed', 'notification-failed']);
  });
});

describe('a process that is killed', () => {
  test('before it has claimed anything: the next one tells it', async () => {
    const { ledger, outbox, moment, tell } = newApp();
    await tell();
    await recorded(ledger, STARTED, {}, deletions(3));
    moment.at += HOUR;
    await tell();
    expect(outbox.sent).toHaveLength(2);
  });

  test('after its claim: nothing is sent twice, and the log says once that a message may be missing', async () => {
    const { ledger, outbox, moment, tell } = newApp();
    const { id: runId } = await recorded(ledger, STARTED, {}, deletions(3));
    const key = { of: 'run', runId, news: 'ended-0' } as const;
    const found = await ledger.messages.look(key, receiverKey('https://events.example/hook'));
    expect(found?.state === 'open' && (await found.claim())).toBeTruthy();
    // It may be at work still.
    expect((await tell()).map(({ event }) => event)).toEqual(['notification-sent']);
    moment.at += HOUR;
    const lines = await tell();
    expect(lines).toMatchObject([
      { event: 'notification-lost', level: 'warn', receiver: 'address 2 of NOTIFY (cloudevents)', runId },
    ]);
    moment.at += HOUR;
    expect(await tell()).toEqual([]);
    expect(outbox.sent.map(({ place }) => place)).toEqual([1]);
  });

  test('is not begun where it is about to end', async () => {
    const { ledger, outbox, tell } = newApp();
    await recorded(ledger, STARTED, {}, deletions(3));
    await tell({ signal: AbortSignal.abort() });
    expect(outbox.sent).toEqual([]);
    await tell();
    expect(outbox.sent).toHaveLength(2);
  });
});

describe('a plan that waits', () => {
  const notify = { ...NOTIFY, receivers: NOTIFY.receivers.slice(0, 1) };

  test('is said once more, once', async () => {
    const { ledger, outbox, moment, tell } = newApp();
    await recorded(ledger, STARTED, WAITING);
    for (let day = 0; day < 8; day += 1) {
      await tell({ notify, planAgeMilliseconds: DAY });
      moment.at += DAY;
    }
    expect(outbox.sent.map(({ title }) => title)).toEqual([
      'A guard holds deletions back: Scheduled run, contoso, 1 Nov 01:00 UTC',
      'Still waits for approval: Scheduled run, contoso, 1 Nov 01:00 UTC',
    ]);
    expect(outbox.sent[1]?.sentences[0]).toMatch(/^It has waited for 3 d\b.* older than PLAN_MAX_AGE allows/);
    expect(outbox.sent[1]?.data).toMatchObject({ reminder: true });
  });

  test('not where the next scheduled run has another', async () => {
    const { ledger, outbox, moment, tell } = newApp();
    await recorded(ledger, STARTED, WAITING);
    await tell({ notify });
    moment.at += DAY;
    await recorded(ledger, '2026-11-02T01:00:00.000Z', {});
    moment.at += 3 * DAY;
    await tell({ notify });
    expect(outbox.sent).toHaveLength(1);
  });
});

test('a schedule that is not kept is said once, and again where it is so anew', async () => {
  const { outbox, moment, tell } = newApp();
  const overdue = (since: string) => [
    { registry: 'contoso.azurecr.io', since: new Date(since), schedule: '0 1 * * *' },
  ];
  for (let hour = 0; hour < 3; hour += 1) {
    await tell({ overdue: overdue('2026-10-30T01:00:00Z') });
    moment.at += HOUR;
  }
  expect(outbox.sent.map(({ kind }) => kind)).toEqual(['schedule-overdue', 'schedule-overdue']);
  await tell({ overdue: overdue('2026-11-01T01:00:00Z') });
  expect(outbox.sent).toHaveLength(4);
});

test('what is said of old runs goes with them', async () => {
  const { memory, ledger, moment, tell } = newApp();
  await recorded(ledger, STARTED, {}, deletions(3));
  await ledger.messages.noteNotBegun({ id: '20261101T010000Z-000001', at: STARTED, why: 'no answer' });
  await tell({ overdue: [{ registry: 'contoso.azurecr.io', since: new Date('2026-10-30T01:00:00Z'), schedule: '' }] });
  const paths = (): readonly string[] => [...memory.files.keys()].filter((path) => !path.startsWith('receivers/'));
  expect(paths().filter((path) => /notified|not-begun|overdue/.test(path))).toHaveLength(7);
  moment.at += 10 * DAY;
  await ledger.prune(new Date(moment.at - DAY));
  expect(paths().filter((path) => /notified|not-begun|overdue/.test(path))).toEqual([]);
});

test('only of the registries that the app serves: another one may share its ledger', async () => {
  const { ledger, outbox, tell } = newApp();
  await recorded(ledger, STARTED, {}, deletions(3));
  await recorded(ledger, '2026-11-01T00:50:00.000Z', { registry: 'fabrikam.azurecr.io' }, deletions(3));
  await ledger.messages.noteNotBegun({
    id: '20261101T010000Z-000001',
    registry: 'fabrikam.azurecr.io',
    at: STARTED,
    why: '',
  });
  await tell({ registries: ['contoso.azurecr.io'] });
  expect(outbox.sent.map(({ registry }) => registry)).toEqual(['contoso.azurecr.io', 'contoso.azurecr.io']);
});

describe('what is damaged in the ledger holds up nothing else', () => {
  test('of a message', async () => {
    const { memory, ledger, outbox, moment, tell } = newApp();
    await recorded(ledger, '2026-11-01T00:50:00.000Z', {}, deletions(3));
    await recorded(ledger, STARTED, {}, deletions(3));
    await tell();
    expect(outbox.sent).toHaveLength(4);
    const [path = ''] = [...memory.files.keys()].filter((one) => one.includes('/notified/'));
    memory.files.set(path, { bytes: Buffer.from('{'), etag: 'x' });
    moment.at += HOUR;
    await recorded(ledger, '2026-11-01T01:30:00.000Z', {}, deletions(3));
    const lines = await tell();
    expect(lines.filter(({ event }) => event === 'notification-failed')).toHaveLength(1);
    expect(outbox.sent).toHaveLength(6);
  });

  test('of the repositories of a run', async () => {
    const { memory, ledger, outbox, tell } = newApp();
    const { id } = await recorded(ledger, '2026-11-01T00:50:00.000Z', {}, deletions(3));
    await recorded(ledger, STARTED, {}, deletions(3));
    memory.files.set(`runs/${id}/repositories.ndjson.gz`, { bytes: Buffer.from('no gzip'), etag: 'x' });
    await tell();
    expect(outbox.sent.map(({ subject }) => subject)).toEqual(['20261101T010000Z-3f9a0c', '20261101T010000Z-3f9a0c']);
  });
});

test('a ledger that cannot be read is a warning, and nothing else', async () => {
  const { ledger, tell } = newApp();
  const broken = {
    ...ledger,
    runs: () => {
      throw new Error('the storage account does not answer');
    },
  };
  const lines = await tell({ ledger: broken });
  expect(lines).toMatchObject([{ event: 'notification-failed', level: 'warn' }]);
});

test('the clock of a test is the one that counts', () => {
  expect(clockAt({ at: 5 }).now()).toBe(5);
});
