import { alternativesOf, textOf, tokensOf } from './tokens.ts';

/** A class of characters in a pattern, as it is written. */
interface WrittenClass {
  /** With the brackets. */
  readonly text: string;
  /** The plain letters and digits that follow it. */
  readonly follow: string;
  /** Those of them that stand in whatever the pattern matches, right after a character of the class; none where that is not certain. */
  readonly required: string;
}

/** A pattern taken apart just far enough to see what it looks like; whether it is sound is another's business. */
interface Outline {
  readonly classes: readonly WrittenClass[];
  /** The pattern between the alternation bars that stand in no group. */
  readonly alternatives: readonly string[];
}

function outline(pattern: string): Outline {
  const tokens = tokensOf(pattern);
  const classes: WrittenClass[] = [];
  const isCertain = !tokens.some(({ kind }) => kind === 'open');
  for (const [index, { kind, text }] of tokens.entries()) {
    if (kind !== 'class') continue;
    let end = index + 1;
    while (tokens[end]?.kind === 'literal' && /^[\w-]$/.test(tokens[end]?.text ?? '')) end += 1;
    const follow = textOf(tokens.slice(index + 1, end));
    const certain = tokens[end]?.kind === 'quantifier' ? follow.slice(0, -1) : follow;
    classes.push({ text, follow, required: isCertain ? certain : '' });
  }
  return { classes, alternatives: alternativesOf(tokens).map(textOf) };
}

/** The letters that mean something after a backslash. */
const MEANINGFUL = 'abefnrtvxucdDsSwWpPkABGZz';

/**
 * Warns of classes that look like alternations, `[F|f]` and `[^F|f]`, of alternatives that are empty, and of a backslash
 * before a letter that means nothing there, as in `\Qdev\E`.
 */
export function lintPattern(pattern: string): readonly string[] {
  const { classes, alternatives: whole } = outline(pattern);
  const warnings: string[] = [];
  for (const { text, follow, required } of classes) {
    const [, negation = '', inside = ''] = /^\[(\^?)([^[\\\]]*)\]$/.exec(text) ?? [];
    if (!/[^|]\|[^|]/.test(inside)) continue;
    const members = [...new Set(inside)];
    const others = members.filter((member) => member !== '|');
    const alternatives = inside.split('|');
    const single = alternatives.every((alternative) => /^[^-^]$/.test(alternative));
    const instead = single ? `[${others.join('')}]` : negation === '' ? `(${inside})` : `^(?!${inside})`;
    if (negation === '') {
      warnings.push(
        `${text} is a character class: it matches any one of ${list(members)}, the bar too; write ${instead}`,
      );
      continue;
    }
    const isSure = required !== '' && whole.length === 1;
    /** Whether a name has a character of the class with the required ones after it; without, nothing in it can match. */
    const mayMatch = (name: string): boolean =>
      Array.from(name).some((character, at) => !members.includes(character) && name.startsWith(required, at + 1));
    const missed = others.map((member) => member + follow).filter((name) => isSure && !mayMatch(name));
    const consequence = missed.length > 0 ? `, so no tag ${list(missed, 'or')} is ever matched` : '';
    warnings.push(
      `${text} is a negated character class: it matches any character EXCEPT ${list(members)}${consequence}; write ${instead}`,
    );
  }
  const letters = new Set([...pattern.matchAll(/\\([^])/g)].map(([, letter = '']) => letter));
  for (const letter of letters) {
    if (/[A-Za-z]/.test(letter) && !MEANINGFUL.includes(letter)) {
      warnings.push(`\\${letter} has no meaning to acr purge: it is the letter ${letter}`);
    }
  }
  if (whole.length > 1 && whole.includes('')) {
    warnings.push(`${JSON.stringify(pattern)} has an empty alternative, which matches everything; remove the bar`);
  }
  return warnings;
}

/** Warns of an alternation that `^` and `$` around the whole text tear apart. */
export function lintAnchored(pattern: string): readonly string[] {
  const { alternatives } = outline(pattern);
  const last = alternatives.length - 1;
  if (last === 0) return [];
  const means = alternatives.map((alternative, index) => {
    const verb = index === 0 ? 'starts with' : index === last ? 'ends with' : 'contains';
    return `${verb} ${alternative === '' ? 'anything' : alternative}`;
  });
  return [
    `${JSON.stringify(pattern)} as a repository means "${means.join(', or ')}"; write (${pattern}) for whole names`,
  ];
}

function list(items: readonly string[], word = 'and'): string {
  const quoted = items.map((item) => JSON.stringify(item));
  const last = quoted.pop() ?? '';
  return quoted.length === 0 ? last : `${quoted.join(', ')} ${word} ${last}`;
}
