import { z } from 'zod';
import { anything, DamagedReport, listOf, MOST_ENTRIES, parse, timeOf } from './fields.ts';
import type { Said } from './report.ts';
import { newTally, severityOf } from './tally.ts';

const Vulnerability = z.object({
  VulnerabilityID: anything,
  Severity: anything,
  Status: anything,
  FixedVersion: anything,
});

const Result = z.object({
  Class: anything,
  Packages: z.array(z.unknown()).nullish().catch(undefined),
  Vulnerabilities: listOf(Vulnerability),
});

/** The JSON of Trivy (`trivy image --format json`): pkg/types/report.go in its repository. */
const Document = z.object({ CreatedAt: anything, Results: listOf(Result) });

export function isTrivy({ SchemaVersion, Results, ArtifactName }: Readonly<Record<string, unknown>>): boolean {
  return typeof SchemaVersion === 'number' && (Array.isArray(Results) || typeof ArtifactName === 'string');
}

const PACKAGES: ReadonlySet<unknown> = new Set(['os-pkgs', 'lang-pkgs']);

/**
 * A finding is a vulnerability of a target, as Trivy's own `Total: n (UNKNOWN: …)` counts, all targets together. Its
 * secrets, licenses and misconfigurations are none. A report that looked at no packages says nothing of vulnerabilities:
 * Trivy leaves `Results` out where it recognised nothing in an image.
 */
export function readTrivy(document: unknown): Said {
  const { CreatedAt, Results } = parse(Document, document);
  const tally = newTally();
  let packages: number | undefined;
  let isScan = false;
  for (const { Class, Packages, Vulnerabilities } of Results) {
    isScan ||= PACKAGES.has(Class) || Vulnerabilities.length > 0;
    if (PACKAGES.has(Class) && Packages) packages = (packages ?? 0) + Packages.length;
    for (const one of Vulnerabilities) {
      const fixable = one.Status === undefined ? isText(one.FixedVersion) : one.Status === 'fixed';
      tally.add(severityOf(one.Severity), { fixable, id: one.VulnerabilityID });
    }
    if (tally.size() > MOST_ENTRIES) throw new DamagedReport(`it names more than ${MOST_ENTRIES} vulnerabilities`);
  }
  const at = timeOf(CreatedAt);
  return {
    ...(isScan && { scan: { by: 'trivy' as const, ...(at !== undefined && { at }), ...tally.counted() } }),
    ...(packages !== undefined && { packages }),
  };
}

function isText(given: unknown): boolean {
  return typeof given === 'string' && given !== '';
}
