import type { HttpRequest, HttpResponseInit } from '@azure/functions';
import { CSV, decisionSheet, withFindings } from '../../report/csv.ts';
import { listed } from '../../report/listing.ts';
import { SIGHTINGS, toldOf } from '../../report/sheets.ts';
import { answer, type Forms, JSON_FORMS, negotiate } from './answer.ts';
import type { Client } from './handler.ts';
import { RequestError } from './problem.ts';
import { acceptedResponse, jsonResponse } from './responses.ts';
import { decisionsAsked, EXPLAIN_QUERY, readQuery, runsAsked } from './query.ts';
import {
  type ChildStatus,
  decisionsOfAll,
  type LedgerReader,
  parentStatus,
  type ParentStatus,
  type RepositoryRecord,
  type RunRecord,
} from '../../index.ts';

interface RunsPage {
  readonly runs: readonly RunRecord[];
  /** The address of the next page, without the function key. */
  readonly next?: string;
}

/** The newest runs, or those before a run. @throws {RequestError} */
export async function pageOfRuns(ledger: LedgerReader, query: URLSearchParams): Promise<RunsPage> {
  const { runs: asked, limit } = runsAsked(query);
  const runs: RunRecord[] = [];
  for await (const run of ledger.runs(asked)) {
    if (runs.push(run) > limit) break;
  }
  const last = runs.length > limit ? runs.at(-2) : undefined;
  if (!last) return { runs };
  const next = new URLSearchParams(query);
  next.delete('code');
  next.set('before', last.id);
  return { runs: runs.slice(0, -1), next: `/api/runs?${next.toString()}` };
}

/** A run with its repositories. */
type OneRun = RunRecord & { readonly repositories: readonly RepositoryRecord['summary'][] };

/** A run with its repositories, or a parent with its runs. @throws {RequestError} 404 */
export async function oneRun(ledger: LedgerReader, id: string): Promise<OneRun | object> {
  const run = await ledger.run(id);
  if (!run) {
    const parent = await parentStatus(ledger, id);
    if (parent) return parentAnswer(parent);
    throw unknownRun(ledger);
  }
  const records = await Array.fromAsync(ledger.repositories(id));
  return { ...run, repositories: records.map(({ summary }) => summary) };
}

/** A parent as it is answered: its record and state, and each registry with the address of its run. */
function parentAnswer({ record, state, cancelled, children, totals, progress }: ParentStatus): object {
  return { ...record, state, ...(cancelled && { cancelled }), progress, totals, runs: children.map(childAnswer) };
}

function childAnswer({ registry, state, run, error, notBegun }: ChildStatus): object {
  if (!run) return { registry, state, ...(notBegun && { notBegun }), ...(error && { error }) };
  const { id: runId, progress, totals, stopped, error: why, plan, breakers } = run;
  return {
    registry,
    state,
    runId,
    run: `/api/runs/${runId}`,
    progress,
    ...(totals && { totals }),
    ...(plan && { plan }),
    ...(breakers.length > 0 && { breakers }),
    ...(stopped && { stopped }),
    ...(why && { error: why }),
  };
}

/** The answer to a cancelled run: 202 while it finishes what is in flight, 200 once it has ended. */
export function cancelledResponse({ id, state, cancelled, stopped, progress }: RunRecord): HttpResponseInit {
  const { done, of } = progress;
  const about = { cancelled, progress: { done, of } };
  return state === 'running'
    ? acceptedResponse(id, about)
    : jsonResponse({ runId: id, state, ...about, ...(stopped && { stopped }), run: `/api/runs/${id}` });
}

/** The same for all runs of a parent. */
export function cancelledParentResponse(parent: ParentStatus): HttpResponseInit {
  const { id } = parent.record;
  return parent.state === 'running'
    ? acceptedResponse(id, parentAnswer(parent))
    : jsonResponse({ ...parentAnswer(parent), run: `/api/runs/${id}` });
}

const DECISION_FORMS: Forms<'json' | 'ndjson' | 'csv'> = { ...JSON_FORMS, 'text/csv': 'csv' };

/** The decisions of a run, or some of them, in an answer of any size. @throws {RequestError} */
export async function answerDecisions(
  ledger: LedgerReader,
  id: string,
  request: HttpRequest,
  client: Client,
): Promise<HttpResponseInit> {
  const negotiated = negotiate(request, DECISION_FORMS);
  const { form } = negotiated;
  const asked = decisionsAsked(request.query).decisions;
  const run = await ledger.run(id);
  const parent = run ? undefined : await parentStatus(ledger, id);
  if (!run && !parent) throw unknownRun(ledger);
  const asksFindings = [run, ...(parent?.children ?? []).map((child) => child.run)].some((one) => one?.findings);
  const decisions = parent ? decisionsOfAll(ledger, parent, asked) : ledger.decisions(id, asked);
  const sheet = withFindings(decisionSheet(parent ? CSV.several : CSV.one), asksFindings);
  const written = listed(form, decisions, { name: 'decisions', sheet });
  return answer(
    negotiated,
    client,
    async (write) => {
      for await (const piece of written) await write(piece);
    },
    form === 'json' ? {} : { 'Content-Disposition': `attachment; filename="${id}.${form}"` },
  );
}

/** Every recorded decision on one artifact. @throws {RequestError} */
export async function answerExplain(
  ledger: LedgerReader,
  request: HttpRequest,
  client: Client,
): Promise<HttpResponseInit> {
  const negotiated = negotiate(request, JSON_FORMS);
  const { image } = readQuery(request.query, EXPLAIN_QUERY);
  const sightings = ledger.explain(image);
  const written = listed(negotiated.form, sightings, { name: 'sightings', told: toldOf, sheet: SIGHTINGS });
  return answer(negotiated, client, async (write) => {
    for await (const piece of written) await write(piece);
  });
}

function unknownRun({ place }: LedgerReader): RequestError {
  return new RequestError(404, `there is no such run in ${place}`);
}
