import { ContainerRegistryClient } from '@azure/container-registry';
import {
  createDefaultHttpClient,
  createEmptyPipeline,
  createHttpHeaders,
  createPipelineRequest,
  isRestError,
  type Pipeline,
  type PipelinePolicy,
  type PipelineResponse,
  proxyPolicy,
  setClientRequestIdPolicy,
  tlsPolicy,
  userAgentPolicy,
} from '@azure/core-rest-pipeline';
import pLimit from 'p-limit';
import { authenticate, type RegistryCredentials } from './auth.ts';
import { RegistryError, responseError, StoppedError } from './error.ts';
import { limits } from './limits.ts';
import { parseFields } from './records.ts';
import { notesDoubts, retries } from './retry.ts';

export interface ConnectionOptions {
  /** `https://host[:port]` */
  readonly endpoint: URL;
  readonly credentials: RegistryCredentials;
  /** Reads in flight at once, and as many changes. */
  readonly concurrency: number;
  /** A certificate authority to trust besides the system's (PEM). */
  readonly certificate?: string;
}

/** Lets a caller see the registry's own answer to an SDK call. */
export interface Observed {
  readonly onResponse: (response: PipelineResponse) => void;
}

/** A listing of the SDK, before it is begun. */
export interface Pages {
  readonly byPage: (settings: { readonly maxPageSize: number }) => AsyncIterator<unknown>;
}

/**
 * The calls that retention makes: with tokens, retries, limits, and one budget each for reads and for changes.
 *
 * Listings, deletions and attributes go through the SDK. It leaves out the media type and cuts times to milliseconds,
 * so what it lists is read from its raw answers; and manifests of any type, and their referrers, are fetched over a
 * pipeline of the same policies, because the SDK cannot.
 */
export interface Connection {
  readonly endpoint: URL;
  readonly sdk: ContainerRegistryClient;
  /**
   * Follows a listing page by page; entries are as the registry wrote them, and nothing in them can be relied on.
   * @throws RegistryError
   */
  readonly list: (
    asked: string,
    key: string,
    pageSize: number,
    start: (observed: Observed) => Pages,
  ) => AsyncGenerator<readonly unknown[], void>;
  /**
   * One SDK call, and what the registry answered to it.
   * @throws RegistryError
   * @throws StoppedError where `signal` was aborted before its turn came
   */
  readonly ask: (
    asked: string,
    kind: 'read' | 'change',
    call: (observed: Observed) => Promise<unknown>,
    signal?: AbortSignal,
  ) => Promise<PipelineResponse>;
  /**
   * Fetches a path of the registry itself, whatever the status.
   * @throws RegistryError where no answer came
   */
  readonly fetch: (asked: string, path: string, accept: string) => Promise<PipelineResponse>;
}

const USER_AGENT = { userAgentPrefix: 'acr-retention' };

export function connect({ endpoint, credentials, concurrency, certificate }: ConnectionOptions): Connection {
  const tls = certificate === undefined ? undefined : { ca: certificate };
  const http = createDefaultHttpClient();
  const unsigned = assemble(tls);
  const authentication = authenticate(endpoint, credentials, (request) => unsigned.sendRequest(http, request));
  const signed = assemble(tls, authentication);
  const sdk = new ContainerRegistryClient(endpoint.href, {
    httpClient: http,
    ...(tls && { tlsOptions: tls }),
    userAgentOptions: USER_AGENT,
    // Ours instead: patient with 429, quick to give up on the rest, and inside it the limits of one attempt.
    retryOptions: { maxRetries: 0 },
    // Nothing that is asked here is answered elsewhere.
    redirectOptions: { maxRetries: 0 },
    additionalPolicies: [
      { policy: retries(), position: 'perCall' },
      { policy: authentication, position: 'perRetry' },
      { policy: limits(), position: 'perRetry' },
      { policy: notesDoubts(), position: 'perRetry' },
    ],
  });
  const budget = { read: pLimit(concurrency), change: pLimit(concurrency) };

  return {
    endpoint,
    sdk,
    async *list(asked, key, pageSize, start) {
      let answered: PipelineResponse[] = [];
      const followed = new Set<string>();
      const onResponse = (response: PipelineResponse): void => {
        answered.push(response);
        // Here, because the SDK follows the links of pages without entries by itself.
        const link = response.headers.get('link');
        if (link === undefined) return;
        if (followed.has(link))
          throw new RegistryError(asked, { message: `the links to the next page go round in circles: ${link}` });
        followed.add(link);
      };
      const pages = start({ onResponse }).byPage({ maxPageSize: pageSize });
      for (;;) {
        const page = await budget
          .read(() => pages.next())
          .catch((error: unknown) => Promise.reject(asRegistryError(asked, error)));
        for (const response of answered) yield entries(asked, key, response);
        answered = [];
        if (page.done) return;
      }
    },
    async ask(asked, kind, call, signal) {
      let answered: PipelineResponse | undefined;
      try {
        await budget[kind](() => {
          // Here, because calls wait for their turn: what is under way is finished, what waits is not begun.
          if (signal?.aborted) throw new StoppedError(asked);
          return call({ onResponse: (response) => (answered = response) });
        });
      } catch (error) {
        throw asRegistryError(asked, error);
      }
      if (!answered) throw new RegistryError(asked, { message: 'no answer' });
      return answered;
    },
    async fetch(asked, path, accept) {
      const request = createPipelineRequest({
        url: new URL(path, endpoint).href,
        headers: createHttpHeaders({ Accept: accept }),
      });
      try {
        return await budget.read(() => signed.sendRequest(http, request));
      } catch (error) {
        throw asRegistryError(asked, error);
      }
    },
  };
}

function assemble(tls: { readonly ca: string } | undefined, authentication?: PipelinePolicy): Pipeline {
  const pipeline = createEmptyPipeline();
  if (tls) pipeline.addPolicy(tlsPolicy(tls));
  pipeline.addPolicy(proxyPolicy());
  pipeline.addPolicy(userAgentPolicy(USER_AGENT));
  pipeline.addPolicy(setClientRequestIdPolicy());
  pipeline.addPolicy(retries(), { phase: 'Retry' });
  if (authentication) pipeline.addPolicy(authentication, { afterPhase: 'Sign' });
  pipeline.addPolicy(limits(), { afterPhase: 'Sign' });
  return pipeline;
}

/** The entries of a page. Both the list and its field may be absent, or null, where there is nothing. */
function entries(asked: string, key: string, response: PipelineResponse): readonly unknown[] {
  const { status, bodyAsText } = response;
  const wrong = (message: string) => new RegistryError(asked, { status, message });
  const list = parseFields(bodyAsText, () => wrong('the answer is not a JSON object'))[key] ?? [];
  if (!Array.isArray(list)) throw wrong(`"${key}" is not a list`);
  return list;
}

function asRegistryError(asked: string, error: unknown): RegistryError {
  if (error instanceof RegistryError) return error;
  if (isRestError(error) && error.response) return responseError(asked, error.response, error);
  const { message } = error as Error;
  return new RegistryError(asked, { message: message.slice(0, 500) }, { cause: error });
}
