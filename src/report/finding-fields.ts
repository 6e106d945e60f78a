import type { Decision } from '../planner/decision.ts';
import type { DecisionFindings, FindingSum, FindingSums } from '../planner/findings.ts';
import type { Severity } from '../policy/severity.ts';
import { findingsIn, SEVERITY_NAMES } from './finding-words.ts';

/* What is known of vulnerabilities as numbers, for programs: columns of a table, and fields of the log. */

/** Columns of a table of decisions. */
export const FINDING_COLUMNS = [...SEVERITY_NAMES, 'fixable', 'scannedBy', 'inUse'] as const;

/** The cells of a decision. Of what was not scanned there are none: an empty cell is not a nought. */
export function findingCells({ scan, inUse }: DecisionFindings = {}): Readonly<Record<string, unknown>> {
  return { ...(scan && { ...countsOf(scan), scannedBy: scan.by }), ...(inUse && { inUse }) };
}

/** The fields of a decision in the log. */
export function findingFields({
  scan,
  packages,
  endOfLife,
  base,
  inUse,
  ofParts,
  part,
}: DecisionFindings): Readonly<Record<string, unknown>> {
  return {
    scanned: scan !== undefined,
    ...(scan && { ...countsOf(scan), scannedBy: scan.by, scannedAt: scan.at }),
    ...(packages !== undefined && { packages }),
    ...(endOfLife !== undefined && { endOfLife }),
    ...(base !== undefined && { base }),
    ...(inUse && { inUse }),
    ...(ofParts && { ofParts }),
    ...(part && { part }),
  };
}

/** The fields of a run in the log, and in a message. */
export function findingSumFields({ removed, kept, inUse }: FindingSums) {
  return { removed: sumFields(removed), kept: sumFields(kept), ...(inUse && { inUse: sumFields(inUse) }) };
}

function sumFields(sum: FindingSum) {
  return {
    images: sum.images,
    notScanned: sum.notScanned,
    findings: findingsIn(sum.bySeverity),
    ...countsOf(sum),
  };
}

function countsOf({ bySeverity, fixable }: Pick<FindingSum, 'bySeverity' | 'fixable'>) {
  const counts = Object.fromEntries(SEVERITY_NAMES.map((severity) => [severity, bySeverity[severity] ?? 0]));
  return { ...(counts as Record<Severity, number>), fixable: findingsIn(fixable) };
}

/** Whether a manifest has critical findings. Of an index the index is the image, and not what it holds. */
export function isCriticalImage({ kind, findings }: Decision): boolean {
  return kind === 'manifest' && !findings?.part && (findings?.scan?.bySeverity.critical ?? 0) > 0;
}
