import { quote } from '../errors.ts';
import type { RegexNode } from '../regex/node.ts';
import { readGlob, withoutAnchors } from './glob.ts';
import { matchesEverything } from './possible.ts';
import { alternativesOf, textOf, type Token, tokensOf } from './tokens.ts';

/** What a pattern hardly means, and the pattern to write instead. */
export interface Advice {
  readonly problem: string;
  /** What the pattern is for that is to be written instead. */
  readonly promise?: string;
  readonly instead?: string;
}

/** What there is to say about the tag part of a filter: the most important alone. */
export function adviceOnTags(pattern: string, node: RegexNode): Advice | undefined {
  const tokens = tokensOf(pattern);
  return (
    aboutNothing(pattern) ??
    aboutGlob(pattern, node) ??
    aboutClass(tokens) ??
    aboutLookahead(pattern, tokens, node) ??
    aboutLoneAnchor(pattern, tokens) ??
    aboutWords(pattern) ??
    aboutEverything(pattern, tokens, node)
  );
}

/** The same about the repository part, which is held to whole names. */
export function adviceOnRepository(pattern: string): Advice | undefined {
  const glob = readGlob(pattern, true);
  return glob && { problem: globProblem(pattern, glob), promise: 'for any text', instead: glob.regex };
}

function aboutNothing(pattern: string): Advice | undefined {
  if (!/^\^(?:\\s|\\S| )?[*?]?\$$|^\$\^$/.test(pattern)) return undefined;
  return {
    problem: `${quote(pattern)} matches no tag, for none is empty; manifests without a tag are deleted by --untagged or --untagged-only`,
  };
}

function globProblem(pattern: string, { mark, before }: NonNullable<ReturnType<typeof readGlob>>): string {
  const repeats = mark === '*' ? 'repeats' : 'makes optional';
  const means =
    before === '' ? `${mark} has nothing before it to repeat` : `${mark} ${repeats} the ${quote(before)} before it`;
  return `${quote(pattern)} is a regular expression, in which ${means}`;
}

function aboutGlob(pattern: string, node: RegexNode): Advice | undefined {
  const glob = readGlob(pattern, false);
  if (!glob) return undefined;
  return {
    problem: `${globProblem(pattern, glob)}${matchesEverything(node) ? ', so it matches every tag' : ''}`,
    promise: glob.mark === '*' ? 'for any text in its place' : 'for any one character in its place',
    instead: glob.regex,
  };
}

/** `[^dev]`, in which a word is meant. */
function aboutClass(tokens: readonly Token[]): Advice | undefined {
  for (const { kind, text } of tokens) {
    const [, negation = '', word = ''] = /^\[([\^!]?)([A-Za-z][A-Za-z0-9_.]{2,})\]$/.exec(text) ?? [];
    if (kind !== 'class' || word === '' || isRun(word)) continue;
    // A class of its own that is only a part of a pattern is hardly a word.
    const isWhole = tokens.every((one) => one.text === text || one.kind === 'anchor' || one.kind === 'quantifier');
    if (negation === '' && !isWhole) continue;
    const escaped = word.replaceAll('.', '\\.');
    return {
      problem: `${text} matches one character, ${negation === '^' ? 'any EXCEPT' : 'one of'} ${list(word + negation.replace('^', ''))}`,
      promise: negation === '' ? `for the tag ${quote(word)}` : `for every tag but ${quote(word)}`,
      instead: negation === '' ? `^${escaped}$` : `^(?!${escaped}$).*`,
    };
  }
  return undefined;
}

/** `abc`, `xyz`: letters in the order of the alphabet. */
function isRun(word: string): boolean {
  return Array.from(word).every(
    (letter, index) => index === 0 || letter.charCodeAt(0) === word.charCodeAt(index - 1) + 1,
  );
}

/** `(?!dev$).*`, which begins anywhere in a tag, and `.*(?!dev)`, which goes past it: neither excludes anything. */
function aboutLookahead(pattern: string, tokens: readonly Token[], node: RegexNode): Advice | undefined {
  const alternatives = alternativesOf(tokens);
  if (alternatives.some(beginsWithLookahead)) {
    const all = matchesEverything(node) ? ', and so matches every tag' : '';
    const held = alternatives.map((one) => (beginsWithLookahead(one) ? anchoredAtStart(one) : textOf(one)));
    return {
      problem: `${quote(pattern)} is not anchored: it may begin anywhere in a tag, past what (?!…) is to exclude${all}`,
      promise: 'to exclude it',
      instead: held.join('|'),
    };
  }
  const [, ahead, behind] =
    /^\^?\.[*+](?:\(\?!((?:[^()]|\([^()]*\))*)\)(?:\.\*)?\$?|\(\?<!([^()]*)\))$/.exec(pattern) ?? [];
  const excluded = ahead ?? behind;
  if (excluded === undefined) return undefined;
  return {
    problem: `${quote(pattern)} excludes nothing: .* may match what ${quote(excluded)} is to exclude`,
    promise: ahead === undefined ? 'to exclude tags that end with it' : 'to exclude tags that have it',
    instead: ahead === undefined ? `^.*(?<!${excluded})$` : `^(?!.*${excluded}).*`,
  };
}

/** Whether a lookahead that excludes comes first, in groups or behind flags too, without an anchor. */
function beginsWithLookahead(tokens: readonly Token[]): boolean {
  const first = tokens.find(({ kind, text }) => kind !== 'open' || /[!=]$/.test(text));
  return first?.kind === 'open' && first.text === '(?!';
}

/** `((?!x).)*` excludes only where it is held to the end of the tag, too. */
function anchoredAtStart(tokens: readonly Token[]): string {
  const isRepeated =
    tokens[0]?.text !== '(?!' && tokens.at(-1)?.kind === 'quantifier' && tokens.at(-2)?.kind === 'close';
  return `^${textOf(tokens)}${isRepeated ? '$' : ''}`;
}

/** `^dev|main$`: an anchor that holds for one alternative only. */
function aboutLoneAnchor(pattern: string, tokens: readonly Token[]): Advice | undefined {
  const alternatives = alternativesOf(tokens);
  const bare = alternatives.map((one) => withoutAnchors(textOf(one)));
  const begin = alternatives.filter((one) => one[0]?.text === '^').length;
  const end = alternatives.filter((one) => one.at(-1)?.text === '$').length;
  const isWhole = begin === alternatives.length || end === alternatives.length;
  if (isWhole || begin + end === 0 || bare.includes('')) return undefined;
  return {
    problem: `in ${quote(pattern)} an anchor holds for its alternative only`,
    promise: 'to anchor all of them',
    instead: `${begin > 0 ? '^' : ''}(${bare.join('|')})${end > 0 ? '$' : ''}`,
  };
}

/** `release|pr` and `1.0.0`: words that may stand anywhere, and one tag that is not alone. */
function aboutWords(pattern: string): Advice | undefined {
  const isVersion = /^v?\d+(?:\.\d+)+$/.test(pattern);
  if (!isVersion && !/^[A-Za-z0-9_-]+(?:\|[A-Za-z0-9_-]+)+$/.test(pattern)) return undefined;
  return {
    problem: `${quote(pattern)} is not anchored: it matches every tag that has it anywhere, in the middle of a word too`,
    promise: isVersion ? 'for this tag alone' : 'for tags that begin with one of them',
    instead: isVersion ? `^${pattern.replaceAll('.', '\\.')}$` : `^(${pattern})`,
  };
}

/** `[0-9]*`, which may match nothing at all. */
function aboutEverything(pattern: string, tokens: readonly Token[], node: RegexNode): Advice | undefined {
  const meansIt = tokens.some(({ kind }, index) => kind === 'dot' && /^[*]/.test(tokens[index + 1]?.text ?? ''));
  const alternatives = alternativesOf(tokens);
  const bare = withoutAnchors(pattern);
  if (meansIt || bare === '' || alternatives.some((one) => one.length === 0) || !matchesEverything(node))
    return undefined;
  return {
    problem: `${quote(pattern)} matches every tag, because it may match nothing at all`,
    promise: 'for whole tags',
    instead: alternatives.length === 1 ? `^${bare}$` : `^(?:${bare})$`,
  };
}

/** The letters that mean something after a backslash. */
const MEANINGFUL = 'abefnrtvxucdDsSwWpPkABGZz';

/**
 * Warns of classes that look like alternatives, `[F|f]` and `[^F|f]`, of alternatives that are empty, and of a backslash
 * before a letter that means nothing there, as in `\Qdev\E`.
 */
export function lintPattern(pattern: string): readonly string[] {
  const tokens = tokensOf(pattern);
  const warnings = tokens.flatMap(({ text }) => aboutBar(text) ?? []);
  for (const letter of new Set(Array.from(pattern.matchAll(/\\([^])/g), ([, one = '']) => one)))
    if (/[A-Za-z]/.test(letter) && !MEANINGFUL.includes(letter))
      warnings.push(`\\${letter} has no meaning to acr purge: it is the letter ${letter}`);
  const alternatives = alternativesOf(tokens);
  if (alternatives.length > 1 && alternatives.some((one) => one.length === 0))
    warnings.push(`${quote(pattern)} has an empty alternative, which matches everything; remove the bar`);
  return warnings;
}

function aboutBar(text: string): string | undefined {
  const [, negation = '', inside = ''] = /^\[(\^?)([^[\\\]]*)\]$/.exec(text) ?? [];
  if (!/[^|]\|[^|]/.test(inside)) return undefined;
  const isSingle = inside.split('|').every((alternative) => /^[^-^]$/.test(alternative));
  const several = negation === '' ? `(${inside})` : `^(?!${inside})`;
  const instead = isSingle ? `[${[...new Set(inside.replaceAll('|', ''))].join('')}]` : several;
  return negation === ''
    ? `${text} is a character class: it matches any one of ${list(inside)}, the bar too; write ${instead}`
    : `${text} is a negated character class: it matches any character EXCEPT ${list(inside)}; write ${instead}`;
}

/** Warns of alternatives that `^` and `$` around the whole text do not hold all: `app|web`. */
export function lintAnchored(pattern: string): readonly string[] {
  const alternatives = alternativesOf(tokensOf(pattern)).map(textOf);
  const [first = '', last = ''] = [alternatives[0], alternatives.at(-1)];
  if (alternatives.length === 1) return [];
  return [
    `${quote(pattern)} as a repository matches whatever starts with ${quote(first)} or ends with ${quote(last)}; write (${pattern}) for whole names`,
  ];
}

/** The characters of a text, each once. */
function list(text: string): string {
  return [...new Set(text)].map((one) => quote(one)).join(', ');
}
