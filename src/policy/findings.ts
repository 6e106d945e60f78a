/**
 * What says which vulnerabilities images have: `defender`, Microsoft Defender for Cloud; `referrers`, the reports that are
 * attached to them in the registry.
 */
export const FINDING_SOURCES = ['defender', 'referrers'] as const;

export type FindingSource = (typeof FINDING_SOURCES)[number];
