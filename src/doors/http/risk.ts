import type { HttpResponseInit } from '@azure/functions';
import type { Configuration } from '../../policy/settings.ts';
import { type LedgerReader, requestedRisk } from '../../index.ts';
import { readQuery, RISK_QUERY } from './query.ts';
import { jsonResponse } from './responses.ts';

/** `GET /api/risk` */
export async function answerRisk(
  configuration: Configuration,
  reader: LedgerReader,
  query: URLSearchParams,
  now: Date,
  signal?: AbortSignal,
): Promise<HttpResponseInit> {
  const { registry, since, top } = readQuery(query, RISK_QUERY);
  return jsonResponse(await requestedRisk(configuration, reader, { registry, since, top, now, signal }));
}
