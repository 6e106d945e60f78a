import { LedgerError } from './store.ts';

/** Where a folder keeps files that are not finished; no path of a ledger leads there. */
export const SCRATCH = '.tmp';

/**
 * Makes sure that a path names a file of a ledger in every store alike: nothing outside of it (`..`, a backslash), and
 * nothing that one store takes for something else (an empty part, a dot or space at the end, control characters).
 */
export function checkPath(path: string): void {
  const parts = path.split('/');
  const right = parts.every((part) => part !== '' && !/[. ]$/.test(part)) && !/[\\\p{Cc}\p{Cs}]/u.test(path);
  if (!right || parts[0] === SCRATCH) throw new LedgerError(`no path of a ledger: ${JSON.stringify(path)}`);
}

export function checkPrefix(prefix: string): void {
  if (!prefix.endsWith('/')) throw new LedgerError(`no folder of a ledger: ${JSON.stringify(prefix)}`);
  checkPath(prefix.slice(0, -1));
}

export function checkLockName(name: string): void {
  if (!/^[A-Za-z0-9._-]+$/.test(name)) throw new LedgerError(`no name of a lock: ${JSON.stringify(name)}`);
  checkPath(name);
}
