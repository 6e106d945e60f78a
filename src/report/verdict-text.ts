import { printable } from './escape.ts';
import { paint, PLAIN_STYLE, sentence, type Style } from './style.ts';
import type { Verdict, VerdictKind } from './verdict.ts';

const TONES: Readonly<Partial<Record<VerdictKind, 'red' | 'green' | 'yellow'>>> = {
  safe: 'green',
  unchecked: 'yellow',
  held: 'yellow',
  failed: 'red',
  stopped: 'yellow',
};

/** What a person must know of a run first: what it would delete, whether that is safe and why, what changed, who loses most. */
export function renderVerdict(verdict: Verdict, style: Style = PLAIN_STYLE): string {
  const { kind, label, what, keeps, why, changes, most, next } = verdict;
  const tone = TONES[kind];
  const title = label.toUpperCase();
  const lines = [
    tone ? paint(style, tone, title) : paint(style, 'bold', title),
    sentence(style, printable(what), ''),
    sentence(style, printable(keeps), ''),
    ...[...why, ...changes].map((text) => sentence(style, `- ${printable(text)}`)),
    ...(most.length === 0 ? [] : [`${most.length === 1 ? 'Loses' : 'Lose'} most:`]),
    ...most.map(({ repository, percent, deleted, of, kind: counted, isHeld }) =>
      sentence(
        style,
        printable(
          `  ${`${percent > 0 && percent < 1 ? '<1' : Math.round(percent)} %`.padStart(5)}  ${repository}, ${deleted} of ${of} ${counted}${isHeld ? ' (held back)' : ''}`,
        ),
      ),
    ),
    sentence(style, printable(next), ''),
  ];
  return `${lines.filter((line) => line !== '').join('\n')}\n`;
}
