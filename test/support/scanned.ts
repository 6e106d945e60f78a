import type { Decision } from '../../src/planner/decision.ts';
import type { DecisionFindings, FindingsListed } from '../../src/planner/findings.ts';
import { countedFindings, NO_FINDINGS, plusFindings } from '../../src/planner/findings.ts';

/* Decisions on images that were scanned. */

const ABOUT = { repository: 'app', kind: 'manifest', detail: 'it is old', beyondAcrPurge: false } as const;

export const SCAN = {
  by: 'grype',
  at: '2026-11-23T02:00:00.000Z',
  bySeverity: { critical: 3, high: 12, medium: 20, low: 6 },
  fixable: { critical: 2, high: 1 },
  ids: ['CVE-2026-1001', 'CVE-2026-1002'],
} as const satisfies DecisionFindings['scan'];

/** A manifest with findings. @param n tells it apart by its digest */
export function deletedImage(n: number, findings: DecisionFindings | undefined, over: object = {}): Decision {
  const about = { ...ABOUT, digest: digestOf(n), size: 1_000_000, ...(findings && { findings }) };
  return { ...about, action: 'delete', reason: 'untagged-and-expired', outcome: 'deleted', ...over };
}

export function keptImage(n: number, findings: DecisionFindings | undefined, over: object = {}): Decision {
  const about = { ...ABOUT, digest: digestOf(n), size: 1_000_000, ...(findings && { findings }) };
  return { ...about, action: 'keep', reason: 'has-tags', ...over };
}

export function digestOf(n: number): string {
  return `sha256:${n.toString(16).padStart(64, '0')}`;
}

/** What a run found before it deleted any of them. */
export function listedOf(decisions: readonly Decision[]): { readonly findings: FindingsListed } {
  const sum = (some: readonly Decision[]) =>
    some.map(countedFindings).reduce((a, b) => plusFindings(a, b), NO_FINDINGS);
  return { findings: { all: sum(decisions), inUse: sum(decisions.filter(({ findings }) => findings?.inUse)) } };
}

/** 41 findings are removed, 17 are kept, of which 4 are in use; 3 images were not scanned. */
export const SCANNED: readonly Decision[] = [
  deletedImage(1, { scan: SCAN, packages: 94, endOfLife: '2026-11-10', base: 'mcr.microsoft.com/dotnet/aspnet:8.0' }),
  deletedImage(2, {}),
  keptImage(3, { scan: { ...SCAN, by: 'trivy', bySeverity: { high: 1, low: 12 }, fixable: {} } }),
  keptImage(4, { scan: { by: 'trivy', bySeverity: { medium: 4 }, fixable: {}, ids: [] }, inUse: true }),
  keptImage(5, { scan: { by: 'trivy', bySeverity: {}, fixable: {}, ids: [] } }),
  keptImage(6, {}),
  keptImage(7, {}),
  // A signature.
  keptImage(8, undefined, { reason: 'referrer-of-kept' }),
];
