import type { Severity } from '../policy/severity.ts';

/** Numbers of findings. A severity that is absent has none. */
export type SeverityCounts = Readonly<Partial<Record<Severity, number>>>;

/** What says which vulnerabilities an image has: Microsoft Defender for Cloud, or the form of a report. */
type ScanKind = 'defender' | 'sarif' | 'grype' | 'trivy' | 'cyclonedx';

/**
 * What one report says of an image. A finding is one vulnerability, counted as the tool counts it that wrote the report:
 * most count one for each package that has it.
 */
export interface Scan {
  readonly by: ScanKind;
  /** When the image was scanned, as far as the report says so (ISO 8601, UTC). */
  readonly at?: string;
  readonly bySeverity: SeverityCounts;
  /** Of these, those for which there is a version without it. */
  readonly fixable: SeverityCounts;
  /** Names of vulnerabilities, the worst first, no more than `MOST_IDS`. Untrusted, of a safe form. */
  readonly ids: readonly string[];
}

/** Names of vulnerabilities that are kept of one image. */
export const MOST_IDS = 20;

/** What is known of one image. Where nothing is, the image was not scanned, which says nothing about its vulnerabilities. */
export interface ImageFindings {
  /** Absent: it was not scanned. */
  readonly scan?: Scan;
  /** Packages in it, as a list of them says (SBOM). */
  readonly packages?: number;
  /** From then on it is out of support: `2026-11-30`, or a time (ISO 8601). */
  readonly endOfLife?: string;
  /** The image that it was built on, as its annotation names it. Untrusted. */
  readonly base?: string;
}
