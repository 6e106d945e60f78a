import type { HttpRequest, HttpResponseInit } from '@azure/functions';
import {
  CONTENT_SECURITY_POLICY,
  linksWith,
  type ProblemView,
  renderDecisions,
  renderHistory,
  renderParent,
  renderProblem,
  renderRun,
  renderRuns,
  renderUnpulledPage,
  type RunView,
  type Setting,
} from '../../report/page/index.ts';
import { forecastInWords } from '../../report/forecast.ts';
import { resumerOf } from '../../report/runs.ts';
import { redact } from '../../ledger/redact/redact.ts';
import { secrets } from '../../ledger/redact/known.ts';
import type { Client } from './handler.ts';
import { isExpected, problemOf, RequestError } from './problem.ts';
import {
  decisionsAsked,
  PAGE_QUERY,
  parameterError,
  readQuery,
  REVIEW_QUERY,
  runsAsked,
  UNPULLED_QUERY,
} from './query.ts';
import { answerDecisions } from './runs.ts';
import type { UnpulledView } from './unpulled.ts';
import {
  foresee,
  hasFailed,
  type ImageName,
  LedgerError,
  type LedgerReader,
  parentStatus,
  type ParentStatus,
  type RepositoryRecord,
  type RunRecord,
  usesOf,
} from '../../index.ts';

const RUNS = 25;
/** Runs that the charts show, and among which plans that wait are looked for. */
const RECENT_RUNS = 60;
const DECISIONS = 100;
const SIGHTINGS = 50;
const REPOSITORIES = 200;
/** Sorting by deletions keeps every page up to the one asked for in memory. */
const MAX_REPOSITORY_PAGES = 25;
const MAX_FAILED_REPOSITORIES = 50;
const MAX_FAILURES = 20;

/**
 * The page and its downloads. Both have the same address: a reader who has signed in has no function key for another.
 */
export function answerReview(
  reader: LedgerReader,
  request: HttpRequest,
  client: Client,
  now: Date,
  unpulled?: UnpulledView,
): Promise<HttpResponseInit> {
  const { query } = request;
  return query.has('format')
    ? answerDecisions(reader, readQuery(query, REVIEW_QUERY).run ?? '', request, client)
    : reviewPage(reader, query, now, unpulled, client.signal);
}

/**
 * The page for people: a view of the ledger as HTML, and of what was not pulled.
 * @param unpulled absent: it is not configured how pulls are looked up
 */
export async function reviewPage(
  reader: LedgerReader,
  query: URLSearchParams,
  now: Date,
  unpulled?: UnpulledView,
  signal?: AbortSignal,
): Promise<HttpResponseInit> {
  const code = query.get('code') ?? undefined;
  const setting: Setting = { code, link: linksWith(code), now, place: reader.place, hasPulls: unpulled !== undefined };
  try {
    if (query.get('view') === 'unpulled') return htmlResponse(await notPulled(query, setting, unpulled, signal));
    return htmlResponse(await viewOf(reader, query, setting));
  } catch (error) {
    const problem = problemView(error);
    return htmlResponse(renderProblem(setting, problem), problem.status);
  }
}

async function notPulled(
  query: URLSearchParams,
  setting: Setting,
  unpulled: UnpulledView | undefined,
  signal: AbortSignal | undefined,
): Promise<string> {
  if (!unpulled)
    throw new RequestError(
      400,
      'It is not known what was pulled: set REGISTRY_RESOURCE_ID to the resource id of the registry',
    );
  const { limit: _, ...asked } = readQuery(query, UNPULLED_QUERY);
  const { registries } = unpulled;
  // Reading a registry takes long: not before it is asked for.
  const report = asked.registry === undefined ? undefined : await unpulled.read(query, signal);
  return renderUnpulledPage(setting, { registries, asked: { ...asked, registry: report?.registry }, report });
}

function htmlResponse(body: string, status = 200): HttpResponseInit {
  return {
    status,
    headers: {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy': CONTENT_SECURITY_POLICY,
      // The address holds the function key.
      'Referrer-Policy': 'no-referrer',
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
    },
    // Only known secrets: the links of the page have the function key of its reader, which looks like one.
    body: secrets.redact(body),
  };
}

function problemView(error: unknown): ProblemView {
  if (error instanceof LedgerError)
    return { status: 503, title: 'The ledger cannot be read', detail: redact(error.message) };
  if (!isExpected(error)) throw error;
  const { status, detail } = problemOf(error);
  const title = status === 404 ? 'No such run' : status < 500 ? 'That cannot be asked' : 'The registry cannot be read';
  return { status, title, detail: redact(`${detail}.`) };
}

async function viewOf(reader: LedgerReader, query: URLSearchParams, setting: Setting): Promise<string> {
  const { run: id, view, image } = readQuery(query, REVIEW_QUERY);
  if (query.has('image')) return history(reader, query, setting, image);
  if (id === undefined) return runs(reader, query, setting);
  const run = await reader.run(id);
  if (!run) {
    const parent = await parentStatus(reader, id);
    if (parent && view === undefined) return renderParent(setting, parent);
    throw new RequestError(404, parent ? searchedByOne(parent) : `The ledger has no run ${id}`);
  }
  return view === 'decisions' ? decisions(reader, query, setting, run) : oneRun(reader, query, setting, run);
}

/** The page searches the decisions of one run. For a parent this names its runs. */
function searchedByOne({ children }: ParentStatus): string {
  const ids = children.flatMap(({ run }) => (run ? [run.id] : []));
  return `The decisions of these runs are searched one by one: ${ids.join(', ')}`;
}

async function runs(reader: LedgerReader, query: URLSearchParams, setting: Setting): Promise<string> {
  const { filter, runs: asked } = runsAsked(query);
  const { before } = asked;
  const recent = before === undefined ? (await slice(reader.runs(), 0, RECENT_RUNS)).items : undefined;
  const page = await slice(reader.runs(asked), 0, RUNS);
  const ids = new Set(page.items.map(({ parent }) => parent).filter((id) => id !== undefined));
  const parents = (await Promise.all(Array.from(ids, (id) => parentStatus(reader, id)))).filter(
    (one) => one !== undefined,
  );
  return renderRuns(setting, { filter, before, recent, runs: page.items, parents, more: page.more });
}

async function decisions(
  reader: LedgerReader,
  query: URLSearchParams,
  setting: Setting,
  run: RunRecord,
): Promise<string> {
  const { filter, decisions: asked } = decisionsAsked(query);
  const { page } = readQuery(query, PAGE_QUERY);
  const skipped = (page - 1) * DECISIONS;
  const { items, more } = await slice(reader.decisions(run.id, asked), skipped, DECISIONS);
  return renderDecisions(setting, { run, filter, decisions: items, page, skipped, more });
}

async function history(
  reader: LedgerReader,
  query: URLSearchParams,
  setting: Setting,
  name: ImageName | undefined,
): Promise<string> {
  const image = query.get('image')?.trim() ?? '';
  if (!name) return renderHistory(setting, { image, sightings: [], forecast: [], uses: [], page: 1, more: false });
  const { page } = readQuery(query, PAGE_QUERY);
  const { items, more } = await slice(reader.explain(name), (page - 1) * SIGHTINGS, SIGHTINGS);
  const uses = page === 1 ? await usesOf(reader, name) : [];
  const { repository, tag } = name;
  const { now } = setting;
  const foreseen = page > 1 || tag === undefined ? undefined : await foresee(reader, { repository, tag }, { now });
  const forecast = foreseen ? forecastInWords(foreseen, now) : [];
  return renderHistory(setting, { image, sightings: items, forecast, uses, page, more });
}

async function oneRun(reader: LedgerReader, query: URLSearchParams, setting: Setting, run: RunRecord): Promise<string> {
  const { page } = readQuery(query, PAGE_QUERY);
  if (page > MAX_REPOSITORY_PAGES)
    throw parameterError(
      'page',
      `a number from 1 to ${MAX_REPOSITORY_PAGES} for repositories; search the rest by name`,
    );
  const end = page * REPOSITORIES;
  const failed: RepositoryRecord[] = [];
  const withFailures: string[] = [];
  let top: RepositoryRecord[] = [];
  let count = 0;
  let failedCount = 0;
  for await (const one of reader.repositories(run.id)) {
    const { repository, tags, manifests } = one.summary;
    count += 1;
    if (hasFailed(one.summary)) failedCount += 1;
    if (hasFailed(one.summary) && failed.length < MAX_FAILED_REPOSITORIES) failed.push(one);
    if (tags.failed + manifests.failed > 0 && withFailures.length < MAX_FAILURES) withFailures.push(repository);
    top.push(one);
    // Sorted now and then, so that at most two pages too many are held.
    if (top.length >= end + 2 * REPOSITORIES) top = most(top, end);
  }
  return renderRun(setting, {
    run,
    resumer: await resumerOf(reader, run, setting.now),
    repositories: most(top, end).slice(end - REPOSITORIES),
    page,
    more: count > end && page < MAX_REPOSITORY_PAGES,
    count,
    failed: { first: failed, count: failedCount },
    failures: await failuresIn(reader, run.id, withFailures),
  });
}

/** The repositories with most deletions; equal ones in their order, by name. */
function most(repositories: readonly RepositoryRecord[], count: number): RepositoryRecord[] {
  const deletions = ({ summary: { tags, manifests }, planned }: RepositoryRecord): number =>
    Math.max(tags.deleted + manifests.deleted, planned.deletions);
  return repositories.toSorted((a, b) => deletions(b) - deletions(a)).slice(0, count);
}

/** The first artifacts that failed or were refused. */
async function failuresIn(
  reader: LedgerReader,
  id: string,
  repositories: readonly string[],
): Promise<RunView['failures']> {
  const found: RunView['failures'][number][] = [];
  for (const repository of repositories) {
    for await (const decision of reader.decisions(id, { repository, action: 'delete' })) {
      if (decision.action !== 'delete' || !['failed', 'refused'].includes(decision.outcome)) continue;
      found.push(decision);
      if (found.length === MAX_FAILURES) return found;
    }
  }
  return found;
}

/** A page of a list of any length. Only the page is held in memory. */
async function slice<T>(
  all: AsyncIterable<T>,
  skip: number,
  count: number,
): Promise<{ readonly items: readonly T[]; readonly more: boolean }> {
  const items: T[] = [];
  let index = 0;
  for await (const item of all) {
    if (index >= skip + count) return { items, more: true };
    if (index >= skip) items.push(item);
    index += 1;
  }
  return { items, more: false };
}
