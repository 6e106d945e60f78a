import { expect, test } from 'vitest';
import { unsaid } from './broken-off.ts';
import { aRun } from './one-run.ts';

const BROKEN = [{ by: 'tick 0', message: 'the registry refuses' }];
const about = { by: 'tick 0', error: { message: 'the registry refuses' } };

test('a run that broke off says so', () => {
  expect(unsaid([aRun([], { ...about, state: 'failed' })], BROKEN)).toEqual([]);
});

test.for(['running', 'interrupted', 'done'] as const)('a run that broke off is not recorded as %s', (state) => {
  expect(unsaid([aRun([], { by: 'tick 0', state })], BROKEN)).toEqual([
    `run (scheduled, ${state}) broke off: the registry refuses; and its record does not say so`,
  ]);
});

test('a run that broke off is not resumed as if its process had ended', () => {
  const resumed = [{ at: '2026-03-01T02:00:00.000Z', startedBy: 'schedule', by: 'tick 1' }];
  expect(unsaid([aRun([], { by: 'tick 0', state: 'done', resumed })], BROKEN)).toEqual([
    'run (scheduled, done) broke off: the registry refuses; and it was resumed as if its process had ended',
  ]);
});

test('runs that others began, and cancelled ones, say nothing of it', () => {
  const cancelled = { at: '2026-03-01T02:00:00.000Z', askedBy: 'command line' } as const;
  expect(unsaid([aRun([], { by: 'tick 1' }), aRun([], { ...about, state: 'stopped', cancelled })], BROKEN)).toEqual([]);
});
