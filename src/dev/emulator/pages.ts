import { failure, type Answer } from './answers.ts';
import type { Order, Keyed, SortedMap } from './sorted-map.ts';
import { parseTimeCursor, timeCursor } from './time.ts';
import type { Attributes, EmulatorOptions } from './types.ts';

/** The default page size, as documented. */
const defaultSize = 100;

export type PageLimits = Pick<EmulatorOptions, 'pageSizeLimit' | 'refusePageSizeAbove'>;

/** The parameters of a listing. */
export interface PageRequest {
  readonly order: Order;
  readonly size: number;
  readonly after: Keyed | undefined;
  readonly digest: string | undefined;
}

export interface Page<T> {
  readonly entries: readonly T[];
  /** The `Link` header, where there is a next page. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Reads `n`, `last`, `orderby` and `digest`. Returns the 400 where one cannot be read. */
export function pageRequest(query: URLSearchParams, limits: PageLimits): PageRequest | Answer {
  const order = query.get('orderby') ?? '';
  if (!isOrder(order)) return failure(400, 'BAD_REQUEST', `orderby ${order} is none of timeasc, timedesc`);
  const asked = Number(query.get('n') ?? defaultSize);
  if (!Number.isInteger(asked) || asked < 1 || asked > (limits.refusePageSizeAbove ?? Infinity)) {
    return failure(400, 'PAGINATION_NUMBER_INVALID', 'invalid number of results requested', { n: query.get('n') });
  }
  const last = query.get('last') ?? '';
  const after = last === '' ? undefined : placeAfter(order, last);
  // A name is a cursor of a listing by name only: clients must follow the link.
  if (after === undefined && last !== '') return failure(400, 'BAD_REQUEST', `${last} is no cursor of this listing`);
  return {
    order,
    size: Math.min(asked, limits.pageSizeLimit ?? 1000),
    after,
    digest: query.get('digest') ?? undefined,
  };
}

/** One page of entries. Hidden ones (`listEnabled: false`) are not listed. */
export function pageOf<T extends Keyed & { readonly attributes?: Attributes }>(
  listed: SortedMap<T>,
  request: PageRequest,
  path: string,
): Page<T> {
  const entries: T[] = [];
  for (const entry of listed.after(request.order, request.after)) {
    if (entry.attributes?.listEnabled === false) continue;
    // One more than the page holds tells that there is a next page.
    if (entries.length === request.size) return { entries, headers: { Link: nextLink(request, path, entries.at(-1)) } };
    entries.push(entry);
  }
  return { entries, headers: {} };
}

/**
 * As recorded: `</acr/v1/library%2Fhello-world/_tags?last=latest&n=1&orderby=>; rel="next"`. It names the last entry, not a
 * count, so a deletion between two pages neither repeats nor skips entries.
 */
function nextLink({ order, size, digest }: PageRequest, path: string, last: Keyed | undefined): string {
  const cursor = last === undefined ? '' : order === '' ? last.key : timeCursor(order, last.updated, last.key);
  const filter = digest === undefined ? '' : `&digest=${encodeURIComponent(digest)}`;
  return `<${path}?last=${encodeURIComponent(cursor)}&n=${size}&orderby=${order}${filter}>; rel="next"`;
}

function placeAfter(order: Order, last: string): Keyed | undefined {
  if (order === '') return { key: last, updated: 0 };
  const place = parseTimeCursor(order, last);
  return place === undefined ? undefined : { key: place.key, updated: place.micros };
}

function isOrder(text: string): text is Order {
  return text === '' || text === 'timeasc' || text === 'timedesc';
}
