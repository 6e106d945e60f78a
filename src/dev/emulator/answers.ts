import type { RequestKind } from './types.ts';

/** An HTTP answer. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** A body of bytes, instead of a text. */
  readonly content?: { readonly size: number; readonly chunks: () => AsyncIterable<Uint8Array> };
  /** The connection is destroyed after half of the body; before the answer, where it has none. */
  readonly cut?: boolean;
}

/** `value` as JSON. */
export function json(value: unknown, headers: Readonly<Record<string, string>> = {}, status = 200): Answer {
  return {
    status,
    headers: { 'Content-Type': 'application/json; charset=utf-8', ...headers },
    body: JSON.stringify(value),
  };
}

/** An error, in the shape every error of a registry has. */
export function failure(status: number, code: string, message: string, detail: unknown = null): Answer {
  return json({ errors: [{ code, message, detail }] }, {}, status);
}

export const notFound = {
  repository: (name: string): Answer => failure(404, 'NAME_UNKNOWN', 'repository name not known to registry', { name }),
  manifest: (revision: string): Answer =>
    failure(404, 'MANIFEST_UNKNOWN', `manifest ${revision} is not found`, { revision }),
  tag: (name: string): Answer => failure(404, 'TAG_UNKNOWN', 'the specified tag does not exist', { name }),
};

/** The answer for what is locked. The code is that of recorded pushes to a locked tag. */
export function disallowed(): Answer {
  return failure(
    405,
    'REGISTRY_DISALLOWED_OPERATION',
    'The operation is disallowed on this registry, repository or image. View troubleshooting steps at ' +
      'https://aka.ms/acr/faq/#why-does-my-pull-or-push-request-fail-with-disallowed-operation',
  );
}

/** The answer for a status that a test asked for. */
export function failureOf(status: number, kind: RequestKind): Answer {
  const answer = failure(status, codes[status] ?? 'UNKNOWN', `the emulator was told to answer ${kind} with ${status}`);
  return status === 429 ? { ...answer, headers: { ...answer.headers, 'Retry-After': '1' } } : answer;
}

const codes: Readonly<Record<number, string>> = {
  400: 'BAD_REQUEST',
  401: 'UNAUTHORIZED',
  403: 'DENIED',
  404: 'NAME_UNKNOWN',
  405: 'UNSUPPORTED',
  429: 'TOOMANYREQUESTS',
  503: 'UNAVAILABLE',
};
