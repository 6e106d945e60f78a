import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MOST_ENTRIES, MOST_PAGES, newPaging, nextPage } from '../../src/registry/listing.ts';

const PAGE = 'https://contoso.azurecr.io/acr/v1/team%2Fapp/_tags?n=100&orderby=';

describe('the link to the next page', () => {
  test.each([
    ['</acr/v1/team%2Fapp/_tags?last=b&n=100&orderby=>; rel="next"', '/acr/v1/team%2Fapp/_tags?last=b&n=100&orderby='],
    ['</acr/v1/team/app/_tags?last=b>; rel="next"', '/acr/v1/team/app/_tags?last=b'],
    ['<https://contoso.azurecr.io/acr/v1/team%2fapp/_tags?last=b>; REL=next', '/acr/v1/team%2fapp/_tags?last=b'],
    ['<https://contoso.azurecr.io:443/acr/v1/team/app/_tags?last=b>;rel="prev next"', '/acr/v1/team/app/_tags?last=b'],
    ['<?last=8586163895140836946&12.04>; rel="next"', '/acr/v1/team%2Fapp/_tags?last=8586163895140836946&12.04'],
    ['</acr/v1/team/app/_tags?last=b>', '/acr/v1/team/app/_tags?last=b'],
    [
      '<https://evil.example/help>; rel="help", </acr/v1/team/app/_tags?last=b>; rel="next"',
      '/acr/v1/team/app/_tags?last=b',
    ],
    ['<https://evil.example/help>; rel="help"', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('%s', (header, next) => {
    expect(nextPage(PAGE, header)).toBe(next);
  });

  test.each([
    'https://evil.example/acr/v1/team%2Fapp/_tags?last=b',
    'https://contoso.azurecr.io.evil.example/acr/v1/team%2Fapp/_tags?last=b',
    'https://contoso.azurecr.io@evil.example/acr/v1/team%2Fapp/_tags?last=b',
    'https://contoso.azurecr.io:8443/acr/v1/team%2Fapp/_tags?last=b',
    'http://contoso.azurecr.io/acr/v1/team%2Fapp/_tags?last=b',
    '//evil.example/acr/v1/team%2Fapp/_tags?last=b',
    '/acr/v1/other/_tags?last=b',
    '/acr/v1/team%2Fapp/_manifests?last=b',
    '/acr/v1/team%2Fapp/../other/_tags?last=b',
    '/acr/v1/team%2Fapp/%2e%2e/_tags?last=b',
    '/acr/v1/team%252Fapp/_tags?last=b',
    '/acr/v1/team%2Fapp%/_tags?last=b',
    '/oauth2/token',
    'https://',
    '',
  ])('to <%s> is not followed, because it leads elsewhere', (target) => {
    if (target === '') expect(nextPage(PAGE, '<>; rel="next"')).toBe('/acr/v1/team%2Fapp/_tags?n=100&orderby=');
    else expect(() => nextPage(PAGE, `<${target}>; rel="next"`)).toThrow('leads elsewhere');
  });

  test.each(['next', 'https://contoso.azurecr.io/acr/v1/team%2Fapp/_tags', '>broken<'])('%s is none', (header) => {
    expect(() => nextPage(PAGE, header)).toThrow('cannot be read');
  });

  test('never leads to another origin or another listing, whatever it is', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        '/',
        '//',
        '..',
        '%2F',
        '%2e',
        '@',
        ':',
        '?',
        '#',
        '\\',
        'https:',
        'acr/v1',
        'team',
        'app',
        '_tags',
      ),
      fc.webUrl(),
      fc.string({ maxLength: 5 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        let next: string | undefined;
        try {
          next = nextPage(PAGE, `<${pieces.join('')}>; rel="next"`);
        } catch {
          return;
        }
        if (next === undefined) return;
        // As it is asked for.
        const { origin, pathname } = new URL(`https://contoso.azurecr.io${next}`);
        expect(origin).toBe('https://contoso.azurecr.io');
        expect(decodeURIComponent(pathname)).toBe('/acr/v1/team/app/_tags');
      }),
      { numRuns: 2000 },
    );
  });
});

describe('a listing', () => {
  test('has pages that lead in a circle, however long it is', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), fc.nat(1000), (length, start) => {
        const paging = newPaging();
        for (let page = 0; page < length; page += 1) paging.take(1, `?last=${start + page}`);
        expect(() => paging.take(1, `?last=${start}`)).toThrow('round in circles');
      }),
    );
  });

  test('of more pages or entries than any can have is an error', () => {
    expect([MOST_PAGES, MOST_ENTRIES]).toEqual([100_000, 10_000_000]);
    const paging = newPaging(3, 10);
    paging.take(0, '?1');
    paging.take(0, '?2');
    expect(() => paging.take(0, '?3')).toThrow('more than 3 pages');
    const large = newPaging(3, 10);
    large.take(10, '?1');
    expect(() => large.take(1, undefined)).toThrow('more than 10 entries');
    // The last page has no link.
    const whole = newPaging(2, 10);
    whole.take(5, '?1');
    whole.take(5, undefined);
  });
});
