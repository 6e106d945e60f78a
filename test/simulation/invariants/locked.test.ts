import { describe, expect, test } from 'vitest';
import type { Change } from './history.ts';
import { sentAtLocked } from './locked.ts';
import { begin, byOthers, changed, LOCKED, old, one, SENT } from './one-change.ts';

const lock = (seconds: number, about: Parameters<typeof changed>[0], attributes = {}): Change =>
  byOthers(SENT - seconds * 1_000, changed(about, attributes));

function problemsOf(key: string, ...changes: readonly Change[]): readonly string[] {
  const history = begin([old(one, 'dev-1')]);
  for (const change of changes) history.record(change);
  return sentAtLocked(history, [{ process: { name: 'worker' }, repository: 'app', key, at: SENT }]);
}

const KEYS: readonly (readonly [string, Parameters<typeof changed>[0]])[] = [
  [':dev-1', { tag: 'dev-1' }],
  [`@${one.digest}`, { digest: one.digest }],
];

describe.each(KEYS)('the deletion of %s', (key, about) => {
  test('is right where nothing is locked', () => {
    expect(problemsOf(key)).toEqual([]);
  });

  test('is right where a lock came after the look', () => {
    expect(problemsOf(key, lock(4, about, LOCKED))).toEqual([]);
    expect(problemsOf(key, lock(4, {}, LOCKED))).toEqual([]);
  });

  test('is right where the lock was taken off right before', () => {
    expect(problemsOf(key, lock(60, about, LOCKED), lock(1, about))).toEqual([]);
  });

  test('is wrong where it had been locked', () => {
    expect(problemsOf(key, lock(6, about, LOCKED))).toEqual([
      `app${key}: its deletion was sent by worker, and it was locked`,
    ]);
  });

  test('is wrong where its repository had been locked as a whole', () => {
    expect(problemsOf(key, lock(6, {}, LOCKED))).toEqual([
      `app${key}: its deletion was sent by worker, and its repository was locked as a whole`,
    ]);
  });
});
