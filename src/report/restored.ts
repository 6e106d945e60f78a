import type { Restores } from '../ledger/records.ts';
import type { RepositorySummary, RunSummary, Totals } from '../ledger/summary.ts';
import { printable } from './escape.ts';
import { bytes, plural } from './page/format.ts';
import { sentence, type Style } from './style.ts';
import { type Cell, renderTable } from './table.ts';

/* What a run brought back, in words. */

/** Repositories that a table lists. */
const MAX_ROWS = 40;

/** `the run 20261124T130052Z-01e520`, `shop/web:1.0` */
export function restoredWhat({ run, image }: Restores): string {
  return image ?? `the run ${run ?? ''}`;
}

/** `Restored 3 tags and 5 manifests (1.2 GB).` */
export function restoredInWords(totals: Totals, dryRun: boolean, isRunning = false): string {
  const { tags, manifests } = totals;
  const verb = dryRun ? 'Would restore' : isRunning ? 'So far it has restored' : 'Restored';
  const [ofTags, ofManifests] = [tags.restored ?? 0, manifests.restored ?? 0];
  if (ofTags + ofManifests === 0) return `${verb} nothing.`;
  return `${verb} ${plural(ofTags, 'tag')} and ${plural(ofManifests, 'manifest')}, at most ${bytes(totals.bytes)}.`;
}

export function thereInWords({ tags, manifests }: Totals): string {
  return `${plural(tags.kept, 'tag')} and ${plural(manifests.kept, 'manifest')} were there already.`;
}

/** What is not back, and what to do about it. */
export function notRestoredInWords({ tags, manifests, reasons }: Totals): readonly string[] {
  const copyless = reasons['no-copy'] ?? 0;
  const pushed = reasons['pushed-since'] ?? 0;
  const failed = tags.failed + manifests.failed - copyless;
  const left = tags.notAttempted + manifests.notAttempted - pushed;
  return [
    ...(copyless > 0
      ? [`${plural(copyless, 'artifact')} cannot be brought back: there is no copy. What is known of each is listed.`]
      : []),
    ...(pushed > 0
      ? [
          `${plural(pushed, 'tag')} ${pushed === 1 ? 'names' : 'name'} what was pushed since, and ${pushed === 1 ? 'is' : 'are'} left alone; --force sets ${pushed === 1 ? 'it' : 'them'} back.`,
        ]
      : []),
    ...(failed > 0
      ? [`${plural(failed, 'artifact')} could be brought back, and ${failed === 1 ? 'was' : 'were'} not.`]
      : []),
    ...(left > 0 ? [`${plural(left, 'artifact')} ${left === 1 ? 'was' : 'were'} not attempted.`] : []),
  ];
}

/** The repositories of a restore, and its sums. */
export function renderRestored(
  { dryRun, repositories, totals }: Pick<RunSummary, 'dryRun' | 'repositories' | 'totals'>,
  style: Style,
): readonly string[] {
  const busy = repositories.filter((one) => one.state !== 'done' || decidedIn(one) > 0);
  const table =
    busy.length === 0
      ? []
      : [
          renderTable(
            style,
            {
              head: ['REPOSITORY', 'TAGS restored', 'there', 'not', 'MANIFESTS restored', 'there', 'not'],
              right: [1, 2, 3, 4, 5, 6],
              inWords: ([, ...cells]) =>
                `tags: ${cells.slice(0, 3).map(inCells).join(', ')}; manifests: ${cells.slice(3).map(inCells).join(', ')}`,
            },
            busy
              .slice(0, MAX_ROWS)
              .map((one) => [printable(one.repository), ...cellsOf(one.tags), ...cellsOf(one.manifests)]),
          ),
          ...(busy.length > MAX_ROWS ? [`… and ${busy.length - MAX_ROWS} more repositories`] : []),
          '',
        ];
  const sentences = [restoredInWords(totals, dryRun), thereInWords(totals), ...notRestoredInWords(totals)];
  return [...table, ...sentences.map((text) => sentence(style, text))];
}

const CELLS = ['restored', 'there', 'not'] as const;

function inCells(cell: Cell, index: number): string {
  return `${cell} ${CELLS[index] ?? ''}`;
}

function cellsOf({ restored = 0, kept, failed, notAttempted }: Totals['tags']): readonly Cell[] {
  return [restored, kept, failed + notAttempted];
}

function decidedIn({ tags, manifests }: RepositorySummary): number {
  return [tags, manifests].reduce(
    (sum, { restored = 0, kept, failed, notAttempted }) => sum + restored + kept + failed + notAttempted,
    0,
  );
}
