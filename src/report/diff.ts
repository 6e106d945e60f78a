import prettyBytes from 'pretty-bytes';
import type { DifferenceCounts, DifferenceTotals } from '../ledger/diff-totals.ts';
import type { Difference } from '../ledger/plan-diff.ts';
import type { RunRecord } from '../ledger/records.ts';
import { nameOf } from '../ledger/summary.ts';
import { printable } from './escape.ts';
import { findingsOfDecision, findingSumInWords } from './finding-words.ts';
import { plural } from './page/format.ts';
import { labelled, PLAIN_STYLE, sentence, type Style } from './style.ts';
import { type Cell, type Columns, renderTable } from './table.ts';
import { shortDigests } from './text.ts';

/** How far two runs differ, together and by repository; what differs stands below, a line each. */
export function renderDifferenceTotals(
  before: Pick<RunRecord, 'id' | 'registry' | 'dryRun'>,
  after: Pick<RunRecord, 'id' | 'registry' | 'dryRun'>,
  { added, removed, repositories }: DifferenceTotals,
  style: Style = PLAIN_STYLE,
): string {
  const lines =
    before.registry === after.registry
      ? []
      : [
          labelled(
            style,
            'yellow',
            'Warning:',
            printable(`the runs are about two registries, ${before.registry} and ${after.registry}.`),
          ),
        ];
  if (repositories.length === 0) return [...lines, 'Both delete the same artifacts.', ''].join('\n');
  const only = ({ id, dryRun }: Pick<RunRecord, 'id' | 'dryRun'>, counts: DifferenceCounts): string =>
    `Only ${id} ${dryRun ? 'would delete' : 'deletes'} ${inWords(counts)}`;
  lines.push(sentence(style, `+ ${only(after, added)}.`), sentence(style, `- ${only(before, removed)}.`), '');
  const rows = repositories.map((one): readonly Cell[] => [
    printable(one.repository),
    ...cellsOf(one.added),
    ...cellsOf(one.removed),
  ]);
  return [...lines, renderTable(style, COLUMNS, rows), '', ''].join('\n');
}

const COLUMNS: Columns = {
  head: ['REPOSITORY', '+ TAGS', 'MANIFESTS', 'SIZE', '- TAGS', 'MANIFESTS', 'SIZE'],
  right: [1, 2, 3, 4, 5, 6],
  inWords: ([, tags, manifests, size, noTags, noManifests, noSize]) =>
    `+ ${String(tags)} tags, ${String(manifests)} manifests, ${String(size)}; - ${String(noTags)} tags, ${String(noManifests)} manifests, ${String(noSize)}`,
};

function cellsOf({ tags, manifests, bytes }: DifferenceCounts): readonly Cell[] {
  return [tags, manifests, prettyBytes(bytes)];
}

function inWords({ tags, manifests, bytes, findings }: DifferenceCounts): string {
  const found = findingSumInWords(findings);
  return `${plural(tags, 'tag')} and ${plural(manifests, 'manifest')}, at most ${prettyBytes(bytes)}${found === undefined ? '' : `, with ${found}`}`;
}

/** One difference between two plans: a line; on a terminal with short digests, and broken at its width. */
export function renderDifference({ change, goes: deletion, other }: Difference, style: Style = PLAIN_STYLE): string {
  const mark = change === 'added' ? '+' : '-';
  const elsewhere =
    other === undefined
      ? 'not there, or not selected'
      : `${other.action === 'keep' ? 'kept' : 'deleted'}, ${other.reason}: ${other.detail}`;
  const otherRun = change === 'added' ? 'before' : 'now';
  const line = printable(
    `${mark} ${nameOf(deletion)}  ${deletion.reason}${findingsOfDecision(deletion)}; ${otherRun}: ${elsewhere}`,
  );
  return `${style.wraps ? sentence(style, shortDigests(line), '    ') : line}\n`;
}
