import { describe, expect, test } from 'vitest';
import { answerHome } from '../../../src/doors/http/review/home.ts';
import { HOSTILE } from '../../support/review.ts';

const ask = (query: string, isSignInOn = false) => answerHome({ query: new URLSearchParams(query) }, isSignInOn);
const textOf = (query: string): string => ask(query).body as string;

describe('the way to the review page', () => {
  test.each([
    ['', false, 200, undefined],
    ['', true, 302, '/api/review'],
    ['run=20261124T010000Z-3f9a0c', true, 302, '/api/review?run=20261124T010000Z-3f9a0c'],
    ['image=a%2Fb:1&page=2', true, 302, '/api/review?image=a%2Fb%3A1&page=2'],
    // What the page does not read is dropped: it may be anything.
    ['//evil.example&next=https://evil.example', true, 302, '/api/review'],
    ['code=secret&clientId=x', true, 302, '/api/review'],
    // A reader has added the key to a link by hand.
    ['run=20261124T010000Z-3f9a0c&code=a%26b', false, 302, '/api/review?run=20261124T010000Z-3f9a0c&code=a%26b'],
  ])('%s, sign-in %s: %s %s', (query, isSignInOn, status, location) => {
    const { status: answered, headers } = ask(query, isSignInOn);
    expect(answered).toBe(status);
    expect((headers as Record<string, string>)['Location']).toBe(location);
    expect(headers).toMatchObject({ 'Cache-Control': 'no-store', 'Referrer-Policy': 'no-referrer' });
  });

  test('keeps the view in its form, whatever stands in it', () => {
    for (const text of HOSTILE.filter((one) => one.length < 1_000)) {
      const page = textOf(`image=${encodeURIComponent(text)}`);
      expect(page).toContain('<input type="hidden" name="image"');
      expect(page).not.toContain('<img');
      expect(page).not.toContain('<script>alert');
      expect(page).not.toContain('</style><style>');
    }
  });

  test('names nothing of the registry or the ledger, and no view that it does not lead to', () => {
    expect(textOf('')).toContain('This page holds no data.');
    expect(textOf('')).not.toContain('<nav');
  });
});
