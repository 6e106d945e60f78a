/** A piece of a pattern as it is written. */
export interface Token {
  readonly kind: 'literal' | 'dot' | 'escape' | 'class' | 'open' | 'close' | 'bar' | 'anchor' | 'quantifier';
  readonly text: string;
}

/** What begins a group, what a quantifier is, an escape, a class, or a single character. */
const PIECE =
  /\\[^]|\[\^?\]?(?:\[:\^?\w+:\]|\\[^]|[^\]\\])*\]|\((?:\?(?:[imnsxU-]*:|[imnsxU-]+\)|<?[=!]|>|P?<\w+>|'\w+'))?|[*+?]\??|\{\d+(?:,\d*)?\}\??|[^]/g;

/** A pattern taken apart just far enough to see what it looks like; whether it is sound is another's business. */
export function tokensOf(pattern: string): readonly Token[] {
  return Array.from(pattern.matchAll(PIECE), ([text]) => ({ kind: kindOf(text), text }));
}

function kindOf(text: string): Token['kind'] {
  const [first = ''] = text;
  if (first === '\\') return 'escape';
  if (first === '[' && text.length > 1) return 'class';
  if (first === '(') return 'open';
  if (first === '.') return 'dot';
  if (first === ')') return 'close';
  if (first === '|') return 'bar';
  if (first === '^' || first === '$') return 'anchor';
  return /^(?:[*+?]|\{\d)/.test(text) ? 'quantifier' : 'literal';
}

/** The tokens between the alternation bars that stand in no group. */
export function alternativesOf(tokens: readonly Token[]): readonly (readonly Token[])[] {
  const alternatives: Token[][] = [[]];
  let depth = 0;
  for (const token of tokens) {
    // Flags such as (?i) are a group that is closed at once.
    if (token.kind === 'open' && !token.text.endsWith(')')) depth += 1;
    if (token.kind === 'close') depth -= 1;
    if (token.kind === 'bar' && depth === 0) alternatives.push([]);
    else alternatives.at(-1)?.push(token);
  }
  return alternatives;
}

export function textOf(tokens: readonly Token[]): string {
  return tokens.map(({ text }) => text).join('');
}
