import { z } from 'zod';
import { anything, listOf, parse, timeOf } from './fields.ts';
import type { Said } from './report.ts';
import { newTally, severityOf } from './tally.ts';

const Match = z.object({
  vulnerability: z.object({
    id: anything,
    severity: anything,
    fix: z.object({ state: anything }).optional().catch(undefined),
  }),
});

/** The JSON of grype (`grype -o json`): schema/grype/document/json/schema-1.0.0.json in its repository. */
const Document = z.object({
  matches: listOf(Match),
  descriptor: z.object({ name: anything, timestamp: anything }).optional().catch(undefined),
});

export function isGrype(document: Readonly<Record<string, unknown>>): boolean {
  const { matches, descriptor, source } = document;
  const { name } = (descriptor ?? {}) as { readonly name?: unknown };
  return (Array.isArray(matches) || matches === null) && (name === 'grype' || source !== undefined);
}

/**
 * A finding is a match, as grype's own "N vulnerability matches" counts: one vulnerability in one package. What it was told
 * to ignore stands in `ignoredMatches`, and is not counted. Fixed is what `fix.state` calls so.
 */
export function readGrype(document: unknown): Said {
  const { matches, descriptor } = parse(Document, document);
  const tally = newTally();
  for (const { vulnerability } of matches) {
    const { id, severity, fix } = vulnerability;
    tally.add(severityOf(severity), { fixable: fix?.state === 'fixed', id });
  }
  const at = timeOf(descriptor?.timestamp);
  return { scan: { by: 'grype', ...(at !== undefined && { at }), ...tally.counted() } };
}
