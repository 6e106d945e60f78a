import { expect, test } from 'vitest';
import type { RunRecord } from '../../src/ledger/records.ts';
import { renderRun, resumerOf } from '../../src/report/runs.ts';
import { ledgerOf, NOW, recordOf } from '../support/review.ts';

const stopped = (started: string, over: Partial<RunRecord> = {}) =>
  recordOf(started, [], {
    state: 'stopped',
    progress: { done: 4, of: 9 },
    stopped: { by: 'budget', detail: 'out of time: 4 of 9 done; the next run goes on, as does acr-retention resume x' },
    ...over,
  });
const last = stopped('2026-11-24T10:00:00.000Z');
const older = stopped('2026-11-23T10:00:00.000Z');

test.each([
  ['the schedule resumes the last run that it began', last, [], 'schedule'],
  ['but not one after which it began another', older, [], 'command'],
  ['nor one of another kind', stopped('2026-11-24T11:00:00.000Z', { kind: 'purge' }), [], 'command'],
  ['nor one that was begun with other settings', last, [{ stopped: { by: 'settings', detail: '' } }], 'command'],
  ['nor one that was cancelled', last, [{ cancelled: { at: '2026-11-24', askedBy: 'request' } }], 'command'],
  ['after a week nothing resumes it', stopped('2026-11-01T10:00:00.000Z'), [], 'nothing'],
  ['and a run that is done needs nothing', recordOf('2026-11-24T10:00:00.000Z', []), [], undefined],
] as const)('%s', async (_, { run }, [over], by) => {
  const ledger = ledgerOf([last, older, recordOf('2026-11-24T12:00:00.000Z', [], { registry: 'another' })]);
  const resumer = await resumerOf(ledger, { ...run, ...over }, NOW);
  expect(resumer?.by).toBe(by);
});

test('a stopped run says what resumes it now, not what was going to when it stopped', async () => {
  const ledger = ledgerOf([last, older]);
  const textOf = async ({ run }: typeof last): Promise<string> =>
    renderRun(run, [], undefined, await resumerOf(ledger, run, NOW));
  expect(await textOf(last)).toContain(
    `STOPPED: out of time: 4 of 9 done\nThe next scheduled run resumes it, as does acr-retention resume ${last.run.id}\n`,
  );
  expect(await textOf(older)).toContain(
    `STOPPED: out of time: 4 of 9 done\nTo resume it: acr-retention resume ${older.run.id}\n`,
  );
});
