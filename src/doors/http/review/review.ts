import type { HttpRequest, HttpResponseInit } from '@azure/functions';
import {
  LedgerError,
  type LedgerReader,
  parentStatus,
  type ParentStatus,
  type RunRecord,
  whyNotAppliedHere,
} from '../../../index.ts';
import type { Configuration } from '../../../policy/settings.ts';
import { redact } from '../../../ledger/redact/redact.ts';
import {
  linksWith,
  type ProblemView,
  renderParent,
  renderProblem,
  renderRefused,
  type Setting,
  type Viewer,
} from '../../../report/page/index.ts';
import type { Log } from '../../../report/log.ts';
import type { Client } from '../handler.ts';
import { type FormToken, formToken } from '../csrf.ts';
import { isExpected, logFault, problemOf, RequestError } from '../problem.ts';
import { readQuery, REVIEW_QUERY } from '../query.ts';
import { answerDecisions } from '../runs.ts';
import { accessOf, isApprover, SignInRefused } from '../sign-in.ts';
import type { CheckView } from '../check.ts';
import type { QuarantineView } from '../quarantine.ts';
import type { UnpulledView } from '../unpulled.ts';
import { checkPageOf } from './check.ts';
import { decisionsView } from './decisions.ts';
import { diffView } from './diff.ts';
import { historyView } from './history.ts';
import { shareOf } from './home.ts';
import { htmlResponse } from './html.ts';
import { quarantineView } from './quarantine.ts';
import { riskView } from './risk.ts';
import { runView } from './run.ts';
import { runsView } from './runs.ts';
import { trendsView } from './trends.ts';
import { unpulledView } from './unpulled.ts';

/** What the page is about, beside the ledger. */
export interface ReviewOptions {
  readonly now: Date;
  /** Whether App Service Authentication signs people in; else the host has looked at a key. */
  readonly isSignInOn: boolean;
  readonly configuration: Configuration;
  /** Absent: it is not configured how pulls are looked up. */
  readonly unpulled?: UnpulledView | undefined;
  /** Absent: the settings are wrong, so it is not known which registries the app serves. */
  readonly quarantine?: QuarantineView | undefined;
  /** Absent: as for `quarantine`. */
  readonly checks?: CheckView | undefined;
  /** Takes the faults that the page does not tell. */
  readonly log: Log;
}

/**
 * The page and its downloads. Both have the same address: a reader who has signed in has no function key for another.
 * @throws {SignInRefused} where a download is asked for by a client that may not read; the page says so itself
 */
export async function answerReview(
  reader: LedgerReader,
  request: HttpRequest,
  client: Client,
  { now, isSignInOn, configuration, unpulled, quarantine, checks, log }: ReviewOptions,
): Promise<HttpResponseInit> {
  const { query } = request;
  try {
    const access = accessOf(request, isSignInOn);
    if (query.has('format'))
      return await answerDecisions(reader, readQuery(query, REVIEW_QUERY).run ?? '', request, client);
    const token = isApprover(access) ? formToken(request) : undefined;
    const viewer =
      access.by === 'sign-in'
        ? { name: access.caller.name, forms: token && formsWith(token, configuration) }
        : undefined;
    const whyNotApplied = (run: RunRecord) => whyNotAppliedHere(configuration, run, now);
    const page = await reviewPage(
      reader,
      query,
      now,
      unpulled,
      client.signal,
      viewer,
      whyNotApplied,
      quarantine,
      checks,
    );
    return token ? { ...page, cookies: [...token.cookies] } : page;
  } catch (error) {
    if (query.has('format')) throw error;
    if (!(error instanceof SignInRefused)) {
      logFault(log, error);
      return htmlResponse(renderProblem(settingWithoutData(query, now, isSignInOn), FAULT), FAULT.status);
    }
    const { status, message: detail, caller } = error;
    return htmlResponse(renderRefused({ status, detail, share: shareOf(query), caller }), status);
  }
}

const FAULT: ProblemView = {
  status: 500,
  title: 'A fault of this app',
  detail: 'This page cannot be shown. What went wrong is in the log of the app (event "fault"). Other pages may work.',
};

/** What a page is given that shows nothing of the ledger. */
function settingWithoutData(query: URLSearchParams, now: Date, isSignInOn: boolean): Setting {
  const code = isSignInOn ? undefined : (query.get('code') ?? undefined);
  return { code, link: linksWith(code), share: shareOf(query), now, place: undefined, hasPulls: false };
}

/** What the forms of a page have. Where settings are wrong nothing can be approved, and the form says why once it is sent. */
function formsWith({ value: token }: FormToken, configuration: Configuration): Viewer['forms'] {
  const typedAbove = configuration.state === 'valid' ? configuration.settings.approvals.typedAbove : 0;
  return { token, typedAbove };
}

/**
 * The page for people: a view of the ledger as HTML, of what was not pulled, and of what is in quarantine.
 * @param unpulled absent: it is not configured how pulls are looked up
 * @param viewer absent: a key opened the page
 * @param whyNotApplied why the app would not carry out the plan of a run any more
 * @param quarantine absent: it is not known which registries there are
 * @param checks absent: the same
 */
export async function reviewPage(
  reader: LedgerReader,
  query: URLSearchParams,
  now: Date,
  unpulled?: UnpulledView,
  signal?: AbortSignal,
  viewer?: Viewer,
  whyNotApplied?: Setting['whyNotApplied'],
  quarantine?: QuarantineView,
  checks?: CheckView,
): Promise<HttpResponseInit> {
  // With sign-in no link holds a key.
  const code = viewer ? undefined : (query.get('code') ?? undefined);
  const hasPulls = unpulled !== undefined;
  const share = shareOf(query);
  const place = reader.place;
  const hasQuarantine = quarantine !== undefined;
  const setting: Setting = {
    code,
    link: linksWith(code),
    share,
    now,
    place,
    hasPulls,
    hasQuarantine,
    viewer,
    whyNotApplied,
  };
  try {
    if (query.get('view') === 'unpulled')
      return htmlResponse(await unpulledView(query, setting, unpulled, signal), 200, viewer);
    if (query.get('view') === 'quarantine')
      return htmlResponse(await quarantineView(query, setting, quarantine), 200, viewer);
    if (query.get('view') === 'check') return htmlResponse(await checkPageOf(query, setting, checks), 200, viewer);
    return htmlResponse(await viewOf(reader, query, setting, signal, quarantine), 200, viewer);
  } catch (error) {
    const problem = problemView(error);
    return htmlResponse(renderProblem(setting, problem), problem.status, viewer);
  }
}

function problemView(error: unknown): ProblemView {
  if (error instanceof LedgerError)
    return { status: 503, title: 'The ledger cannot be read', detail: redact(error.message) };
  if (!isExpected(error)) throw error;
  const { status, detail } = problemOf(error);
  const title = status === 404 ? 'No such run' : status < 500 ? 'That cannot be asked' : 'The registry cannot be read';
  return { status, title, detail: redact(`${detail}.`) };
}

async function viewOf(
  reader: LedgerReader,
  query: URLSearchParams,
  setting: Setting,
  signal: AbortSignal | undefined,
  quarantine: QuarantineView | undefined,
): Promise<string> {
  const { run: id, view, image } = readQuery(query, REVIEW_QUERY);
  if (query.has('image')) return historyView(reader, query, setting, image);
  if (view === 'trends') return trendsView(reader, query, setting, signal);
  if (view === 'risk') return riskView(reader, query, setting, signal);
  if (id === undefined) return runsView(reader, query, setting);
  const run = await reader.run(id);
  if (!run) {
    const parent = await parentStatus(reader, id);
    if (parent && view === undefined) return renderParent(setting, parent);
    throw new RequestError(404, parent ? searchedByOne(parent) : `The ledger has no run ${id}`);
  }
  if (view === 'diff') return diffView(reader, query, setting, run, signal);
  if (view === 'decisions') return decisionsView(reader, query, setting, run);
  return runView(reader, query, setting, run, quarantine);
}

/** The page searches the decisions of one run. For a parent this names its runs. */
function searchedByOne({ children }: ParentStatus): string {
  const ids = children.flatMap(({ run }) => (run ? [run.id] : []));
  return `The decisions of these runs are searched one by one: ${ids.join(', ')}`;
}
