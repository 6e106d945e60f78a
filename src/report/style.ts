import { styleText } from 'node:util';
import stringWidth from 'string-width';

/** How text is laid out for its reader. */
export interface Style {
  /** Columns. */
  readonly width: number;
  /** Whether sentences are broken at that width, too: on a terminal. */
  readonly wraps: boolean;
  readonly color: boolean;
}

/** For a file, a pipe or an HTTP client. */
export const PLAIN_STYLE: Style = { width: 120, wraps: false, color: false };

const NARROWEST = 60;
const WIDEST = 200;

/** A stream that text is written to. */
export interface Terminal {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

/** Without colours where NO_COLOR is set to anything (https://no-color.org) or the terminal has none. */
export function styleOf(
  { isTTY, columns }: Terminal,
  environment: Readonly<Record<string, string | undefined>>,
): Style {
  if (isTTY !== true) return PLAIN_STYLE;
  const color = (environment['NO_COLOR'] ?? '') === '' && environment['TERM'] !== 'dumb';
  return { width: Math.min(WIDEST, Math.max(NARROWEST, columns ?? PLAIN_STYLE.width)), wraps: true, color };
}

type Tone = 'red' | 'green' | 'yellow' | 'bold' | 'dim';

export function paint({ color }: Style, tone: Tone, text: string): string {
  // `styleOf` has looked at the stream.
  return color ? styleText(tone, text, { validateStream: false }) : text;
}

/** Lines of a width; no word is cut, so one that is longer has a line of its own. */
export function wrapped(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  const [, indent = '', rest = ''] = /^( *)(.*)$/s.exec(text) ?? [];
  const [first = '', ...words] = rest.split(' ');
  let line = indent + first;
  for (const word of words) {
    if (line.trim() !== '' && stringWidth(line) + 1 + stringWidth(word) > width) {
      lines.push(line.trimEnd());
      line = word;
    } else if (line === '') line = word;
    else line += ` ${word}`;
  }
  return [...lines, line];
}

/** A sentence in lines, the second and further ones indented. A command at its end is copied most easily from one line. */
export function sentence(style: Style, text: string, indent = '  '): string {
  if (!style.wraps || stringWidth(text) <= style.width) return text;
  const [, before, command = ''] = /^(.*:) (acr-retention .*)$/.exec(text) ?? [];
  if (before !== undefined && indent.length + stringWidth(command) <= style.width)
    return `${sentence(style, before, indent)}\n${indent}${command}`;
  const [first = '', ...others] = wrapped(text, style.width - indent.length);
  return [first, ...others.map((line) => indent + line)].join('\n');
}

/** The same behind a word that stands out. */
export function labelled(style: Style, tone: Tone, label: string, text: string): string {
  return sentence(style, `${label} ${text}`).replace(label, paint(style, tone, label));
}

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** A name that fits into so many columns: what is in its middle is left out, for names differ at both ends. */
export function middleCut(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  const parts = Array.from(graphemes.segment(text), ({ segment }) => segment);
  const end = Math.floor((width - 1) / 2);
  return `${fitting(parts, width - 1 - end).join('')}…${fitting(parts.toReversed(), end).toReversed().join('')}`;
}

/** The first of these characters that fit into so many columns. */
function fitting(parts: readonly string[], width: number): readonly string[] {
  let used = 0;
  const end = parts.findIndex((part) => (used += stringWidth(part)) > width);
  return end < 0 ? parts : parts.slice(0, end);
}
