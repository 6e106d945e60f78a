import type { HttpResponseInit } from '@azure/functions';
import { PolicyError, InvalidPolicy } from '../../policy/errors.ts';
import { PolicyFileError } from '../../policy/file/problems.ts';
import type { Log } from '../../report/log.ts';
import { jsonResponse } from './responses.ts';
import { SignInRefused } from './sign-in.ts';
import {
  CancelRefused,
  HeldError,
  LedgerError,
  Misconfigured,
  PlanRefused,
  RegistryError,
  ReleaseRefused,
  Unreadable,
} from '../../index.ts';

/** A request that cannot be answered as it is: the status, and what to do about it. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly status: 400 | 401 | 403 | 404 | 406 | 413 | 415 | 429;

  constructor(status: RequestError['status'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

/** RFC 9457. */
interface Problem {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  /** What is wrong with which field or setting, each by itself. */
  readonly errors?: readonly {
    readonly field: string;
    readonly detail: string;
    /** In a policy file. */
    readonly line?: number;
    readonly column?: number;
  }[];
  /** The guards that hold a plan back. */
  readonly breakers?: PlanRefused['breakers'];
}

/** An error as an answer. Faults of the service are only named as such: the log has the rest. */
export function problemResponse(error: unknown): HttpResponseInit {
  const problem = problemOf(error);
  return jsonResponse({ type: 'about:blank', ...problem }, problem.status, 'application/problem+json');
}

/** Whether the answer tells the client about the error. */
export function isExpected(error: unknown): boolean {
  return problemOf(error).status !== 500;
}

/** Logs an error that the answer does not tell. */
export function logFault(log: Log, error: unknown): void {
  const { name, message, stack } = error as Error;
  log.error({ event: 'fault', error: { name, message, stack } }, message);
}

/** What an error means for a client. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Misconfigured) return { ...of(503, error), errors: fields(error.mistakes) };
  if (error instanceof InvalidPolicy) return { ...of(400, error), errors: fields(error.problems) };
  if (error instanceof PolicyError) return { ...of(400, error), errors: fields([error]) };
  if (error instanceof RequestError || error instanceof SignInRefused) return of(error.status, error);
  if (error instanceof PlanRefused) {
    const { breakers } = error;
    return { ...of(error.why === 'unknown' ? 404 : 409, error), ...(breakers.length > 0 && { breakers }) };
  }
  if (error instanceof CancelRefused) return of(error.why === 'unknown' ? 404 : 409, error);
  if (error instanceof ReleaseRefused) return of(404, error);
  if (error instanceof HeldError) return of(409, error);
  if (error instanceof LedgerError) return of(503, error);
  // 502: the registry refused. 503: it did not answer, or said that it cannot answer now.
  if (error instanceof RegistryError || error instanceof Unreadable) {
    const { status } = error;
    return of(status !== undefined && status < 500 && status !== 429 ? 502 : 503, error);
  }
  return { status: 500, title: TITLES[500], detail: 'this is a fault of the service; its log says more' };
}

/** Limits the size of the answer: a request can have many mistakes. */
const MAX_ERRORS = 60;
const MAX_DETAIL = 4_000;

const TITLES = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  406: 'Not Acceptable',
  409: 'Conflict',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
} as const;

function of(status: keyof typeof TITLES, { message }: Error): Problem {
  return { status, title: TITLES[status], detail: message.slice(0, MAX_DETAIL) };
}

/** Names flags as the fields of a request are named: `untaggedOnly`. */
function fields(errors: readonly PolicyError[]): Problem['errors'] & object {
  return errors.slice(0, MAX_ERRORS).map((error) => ({
    field: error.flag.startsWith('--')
      ? error.flag.slice(2).replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
      : error.flag,
    detail: error.message,
    ...(error instanceof PolicyFileError && error.place),
  }));
}
