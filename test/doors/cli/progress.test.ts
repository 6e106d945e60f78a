import { describe, expect, test } from 'vitest';
import { progressLine, type Sample, showProgress, withSample } from '../../../src/doors/cli/progress.ts';

const VIEW: Sample['view'] = {
  stage: 'planning',
  done: 0,
  of: 40,
  planned: 0,
  looked: 0,
  deleted: 0,
  toDelete: 0,
  working: [],
};
const at = (seconds: number, view: Partial<Sample['view']>): Sample => ({
  at: seconds * 1000,
  view: { ...VIEW, ...view },
});

describe('the line of progress', () => {
  test.each([
    [
      'what is listed is not counted yet',
      [at(0, { stage: 'listing repositories', of: 0 })],
      /^Listing repositories …$/,
    ],
    ['guards are asked', [at(0, { stage: 'checking guards', done: 0, planned: 40 })], /^Checking guards …$/],
    ['at first nothing is known', [at(0, {})], /^Planning {2}░+ {2}0\/40 repositories {2}– artifacts\/s {2}– left$/],
    ['nothing moves: the time left is not known', [at(0, {}), at(9, {})], / 0\.0 artifacts\/s {2}– left$/],
    [
      'planned ones count while it plans',
      [at(0, { looked: 100 }), at(10, { planned: 10, looked: 3100 })],
      /█+░+ {2}10\/40 repositories {2}300 artifacts\/s {2}30s left$/,
    ],
    [
      'deletions count while it deletes',
      [
        at(0, { stage: 'deleting', toDelete: 5000 }),
        at(10, { stage: 'deleting', deleted: 100, toDelete: 5000, done: 3 }),
      ],
      /3\/40 repositories {2}10 deletions\/s {2}8m 10s left$/,
    ],
    [
      'of a plan that another run made only repositories are known',
      [at(0, { stage: 'deleting' }), at(10, { stage: 'deleting', deleted: 55, done: 1 })],
      /1\/40 repositories {2}5\.5 deletions\/s {2}6m 30s left$/,
    ],
    ['hours', [at(0, {}), at(30, { planned: 1, of: 400 })], / 3h 19m left$/],
  ] as const)('%s', (_, samples, expected) => {
    expect(progressLine(samples, 100)).toMatch(expected);
  });

  test.each([20, 40, 60, 79, 119, 200])('fits into %d columns, whatever a repository is called', (columns) => {
    const working = [`\u001b[2J${'very/long/'.repeat(30)}`];
    const samples = [at(0, { working }), at(10, { planned: 7, looked: 12_345_678, working })];
    const line = progressLine(samples, columns);
    expect(line.length).toBeLessThanOrEqual(columns);
    expect(line).not.toContain('\u001b');
    if (columns >= 119) expect(line).toContain('…');
  });

  test('a rate is that of the stage, and of the last half minute', () => {
    const before = [at(0, {}), at(20, {}), at(50, {})];
    expect(withSample(before, at(52, {})).map((one) => one.at / 1000)).toEqual([50, 52]);
    expect(withSample(before, at(51, { stage: 'deleting' })).map((one) => one.at / 1000)).toEqual([51]);
  });
});

test('nothing is written where standard error is no terminal', () => {
  let written = '';
  const stream = { isTTY: false, write: (text: string) => (written += text) } as unknown as NodeJS.WriteStream;
  const progress = showProgress(stream);
  progress.watch(() => VIEW);
  progress.stop();
  expect(written).toBe('');
});
