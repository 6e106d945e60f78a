import { RegistryError, StoppedError } from './errors.ts';
import type { Failure } from './types.ts';

/** Entries as records. One that cannot be read is an error of the call: what it says and needs is not known. */
export function recordsOf<T>(
  asked: string,
  entries: readonly unknown[],
  toRecord: (entry: unknown) => T,
): readonly T[] {
  try {
    return entries.map(toRecord);
  } catch (error) {
    throw new RegistryError(asked, { message: (error as Error).message }, { cause: error });
  }
}

export function failureOf(error: RegistryError): Failure {
  if (error instanceof StoppedError) return { state: 'not-attempted', error };
  const { status } = error;
  const refused = status !== undefined && status < 500 && status !== 429;
  return { state: refused ? 'refused' : 'failed', error };
}

/** `undefined` where the registry says that there is no such thing. */
export async function absent<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof RegistryError && error.status === 404) return undefined;
    throw error;
  }
}
