import type { TokenCredential } from '@azure/core-auth';
import {
  bearerTokenAuthenticationPolicy,
  createDefaultHttpClient,
  createPipelineFromOptions,
  createPipelineRequest,
  type HttpMethods,
  isRestError,
} from '@azure/core-rest-pipeline';
import { z } from 'zod';
import { type Clock, inTime } from '../../registry/clock.ts';
import { ArmError, reasonOf } from './errors.ts';

/** One call with all its retries. `Retry-After` of Azure Resource Manager is below a minute as a rule. */
const TIMEOUT_MS = 180_000;

/** First pause of the pipeline after a failure. It doubles each time. */
export const RETRY_DELAY_MS = 200;
export const MAX_RETRIES = 4;

/** A list that has more of them never ends. */
const MOST_PAGES = 2_000;

export interface ArmOptions {
  /** Of Azure Resource Manager, without a slash at the end. */
  readonly endpoint: string;
  /** What tokens are asked for. */
  readonly audience: string;
  readonly credential: TokenCredential;
  readonly clock: Clock;
  /** A certificate authority to trust instead of the system's (PEM). */
  readonly certificate?: string | undefined;
}

/** Azure Resource Manager, to read it. */
export interface Arm {
  /** @throws {ArmError} */
  readonly get: <T>(path: string, version: string, schema: z.ZodType<T>) => Promise<T>;
  /** @throws {ArmError} */
  readonly post: <T>(path: string, version: string, schema: z.ZodType<T>) => Promise<T>;
  /** All entries of a list, page by page. @throws {ArmError} where one of the pages cannot be read */
  readonly list: <T>(path: string, version: string, schema: z.ZodType<T>) => AsyncIterable<T>;
}

/**
 * The pipeline of the Azure SDK and a schema for each answer. The clients made for these services would take over a
 * megabyte for nine calls.
 */
export function openArm({ endpoint, audience, credential, clock, certificate }: ArmOptions, signal?: AbortSignal): Arm {
  const pipeline = createPipelineFromOptions({
    retryOptions: { maxRetries: MAX_RETRIES, retryDelayInMs: RETRY_DELAY_MS },
    // An answer that points elsewhere is none: the token is for this host.
    redirectOptions: { maxRetries: 0 },
    ...(certificate !== undefined && { tlsOptions: { ca: certificate } }),
  });
  pipeline.addPolicy(bearerTokenAuthenticationPolicy({ credential, scopes: `${audience}/.default` }));
  const client = createDefaultHttpClient();
  const { origin } = new URL(endpoint);

  const ask = async <T>(method: HttpMethods, url: string, schema: z.ZodType<T>): Promise<T> => {
    const asked = new URL(url).pathname;
    // An id of an answer is part of the next address, and the token is for this host.
    if (new URL(url).origin !== origin) throw new ArmError(asked, 'it is at another host');
    const response = await timed(asked, clock, signal, (abortSignal) =>
      pipeline.sendRequest(client, createPipelineRequest({ url, method, abortSignal })),
    );
    const { status, bodyAsText } = response;
    if (status !== 200) throw new ArmError(asked, undefined, { status, code: codeIn(bodyAsText) });
    const body = schema.safeParse(jsonOf(bodyAsText));
    if (!body.success)
      throw new ArmError(asked, 'the answer has not the form that is documented', { cause: body.error });
    return body.data;
  };
  const urlOf = (path: string, version: string): string => `${endpoint}${path}?api-version=${version}`;

  return {
    get: (path, version, schema) => ask('GET', urlOf(path, version), schema),
    post: (path, version, schema) => ask('POST', urlOf(path, version), schema),
    async *list(path, version, schema) {
      const page = z.object({ value: z.array(schema), nextLink: z.string().nullish() });
      let url = urlOf(path, version);
      for (let pages = 0; pages < MOST_PAGES; pages += 1) {
        const { value, nextLink } = await ask('GET', url, page);
        yield* value;
        if (nextLink === undefined || nextLink === null || nextLink === '') return;
        if (!URL.canParse(nextLink)) throw new ArmError(path, 'the next page has no address');
        url = nextLink;
      }
      throw new ArmError(path, `it has more than ${MOST_PAGES} pages`);
    },
  };
}

/** A call with all its retries, for as long as one may take. */
export async function timed<T>(
  asked: string,
  clock: Clock,
  signal: AbortSignal | undefined,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return inTime({ clock, milliseconds: TIMEOUT_MS, signal }, (until, late) =>
    call(until).catch((error: unknown) => {
      if (late.aborted) throw new ArmError(asked, `no answer within ${TIMEOUT_MS / 1000} s`, { cause: error });
      if (isRestError(error) && error.statusCode !== undefined)
        throw new ArmError(asked, undefined, { status: error.statusCode, code: codeOf(error.code), cause: error });
      throw new ArmError(asked, reasonOf(error, isRestError(error)), { cause: error });
    }),
  );
}

function jsonOf(text: string | null | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
}

const failure = z.object({ error: z.object({ code: z.string() }) });

/** The code of an error, and never its message: that names the identity and the request. */
function codeIn(text: string | null | undefined): string | undefined {
  return codeOf(failure.safeParse(jsonOf(text)).data?.error.code);
}

const codeOf = (code: string | undefined): string | undefined => (/^\w{1,64}$/.test(code ?? '') ? code : undefined);
