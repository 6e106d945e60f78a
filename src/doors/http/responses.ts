import type { HttpResponseInit } from '@azure/functions';
import { jsonLine } from '../../report/escape.ts';
import { redact } from '../../ledger/redact/redact.ts';

/** An answer in JSON: without secrets, and safe on a terminal. */
export function jsonResponse(
  body: unknown,
  status = 200,
  mediaType = 'application/json',
  headers: Readonly<Record<string, string>> = {},
): HttpResponseInit {
  return {
    status,
    headers: {
      'Content-Type': `${mediaType}; charset=utf-8`,
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
      ...headers,
    },
    body: redact(jsonLine(body)),
  };
}

/** Seconds after which a client may look again: the record of a run says how far it is about that often. */
const LOOK_AGAIN = 5;

/** 202: the run continues after the answer, and `Location` is where the client follows it (RFC 9110, 15.3.3). */
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
