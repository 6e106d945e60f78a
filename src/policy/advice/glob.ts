import { alternativesOf, textOf, type Token, tokensOf } from './tokens.ts';

/** What looks like a pattern for file names, in which `*` stands for any text. */
export interface Glob {
  /** As a regular expression: for a whole name where `*` stands at its ends. */
  readonly regex: string;
  /** The first `*` or `?` that means something else in a regular expression, and what stands before it. */
  readonly mark: '*' | '?';
  readonly before: string;
}

/**
 * What a pattern means if it is a glob. `undefined` for what is hardly one: in `^v?[0-9]+$`, `[a-z]*` and `.*` each
 * quantifier has its place.
 *
 * @param isWhole whether the pattern is held to whole names anyway
 */
export function readGlob(pattern: string, isWhole: boolean): Glob | undefined {
  const tokens = tokensOf(pattern);
  const isPlain = tokens.every(({ kind, text }) => kind === 'literal' || kind === 'dot' || /^[*?]/.test(text));
  const marks = tokens.map((_, index) => isMark(tokens, index, isPlain));
  const first = marks.indexOf(true);
  if (first < 0) return undefined;
  const regex = alternativesOf(tokens.map((token, index) => (marks[index] ? { ...token, mark: true } : token))).map(
    (alternative) => translated(alternative, isPlain),
  );
  const [only = ''] = regex;
  const isSingle = regex.length === 1;
  const joined = isSingle ? only : `(${regex.join('|')})`;
  return {
    regex: isWhole ? joined : anchored(joined, isSingle),
    mark: tokens[first]?.text.startsWith('*') ? '*' : '?',
    before: first === 0 ? '' : (tokens[first - 1]?.text ?? ''),
  };
}

/** Whether a token is a `*` or `?` that hardly repeats what stands before it. */
function isMark(tokens: readonly Token[], index: number, isPlain: boolean): boolean {
  const text = tokens[index]?.text ?? '';
  if (!/^[*?]/.test(text)) return false;
  const before = tokens[index - 1];
  const after = tokens[index + 1];
  if (before === undefined || before.kind === 'bar' || before.text === '^') return true;
  if (before.kind === 'quantifier') return text.startsWith('*') && before.text.startsWith('*');
  if (before.kind !== 'literal' || !/[A-Za-z0-9_/-]/.test(before.text)) return false;
  if (text.startsWith('?')) return isPlain;
  // Before a class or a shorthand it may well repeat: pr-*[0-9]+.
  return after === undefined || !['class', 'escape', 'open', 'dot'].includes(after.kind);
}

function translated(tokens: readonly (Token & { readonly mark?: boolean })[], isPlain: boolean): string {
  return tokens
    .map(({ mark, kind, text }, index) => {
      const follows = tokens[index + 1];
      if (mark) return tokens[index - 1]?.mark ? '' : text.replace('?', '.').replaceAll('*', '.*');
      // In a glob a dot is a dot.
      return isPlain && kind === 'dot' && follows?.kind !== 'quantifier' ? '\\.' : text;
    })
    .join('');
}

/** Held to the beginning and the end of a name, but where any text may stand there anyway. */
function anchored(regex: string, isSingle: boolean): string {
  const before = regex.startsWith('^') || (isSingle && regex.startsWith('.*')) ? '' : '^';
  const after = regex.endsWith('$') || (isSingle && regex.endsWith('.*')) ? '' : '$';
  return `${before}${regex}${after}`;
}

/** A pattern without the anchors at its ends. */
export function withoutAnchors(pattern: string): string {
  const tokens = tokensOf(pattern);
  const from = tokens[0]?.text === '^' ? 1 : 0;
  const to = tokens.at(-1)?.text === '$' ? -1 : tokens.length;
  return textOf(tokens.slice(from, to));
}
