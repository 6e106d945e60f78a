import { hash } from 'node:crypto';
import { type PipelinePolicy, type PipelineResponse, RestError } from '@azure/core-rest-pipeline';
import { secrets } from '../ledger/redact/known.ts';
import { RegistryError } from './errors.ts';

/** A longer listing is not an honest answer of a registry. */
export const MOST_PAGES = 100_000;

export const MOST_ENTRIES = 10_000_000;

/** Checks one listing page by page. */
export interface Paging {
  /**
   * Counts a page.
   * @param link path and query of the next page; absent on the last one
   * @throws Error where the listing has no end, or is larger than any can be
   */
  readonly take: (entries: number, link: string | undefined) => void;
}

export function newPaging(mostPages = MOST_PAGES, mostEntries = MOST_ENTRIES): Paging {
  /** Hashes, because a registry may make its links as long as it likes. */
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
  // An error, not the last page: what the rest of a listing needs would look unneeded.
  if (links.length === 0) throw new Error(`the link to the next page cannot be read: ${cut(header)}`);
  const target = links.find(({ about }) => leadsOn(about))?.target;
  if (target === undefined) return undefined;
  const [from, to] = [new URL(url), URL.canParse(target, url) ? new URL(target, url) : undefined];
  const path = to && decoded(to.pathname);
  if (to?.origin !== from.origin || path === undefined || path !== decoded(from.pathname))
    throw new Error(`the link to the next page leads elsewhere, and is not followed: ${cut(target)}`);
  return to.pathname + to.search;
}

/** Whether a link leads to the next page, by its parameters. One without a relation does. */
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

const LISTING = /\/_(?:catalog|tags|manifests)(?:\?|$)/;

/** What the SDK reads instead of a page. It takes an empty list for a page. */
const EMPTY_PAGE = '{"repositories":[],"tags":[],"manifests":[]}';

const pages = new WeakMap<PipelineResponse, unknown>();

/**
 * Parses a page before the SDK does, and leaves it an empty one: what the SDK makes of 1,000 entries takes five times as
 * long as parsing them, and is not used. Of the links it leaves only a checked link to the next page: the SDK follows the
 * first link, with a token.
 */
export function readsListings(): PipelinePolicy {
  return {
    name: 'acrRetentionListings',
    async sendRequest(request, next) {
      const response = await next(request);
      if (response.status !== 200 || request.method !== 'GET' || !LISTING.test(request.url)) return response;
      try {
        pages.set(response, JSON.parse(response.bodyAsText ?? ''));
      } catch {
        // Retried: the answer may have broken off.
        throw new RestError('the answer is not JSON', { code: 'PARSE_ERROR', request });
      }
      response.bodyAsText = EMPTY_PAGE;
      const link = nextPage(request.url, response.headers.get('link'));
      if (link === undefined) response.headers.delete('link');
      else response.headers.set('link', `<${link}>; rel="next"`);
      return response;
    },
  };
}

/** The entries of a page. Both the list and its field may be absent, or null, where there is nothing. */
export function entriesOf(asked: string, key: string, response: PipelineResponse): readonly unknown[] {
  const { status } = response;
  const wrong = (message: string) => new RegistryError(asked, { status, message });
  const page = pages.get(response);
  // An error, not an empty page: what an entry needs would look unneeded.
  if (typeof page !== 'object' || page === null || Array.isArray(page)) throw wrong('the answer is not a JSON object');
  const list = (page as Readonly<Record<string, unknown>>)[key] ?? [];
  if (!Array.isArray(list)) throw wrong(`"${key}" is not a list`);
  return list;
}
