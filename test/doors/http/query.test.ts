import { expect, test } from 'vitest';
import { readQuery, runsAsked, RUNS_QUERY } from '../../../src/doors/http/query.ts';
import { RequestError } from '../../../src/doors/http/problem.ts';

test('every parameter that is wrong is named in one answer', () => {
  const query = new URLSearchParams({ state: 'odd', limit: '201', before: '../etc', kind: 'purge', code: 'key' });
  const error = (() => {
    try {
      return readQuery(query, RUNS_QUERY);
    } catch (caught) {
      return caught;
    }
  })();
  expect(error).toBeInstanceOf(RequestError);
  expect(error).toMatchObject({ status: 400 });
  const { message } = error as RequestError;
  expect(message).toMatch(/^The parameter state is one of running, .*; the parameter before is the id of a run/);
  expect(message).toContain('the parameter limit is a number from 1 to 200');
  expect(message).not.toContain('kind');
});

test('an empty field of a form is no parameter; a day reaches to its end', () => {
  const query = new URLSearchParams({ state: ' ', from: '2026-11-24', to: '2026-11-24', limit: '' });
  expect(runsAsked(query)).toEqual({
    filter: { from: '2026-11-24', to: '2026-11-24' },
    runs: { from: new Date('2026-11-24T00:00:00Z'), to: new Date('2026-11-25T00:00:00Z') },
    limit: 50,
  });
});
