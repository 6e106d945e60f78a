import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Severity } from '../../policy/severity.ts';
import type { Finding, FoundIn } from '../scan-counts.ts';

/*
 * What Resource Graph has of the findings of Defender for Cloud. Whatever stands in a row is untrusted: it follows from
 * what a scanner read in an image.
 *
 * The individual recommendations: one for each image and package, with a list of CVEs as JSON in a text. Microsoft documents
 * the table and not the list. Its form is taken from queries that people use (2026): `CveId`, `Severity`, `FixStatus` and
 * `FixedVersion`. The older sub-assessments, one for each CVE, are documented: "Container vulnerability assessments REST API".
 */

/** Of a table both forms are in. Healthy ones say that the image was looked at; those that do not apply say nothing. */
const STATES = `| where tostring(properties.status.code) in~ ('Unhealthy', 'Healthy')`;

/** The individual recommendations about images of container registries in Azure. */
export const RECOMMENDATIONS = `securityresources
| where type =~ 'microsoft.security/assessments'
| where tostring(properties.metadata.recommendationCategory) =~ 'SoftwareUpdate'
| where tostring(properties.resourceDetails.Source) =~ 'Azure'
| where tostring(properties.resourceDetails.ResourceType) endswith 'containerimage' or tostring(properties.resourceDetails.Id) contains 'sha256:'
${STATES}
| extend about = parse_json(tostring(properties.resourceAdditionalData))
| project id, state = tostring(properties.status.code), severity = tostring(properties.metadata.severity), image = tostring(properties.resourceDetails.Id), digest = tostring(about.Digest), repository = tostring(about.RepositoryDetails.RepositoryName), cves = tostring(properties.additionalData.CvesDetails), fixed = tostring(properties.additionalData.FixedVersion)
| order by id asc`;

/** The older sub-assessments. */
export const SUB_ASSESSMENTS = `securityresources
| where type =~ 'microsoft.security/assessments/subassessments'
| where isnotempty(tostring(properties.additionalData.artifactDetails.digest))
${STATES}
| extend about = properties.additionalData
| project id, state = tostring(properties.status.code), severity = tostring(about.vulnerabilityDetails.severity), cve = tostring(about.vulnerabilityDetails.cveId), registry = tostring(about.artifactDetails.registryHost), repository = tostring(about.artifactDetails.repositoryName), digest = tostring(about.artifactDetails.digest), fixStatus = tostring(about.softwareDetails.fixStatus), fixed = tostring(about.softwareDetails.fixedVersion), at = tostring(properties.timeGenerated)
| order by id asc`;

const text = z
  .string()
  .nullish()
  .transform((value) => value ?? '');

const recommendation = z.object({
  id: z.string(),
  state: z.string(),
  severity: text,
  image: text,
  digest: text,
  repository: text,
  cves: text,
  fixed: text,
});

const subAssessment = z.object({
  id: z.string(),
  state: z.string(),
  severity: text,
  cve: text,
  registry: text,
  repository: text,
  digest: text,
  fixStatus: text,
  fixed: text,
  at: text,
});

/** A row that was read. */
export type Read =
  | {
      readonly state: 'read';
      readonly image: FoundIn;
      /** The registry, where it is known. */
      readonly registry?: string | undefined;
      readonly findings: readonly Finding[];
      /** ISO 8601, UTC. */
      readonly at?: string | undefined;
      /** Something in it could not be read, and is not among the findings. */
      readonly isPart?: boolean;
    }
  | { readonly state: 'unreadable' }
  /** It is not known which image it is about. */
  | { readonly state: 'no image' };

/** One row of the individual recommendations. */
export function readRecommendation(row: unknown): Read {
  const { data } = recommendation.safeParse(row);
  if (!data) return { state: 'unreadable' };
  const digest = digestIn(data.image) ?? digestIn(data.digest);
  if (digest === undefined) return { state: 'no image' };
  const image = { repository: repositoryIn(data.repository), digest };
  if (isHealthy(data.state)) return { state: 'read', image, findings: [] };
  const whole = { severity: severityIn(data.severity), fixed: data.fixed };
  const { findings, isPart } = cvesIn(data.cves, whole);
  // Defender says that something is wrong, also where it does not say what, or it cannot be read.
  const nameless = { ...nameIn('', data.id), severity: whole.severity, fixable: isFixable('', whole.fixed) };
  return { state: 'read', image, findings: findings.length > 0 ? findings : [nameless], isPart };
}

/** One row of the older sub-assessments. */
export function readSubAssessment(row: unknown): Read {
  const { data } = subAssessment.safeParse(row);
  if (!data) return { state: 'unreadable' };
  const digest = digestIn(data.digest);
  if (digest === undefined) return { state: 'no image' };
  const about = {
    state: 'read',
    image: { repository: repositoryIn(data.repository), digest },
    registry: hostIn(data.registry),
    at: timeIn(data.at),
  } as const;
  if (isHealthy(data.state)) return { ...about, findings: [] };
  const finding = {
    ...nameIn(data.cve, data.id),
    severity: severityIn(data.severity),
    fixable: isFixable(data.fixStatus, data.fixed),
  };
  return { ...about, findings: [finding] };
}

/** Characters of a list, and entries of it. */
const LONGEST_LIST = 8_000_000;
const MOST_CVES = 10_000;

const lowerKeys = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).map(([key, one]) => [key.toLowerCase(), one as unknown]))
    : value;

const cve = z.preprocess(
  lowerKeys,
  z.object({ cveid: z.string().min(1), severity: text, fixstatus: text, fixedversion: text }),
);

/** The list of a recommendation: JSON in a text. */
function cvesIn(
  list: string,
  whole: { readonly severity: Severity; readonly fixed: string },
): { readonly findings: readonly Finding[]; readonly isPart: boolean } {
  if (list === '') return { findings: [], isPart: false };
  const entries = list.length > LONGEST_LIST ? undefined : jsonOf(list);
  if (!Array.isArray(entries)) return { findings: [], isPart: true };
  const findings = entries.slice(0, MOST_CVES).flatMap((entry): readonly Finding[] => {
    const { data } = cve.safeParse(entry);
    if (!data) return [];
    const { cveid, severity, fixstatus, fixedversion } = data;
    return [
      {
        ...nameIn(cveid, cveid),
        severity: severity === '' ? whole.severity : severityIn(severity),
        fixable: isFixable(fixstatus, fixedversion === '' && fixstatus === '' ? whole.fixed : fixedversion),
      },
    ];
  });
  return { findings, isPart: findings.length < entries.length };
}

function jsonOf(list: string): unknown {
  try {
    return JSON.parse(list);
  } catch {
    return undefined;
  }
}

const isHealthy = (state: string): boolean => state.toLowerCase() === 'healthy';

/** The only digest in a text. Which one of several is meant is not known. */
function digestIn(value: string): string | undefined {
  const found = [...value.matchAll(/sha256(?::|%3a)([0-9a-f]{64})(?![0-9a-f])/gi)];
  const digests = [...new Set(found.map(([, hash = '']) => `sha256:${hash.toLowerCase()}`))];
  return digests.length === 1 ? digests[0] : undefined;
}

/** Where it has not the form of a repository, it is not known which one it is. */
function repositoryIn(value: string): string | undefined {
  return /^[a-z0-9][a-z0-9._/-]{0,254}$/.test(value) ? value : undefined;
}

function hostIn(value: string): string | undefined {
  return /^[a-z0-9][a-z0-9.-]{0,252}(?::\d{1,5})?$/i.test(value) ? value.toLowerCase() : undefined;
}

function timeIn(value: string): string | undefined {
  const time = /^\d{4}-\d\d-\d\dT/.test(value) ? Date.parse(value) : NaN;
  return Number.isNaN(time) ? undefined : new Date(time).toISOString();
}

/** `CVE-2026-12345`, or how else a vulnerability is called. What has not that form is told apart, and not shown. */
function nameIn(value: string, other: string): Pick<Finding, 'name' | 'isId'> {
  const isId = /^[a-z][\w.:-]{2,63}$/i.test(value);
  if (isId) return { name: /^cve-/i.test(value) ? value.toUpperCase() : value, isId };
  return { name: createHash('sha256').update(other).digest('base64url'), isId };
}

const WORDS: Readonly<Record<string, Severity>> = {
  critical: 'critical',
  high: 'high',
  medium: 'medium',
  low: 'low',
  informational: 'negligible',
  negligible: 'negligible',
};

const severityIn = (word: string): Severity => (Object.hasOwn(WORDS, word.toLowerCase()) ? WORDS[word.toLowerCase()] : undefined) ?? 'unknown'; // prettier-ignore

/** There is one where Defender says so, or names the version, and does not say that there is none. */
function isFixable(status: string, version: string): boolean {
  const word = status.toLowerCase();
  if (word === 'fixavailable') return true;
  return version !== '' && (word === '' || word === 'unknown');
}
