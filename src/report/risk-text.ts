import { printable } from './escape.ts';
import { count, minute } from './page/format.ts';
import type { ProposedRules, RiskGroup, RiskReport, RiskRun, RiskyImage, RiskyImages } from './risk.ts';
import {
  countsInWords,
  fixInWords,
  inUseInWords,
  kindInWords,
  nameOfImage,
  NO_RULE_WORDS,
  nowInWords,
  proposalInWords,
  remarksOn,
  removedInWords,
  SHOWN,
  type Shown,
  shownOf,
  unknownInWords,
  unusedInWords,
} from './risk-words.ts';
import { middleCut, paint, PLAIN_STYLE, sentence, type Style } from './style.ts';
import { type Cell, renderTable } from './table.ts';
import { shortDigests } from './text.ts';

/** Runs that a table shows: the last ones. */
const MOST_RUNS = 15;
/** Columns of a line of blocks. */
const MOST_BLOCKS = 48;
const MOST_IDS = 3;
const LONGEST_NAME = 200;

/** The findings of a registry over time, for a terminal or a file. */
export function renderRisk(report: RiskReport, style: Style = PLAIN_STYLE): string {
  const { now, line, repositories, bases, images, critical, proposal } = report;
  const removed = removedInWords(report);
  const remarks = remarksOn(report);
  const parts = [
    sentence(style, nowInWords(report), ''),
    ...(removed === undefined ? [] : [sentence(style, removed, '')]),
    ...(now ? linesOf(report, style) : []),
    ...(line.length === 0 ? [] : [runsTable(line, style)]),
    ...groupsTable('REPOSITORY', repositories, style),
    ...groupsTable('BUILT ON', bases, style),
    ...imagesTable(images, style),
    ...(now ? criticalParts(critical, style, proposal !== undefined) : []),
    ...(proposal ? proposalParts(report, proposal, style) : []),
    ...(remarks.length === 0 ? [] : [remarks.map((remark) => sentence(style, `- ${remark}`)).join('\n')]),
  ];
  return `${parts.join('\n\n')}\n`;
}

/** One below the other: how many there were after each run, as blocks, and the first and the last number. */
function linesOf({ line, standing }: RiskReport, style: Style): readonly string[] {
  const sums = [...(standing ? [standing] : []), ...line.flatMap(({ before, after }) => [before, after])];
  if (sums.length < 2) return [];
  const rows = SHOWN.map((shown) => ({ shown, values: sums.map(({ bySeverity }) => shownOf(bySeverity, shown)) }));
  const told = rows.filter(({ values }) => values.some((value) => value > 0));
  return told.length === 0 ? [] : [told.map((row) => blockLine(row, style)).join('\n')];
}

const BLOCKS = '▁▂▃▄▅▆▇█';

function blockLine(
  { shown, values }: { readonly shown: Shown; readonly values: readonly number[] },
  style: Style,
): string {
  const most = values.reduce((a, b) => Math.max(a, b), 1);
  const width = Math.min(MOST_BLOCKS, values.length);
  // Of many values each block shows the last one of its time.
  const blocks = Array.from({ length: width }, (_, place) => {
    const value = values[Math.floor(((place + 1) * values.length) / width) - 1] ?? 0;
    return BLOCKS[value === 0 ? 0 : Math.max(1, Math.round((value / most) * (BLOCKS.length - 1)))] ?? '';
  }).join('');
  const [first = 0, last = 0] = [values[0], values.at(-1)];
  const numbers = `${count(first)} to ${count(last)}`;
  const isWorst = shown === 'critical' && last > 0;
  return `${paint(style, 'bold', shown.padEnd(8))}  ${isWorst ? paint(style, 'red', blocks) : blocks}  ${numbers}`;
}

function runsTable(line: readonly RiskRun[], style: Style): string {
  const shown = line.slice(-MOST_RUNS);
  const rows = shown.map((run) => [
    minute(run.at),
    kindInWords(run),
    ...SHOWN.map((severity) => count(shownOf(run.after.bySeverity, severity))),
    removedBy(run),
    count(run.after.notScanned),
    run.appeared > 0 ? `${count(run.known)} (${count(run.appeared)} new)` : count(run.known),
  ]);
  const head = [
    'TIME',
    'RUN',
    ...SHOWN.map((severity) => severity.toUpperCase()),
    'REMOVED',
    'NOT SCANNED',
    'REPOSITORIES',
  ];
  const table = renderTable(style, { head, right: [2, 3, 4, 5, 6, 8, 9], names: [], inWords: runInWords }, rows);
  const before = line.length - shown.length;
  return before > 0 ? `${table}\nand ${count(before)} runs before these; --output csv has all` : table;
}

/** Where a line is too short for the columns. */
function runInWords([, run, critical, high, medium, low, other, removed, notScanned]: readonly Cell[]): string {
  const counts = `${critical} critical, ${high} high, ${medium} medium, ${low} low, ${other} other`;
  return `${run}: ${counts}${removed === '' ? '' : `; removed ${removed}`}; ${notScanned} not scanned`;
}

function removedBy({ removed, dryRun }: RiskRun): string {
  const words = countsInWords(removed.bySeverity, ['critical', 'high', 'medium']);
  if (words === 'none') return countsInWords(removed.bySeverity) === 'none' ? '' : 'others';
  return dryRun ? `would: ${words}` : words;
}

function groupsTable(
  title: string,
  { count: all, first }: { readonly count: number; readonly first: readonly RiskGroup[] },
  style: Style,
): readonly string[] {
  if (first.length === 0) return [];
  const rows = first.map(({ name, images, notScanned, bySeverity }) => [
    printable(name.slice(0, LONGEST_NAME)),
    ...SHOWN.map((severity) => count(shownOf(bySeverity, severity))),
    count(images),
    ...(title === 'REPOSITORY' ? [count(notScanned)] : []),
  ]);
  const head = [
    title,
    ...SHOWN.map((severity) => severity.toUpperCase()),
    'IMAGES',
    ...(title === 'REPOSITORY' ? ['NOT SCANNED'] : []),
  ];
  return [`${renderTable(style, { head, right: [1, 2, 3, 4, 5, 6, 7] }, rows)}${moreThan(all, first.length)}`];
}

function imagesTable({ count: all, first }: RiskReport['images'], style: Style): readonly string[] {
  if (first.length === 0) return [];
  const rows = first.map((image) => [
    shortName(image),
    ...SHOWN.map((severity) => count(shownOf(image.bySeverity, severity))),
    image.inUse === undefined ? 'not known' : image.inUse ? 'yes' : 'no',
  ]);
  const head = ['IMAGE', ...SHOWN.map((severity) => severity.toUpperCase()), 'IN USE'];
  return [`${renderTable(style, { head, right: [1, 2, 3, 4, 5] }, rows)}${moreThan(all, first.length)}`];
}

function moreThan(all: number, shown: number): string {
  return all > shown ? `\nand ${count(all - shown)} more; --top shows more` : '';
}

function criticalParts(
  { inUse, unused, unknown }: RiskReport['critical'],
  style: Style,
  isProposed: boolean,
): readonly string[] {
  return [
    paint(style, 'bold', 'CRITICAL AND IN USE: BUILD AGAIN'),
    sentence(style, inUseInWords(inUse), ''),
    ...criticalTable(inUse, style),
    paint(style, 'bold', 'CRITICAL AND UNUSED: DELETE'),
    sentence(style, unusedInWords(unused), ''),
    ...criticalTable(unused, style, isProposed ? 'proposed' : 'none'),
    ...(unknown.images > 0
      ? [
          paint(style, 'bold', 'CRITICAL, AND IT IS NOT KNOWN WHETHER IN USE'),
          sentence(style, unknownInWords(unknown), ''),
          ...criticalTable(unknown, style),
        ]
      : []),
  ];
}

function criticalTable({ images, first }: RiskyImages, style: Style, rule?: string): readonly string[] {
  if (first.length === 0) return [];
  const rows = first.map((image) => [
    shortName(image),
    count(image.bySeverity.critical ?? 0),
    fixInWords(image),
    printable((image.base ?? 'not known').slice(0, LONGEST_NAME)),
    idsInWords(image),
    ...(rule === undefined ? [] : [image.noRule === undefined ? rule : NO_RULE_WORDS[image.noRule]]),
  ]);
  const head = ['IMAGE', 'CRITICAL', 'FIX', 'BUILT ON', 'VULNERABILITIES', ...(rule === undefined ? [] : ['RULE'])];
  return [`${renderTable(style, { head, right: [1], names: [0, 3, 4] }, rows)}${moreThan(images, first.length)}`];
}

function idsInWords({ ids }: RiskyImage): string {
  const more = ids.length > MOST_IDS ? ` and ${ids.length - MOST_IDS} more` : '';
  return `${printable(ids.slice(0, MOST_IDS).join(' '))}${more}`;
}

function shortName(image: RiskyImage): string {
  const more = image.tagCount > 1 ? ` +${count(image.tagCount - 1)}` : '';
  return `${middleCut(shortDigests(printable(nameOfImage(image))), LONGEST_NAME)}${more}`;
}

function proposalParts(report: RiskReport, { policy }: ProposedRules, style: Style): readonly string[] {
  return [sentence(style, proposalInWords(report) ?? '', ''), policy.trimEnd().split('\n').map(printable).join('\n')];
}
