import { existsSync } from 'node:fs';
import { posix } from 'node:path';
import GithubSlugger from 'github-slugger';
import type { Tokens } from 'marked';
import { describe, expect, test } from 'vitest';
import { codeIn, PAGES, textOf, tokensOf } from './markdown.ts';

const root = new URL('../../', import.meta.url);

/** The anchors of a page, as GitHub makes them of its headings. */
function anchorsOf(path: string): ReadonlySet<string> {
  const slugger = new GithubSlugger();
  const headings = tokensOf(path).filter((token): token is Tokens.Heading => token.type === 'heading');
  return new Set(headings.map(({ text }) => slugger.slug(text.replaceAll(/[`*_]/g, ''))));
}

const linksOf = (path: string): readonly string[] =>
  tokensOf(path)
    .filter((token): token is Tokens.Link | Tokens.Image => token.type === 'link' || token.type === 'image')
    .map(({ href }) => href);

/** What is wrong with a link, if anything. */
function mistakeIn(page: string, href: string): string | undefined {
  if (href.startsWith('https://')) return undefined;
  if (/^[a-z]+:/i.test(href)) return `${href}: neither https nor a path in this project`;
  const [path = '', anchor] = href.split('#');
  const target = path === '' ? page : posix.join(posix.dirname(page), decodeURIComponent(path));
  if (!existsSync(new URL(target, root))) return `${href}: there is no ${target}`;
  if (anchor === undefined) return undefined;
  if (!target.endsWith('.md')) return undefined;
  return anchorsOf(target).has(anchor) ? undefined : `${href}: ${target} has no heading for it`;
}

test.each(PAGES)('each link and anchor in %s leads somewhere', (page) => {
  expect(
    linksOf(page)
      .map((href) => mistakeIn(page, href))
      .filter((one) => one !== undefined),
  ).toEqual([]);
});

describe('a wrong link is found', () => {
  test.each([
    ['docs/nowhere.md', 'there is no docs/nowhere.md'],
    ['docs/safety.md#nothing', 'has no heading'],
    ['#nothing', 'README.md has no heading'],
    ['http://example.com', 'neither https'],
  ])('%s', (href, mistake) => {
    expect(mistakeIn('README.md', href)).toContain(mistake);
  });
});

test('every page of docs is reached from the README', () => {
  const reached = new Set(linksOf('README.md').map((href) => href.split('#')[0]));
  for (const page of PAGES.filter((one) => one.startsWith('docs/'))) expect(reached).toContain(page);
  for (const page of ['CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md']) expect(reached).toContain(page);
});

/** Files and folders that a page names in a code span, from the top of the project. */
const namedIn = (page: string): readonly string[] =>
  codeIn(textOf(page)).filter((code) =>
    /^(?:src|test|infra|docs|functions|\.github|\.azdo|\.ci)\/[\w./-]*$/.test(code),
  );

test.each(PAGES.filter((page) => namedIn(page).length > 0))('each file that %s names exists', (page) => {
  for (const path of namedIn(page)) expect(existsSync(new URL(path, root)), path).toBe(true);
});
