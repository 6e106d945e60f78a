import { hash } from 'node:crypto';
import { secrets } from '../ledger/redact/known.ts';

/** A listing of more pages is no registry's honest answer. */
export const MOST_PAGES = 100_000;

/** Nor is one of more entries. */
export const MOST_ENTRIES = 10_000_000;

/** Follows one listing from page to page. */
export interface Paging {
  /**
   * Takes in a page.
   * @param link what leads to the next one, as it is to be asked for; absent on the last page
   * @throws Error where the listing has no end, or is larger than any can be
   */
  readonly take: (entries: number, link: string | undefined) => void;
}

export function newPaging(mostPages = MOST_PAGES, mostEntries = MOST_ENTRIES): Paging {
  /** Of the links, because a registry may make them as long as it likes. */
  const hashes = new Set<string>();
  let [pages, found] = [0, 0];
  return {
    take(entries, link) {
      pages += 1;
      found += entries;
      if (found > mostEntries) throw new Error(`more than ${mostEntries} entries`);
      if (link === undefined) return;
      if (pages >= mostPages) throw new Error(`more than ${mostPages} pages`);
      const followed = hash('sha256', link, 'base64');
      if (hashes.has(followed)) throw new Error(`the links to the next page go round in circles: ${cut(link)}`);
      hashes.add(followed);
    },
  };
}

/**
 * The path and query of the next page, from the `Link` header of a page. It must be of the same listing of the same
 * host, and only its query may differ: a link is followed with a token.
 *
 * @param url of the page that has the header
 * @returns `undefined` on the last page
 * @throws Error for any other link, and for what is none
 */
export function nextPage(url: string, header: string | undefined): string | undefined {
  if (header === undefined || header.trim() === '') return undefined;
  const links = [...header.matchAll(/<([^>]*)>([^<]*)/g)].map(([, target = '', about = '']) => ({ target, about }));
  // Never passed over: where the rest of a listing is not seen, what it needs looks unneeded.
  if (links.length === 0) throw new Error(`the link to the next page cannot be read: ${cut(header)}`);
  const target = links.find(({ about }) => leadsOn(about))?.target;
  if (target === undefined) return undefined;
  const [from, to] = [new URL(url), URL.canParse(target, url) ? new URL(target, url) : undefined];
  const path = to && decoded(to.pathname);
  if (to?.origin !== from.origin || path === undefined || path !== decoded(from.pathname))
    throw new Error(`the link to the next page leads elsewhere, and is not followed: ${cut(target)}`);
  return to.pathname + to.search;
}

/** Whether the parameters of a link make it that of the next page. One without a relation can be nothing else. */
function leadsOn(about: string): boolean {
  const [, quoted, plain] = /;\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]+))/i.exec(about) ?? [];
  const relations = quoted ?? plain;
  return relations === undefined || relations.toLowerCase().split(/\s+/).includes('next');
}

/** A registry may encode the slashes of a repository's name. */
function decoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

function cut(link: string): string {
  const shown = secrets.redactAnswer(link);
  return shown.length > 200 ? `${shown.slice(0, 200)}…` : shown;
}
