import { z } from 'zod';
import type { Severity } from '../../policy/severity.ts';
import { anything, DamagedReport, listOf, MOST_ENTRIES, parse, timeOf } from './fields.ts';
import type { Said } from './report.ts';
import { newTally, severityOf, severityOfScore } from './tally.ts';

const Named = z.object({ name: anything }).optional().catch(undefined);
const Rating = z.object({ source: Named, severity: anything, score: anything });

const Vulnerability = z.object({
  id: anything,
  source: Named,
  ratings: listOf(Rating),
  recommendation: anything,
  analysis: z.object({ state: anything }).optional().catch(undefined),
  affects: listOf(z.object({ ref: anything })),
});

const Document = z.object({
  metadata: z.object({ timestamp: anything, tools: anything }).optional().catch(undefined),
  components: z.array(z.unknown()).nullish().catch(undefined),
  vulnerabilities: listOf(Vulnerability).optional(),
});

export function isCycloneDx({ bomFormat }: Readonly<Record<string, unknown>>): boolean {
  return bomFormat === 'CycloneDX';
}

/** What an analysis says is no finding (CycloneDX, "vulnerability analysis"; VEX). */
const DISMISSED: ReadonlySet<unknown> = new Set([
  'resolved',
  'resolved_with_pedigree',
  'false_positive',
  'not_affected',
]);

/**
 * A finding is a vulnerability in one component that it affects: grype writes each match by itself, Trivy one entry with all
 * the packages it affects, and so the sum is what each of them counts.
 *
 * A BOM without vulnerabilities is a list of packages, and says nothing of them: Trivy writes an empty list also where it
 * was not asked for any. Only grype's is one of a scan that found nothing, because grype does nothing else.
 */
export function readCycloneDx(document: unknown): Said {
  const { metadata, components, vulnerabilities = [] } = parse(Document, document);
  const tally = newTally();
  for (const one of vulnerabilities) {
    if (DISMISSED.has(one.analysis?.state)) continue;
    const count = Math.max(1, new Set(one.affects.map(({ ref }) => ref)).size);
    const fixable = typeof one.recommendation === 'string' && one.recommendation !== '';
    tally.add(ratedBy(one), { fixable, id: one.id, count });
    if (tally.size() > MOST_ENTRIES) throw new DamagedReport(`it names more than ${MOST_ENTRIES} vulnerabilities`);
  }
  // Where each is judged, it is a statement about another report (VEX).
  const isScan = vulnerabilities.some(({ analysis }) => analysis?.state === undefined) || isByGrype(metadata?.tools);
  const at = timeOf(metadata?.timestamp);
  return {
    ...(isScan && { scan: { by: 'cyclonedx' as const, ...(at !== undefined && { at }), ...tally.counted() } }),
    ...(components && { packages: packagesIn(components) }),
  };
}

/**
 * Of several ratings the one of the source that the vulnerability is from: a distribution rates its own build of a package,
 * and the tool shows that one. Without it the worst: a doubt must not look harmless.
 */
function ratedBy({ source, ratings }: z.infer<typeof Vulnerability>): Severity {
  const own = ratings.filter((rating) => typeof source?.name === 'string' && rating.source?.name === source.name);
  const found = new Set((own.length > 0 ? own : ratings).map(ratingOf));
  return (['critical', 'high', 'medium', 'low', 'negligible'] as const).find((one) => found.has(one)) ?? 'unknown';
}

function ratingOf({ severity, score }: z.infer<typeof Rating>): Severity {
  const said = severityOf(severity);
  return said === 'unknown' ? severityOfScore(score) : said;
}

/** `metadata.tools` is a list, and since version 1.5 an object of components. */
function isByGrype(tools: unknown): boolean {
  const listed = Array.isArray(tools)
    ? (tools as unknown[])
    : (tools as { components?: unknown } | undefined)?.components;
  return Array.isArray(listed) && listed.some((tool) => (tool as { name?: unknown } | null)?.name === 'grype');
}

/** Packages are libraries and frameworks, and applications that a package manager knows; nested ones, too. */
function packagesIn(components: readonly unknown[]): number {
  let [packages, seen] = [0, 0];
  for (let level = components; level.length > 0;) {
    const nested: unknown[] = [];
    for (const one of level) {
      if ((seen += 1) > MOST_ENTRIES) return packages;
      if (typeof one !== 'object' || one === null) continue;
      const { type, purl, components: more } = one as Readonly<Record<string, unknown>>;
      if (type === 'library' || type === 'framework' || (type === 'application' && typeof purl === 'string'))
        packages += 1;
      if (Array.isArray(more)) for (const inner of more as unknown[]) nested.push(inner);
    }
    level = nested;
  }
  return packages;
}
