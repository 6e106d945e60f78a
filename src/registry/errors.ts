import type { PipelineResponse } from '@azure/core-rest-pipeline';
import { z } from 'zod';
import { secrets } from '../ledger/redact/known.ts';

/**
 * The registry did not do what was asked. Says what was asked, of what, and what came back:
 * `list the tags of shop/api: 403 DENIED: requested access to the resource is denied`.
 */
export class RegistryError extends Error {
  override readonly name = 'RegistryError';
  /** HTTP status; `undefined` where no answer came. */
  readonly status: number | undefined;
  /** The registry's own error code, such as `MANIFEST_UNKNOWN`. */
  readonly code: string | undefined;
  /** `X-Ms-Correlation-Request-Id`: what Azure support asks for. */
  readonly correlationId: string | undefined;

  constructor(
    asked: string,
    came: {
      status?: number | undefined;
      code?: string | undefined;
      message: string;
      correlationId?: string | undefined;
      /** What to do about it. */
      advice?: string | undefined;
    },
    options?: ErrorOptions,
  ) {
    const { status, advice } = came;
    // A registry, or a firewall in front of it, may repeat what it was sent.
    const [code, message, correlationId] = [came.code, came.message, came.correlationId].map(told);
    const what = [status, code].filter((part) => part !== undefined).join(' ');
    const why = `${message ?? ''}${advice === undefined ? '' : `; ${advice}`}`;
    super(`${asked}: ${what}${what === '' ? '' : ': '}${why}`, options);
    this.status = status;
    this.code = code;
    this.correlationId = correlationId;
  }
}

/** No way to sign in worked. What each of them said is the cause. */
export class SignInError extends RegistryError {
  constructor(cause: Error) {
    super('sign in', { message: signInProblem(cause) }, { cause });
  }
}

/** The library has a line for each way to sign in, dozens in all. The advice is the same for all. */
function signInProblem({ name, message }: Error): string {
  const instead = 'run az login, or set ACR_USERNAME and ACR_PASSWORD; an app in Azure needs a managed identity';
  const isSignedOut = name === 'CredentialUnavailableError' || message.startsWith('ChainedTokenCredential');
  if (isSignedOut || name === 'AggregateAuthenticationError') return `no identity is signed in; ${instead}`;
  const [line = ''] = message.split('\n');
  return `${line.replace(/[.;\s]+$/, '')}; ${instead}`;
}

/** Explains a failed look-up of a host. */
function withoutHost(message: string): string {
  const [, code, host] = /^getaddrinfo (ENOTFOUND|EAI_AGAIN) (\S+)/.exec(message) ?? [];
  if (host === undefined) return message;
  return code === 'ENOTFOUND'
    ? `there is no host ${host} (ENOTFOUND); a registry is named by 5 to 50 letters and digits, e.g. contoso, or by its login server, e.g. contoso.azurecr.io`
    : `the host ${host} cannot be looked up (EAI_AGAIN): the name server does not answer`;
}

const LONGEST = 500;

/** Redacts before it cuts: the halves of a secret that is cut in two are not known. */
function told(text: string | undefined): string | undefined {
  return text === undefined ? undefined : secrets.redactAnswer(withoutHost(text)).slice(0, LONGEST);
}

/** The run was stopped before the request was sent, or before its answer came. */
export class StoppedError extends RegistryError {
  constructor(asked: string) {
    super(asked, { message: 'the run was stopped' });
  }
}

/** A change was not sent, because the look that it rests on is too old. */
export class StaleLookError extends RegistryError {
  constructor(asked: string) {
    super(asked, { message: 'not sent: what it is about was looked at too long ago' });
  }
}

/** Whether a call was held back on purpose, before anything of it was written to the connection. */
export function isHeldBack(error: unknown): boolean {
  return error instanceof StaleLookError || error instanceof StoppedError;
}

/**
 * The error for an answer.
 * @param forbidden advice for 401 and 403
 */
export function responseError(
  asked: string,
  response: PipelineResponse,
  cause?: unknown,
  forbidden?: string,
): RegistryError {
  const body = parseErrorBody(response.bodyAsText);
  return new RegistryError(
    asked,
    {
      status: response.status,
      code: body.code,
      message: body.message ?? 'no reason given',
      correlationId: response.headers.get('x-ms-correlation-request-id'),
      ...((response.status === 401 || response.status === 403) && { advice: forbidden }),
    },
    cause === undefined ? undefined : { cause },
  );
}

const detail = z.string().optional().catch(undefined);
const ErrorBody = z.object({ errors: z.array(z.object({ code: detail, message: detail }).catch({})) });

/** The first error of a registry's error body (`{"errors":[{"code","message"}]}`), or nothing. */
function parseErrorBody(body: string | null | undefined): z.infer<typeof ErrorBody>['errors'][number] {
  if (!body) return {};
  try {
    return ErrorBody.parse(JSON.parse(body)).errors[0] ?? {};
  } catch {
    return {};
  }
}

/** Makes a call; `undefined` where the answer is 404. */
export async function absent<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof RegistryError && error.status === 404) return undefined;
    throw error;
  }
}

/** Whether what the registry answered may be another answer later; `undefined`: no answer came. What it refuses it refuses again. */
export function mayDoBetter(status: number | undefined): boolean {
  return status === undefined || status >= 500 || status === 429 || status === 408;
}
