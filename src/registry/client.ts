import {
  ContainerRegistryClient,
  type ContainerRegistryClientOptions,
  ContainerRegistryContentClient,
} from '@azure/container-registry';
import type { TokenCredential } from '@azure/core-auth';
import {
  createEmptyPipeline,
  createHttpHeaders,
  createPipelineRequest,
  isRestError,
  type Pipeline,
  type PipelinePolicy,
  type PipelineRequest,
  type PipelineResponse,
  setClientRequestIdPolicy,
  userAgentPolicy,
} from '@azure/core-rest-pipeline';
import type { Dispatcher } from 'undici';
import { authenticate, type RegistryCredentials } from './auth.ts';
import { type Clock, systemClock } from './clock.ts';
import { RegistryError, responseError, StaleLookError, StoppedError } from './errors.ts';
import { httpClient } from './http-client.ts';
import { newQueue, newSlots, type Queue } from './queue.ts';
import { entriesOf, newPaging, readsListings } from './listing.ts';
import { datesLooks } from './look.ts';
import { notesDoubts, retries } from './retry.ts';
import { isRead, keepsSignal, keepsTicket, signalFor, type Ticket } from './request.ts';
import { PREMIUM } from './throttle.ts';

export interface ConnectionOptions {
  /** `https://host[:port]` */
  readonly endpoint: URL;
  readonly credentials: RegistryCredentials;
  /** Reads in flight at once besides those of looks, and as many changes. */
  readonly concurrency: number;
  /** A certificate authority to trust besides the system's (PEM). */
  readonly certificate?: string;
  /** Absent: the system's. */
  readonly clock?: Clock | undefined;
  /** How requests are sent. Absent: over TLS. */
  readonly dispatcher?: Dispatcher | undefined;
}

/** What every SDK call is given: to see the registry's own answer, and to be stopped. */
export interface Observed {
  readonly onResponse: (response: PipelineResponse) => void;
  readonly abortSignal?: AbortSignal;
}

/** A listing of the SDK, before it is begun. */
interface Pages {
  readonly byPage: (settings: { readonly maxPageSize: number }) => AsyncIterator<unknown>;
}

export interface Listing {
  readonly asked: string;
  /** The field of an answer that has the entries. */
  readonly key: string;
  /** Advice for the error where the listing is not allowed. */
  readonly forbidden?: string;
  readonly pageSize: number;
  /** Asks for the next page while the one before it is used. False where one page may be enough. */
  readonly ahead: boolean;
  /** Ends the listing at once, with the page that is under way. */
  readonly signal?: AbortSignal | undefined;
  readonly start: (observed: Observed) => Pages;
}

/** A call that the SDK has not, or whose answer it would change. */
interface Call {
  /** Absent: GET. */
  readonly method?: 'GET' | 'HEAD' | 'POST';
  /** A path of the registry; or a whole URL, which is asked unsigned where it is of another host. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** The body of an answer with one of these statuses is read as it arrives, and not retried where it breaks off. */
  readonly streamed?: readonly number[];
  readonly signal?: AbortSignal | undefined;
}

/** A registry limits each of these by itself: where deletes are refused, reads are not held back. */
type Queues = Readonly<Record<keyof typeof PREMIUM, Queue>>;

/**
 * The calls to one registry, with tokens, retries and throttling.
 *
 * Listings, deletions and attributes use the SDK. The SDK drops the media type and cuts times to milliseconds, so entries
 * are read from the raw answers. Manifests of any type and referrers, which the SDK cannot fetch, use a pipeline of the
 * same policies.
 */
export interface Connection {
  readonly endpoint: URL;
  readonly sdk: ContainerRegistryClient;
  readonly clock: Clock;
  readonly queues: Queues;
  /**
   * Follows a listing page by page. Entries are as the registry sent them: not trusted.
   * @throws RegistryError also where a listing has no end, or its links lead anywhere but to its next page
   * @throws StoppedError where its signal was aborted
   */
  readonly list: (listing: Listing) => AsyncGenerator<readonly unknown[], void>;
  /**
   * Makes one SDK call, and returns the raw answer.
   * @throws RegistryError
   * @throws StoppedError where `signal` was aborted: for a read at any time; for a change before it was sent, or before it
   * was sent again after a 429
   */
  readonly ask: (
    asked: string,
    call: (observed: Observed) => Promise<unknown>,
    signal?: AbortSignal,
  ) => Promise<PipelineResponse>;
  /**
   * Makes one SDK call that changes something: it is sent once, or not at all.
   * @throws RegistryError
   * @throws StaleLookError where it was not sent, because the ticket had run out
   * @throws StoppedError where it was not sent, because the signal was aborted
   */
  readonly change: (
    asked: string,
    call: (observed: Observed) => Promise<unknown>,
    ticket: Ticket,
  ) => Promise<PipelineResponse>;
  /**
   * Fetches a path of the registry itself, whatever the status.
   * @throws RegistryError where no answer came
   * @throws StoppedError where `signal` was aborted
   */
  readonly fetch: (asked: string, path: string, accept: string, signal?: AbortSignal) => Promise<PipelineResponse>;
  /** Makes a call, whatever the status of its answer. Throws as `fetch` does. */
  readonly call: (asked: string, call: Call) => Promise<PipelineResponse>;
  /** The SDK's client for what a repository holds. Its calls are made by `ask`. */
  readonly contentOf: (repository: string) => ContainerRegistryContentClient;
  /** Sends a request as it is, with retries and unsigned. */
  readonly send: (request: PipelineRequest) => Promise<PipelineResponse>;
}

const USER_AGENT = { userAgentPrefix: 'acr-retention' };

export function connect({
  endpoint,
  credentials,
  concurrency,
  certificate,
  clock = systemClock,
  dispatcher,
}: ConnectionOptions): Connection {
  const http = datesLooks(httpClient({ certificate, connections: concurrency, clock, dispatcher }), clock);
  const tokens = newQueue(Infinity, newSlots(Infinity), clock);
  const unsigned = assemble(() => tokens, clock);
  const send = (request: PipelineRequest) => unsigned.sendRequest(http, request);
  const authentication = authenticate(endpoint, credentials, send, clock);
  const [reads, changes] = [newSlots(concurrency), newSlots(concurrency)];
  const queues: Queues = {
    reads: newQueue(PREMIUM.reads, reads, clock),
    referrers: newQueue(PREMIUM.referrers, reads, clock),
    deletes: newQueue(PREMIUM.deletes, changes, clock),
    writes: newQueue(PREMIUM.writes, changes, clock),
  };
  const queueOf = (request: PipelineRequest): Queue => {
    if (isRead(request)) return REFERRERS.test(request.url) ? queues.referrers : queues.reads;
    return request.method === 'DELETE' ? queues.deletes : queues.writes;
  };
  const signed = assemble(queueOf, clock, authentication);
  const sdkOptions: ContainerRegistryClientOptions = {
    httpClient: http,
    userAgentOptions: USER_AGENT,
    // `retries` instead: patient with 429, quick to give up on the rest.
    retryOptions: { maxRetries: 0 },
    // No call that is made here is redirected.
    redirectOptions: { maxRetries: 0 },
    additionalPolicies: [
      { policy: keepsTicket(), position: 'perCall' },
      { policy: keepsSignal(), position: 'perCall' },
      { policy: retries(queueOf, clock), position: 'perRetry' },
      { policy: authentication, position: 'perRetry' },
      { policy: notesDoubts(), position: 'perRetry' },
      { policy: readsListings(), position: 'perRetry' },
    ],
  };
  const sdk = new ContainerRegistryClient(endpoint.href, sdkOptions);

  const ask: Connection['ask'] = async (asked, call, signal) => {
    let answered: PipelineResponse | undefined;
    try {
      await call({ onResponse: (response) => (answered = response), ...(signal && { abortSignal: signal }) });
    } catch (error) {
      throw asRegistryError(asked, error);
    }
    if (!answered) throw new RegistryError(asked, { message: 'no answer' });
    return answered;
  };

  const call: Connection['call'] = async (asked, { method = 'GET', url, headers, body, streamed, signal }) => {
    const request = createPipelineRequest({
      method,
      url: url.startsWith('/') ? endpoint.origin + url : url,
      headers: createHttpHeaders(headers),
      ...(body !== undefined && { body }),
      ...(streamed && { streamResponseStatusCodes: new Set(streamed) }),
      ...(signal && { abortSignal: signal }),
    });
    try {
      return await signed.sendRequest(http, request);
    } catch (error) {
      throw asRegistryError(asked, error);
    }
  };

  return {
    endpoint,
    sdk,
    clock,
    queues,
    send,
    ask,
    change: (asked, call, ticket) => ask(asked, call, signalFor(ticket)),
    async *list({ asked, key, forbidden, pageSize, ahead, signal, start }) {
      let come: (readonly unknown[])[] = [];
      const paging = newPaging();
      const onResponse = (response: PipelineResponse): void => {
        // An error is shown as well, before it is thrown.
        if (response.status !== 200) return;
        const page = entriesOf(asked, key, response);
        // Counted here, because the SDK follows the links of empty pages by itself.
        paging.take(page.length, response.headers.get('link'));
        come.push(page);
      };
      const pages = start({ onResponse, ...(signal && { abortSignal: signal }) }).byPage({ maxPageSize: pageSize });
      let next: Promise<IteratorResult<unknown>> | undefined;
      for (;;) {
        let done: boolean | undefined;
        try {
          ({ done } = await (next ?? pages.next()));
        } catch (error) {
          throw asRegistryError(asked, error, forbidden);
        }
        // A run that has stopped has no use for the rest of a page.
        if (signal?.aborted) throw new StoppedError(asked);
        const now = come;
        come = [];
        if (!done && ahead) {
          next = pages.next();
          // Where the caller stops early, nothing waits for this page, and its error is not unhandled.
          next.catch(() => undefined);
        }
        yield* now;
        if (done) return;
      }
    },
    fetch: (asked, path, accept, signal) => call(asked, { url: path, headers: { Accept: accept }, signal }),
    call,
    contentOf: (repository) => new ContainerRegistryContentClient(endpoint.href, repository, UNUSED, sdkOptions),
  };
}

/** The SDK's client for contents wants a credential. Each request is signed by `authenticate`, and none by this. */
const UNUSED: TokenCredential = {
  getToken: () => Promise.reject(new Error('requests are signed elsewhere')),
};

const REFERRERS = /\/referrers\/sha\d+:/;

function assemble(
  queueOf: (request: PipelineRequest) => Queue,
  clock: Clock,
  authentication?: PipelinePolicy,
): Pipeline {
  const pipeline = createEmptyPipeline();
  pipeline.addPolicy(userAgentPolicy(USER_AGENT));
  pipeline.addPolicy(setClientRequestIdPolicy());
  pipeline.addPolicy(keepsSignal(), { beforePolicies: ['acrRetentionRetries'] });
  pipeline.addPolicy(retries(queueOf, clock), { phase: 'Retry' });
  if (authentication) pipeline.addPolicy(authentication, { afterPhase: 'Sign' });
  return pipeline;
}

/** An error of the SDK or of its pipeline, with what was asked. */
export function asRegistryError(asked: string, error: unknown, forbidden?: string): RegistryError {
  // Thrown where it is not known what was asked.
  if (error instanceof StoppedError) return new StoppedError(asked);
  if (error instanceof StaleLookError) return new StaleLookError(asked);
  if (error instanceof RegistryError) return error;
  if (isRestError(error) && error.response) return responseError(asked, error.response, error, forbidden);
  const { message } = error as Error;
  return new RegistryError(asked, { message }, { cause: error });
}
