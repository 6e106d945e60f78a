import { expect, test } from 'vitest';
import { cli } from '../support/cli.ts';
import { textOf } from './markdown.ts';

/** Ages stay the same from day to day, as the sample is made for the day; dates do not. */
const withoutDates = (text: string): string => text.replaceAll(/\d{4}-\d\d-\d\d/g, 'YYYY-MM-DD');

test('what the README shows is what the demo prints', async () => {
  const [, shown = ''] = /```\n(\$ acr-retention purge [^]*?)\n```/.exec(textOf('README.md')) ?? [];
  expect(shown.split('\n').length).toBeGreaterThan(20);
  const { stdout } = await cli(['demo']);
  expect(withoutDates(stdout)).toContain(withoutDates(shown));
});

test('the README is short', () => {
  expect(textOf('README.md').split('\n').length).toBeLessThanOrEqual(150);
});
