import { expect, test } from 'vitest';
import type { RunRecord } from '../../src/ledger/records.ts';
import { type Environment, readSettings } from '../../src/policy/settings.ts';
import { createLog, inInvocation } from '../../src/report/log.ts';
import { LedgerError, watch } from '../../src/index.ts';
import type { WatchedLedger } from '../../src/engine/schedule-monitor.ts';
import { newLedger } from '../support/ledger.ts';
import { ledgerOf, recordOf } from '../support/review.ts';

const SETTINGS = {
  ACR_REGISTRY: 'contoso',
  PURGE_COMMAND: "--filter 'app:^dev-' --ago 30d",
  PURGE_SCHEDULE: '0 1 * * Sun',
  PURGE_DRY_RUN: 'false',
};

/** The one record that is logged, and the method of the host's log that it goes through. */
async function watchedAt(now: string, ledger: WatchedLedger, settings: Environment = SETTINGS) {
  const lines: Readonly<Record<string, unknown>>[] = [];
  const take = (method: string) => (line: string) =>
    void lines.push({ method, ...(JSON.parse(line) as Readonly<Record<string, unknown>>) });
  const log = {
    trace: take('trace'),
    debug: take('debug'),
    info: take('info'),
    warn: take('warn'),
    error: take('error'),
  };
  const configuration = readSettings(settings, () => '');
  await inInvocation({ invocationId: 'one', ...log }, () =>
    watch(configuration, ledger, new Date(now), createLog('info')),
  );
  expect(lines).toHaveLength(1);
  return lines[0];
}

const SUNDAY = '2026-11-01T01:00:00.000Z';
const runs = (...records: readonly Partial<RunRecord>[]): WatchedLedger => ({
  ...ledgerOf(records.map((over) => recordOf(over.started ?? SUNDAY, [], over))),
  watchedSince: (_, now) => Promise.resolve(now),
});

test('a schedule that is kept', async () => {
  expect(await watchedAt('2026-11-03T10:30:00Z', runs({ ended: '2026-11-01T01:04:00.000Z' }))).toMatchObject({
    event: 'watch',
    level: 'info',
    method: 'info',
    invocationId: 'one',
    registry: 'contoso.azurecr.io',
    schedule: '0 1 * * Sun',
    dryRun: false,
    lastRun: SUNDAY,
    lastRunId: '20261101T010000Z-3f9a0c',
    lastState: 'done',
    nextRun: '2026-11-08T01:00:00.000Z',
    overdue: false,
    message: 'the schedule is kept',
  });
});

const ended = { ended: '2026-11-01T01:04:00.000Z' };

test.each<readonly [string, string, string, readonly Partial<RunRecord>[], boolean]>([
  ['a week late', '0 1 * * Sun', '2026-11-14T23:30:00Z', [ended], false],
  ['two weeks late, within the grace', '0 1 * * Sun', '2026-11-15T01:14:00Z', [ended], false],
  ['two weeks late', '0 1 * * Sun', '2026-11-15T01:30:00Z', [ended], true],
  ['a timer that was early', '0 1 * * Sun', '2026-11-09T00:30:00Z', [{ started: '2026-11-01T00:59:59.900Z', ...ended }], false],
  // From Friday to Monday nothing is due, however often it is in between.
  ['a pause of the schedule', '0 */2 * * Mon-Fri', '2026-11-29T23:30:00Z', [{ started: '2026-11-27T22:00:00.000Z' }], false],
  ['the same, and it is over', '0 */2 * * Mon-Fri', '2026-11-30T02:30:00Z', [{ started: '2026-11-27T22:00:00.000Z', ended: '2026-11-27T22:01:00.000Z' }], true],
  ['a run that takes longer than two intervals', '*/30 * * * *', '2026-11-01T02:30:00Z', [{ state: 'running' }], false],
  ['one that should have stopped itself', '*/30 * * * *', '2026-11-01T03:30:00Z', [{ state: 'running' }], true],
  [
    'runs that die each time',
    '0 1 * * *',
    '2026-11-04T12:30:00Z',
    [
      ended,
      { started: '2026-11-02T01:00:00.000Z', state: 'interrupted' },
      { started: '2026-11-03T01:00:00.000Z', state: 'interrupted' },
      { started: '2026-11-04T01:00:00.000Z', state: 'running' },
    ],
    true,
  ],
  [
    'one that dies each time that it goes on',
    '0 1 * * *',
    '2026-11-07T12:30:00Z',
    [{ state: 'running', resumed: [{ at: '2026-11-07T01:00:00.000Z', startedBy: 'schedule' }] }],
    true,
  ],
  [
    'one that died, and the next came to its end',
    '0 1 * * *',
    '2026-11-03T12:30:00Z',
    [
      { started: '2026-11-02T01:00:00.000Z', state: 'interrupted' },
      { started: '2026-11-03T01:00:00.000Z', ended: '2026-11-03T01:04:00.000Z' },
    ],
    false,
  ],
  ['one that has ended late', '*/30 * * * *', '2026-11-01T03:30:00Z', [{ ended: '2026-11-01T02:50:00.000Z' }], false],
  ['one whose process has died', '*/30 * * * *', '2026-11-01T02:30:00Z', [{ state: 'interrupted' }], true],
  [
    'one that was stopped, and goes on in slices',
    '0 * * * *',
    '2026-11-01T05:30:00Z',
    [
      {
        state: 'stopped',
        ended: '2026-11-01T04:10:00.000Z',
        resumed: [{ at: '2026-11-01T04:00:00.000Z', startedBy: 'schedule' }],
      },
    ],
    false,
  ],
  [
    'one that goes on right now',
    '*/30 * * * *',
    '2026-11-01T05:30:00Z',
    [{ state: 'running', resumed: [{ at: '2026-11-01T04:00:00.000Z', startedBy: 'schedule' }] }],
    false,
  ],
  [
    'runs that nobody scheduled count for nothing, nor do those of another registry',
    '0 1 * * *',
    '2026-11-03T01:30:00Z',
    [
      ended,
      { started: '2026-11-03T00:00:00.000Z', kind: 'apply' },
      { started: '2026-11-03T00:10:00.000Z', registry: 'other.azurecr.io' },
    ],
    true,
  ],
  ['a schedule that is over', '0 1 29 Feb *', '2059-12-31T01:30:00Z', [{ started: '2056-02-29T01:00:00.000Z' }], false],
])('%s', async (_, schedule, now, records, overdue) => {
  const record = await watchedAt(now, runs(...records), { ...SETTINGS, PURGE_SCHEDULE: schedule });
  expect(record).toMatchObject({ event: 'watch', overdue, level: overdue ? 'error' : 'info' });
  if (overdue) expect(record?.['message']).toMatch(/^no scheduled run has come to its end since 20\S+Z: two are missing$/);
}); // prettier-ignore

test('no scheduled run is recorded: what counts is since when somebody watches', async () => {
  const none = runs({ kind: 'dry-run' });
  const fresh = await watchedAt('2026-11-03T10:30:00Z', none);
  expect(fresh).toMatchObject({
    level: 'info',
    overdue: false,
    message: expect.stringMatching(/^no scheduled run is recorded; watched since/) as unknown,
  });
  expect(fresh).not.toHaveProperty('lastRun');
  const since = { ...none, watchedSince: () => Promise.resolve(new Date('2026-11-03T10:30:00Z')) };
  expect(await watchedAt('2026-11-14T23:30:00Z', since)).toMatchObject({ overdue: false });
  expect(await watchedAt('2026-11-15T01:30:00Z', since)).toMatchObject({ level: 'error', overdue: true });
});

test('since when somebody watches is written down once', async () => {
  const ledger = newLedger();
  const first = new Date('2026-11-03T10:30:00Z');
  expect(await ledger.watchedSince('contoso.azurecr.io', first)).toEqual(first);
  expect(await ledger.watchedSince('contoso.azurecr.io', new Date('2026-11-04T10:30:00Z'))).toEqual(first);
  const other = new Date('2026-11-05T10:30:00Z');
  expect(await ledger.watchedSince('other.azurecr.io', other)).toEqual(other);
});

test('a record of runs that cannot be read says neither that a run is missing nor that none is', async () => {
  const ledger: WatchedLedger = {
    ...runs(),
    async *runs() {
      yield await Promise.reject<RunRecord>(new LedgerError('403 in https://contoso.blob.core.windows.net'));
    },
  };
  const record = await watchedAt('2026-11-03T10:30:00Z', ledger);
  expect(record).toMatchObject({
    event: 'watch',
    level: 'error',
    nextRun: '2026-11-08T01:00:00.000Z',
    error: { message: '403 in https://contoso.blob.core.windows.net' },
  });
  expect(record).not.toHaveProperty('overdue');
});

test('wrong settings are said within the hour', async () => {
  const settings = { ...SETTINGS, PURGE_SCHEDULE: '0 22-2 * * *' };
  expect(await watchedAt('2026-11-03T10:30:00Z', runs(), settings)).toMatchObject({
    event: 'misconfigured',
    level: 'error',
    mistakes: [expect.stringContaining('PURGE_SCHEDULE')],
  });
});
