import type { TokenCredential } from '@azure/core-auth';
import * as z from 'zod';
import { type Clock, inTime } from '../registry/clock.ts';

/** One client that pulled one image, and when it did so last. */
export interface LoggedPull {
  readonly repository: string;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
  readonly identity: string;
  readonly userAgent: string;
  readonly last: Date;
}

/** How often a client asked for one image in one way, and was answered in one way. */
export interface LoggedTries extends LoggedPull {
  readonly first: Date;
  readonly times: number;
  /** What the log calls the answer: the HTTP status as text, as far as is known. */
  readonly result: string;
}

/** A stretch of time in which the log has events: at most an hour of it. */
export interface LoggedHour {
  readonly first: Date;
  readonly last: Date;
}

export interface Timespan {
  readonly from: Date;
  readonly to: Date;
}

/** The log of one registry. Its methods throw where it cannot be read completely. */
export interface PullLog {
  readonly pulls: (span: Timespan, signal?: AbortSignal) => Promise<readonly LoggedPull[]>;
  /** Pulls by how they ended. One image, client and answer may be there several times, each for a part of the span. */
  readonly tries: (span: Timespan, signal?: AbortSignal) => Promise<readonly LoggedTries[]>;
  /** In their order. */
  readonly hours: (span: Timespan, signal?: AbortSignal) => Promise<readonly LoggedHour[]>;
}

/** The newest pull of each image by each client. Whose pulls count is decided here, and not by the query. */
export const PULLS_QUERY = `ContainerRegistryRepositoryEvents
| where OperationName =~ "Pull"
| summarize Last = max(TimeGenerated) by Repository, Tag, Digest, Identity, UserAgent`;

/**
 * The pulls of each image by each client, and how they ended. Which of them failed is not decided by the query: Microsoft
 * lists the columns without their values. What is public is a pull by digest that was answered with 404: `ResultType` is
 * `HttpStatusCode`, `ResultDescription` is `404`, `Tag` holds the digest, and `Digest` is `<nil>`. How one is logged that is
 * refused for `readEnabled: false` is not known.
 */
export const TRIES_QUERY = `ContainerRegistryRepositoryEvents
| where OperationName =~ "Pull"
| summarize Times = count(), First = min(TimeGenerated), Last = max(TimeGenerated) by Repository, Tag, Digest, Identity, UserAgent, ResultDescription`;

/** When the log has events at all, of whatever kind. */
export const HOURS_QUERY = `ContainerRegistryRepositoryEvents
| summarize First = min(TimeGenerated), Last = max(TimeGenerated) by Hour = bin(TimeGenerated, 1h)
| order by Hour asc`;

/** Log Analytics answers with so many rows at most, and does not say so where there are more. */
const MOST_ROWS = 500_000;

/** How often a span is cut in halves of which the answer is too large. */
const MOST_CUTS = 6;

/** How long the service may work on a query, and how long the answer may take in all. */
const SERVER_SECONDS = 180;
const TIMEOUT_MS = 5 * 60_000;

const text = z
  .string()
  .nullish()
  .transform((value) => value ?? '');
/** The log writes `<nil>` for what is not known, such as the digest of a pull that failed. */
const some = text.transform((value) => (value === '' || value === '<nil>' ? undefined : value));

const pullRow = z.object({
  Repository: text,
  Tag: some,
  Digest: some,
  Identity: text,
  UserAgent: text,
  Last: z.date(),
});
const triesRow = pullRow.extend({
  First: z.date(),
  Times: z.coerce.number().int().positive(),
  ResultDescription: text,
});
const hourRow = z.object({ First: z.date(), Last: z.date() });

export interface LogOptions {
  readonly credential: TokenCredential;
  readonly clock: Clock;
  /** Of Log Analytics in the cloud of the registry, e.g. `https://api.loganalytics.io`. */
  readonly endpoint: string;
  /** The resource id of the registry. */
  readonly resource: string;
  /** Of the server, where it is not a public one. */
  readonly certificate?: string;
  /** An answer with so many rows may be a part; for tests. */
  readonly mostRows?: number;
}

/** The events of a registry in Log Analytics, as far as the identity may read them. */
export function pullLog({ mostRows = MOST_ROWS, ...options }: LogOptions): PullLog {
  const { credential, clock, endpoint, resource, certificate } = options;
  const ask = async <Row>(query: string, row: z.ZodType<Row>, span: Timespan, signal?: AbortSignal): Promise<Row[]> => {
    const { LogsQueryClient } = await import('@azure/monitor-query-logs');
    let status: number | undefined;
    return inTime({ clock, milliseconds: TIMEOUT_MS, signal }, async (abortSignal, late) => {
      const client = new LogsQueryClient(credential, {
        endpoint: `${endpoint}/v1`,
        credentials: { scopes: [`${endpoint}/.default`] },
        userAgentOptions: { userAgentPrefix: 'acr-retention' },
        ...(certificate !== undefined && { tlsOptions: { ca: certificate } }),
      });
      // The client leaves out the signal that it is given.
      client.pipeline.addPolicy({
        name: 'acr-retention',
        async sendRequest(request, next) {
          request.abortSignal = abortSignal;
          const response = await next(request);
          ({ status } = response);
          return response;
        },
      });
      const result = await client
        .queryResource(
          resource.replace(/^\//, ''),
          query,
          { startTime: span.from, endTime: span.to },
          { serverTimeoutInSeconds: SERVER_SECONDS },
        )
        .catch((error: unknown) => {
          throw refused(error, status, late.aborted);
        });
      if (!('tables' in result)) throw new PartialError(codesOf(result.partialError));
      const [table] = result.tables;
      if (!table) throw new Error('the answer of Log Analytics has no table');
      if (table.rows.length >= mostRows) throw new PartialError(`it has ${mostRows} rows or more`);
      const columns = table.columnDescriptors.map(({ name }) => name);
      return table.rows.map((values) => row.parse(Object.fromEntries(columns.map((name, at) => [name, values[at]]))));
    });
  };

  /** What is too much for one answer may be little enough for two. */
  const askInParts = async <Row>(
    query: string,
    row: z.ZodType<Row>,
    span: Timespan,
    signal: AbortSignal | undefined,
    cuts = MOST_CUTS,
  ): Promise<Row[]> => {
    try {
      return await ask(query, row, span, signal);
    } catch (error) {
      if (!(error instanceof PartialError) || cuts === 0) throw error;
      const middle = new Date((span.from.getTime() + span.to.getTime()) / 2);
      const rows: Row[] = [];
      for (const part of [
        { from: span.from, to: middle },
        { from: middle, to: span.to },
      ])
        for (const one of await askInParts(query, row, part, signal, cuts - 1)) rows.push(one);
      return rows;
    }
  };

  return {
    async pulls(span, signal) {
      const rows = await askInParts(PULLS_QUERY, pullRow, span, signal);
      return rows.map(pullOf);
    },
    async tries(span, signal) {
      const rows = await askInParts(TRIES_QUERY, triesRow, span, signal);
      return rows.map(({ First, Times, ResultDescription, ...row }) => ({
        ...pullOf(row),
        first: First,
        times: Times,
        result: ResultDescription,
      }));
    },
    async hours(span, signal) {
      const rows = await askInParts(HOURS_QUERY, hourRow, span, signal);
      return rows
        .map(({ First, Last }) => ({ first: First, last: Last }))
        .sort((a, b) => a.first.getTime() - b.first.getTime());
    },
  };
}

/** A pull by digest may have it where others have a tag. No tag holds a colon. */
function pullOf({ Repository, Tag, Digest, Identity, UserAgent, Last }: z.output<typeof pullRow>): LoggedPull {
  const isDigest = Tag?.includes(':') === true;
  return {
    repository: Repository,
    tag: isDigest ? undefined : Tag,
    digest: Digest ?? (isDigest ? Tag : undefined),
    identity: Identity,
    userAgent: UserAgent,
    last: Last,
  };
}

/** An answer that is not all there is. */
class PartialError extends Error {
  constructor(why: string) {
    super(`Log Analytics answered with a part of what was asked for: ${why}`);
  }
}

interface Failure {
  readonly code?: string | undefined;
  readonly details?: readonly Failure[] | undefined;
  readonly innererror?: Failure | undefined;
}

/** The codes of an error of the service, the innermost last: its messages may name identities and addresses. */
function codesOf(failure: Failure | undefined): string {
  const codes: string[] = [];
  const add = (one: Failure | undefined): void => {
    if (!one || codes.length >= 5) return;
    if (one.code !== undefined && /^[\w.-]{1,80}$/.test(one.code)) codes.push(one.code);
    one.details?.forEach(add);
    add(one.innererror);
  };
  add(failure);
  return [...new Set(codes)].join(', ') || 'without a code';
}

const RIGHT = 'Microsoft.Insights/logs/ContainerRegistryRepositoryEvents/read';

function refused(error: unknown, status: number | undefined, isLate: boolean): Error {
  const { details, name, message, code } = error as {
    readonly details?: { readonly error?: Failure };
    readonly name?: string;
    readonly message?: string;
    readonly code?: string;
  };
  if (isLate) return new Error(`Log Analytics did not answer within ${TIMEOUT_MS / 60_000} minutes`, { cause: error });
  if (status === undefined || status < 400)
    return new Error(
      name === 'CredentialUnavailableError' || name === 'AuthenticationError'
        ? 'the app could not sign in to Log Analytics'
        : `Log Analytics could not be asked: ${code ?? message?.split('\n', 1)[0] ?? 'an error'}`,
      { cause: error },
    );
  const codes = codesOf(details?.error);
  const why =
    status === 401 || status === 403
      ? `the identity of the app may not read it; it needs ${RIGHT} on the registry`
      : /SEM0100|SemanticError|BadArgumentError/.test(codes)
        ? 'the registry sends it no ContainerRegistryRepositoryEvents, it seems; its diagnostic setting does that'
        : codes;
  return new Error(`Log Analytics answers ${status}: ${why}`, { cause: error });
}
