import type { HttpResponseInit } from '@azure/functions';
import type { ParentStatus, RunRecord } from '../../index.ts';
import { jsonResponse } from './json.ts';
import { parentAnswer } from './runs.ts';

/** Seconds after which it is worth to look again: so often the record of a run says how far it is. */
const LOOK_AGAIN = 5;

/** 202: something goes on after the answer, and this is where it is seen (RFC 9110, 15.3.3). */
export function acceptedResponse(
  runId: string,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): HttpResponseInit {
  const run = `/api/runs/${runId}`;
  return jsonResponse({ runId, state: 'running', ...body, run, decisions: `${run}/decisions` }, 202, undefined, {
    Location: run,
    'Retry-After': `${LOOK_AGAIN}`,
    ...headers,
  });
}

/** A run that was cancelled: 202 while it works still, and finishes what is in flight; 200 once it has ended. */
export function cancelledResponse({ id, state, cancelled, stopped, progress }: RunRecord): HttpResponseInit {
  const { done, of } = progress;
  const about = { cancelled, progress: { done, of } };
  return state === 'running'
    ? acceptedResponse(id, about)
    : jsonResponse({ runId: id, state, ...about, ...(stopped && { stopped }), run: `/api/runs/${id}` });
}

/** The same of the runs of a parent. */
export function cancelledParentResponse(parent: ParentStatus): HttpResponseInit {
  const { id } = parent.record;
  return parent.state === 'running'
    ? acceptedResponse(id, parentAnswer(parent))
    : jsonResponse({ ...parentAnswer(parent), run: `/api/runs/${id}` });
}
