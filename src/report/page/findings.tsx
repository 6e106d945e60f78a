import type { FindingsRecord } from '../../ledger/findings.ts';
import type { RunRecord } from '../../ledger/records.ts';
import type { Decision } from '../../planner/decision.ts';
import type { FindingSum } from '../../planner/findings.ts';
import { findingDetail, findingsIn } from '../finding-words.ts';
import { count, words } from './format.ts';
import { Badge, Section, Table, Time } from './parts.tsx';

/** Whether something was asked for findings, so that they are shown. */
export function asksFindings({ findings }: Pick<RunRecord, 'findings'>): boolean {
  return findings !== undefined;
}

/** What is known of the vulnerabilities of one image; names of vulnerabilities once they are opened. */
export function FindingsOf({ decision }: { readonly decision: Decision }) {
  const detail = findingDetail(decision);
  if (!detail) return null;
  const { what, ids, about } = detail;
  return (
    <div class="detail">
      {words(what)} {about !== undefined && words(about)}
      {ids !== undefined && (
        <details class="ids">
          <summary>Which</summary>
          {words(ids)}
        </details>
      )}
    </div>
  );
}

/** `12`, and how many of these are critical; `–`: no image of it was scanned. */
export function findingsCell(sum: FindingSum | undefined) {
  if (!sum || sum.images === 0) return sum && sum.notScanned > 0 ? 'not scanned' : '–';
  const { critical = 0, high = 0 } = sum.bySeverity;
  const worst = [
    ...(critical > 0 ? [`${count(critical)} critical`] : []),
    ...(high > 0 ? [`${count(high)} high`] : []),
  ];
  return (
    <span class="pair">
      <span>{count(findingsIn(sum.bySeverity))}</span>
      {worst.length > 0 && <span class="small">{worst.join(', ')}</span>}
    </span>
  );
}

/** What told a run of findings. */
export function FindingSources({ run: { findings = [] } }: { readonly run: RunRecord }) {
  if (findings.length === 0) return null;
  return (
    <Section id="findings" title="What is known of findings">
      <Table
        caption="What this run knew of the vulnerabilities of its images, by source"
        rows={findings}
        columns={[
          {
            head: 'Source',
            cell: ({ source, problems = [] }: FindingsRecord) => (
              <>
                <span class="name">{words(source)}</span>
                {problems.length > 0 && <p class="detail">{words(problems.join('; '))}</p>}
              </>
            ),
          },
          {
            head: 'Read',
            cell: ({ complete }) => (
              <Badge tone={complete ? 'good' : 'wait'}>{complete ? 'completely' : 'in part'}</Badge>
            ),
          },
          { head: 'As of', cell: ({ observedAt }) => <Time iso={observedAt} /> },
          { head: 'Images', number: true, cell: ({ images }) => count(images) },
        ]}
      />
    </Section>
  );
}
