/** A call of Azure Resource Manager that was not answered as it should be. */
export class ArmError extends Error {
  override readonly name = 'ArmError';
  /** Of the answer. */
  readonly status: number | undefined;

  constructor(
    path: string,
    reason: string | undefined,
    {
      status,
      code,
      cause,
    }: { readonly status?: number; readonly code?: string | undefined; readonly cause?: unknown } = {},
  ) {
    super(`${path}: ${reason ?? reasonFor(status, code)}`, { cause });
    this.status = status;
  }
}

function reasonFor(status: number | undefined, code: string | undefined): string {
  const answer = `${status ?? 'no status'}${code === undefined ? '' : ` ${code}`}`;
  switch (status) {
    case 401:
      return `Azure does not accept the identity (${answer}); check AZURE_CLIENT_ID, and ACR_AUDIENCE in another cloud`;
    case 403:
      return `the identity may not read it (${answer}); grant it the role that docs/deploying.md describes`;
    case 404:
      return `Azure does not know it, or the identity may not know of it (${answer})`;
    case 429:
      return `Azure takes no more calls for now (${answer}); the next run asks again`;
    default:
      return `Azure answers ${answer}`;
  }
}

/** Of an error without an answer. The message of a credential may hold what it was answered: it is left out. */
export function reasonOf(error: unknown, isOfConnection: boolean): string {
  const { name, code } = error as { readonly name?: string; readonly code?: string };
  if (name === 'AbortError') return 'the run was stopped';
  if (isOfConnection) return `Azure cannot be reached (${code ?? 'no connection'})`;
  return `there is no token for Azure (${name ?? 'an error'}); check the identity of the app`;
}
