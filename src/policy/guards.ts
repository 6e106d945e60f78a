import { readInteger } from './purge-policy.ts';

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
  /** Percent of a repository's tags, and of the registry's manifests. */
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
