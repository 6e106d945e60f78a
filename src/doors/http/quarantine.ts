import type { HttpResponseInit } from '@azure/functions';
import type * as z from 'zod';
import type { Configuration } from '../../policy/settings.ts';
import type { QuarantineReport } from '../../report/quarantine.ts';
import { type Ledger, requestedQuarantine, requestedRelease, type ToRelease } from '../../index.ts';
import { RequestError } from './problem.ts';
import { QUARANTINE_QUERY, readQuery, RELEASE_QUERY } from './query.ts';
import { jsonResponse } from './responses.ts';

/** What is in quarantine, as the review page asks for it. */
export interface QuarantineView {
  /** The registries that the app serves. */
  readonly registries: readonly string[];
  readonly read: (query: URLSearchParams) => Promise<QuarantineReport>;
}

/** `GET /api/quarantine` */
export async function answerQuarantine(
  configuration: Configuration,
  ledger: Ledger,
  query: URLSearchParams,
): Promise<HttpResponseInit> {
  const { registry, repository: repositories = [] } = readQuery(query, QUARANTINE_QUERY);
  return jsonResponse(await requestedQuarantine(configuration, ledger, { registry, repositories }));
}

/** @returns `undefined` where the settings are wrong, so that it is not known which registries there are */
export function quarantineView(configuration: Configuration, ledger: Ledger): QuarantineView | undefined {
  if (configuration.state === 'invalid') return undefined;
  const registries = configuration.settings.registries.map(({ endpoint }) => endpoint.host);
  return {
    registries,
    read(query) {
      const { registry = registries[0], repository: repositories = [] } = readQuery(query, QUARANTINE_QUERY);
      return requestedQuarantine(configuration, ledger, { registry, repositories });
    },
  };
}

/**
 * What a request asks to release.
 * @throws {RequestError} where it says nothing, or more than one thing
 */
export function releaseAsked({
  run,
  repository,
  reference,
  all,
}: Omit<z.output<typeof RELEASE_QUERY>, 'registry'>): ToRelease {
  const asked: readonly ToRelease[] = [
    ...(run === undefined ? [] : [{ run }]),
    ...(all === true ? [{ all } as const] : []),
    ...(repository !== undefined && reference !== undefined ? [{ repository, reference }] : []),
  ];
  const [only, more] = asked;
  const isHalf = (repository === undefined) !== (reference === undefined);
  if (!only || more || isHalf)
    throw new RequestError(400, 'say one of these: run, or repository with reference (a tag or a digest), or all=true');
  return only;
}

/** `POST /api/quarantine/release` */
export async function answerRelease(
  configuration: Configuration,
  query: URLSearchParams,
  trigger: Parameters<typeof requestedRelease>[2],
): Promise<HttpResponseInit> {
  const { registry, ...asked } = readQuery(query, RELEASE_QUERY);
  const summary = await requestedRelease(configuration, { registry, toRelease: releaseAsked(asked) }, trigger);
  return jsonResponse({ summary });
}
