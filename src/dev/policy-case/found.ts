import type { Path, Reader } from '../../policy/file/reader.ts';
import { SEVERITIES, type Severity } from '../../policy/severity.ts';
import { isObject, objectAt, textAt } from './at.ts';

/*
 * What a case says of the vulnerabilities of an image, and of its support.
 */

/** The keys of an image that are about it. */
export const FOUND_KEYS = ['findings', 'fixable', 'end-of-life'] as const;

type SeverityCounts = Readonly<Partial<Record<Severity, number>>>;

/** What is known of the vulnerabilities of an image, and of its support. */
export interface Found {
  /** Absent: it was not scanned. `fixable`: of its findings, those with a fix. */
  readonly scan?: { readonly bySeverity: SeverityCounts; readonly fixable: SeverityCounts };
  /** `2026-01-14`, the day of its end of life. */
  readonly endOfLife?: string;
}

type About = Readonly<Record<string, unknown>>;

/** @param path of the image */
export function foundAt(reader: Reader, path: Path, about: About): Found {
  const bySeverity = countsAt(reader, [...path, 'findings'], about['findings']);
  const fixable = countsAt(reader, [...path, 'fixable'], about['fixable']);
  if (fixable && !bySeverity)
    reader.problem([...path, 'fixable'], 'is how many of its findings have a fix; write findings: as well');
  for (const severity of SEVERITIES)
    if (bySeverity && (fixable?.[severity] ?? 0) > (bySeverity[severity] ?? 0))
      reader.problem([...path, 'fixable', severity], 'is more than findings has of it');
  const endOfLife = textAt(reader, [...path, 'end-of-life'], about['end-of-life']);
  if (endOfLife !== undefined && !isDay(endOfLife))
    reader.problem([...path, 'end-of-life'], 'must be a day, such as 2026-01-14');
  return {
    ...(bySeverity && { scan: { bySeverity, fixable: fixable ?? {} } }),
    ...(endOfLife !== undefined && { endOfLife }),
  };
}

function countsAt(reader: Reader, path: Path, value: unknown): SeverityCounts | undefined {
  if (value === undefined) return undefined;
  if (!isObject(value)) {
    reader.problem(path, 'must be numbers by severity: { critical: 2, high: 5 }, or {} for none');
    return undefined;
  }
  const counts = objectAt(reader, path, value, SEVERITIES);
  for (const [severity, count] of Object.entries(counts))
    if (!Number.isSafeInteger(count) || Number(count) < 0)
      reader.problem([...path, severity], 'must be a whole number');
  return counts;
}

function isDay(text: string): boolean {
  const day = /^\d{4}-\d\d-\d\d$/.test(text) ? new Date(`${text}T00:00:00Z`) : undefined;
  return day !== undefined && !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text);
}
