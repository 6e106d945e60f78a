/* Reports of scanners about images of the sample: made up, and as short as a reader takes them. */

/** Findings by severity, and how many of the worst have a fix. */
export interface SampleFindings {
  readonly critical?: number;
  readonly high?: number;
  readonly medium?: number;
  readonly low?: number;
  readonly fixed?: number;
}

/** The types that they are attached with. */
export const REPORT_TYPES = { findings: 'application/vnd.grype+json', packages: 'application/spdx+json' } as const;

const SEVERITIES = ['critical', 'high', 'medium', 'low'] as const;

/** The names of invented vulnerabilities begin here. */
const FIRST = { critical: 10_000, high: 20_000, medium: 30_000, low: 40_000 } as const;

/** What `grype -o json` says of an image. The same number of findings are the same vulnerabilities: images share packages. */
export function findingsReport(image: string, { fixed = 0, ...findings }: SampleFindings): string {
  const all = SEVERITIES.flatMap((severity) =>
    Array.from({ length: findings[severity] ?? 0 }, (_, n) => ({ severity, id: `CVE-2099-${FIRST[severity] + n}` })),
  );
  return JSON.stringify({
    matches: all.map(({ severity, id }, n) => ({
      vulnerability: {
        id,
        severity: severity.charAt(0).toUpperCase() + severity.slice(1),
        fix: { state: n < fixed ? 'fixed' : 'not-fixed' },
      },
      artifact: { name: `package-${n}`, type: 'deb' },
    })),
    source: { type: 'image', target: { userInput: image } },
    descriptor: { name: 'grype' },
  });
}

/** A list of packages in SPDX. */
export function packageList(image: string, packages: number): string {
  return JSON.stringify({
    spdxVersion: 'SPDX-2.3',
    SPDXID: 'SPDXRef-DOCUMENT',
    name: image,
    packages: Array.from({ length: packages }, (_, n) => ({ SPDXID: `SPDXRef-${n}`, name: `package-${n}` })),
  });
}
