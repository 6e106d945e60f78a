import type { Severity } from '../../policy/severity.ts';
import { MOST_IDS, type Scan, type SeverityCounts } from '../findings.ts';

/** What the names of vulnerabilities look like: `CVE-2026-1234`, `GHSA-…`, `RHSA-2026:1234`. Others are counted, not named. */
const SAFE_ID = /^[A-Za-z][A-Za-z0-9._:-]{2,63}$/;

/** Names are put together from parts, by which some tools tell their rules apart: `CVE-2026-1234-openssl`. */
const KNOWN_ID = /^(?:CVE-\d{4}-\d{4,19}|GHSA(?:-[0-9a-z]{4}){3})(?![A-Za-z0-9])/i;

export interface Tally {
  /** @param count how often it was found; @param id as the report has it, of any form */
  readonly add: (
    severity: Severity,
    options: { readonly fixable: boolean; readonly id: unknown; readonly count?: number },
  ) => void;
  readonly size: () => number;
  readonly counted: () => Pick<Scan, 'bySeverity' | 'fixable' | 'ids'>;
}

/** Counts the findings of one report. */
export function newTally(): Tally {
  // In this order they are listed: the worst first.
  const ids: Readonly<Record<Severity, Set<string>>> = {
    critical: new Set(),
    high: new Set(),
    medium: new Set(),
    low: new Set(),
    negligible: new Set(),
    unknown: new Set(),
  };
  const all = new Map<Severity, number>();
  const fixable = new Map<Severity, number>();
  const plus = (counts: Map<Severity, number>, severity: Severity, count: number): void =>
    void counts.set(severity, (counts.get(severity) ?? 0) + count);
  let size = 0;
  return {
    add(severity, { fixable: isFixable, id, count = 1 }) {
      size += count;
      plus(all, severity, count);
      if (isFixable) plus(fixable, severity, count);
      const name = idOf(id);
      if (name !== undefined && ids[severity].size < MOST_IDS) ids[severity].add(name);
    },
    size: () => size,
    counted: () => ({
      bySeverity: countsOf(all),
      fixable: countsOf(fixable),
      // The same vulnerability may be rated differently in two packages.
      ids: [...new Set(Object.values(ids).flatMap((some) => [...some]))].slice(0, MOST_IDS),
    }),
  };
}

function countsOf(counts: ReadonlyMap<Severity, number>): SeverityCounts {
  return Object.fromEntries(counts);
}

/** The name of a vulnerability; `undefined` where what is given has not the form of one. */
export function idOf(given: unknown): string | undefined {
  if (typeof given !== 'string') return undefined;
  const [known] = KNOWN_ID.exec(given) ?? [];
  return known ?? (SAFE_ID.test(given) ? given : undefined);
}

const WORDS: ReadonlyMap<string, Severity> = new Map([
  ['critical', 'critical'],
  ['high', 'high'],
  ['medium', 'medium'],
  ['low', 'low'],
  ['negligible', 'negligible'],
  // CycloneDX calls negligible what grype calls so (`none`), and what needs nothing done (`info`).
  ['none', 'negligible'],
  ['info', 'negligible'],
]);

/** A severity as a tool writes it, in letters of either case. */
export function severityOf(word: unknown): Severity {
  return (typeof word === 'string' ? WORDS.get(word.toLowerCase()) : undefined) ?? 'unknown';
}

/** A severity by a score of 0 to 10, as GitHub reads SARIF's `security-severity`. */
export function severityOfScore(given: unknown): Severity {
  const score = typeof given === 'string' && given.trim() !== '' ? Number(given) : given;
  if (typeof score !== 'number' || !(score > 0 && score <= 10)) return 'unknown';
  if (score >= 9) return 'critical';
  if (score >= 7) return 'high';
  return score >= 4 ? 'medium' : 'low';
}
