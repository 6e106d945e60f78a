import { ContainerRegistryClient } from '@azure/container-registry';
import {
  createEmptyPipeline,
  createHttpHeaders,
  createPipelineRequest,
  isRestError,
  type Pipeline,
  type PipelinePolicy,
  type PipelineRequest,
  type PipelineResponse,
  RestError,
  setClientRequestIdPolicy,
  userAgentPolicy,
} from '@azure/core-rest-pipeline';
import { authenticate, type RegistryCredentials } from './auth.ts';
import { RegistryError, responseError, StaleLookError, StoppedError } from './errors.ts';
import { httpClient } from './http-client.ts';
import { newQueue, newSlots, type Queue } from './queue.ts';
import { newPaging, nextPage } from './paging.ts';
import { notesDoubts, retries } from './retry.ts';
import { datesLooks, keepsTicket, LOOK_VALID_MILLISECONDS, type LookClock, signalFor, type Ticket } from './sending.ts';
import { keepsSignal } from './signals.ts';
import { PREMIUM } from './throttle.ts';

export interface ConnectionOptions {
  /** `https://host[:port]` */
  readonly endpoint: URL;
  readonly credentials: RegistryCredentials;
  /** Reads in flight at once besides those of looks, and as many changes. */
  readonly concurrency: number;
  /** A certificate authority to trust besides the system's (PEM). */
  readonly certificate?: string;
  /** By what the age of looks is told. Absent: the process's, and `LOOK_VALID_MILLISECONDS`. */
  readonly lookClock?: LookClock;
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
  /** What is to be said where it is not allowed. */
  readonly forbidden?: string;
  readonly pageSize: number;
  /** Whether the next page is asked for while the one before it is used: not where one may be enough. */
  readonly ahead: boolean;
  /** Ends the listing at once, a page that is under way too. */
  readonly signal?: AbortSignal | undefined;
  readonly start: (observed: Observed) => Pages;
}

/** A registry limits each of these by itself: where deletes are refused, reads are not held back. */
export type Queues = Readonly<Record<keyof typeof PREMIUM, Queue>>;

/**
 * The calls that retention makes: with tokens, retries, limits, and one budget each for reads and for changes.
 *
 * Listings, deletions and attributes go through the SDK. It leaves out the media type and cuts times to milliseconds,
 * so what it lists is read from its raw answers, before it sees them; and manifests of any type, and their referrers, are
 * fetched over a pipeline of the same policies, because the SDK cannot.
 */
export interface Connection {
  readonly endpoint: URL;
  readonly sdk: ContainerRegistryClient;
  readonly lookClock: LookClock;
  readonly queues: Queues;
  /**
   * Follows a listing page by page; entries are as the registry wrote them, and nothing in them can be relied on.
   * @throws RegistryError also where a listing has no end, or its links lead anywhere but to its next page
   * @throws StoppedError where its signal was aborted
   */
  readonly list: (listing: Listing) => AsyncGenerator<readonly unknown[], void>;
  /**
   * One SDK call, and what the registry answered to it.
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
   * The same for a change, which is sent once, or not at all.
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
}

const USER_AGENT = { userAgentPrefix: 'acr-retention' };

const CLOCK: LookClock = { now: () => performance.now(), validMilliseconds: LOOK_VALID_MILLISECONDS };

export function connect({
  endpoint,
  credentials,
  concurrency,
  certificate,
  lookClock = CLOCK,
}: ConnectionOptions): Connection {
  const http = datesLooks(httpClient(certificate, concurrency), lookClock);
  const tokens = newQueue(Infinity, newSlots(Infinity));
  const unsigned = assemble(() => tokens);
  const authentication = authenticate(endpoint, credentials, (request) => unsigned.sendRequest(http, request));
  const [reads, changes] = [newSlots(concurrency), newSlots(concurrency)];
  const queues: Queues = {
    reads: newQueue(PREMIUM.reads, reads),
    referrers: newQueue(PREMIUM.referrers, reads),
    deletes: newQueue(PREMIUM.deletes, changes),
    writes: newQueue(PREMIUM.writes, changes),
  };
  const queueOf = ({ method, url }: PipelineRequest): Queue => {
    if (method === 'GET') return REFERRERS.test(url) ? queues.referrers : queues.reads;
    return method === 'DELETE' ? queues.deletes : queues.writes;
  };
  const signed = assemble(queueOf, authentication);
  const sdk = new ContainerRegistryClient(endpoint.href, {
    httpClient: http,
    userAgentOptions: USER_AGENT,
    // Ours instead: patient with 429, quick to give up on the rest.
    retryOptions: { maxRetries: 0 },
    // Nothing that is asked here is answered elsewhere.
    redirectOptions: { maxRetries: 0 },
    additionalPolicies: [
      { policy: keepsTicket(), position: 'perCall' },
      { policy: keepsSignal(), position: 'perCall' },
      { policy: retries(queueOf), position: 'perRetry' },
      { policy: authentication, position: 'perRetry' },
      { policy: notesDoubts(), position: 'perRetry' },
      { policy: readsListings(), position: 'perRetry' },
    ],
  });

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

  return {
    endpoint,
    sdk,
    lookClock,
    queues,
    ask,
    change: (asked, call, ticket) => ask(asked, call, signalFor(ticket)),
    async *list({ asked, key, forbidden, pageSize, ahead, signal, start }) {
      let come: (readonly unknown[])[] = [];
      const paging = newPaging();
      const onResponse = (response: PipelineResponse): void => {
        // An error is shown as well, before it is thrown.
        if (response.status !== 200) return;
        const page = entries(asked, key, response);
        // Here, because the SDK follows the links of pages without entries by itself.
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
        // What is left of a page is of no use to a run that has stopped.
        if (signal?.aborted) throw new StoppedError(asked);
        const now = come;
        come = [];
        if (!done && ahead) {
          next = pages.next();
          // It may be that nothing waits for it: then its error is not unhandled.
          next.catch(() => undefined);
        }
        yield* now;
        if (done) return;
      }
    },
    async fetch(asked, path, accept, signal) {
      const request = createPipelineRequest({
        url: endpoint.origin + path,
        headers: createHttpHeaders({ Accept: accept }),
        ...(signal && { abortSignal: signal }),
      });
      try {
        return await signed.sendRequest(http, request);
      } catch (error) {
        throw asRegistryError(asked, error);
      }
    },
  };
}

const REFERRERS = /\/referrers\/sha\d+:/;

function assemble(queueOf: (request: PipelineRequest) => Queue, authentication?: PipelinePolicy): Pipeline {
  const pipeline = createEmptyPipeline();
  pipeline.addPolicy(userAgentPolicy(USER_AGENT));
  pipeline.addPolicy(setClientRequestIdPolicy());
  pipeline.addPolicy(keepsSignal(), { beforePolicies: ['acrRetentionRetries'] });
  pipeline.addPolicy(retries(queueOf), { phase: 'Retry' });
  if (authentication) pipeline.addPolicy(authentication, { afterPhase: 'Sign' });
  return pipeline;
}

const LISTING = /\/_(?:catalog|tags|manifests)(?:\?|$)/;

/** What the SDK is given to read instead of a page. A list, even an empty one, is a page to it. */
const EMPTY_PAGE = '{"repositories":[],"tags":[],"manifests":[]}';

const read = new WeakMap<PipelineResponse, unknown>();

/**
 * Reads a page before the SDK does, and leaves it nothing to read: what it makes of a page of 1,000 entries takes five
 * times as long as parsing it, and is not used. Of its links it is left the one to the next page, once that is known to
 * lead there: the SDK follows whatever is linked first, with a token.
 */
function readsListings(): PipelinePolicy {
  return {
    name: 'acrRetentionListings',
    async sendRequest(request, next) {
      const response = await next(request);
      if (response.status !== 200 || request.method !== 'GET' || !LISTING.test(request.url)) return response;
      try {
        read.set(response, JSON.parse(response.bodyAsText ?? ''));
      } catch {
        // Within the retries: it may have broken off.
        throw new RestError('the answer is not JSON', { code: 'PARSE_ERROR', request });
      }
      response.bodyAsText = EMPTY_PAGE;
      const link = nextPage(request.url, response.headers.get('link'));
      if (link === undefined) response.headers.delete('link');
      else response.headers.set('link', `<${link}>; rel="next"`);
      return response;
    },
  };
}

/** The entries of a page. Both the list and its field may be absent, or null, where there is nothing. */
function entries(asked: string, key: string, response: PipelineResponse): readonly unknown[] {
  const { status } = response;
  const wrong = (message: string) => new RegistryError(asked, { status, message });
  const page = read.get(response);
  // Never an empty answer: an empty listing would let things look unneeded.
  if (typeof page !== 'object' || page === null || Array.isArray(page)) throw wrong('the answer is not a JSON object');
  const list = (page as Readonly<Record<string, unknown>>)[key] ?? [];
  if (!Array.isArray(list)) throw wrong(`"${key}" is not a list`);
  return list;
}

function asRegistryError(asked: string, error: unknown, forbidden?: string): RegistryError {
  // It was found out where it is not known what was asked.
  if (error instanceof StoppedError) return new StoppedError(asked);
  if (error instanceof StaleLookError) return new StaleLookError(asked);
  if (error instanceof RegistryError) return error;
  if (isRestError(error) && error.response) return responseError(asked, error.response, error, forbidden);
  const { message } = error as Error;
  return new RegistryError(asked, { message }, { cause: error });
}
