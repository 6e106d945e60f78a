import { printable } from './escape.ts';
import { count, plural } from './page/format.ts';
import { paint, PLAIN_STYLE, sentence, type Style } from './style.ts';
import { percentInWords } from './totals.ts';
import type { Loss, Verdict, VerdictKind } from './verdict.ts';

const TONES: Readonly<Partial<Record<VerdictKind, 'red' | 'green' | 'yellow'>>> = {
  safe: 'green',
  restored: 'green',
  unchecked: 'yellow',
  held: 'yellow',
  failed: 'red',
  stopped: 'yellow',
};

/** What a person must know of a run first: what it would delete, whether that is safe and why, what changed, who loses most. */
export function renderVerdict(verdict: Verdict, style: Style = PLAIN_STYLE): string {
  const { kind, label, what, keeps, findings, why, undo, storage, changes, most, next } = verdict;
  const tone = TONES[kind];
  const title = label.toUpperCase();
  const lines = [
    tone ? paint(style, tone, title) : paint(style, 'bold', title),
    sentence(style, printable(what), ''),
    sentence(style, printable(keeps), ''),
    ...(findings === undefined ? [] : [sentence(style, printable(findings), '')]),
    ...(undo === undefined ? [] : [sentence(style, printable(undo), '')]),
    ...(storage === undefined ? [] : [sentence(style, printable(storage), '')]),
    ...[...why, ...changes].map((text) => sentence(style, `- ${printable(text)}`)),
    ...(most.length === 0 ? [] : [`${most.length === 1 ? 'Loses' : 'Lose'} most:`]),
    ...most.map((loss) => sentence(style, printable(`  ${lossOf(loss)}`))),
    sentence(style, printable(next), ''),
  ];
  return `${lines.filter((line) => line !== '').join('\n')}\n`;
}

/** As a line of a list, the shares below each other. */
function lossOf({ repository, percent, deleted, of, kind, isHeld }: Loss): string {
  const share = percentInWords(percent).padStart('100 %'.length);
  return `${share}  ${repository}, ${count(deleted)} of ${plural(of, kind.slice(0, -1))}${isHeld ? ' (held back)' : ''}`;
}
