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
