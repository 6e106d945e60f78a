import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { certificate, type Certificate } from '../emulator/certificate.ts';
import { evaluate, QueryError, type Row } from './kql.ts';

/** An event of a registry, as the table ContainerRegistryRepositoryEvents has it. */
export interface RepositoryEvent {
  readonly TimeGenerated: Date;
  readonly OperationName: string;
  readonly Repository: string;
  readonly Tag?: string;
  readonly Digest?: string;
  readonly Identity?: string;
  readonly UserAgent?: string;
  /** The HTTP status. */
  readonly ResultDescription?: string;
}

/** How it answers instead of with what it has. */
interface LogFaults {
  /** With this status, and an error as the service sends it. */
  readonly status?: number;
  /** With rows, and the error that says they are not all; where the span is longer than that. */
  readonly partialBeyondMilliseconds?: number;
}

export interface LogAnalytics {
  /** `https://127.0.0.1:port` */
  readonly url: string;
  readonly certificate: string;
  /** The queries that were answered, in order. */
  readonly asked: readonly { readonly resource: string; readonly query: string; readonly timespan: string }[];
  faults: LogFaults;
  readonly close: () => Promise<void>;
}

/**
 * A stand-in for the query API of Log Analytics (`POST /v1/{resource id}/query`), which the unmodified client of Azure
 * talks to. It knows one table, and as much of the query language as `kql.ts` does.
 * @param eventsOf the events of a resource, by its id in small letters; `undefined`: it may not be read
 * @param shown absent: a certificate for loopback
 */
export async function startLogAnalytics(
  eventsOf: (resource: string) => readonly RepositoryEvent[] | undefined,
  shown?: Certificate,
): Promise<LogAnalytics> {
  const { key, cert } = shown ?? (await certificate());
  const asked: { resource: string; query: string; timespan: string }[] = [];
  const standIn = { faults: {} as LogFaults };
  const server = createServer({ key, cert }, (request, response) => {
    const send = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(body));
    };
    void text(request).then((body) => {
      const { status, partialBeyondMilliseconds = Infinity } = standIn.faults;
      if (!/^Bearer \S+$/.test(request.headers.authorization ?? '')) {
        send(401, failure('AuthorizationRequired'));
        return;
      }
      const resource = /^\/v1\/+(subscriptions\/.+)\/query$/i.exec(decodeURIComponent(request.url ?? ''))?.[1];
      if (request.method !== 'POST' || resource === undefined) {
        send(404, failure('PathNotFoundError'));
        return;
      }
      if (status !== undefined) {
        send(status, failure(status === 403 ? 'InsufficientAccessError' : 'GeneralError'));
        return;
      }
      const events = eventsOf(`/${resource.toLowerCase()}`);
      if (!events) {
        send(403, failure('InsufficientAccessError'));
        return;
      }
      const { query, timespan } = JSON.parse(body) as { readonly query: string; readonly timespan: string };
      asked.push({ resource: `/${resource}`, query, timespan });
      const [from = 0, to = 0] = timespan.split('/').map((time) => Date.parse(time));
      // A table that nothing was ever written to is not there.
      if (events.length === 0) {
        send(400, failure('BadArgumentError', failure('SemanticError', failure('SEM0100').error).error));
        return;
      }
      try {
        const rows = events
          .filter(({ TimeGenerated: time }) => time.getTime() >= from && time.getTime() <= to)
          .map((event): Row => ({
            Tag: '',
            Digest: '',
            Identity: '',
            UserAgent: '',
            ResultDescription: '200',
            ...event,
          }));
        const { columns, rows: found } = evaluate(query, rows);
        const tables = [{ name: 'PrimaryResult', columns, rows: found }];
        send(
          200,
          to - from > partialBeyondMilliseconds ? { tables, ...failure('PartialError', TOO_LARGE) } : { tables },
        );
        return;
      } catch (error) {
        if (!(error instanceof QueryError)) throw error;
        send(400, failure('BadArgumentError', failure('SyntaxError').error));
        return;
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(standIn, {
    url: `https://127.0.0.1:${port}`,
    certificate: cert,
    asked,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

interface ServiceError {
  readonly message: string;
  readonly code: string;
  readonly innererror?: ServiceError;
}

function failure(code: string, innererror?: ServiceError): { readonly error: ServiceError } {
  return { error: { message: `The request could not be answered: ${code}`, code, ...(innererror && { innererror }) } };
}

/** As the service says that the answer is larger than it sends. */
const TOO_LARGE: ServiceError = {
  code: 'EngineError',
  message: 'Something went wrong processing your query on the server.',
  innererror: { code: '-2133196797', message: 'The results of this query exceed the set limit of 64000000 bytes' },
};
