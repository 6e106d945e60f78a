import { parseDuration } from './duration.ts';
import { PolicyError } from './errors.ts';

/**
 * Reads since when something is looked at: a duration back from now (`90d`), or a day in UTC (`2026-09-01`).
 * @param field the flag or parameter, for messages
 * @throws {PolicyError}
 */
export function parseSince(text: string, now: Date, field: string): Date {
  const trimmed = text.trim();
  if (!/^\d{4}-/.test(trimmed)) {
    const { milliseconds } = parseDuration(trimmed, field);
    if (milliseconds === 0) throw new PolicyError(field, text, 'must be longer than nothing');
    return new Date(now.getTime() - milliseconds);
  }
  const day = new Date(/^\d{4}-\d\d-\d\d$/.test(trimmed) ? `${trimmed}T00:00:00Z` : Number.NaN);
  // `Date` reads 2026-02-31 as a day in March.
  if (Number.isNaN(day.getTime()) || !day.toISOString().startsWith(trimmed))
    throw new PolicyError(field, text, 'is no day; write one such as 2026-09-01, or a duration such as 90d');
  if (day.getTime() >= now.getTime()) throw new PolicyError(field, text, 'is a day to come');
  return day;
}
