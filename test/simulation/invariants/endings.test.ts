import { expect, test } from 'vitest';
import { unsaid, writtenOver } from './endings.ts';
import { aRun } from './one-run.ts';

const BROKEN = [{ by: 'tick 0', message: 'the registry refuses' }];
const resumed = [{ at: '2026-03-01T02:00:00.000Z', startedBy: 'schedule', by: 'tick 1' }];
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
  expect(unsaid([aRun([], { by: 'tick 0', state: 'done', resumed })], BROKEN)).toEqual([
    'run (scheduled, done) broke off: the registry refuses; and it was resumed as if its process had ended',
  ]);
});

test('runs that others began, and cancelled ones, say nothing of it', () => {
  const cancelled = { at: '2026-03-01T02:00:00.000Z', askedBy: 'command line' } as const;
  expect(unsaid([aRun([], { by: 'tick 1' }), aRun([], { ...about, state: 'stopped', cancelled })], BROKEN)).toEqual([]);
});

const ended = { id: 'run', by: 'tick 1', succeeded: true };

test('a run that has ended stays as it was told', () => {
  expect(writtenOver([aRun([], { by: 'tick 0', resumed })], [ended])).toEqual([]);
  expect(
    writtenOver([aRun([], { by: 'tick 0', resumed, state: 'stopped' })], [{ ...ended, succeeded: false }]),
  ).toEqual([]);
});

test('a run is not written over by a process that does not know that it was resumed', () => {
  expect(writtenOver([aRun([], { by: 'tick 0' })], [ended])).toEqual([
    'run (scheduled, done) has forgotten that it was resumed by tick 1',
  ]);
});

test('a run that was done is nothing else afterwards', () => {
  expect(writtenOver([aRun([], { by: 'tick 1', state: 'stopped' })], [ended])).toEqual([
    'run (scheduled, stopped) was done, as tick 1 was told',
  ]);
});

test('a run that ended has a record', () => {
  expect(writtenOver([], [ended])).toEqual(['tick 1 was told of the run run, which has no record']);
});
