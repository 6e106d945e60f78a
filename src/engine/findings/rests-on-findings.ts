import { useSourcesOf } from '../../ledger/command.ts';
import { policiesOf } from '../../ledger/policy-record.ts';
import type { RunRecord } from '../../ledger/records.ts';
import { quote } from '../../policy/errors.ts';
import type { FindingSource } from '../../policy/findings.ts';
import type { PurgePolicy } from '../../policy/purge-policy.ts';
import { rulesOnFindings } from '../../policy/rules.ts';
import type { FindingsOptions } from './findings.ts';

/*
 * Of runs whose policy has rules that ask for findings, or for the end of life.
 */

/** Why such a rule deletes nothing, where what it asks for is asked of no source. */
export function unfoundBy(
  policy: PurgePolicy,
  record: Pick<RunRecord, 'sources' | 'evidence' | 'findings'>,
): readonly string[] {
  const kept = 'so all that it would delete is kept';
  const isUseAsked = useSourcesOf(record).length > 0;
  return rulesOnFindings([policy]).flatMap((rule) => [
    ...(record.findings
      ? []
      : [`the rule ${quote(rule)} asks for findings, and no source of them is asked, ${kept}: name one with FINDINGS`]),
    ...(isUseAsked
      ? []
      : [
          `the rule ${quote(rule)} deletes only what nothing uses, and no source says what is in use, ${kept}: name one with IN_USE`,
        ]),
  ]);
}

/** Whether sources said what is in use, each of them completely. */
export function isUseKnownIn(record: Pick<RunRecord, 'sources' | 'evidence'>): boolean {
  const sources = useSourcesOf(record);
  const isWhole = (name: string): boolean =>
    record.evidence?.some(({ source, complete }) => source === name && complete) === true;
  return sources.length > 0 && sources.every(isWhole);
}

/** The sources that are asked now. */
export function findingsAsked(options: FindingsOptions | undefined): readonly FindingSource[] {
  return (options?.sources ?? []).map(({ source }) => source);
}

/**
 * Why a run is not taken up without a source of findings that its rules rest on: they would keep all that they were to
 * delete, and its plan would count as carried out.
 * @param asked the sources that are asked now
 */
export function whyNotWithoutFindings(
  run: Pick<RunRecord, 'policy' | 'findings'>,
  asked: readonly FindingSource[],
): string | undefined {
  const missing = (run.findings ?? []).map(({ source }) => source).filter((source) => !asked.includes(source));
  if (missing.length === 0) return undefined;
  const [rule] = rulesOnFindings(policiesOf(run.policy) ?? []);
  if (rule === undefined) return undefined;
  return `its rule ${quote(rule)} rests on findings by ${missing.join(', ')}, and these are not asked now; name them as before: --findings or FINDINGS`;
}
