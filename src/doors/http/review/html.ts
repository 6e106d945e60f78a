import type { HttpResponseInit } from '@azure/functions';
import { secrets } from '../../../ledger/redact/known.ts';
import { CONTENT_SECURITY_POLICY, type Viewer } from '../../../report/page/index.ts';

/**
 * A page of the app.
 * @param viewer absent: a key opened it, or it holds no data
 */
export function htmlResponse(body: string, status = 200, viewer?: Viewer): HttpResponseInit {
  return {
    status,
    headers: {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy': CONTENT_SECURITY_POLICY,
      // Without sign-in the address holds the function key. With it there are forms, and a browser that may send no
      // referrer does not say of a posted form where it comes from, either (`Origin: null`).
      'Referrer-Policy': viewer ? 'same-origin' : 'no-referrer',
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
    },
    // Only known secrets: the links of the page have the function key of its reader, which looks like one.
    body: secrets.redact(body),
  };
}
