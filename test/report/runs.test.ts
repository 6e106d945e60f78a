import { expect, test } from 'vitest';
import type { RunRecord } from '../../src/ledger/records.ts';
import { renderRun, resumerOf } from '../../src/report/runs.ts';
import { renderUse } from '../../src/report/sighting.ts';
import { evidenceWarnings } from '../../src/report/warnings.ts';
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

test('a run says what it rests on, and first what could not be read', () => {
  const observedAt = '2026-11-24T11:00:00.000Z';
  const evidence = [
    { source: 'kube', observedAt, scope: 'all namespaces', complete: false, problems: ['no answer'], images: 2 },
  ];
  const { run } = recordOf(observedAt, [], { evidence, warnings: [...evidenceWarnings(evidence)] });
  const text = renderRun(run, []);
  expect(text).toMatch(/^FAILED: what is in use is not known.* kube: no answer\n[^]*^run +2026/m);
  expect(text).toContain('kube: 2 images, all namespaces, as of 2026-11-24T11:00:00.000Z; not read completely');
  expect(text).not.toContain('Warning');
});

test('where an image was seen in use is a line, whatever it is called', () => {
  const at = '2026-11-24T11:00:00.000Z';
  const use = {
    repository: 'app',
    registry: 'contoso.azurecr.io',
    source: 'kube',
    where: 'pod \u001b[2Ja\nb',
    first: at,
    last: at,
  };
  expect(renderUse(use)).toBe(
    `In use: pod \\u001b[2Ja\\u000ab (kube, contoso.azurecr.io); first seen ${at}, last ${at}\n`,
  );
});
