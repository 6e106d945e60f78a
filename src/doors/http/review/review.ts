import type { HttpRequest, HttpResponseInit } from '@azure/functions';
import { LedgerError, type LedgerReader, parentStatus, type ParentStatus } from '../../../index.ts';
import { redact } from '../../../ledger/redact/redact.ts';
import { secrets } from '../../../ledger/redact/known.ts';
import {
  CONTENT_SECURITY_POLICY,
  linksWith,
  type ProblemView,
  renderParent,
  renderProblem,
  type Setting,
} from '../../../report/page/index.ts';
import type { Client } from '../handler.ts';
import { isExpected, problemOf, RequestError } from '../problem.ts';
import { readQuery, REVIEW_QUERY } from '../query.ts';
import { answerDecisions } from '../runs.ts';
import type { UnpulledView } from '../unpulled.ts';
import { decisionsView } from './decisions.ts';
import { historyView } from './history.ts';
import { runView } from './run.ts';
import { runsView } from './runs.ts';
import { unpulledView } from './unpulled.ts';

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
    if (query.get('view') === 'unpulled') return htmlResponse(await unpulledView(query, setting, unpulled, signal));
    return htmlResponse(await viewOf(reader, query, setting));
  } catch (error) {
    const problem = problemView(error);
    return htmlResponse(renderProblem(setting, problem), problem.status);
  }
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
  if (query.has('image')) return historyView(reader, query, setting, image);
  if (id === undefined) return runsView(reader, query, setting);
  const run = await reader.run(id);
  if (!run) {
    const parent = await parentStatus(reader, id);
    if (parent && view === undefined) return renderParent(setting, parent);
    throw new RequestError(404, parent ? searchedByOne(parent) : `The ledger has no run ${id}`);
  }
  return view === 'decisions' ? decisionsView(reader, query, setting, run) : runView(reader, query, setting, run);
}

/** The page searches the decisions of one run. For a parent this names its runs. */
function searchedByOne({ children }: ParentStatus): string {
  const ids = children.flatMap(({ run }) => (run ? [run.id] : []));
  return `The decisions of these runs are searched one by one: ${ids.join(', ')}`;
}
