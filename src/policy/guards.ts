import { parseDuration } from './duration.ts';
import { PolicyError } from './error.ts';
import { readInteger } from './policy.ts';

/** What trips a breaker, as it is given: text, not looked at yet. */
export interface GuardTexts {
  readonly maxDeletions?: string | undefined;
  readonly maxDeletionPercent?: string | undefined;
  readonly maxMedianFactor?: string | undefined;
}

/** What trips a breaker. What is absent is not looked at. */
export interface Guards {
  /** Artifacts that one run may delete. */
  readonly maxDeletions?: number;
  /** Percent of a repository's tags, and of the manifests of all repositories that are looked at. */
  readonly maxDeletionPercent?: number;
  /** Whether a repository must keep a tag. */
  readonly keepLastTag?: boolean;
  /** A run may delete so many times the median of the last runs. */
  readonly maxMedianFactor?: number;
}

const MOST = 1_000_000_000;

/**
 * @param nameOf how whoever gave them calls them: `MAX_DELETIONS`, `--max-deletions`
 * @throws {PolicyError} for the first that is none
 */
export function readGuards(
  { maxDeletions, maxDeletionPercent, maxMedianFactor }: GuardTexts,
  nameOf: (field: keyof GuardTexts) => string,
): Omit<Guards, 'keepLastTag'> {
  const read = (field: keyof GuardTexts, text: string | undefined, most: number) =>
    text === undefined ? {} : { [field]: readInteger(nameOf(field), text, 0, most) };
  const { maxMedianFactor: factor }: Guards = read('maxMedianFactor', maxMedianFactor, MOST);
  return {
    ...read('maxDeletions', maxDeletions, MOST),
    ...read('maxDeletionPercent', maxDeletionPercent, 100),
    // 0 stands for no limit.
    ...(factor !== undefined && { maxMedianFactor: factor === 0 ? Infinity : factor }),
  };
}

/** A store for the ledger: a folder, or an account of Azure Blob Storage. */
export type StorageLocation =
  | { readonly kind: 'folder'; readonly folder: string }
  | { readonly kind: 'blob'; readonly connectionString: string }
  /** With the identity of the app. */
  | { readonly kind: 'blob'; readonly accountUrl: string };

/** @throws {PolicyError} for what is none of these; it never repeats what may hold a key */
export function readStorage(text: string, name: string): StorageLocation {
  if (text.split(';').every((part) => part === '' || /^[\w-]+=/.test(part)))
    return { kind: 'blob', connectionString: text };
  if (/^(?:\.{0,2}[/\\]|[a-z]:[/\\])/i.test(text)) return { kind: 'folder', folder: text };
  const wrong = (problem: string) => new PolicyError(name, undefined, problem);
  if (!URL.canParse(text))
    throw wrong('must be a connection string, the https:// URL of an account, or a folder such as ./runs');
  const url = new URL(text);
  if (url.protocol !== 'https:') throw wrong('must be an https:// URL: the identity of the app is shown to it');
  if (url.search !== '' || url.username !== '')
    throw wrong('must be the URL of the account alone; to use a key, write a connection string');
  return { kind: 'blob', accountUrl: url.href };
}

/** @throws {PolicyError} */
export function readPlanAge(text: string, name: string): number {
  return parseDuration(text, name).milliseconds;
}
