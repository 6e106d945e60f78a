import { quote } from '../errors.ts';
import { readGlob, withoutAnchors } from './glob.ts';
import { matchesEverything } from './possible.ts';
import type { RegexNode } from './node.ts';
import { alternativesOf, textOf, type Token, tokensOf } from './tokens.ts';

/** What a pattern hardly means, and the pattern to write instead. */
export interface Advice {
  readonly problem: string;
  /** What the pattern is for that is to be written instead. */
  readonly promise?: string;
  readonly instead?: string;
}

/** What there is to say about the tag part of a filter, the most important first. */
export function adviceOnTags(pattern: string, node: RegexNode): Advice | undefined {
  const tokens = tokensOf(pattern);
  return (
    aboutNothing(pattern) ??
    aboutGlob(pattern, node) ??
    aboutClass(tokens) ??
    aboutLookahead(pattern, tokens, node) ??
    aboutLoneAnchor(pattern, tokens) ??
    aboutWords(pattern, tokens) ??
    aboutVersion(pattern) ??
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
  const means =
    before === ''
      ? `${mark} has nothing before it to repeat`
      : mark === '*'
        ? `* repeats the ${quote(before)} before it, any number of times or not at all`
        : `? makes the ${quote(before)} before it optional`;
  return `${quote(pattern)} is a regular expression, in which ${means}`;
}

function aboutGlob(pattern: string, node: RegexNode): Advice | undefined {
  const glob = readGlob(pattern, false);
  if (!glob) return undefined;
  const more = matchesEverything(node) ? ', so it matches every tag' : '';
  return {
    problem: `${globProblem(pattern, glob)}${more}`,
    promise: glob.mark === '*' ? 'for any text in its place' : 'for any one character in its place',
    instead: glob.regex,
  };
}

/** `[^dev]`, in which a word is meant. */
function aboutClass(tokens: readonly Token[]): Advice | undefined {
  for (const { kind, text } of tokens) {
    const [, negation = '', word = ''] = /^\[([\^!]?)([A-Za-z][A-Za-z0-9_.]{2,})\]$/.exec(text) ?? [];
    if (kind !== 'class' || word === '' || isRun(word)) continue;
    const characters = [...new Set(word)].map((one) => quote(one)).join(', ');
    const escaped = word.replaceAll('.', '\\.');
    if (negation !== '')
      return {
        problem:
          negation === '^'
            ? `${text} matches one character, any EXCEPT ${characters}`
            : `${text} matches one character: ${characters} or "!"`,
        promise: `for every tag but ${quote(word)}`,
        instead: `^(?!${escaped}$).*`,
      };
    // A class that is only a part of a pattern is hardly a word.
    if (tokens.every((one) => one.text === text || one.kind === 'anchor' || one.kind === 'quantifier'))
      return {
        problem: `${text} matches one character, any of ${characters}`,
        promise: `for the tag ${quote(word)}`,
        instead: `^${escaped}$`,
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
    problem: `${quote(pattern)} excludes nothing: .* may go past what ${ahead === undefined ? '(?<!…)' : '(?!…)'} is to exclude`,
    promise: `to exclude tags ${ahead === undefined ? 'that end with it' : 'that have it'}`,
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

/** `^dev|main$`: an anchor that holds for one branch only. */
function aboutLoneAnchor(pattern: string, tokens: readonly Token[]): Advice | undefined {
  const alternatives = alternativesOf(tokens);
  const begin = alternatives.filter((one) => one[0]?.text === '^').length;
  const end = alternatives.filter((one) => one.at(-1)?.text === '$').length;
  const isTorn = (count: number): boolean => count > 0 && count < alternatives.length;
  if ((!isTorn(begin) && !isTorn(end)) || begin === alternatives.length || end === alternatives.length)
    return undefined;
  const bare = alternatives.map((one) => withoutAnchors(textOf(one)));
  if (bare.includes('')) return undefined;
  const means = alternatives.map((one, index) => {
    const word = quote(bare[index] ?? '');
    const [isBegin, isEnd] = [one[0]?.text === '^', one.at(-1)?.text === '$'];
    return isBegin && isEnd
      ? `is ${word}`
      : isBegin
        ? `begins with ${word}`
        : isEnd
          ? `ends with ${word}`
          : `has ${word} anywhere`;
  });
  return {
    problem: `${quote(pattern)} means "${means.join(', or ').replaceAll('"', '')}": an anchor holds for its branch only`,
    promise: 'to anchor all of them',
    instead: `${begin > 0 ? '^' : ''}(${bare.join('|')})${end > 0 ? '$' : ''}`,
  };
}

/** `release|pr`: words that may stand anywhere. */
function aboutWords(pattern: string, tokens: readonly Token[]): Advice | undefined {
  const alternatives = alternativesOf(tokens);
  if (alternatives.length < 2 || !/^[A-Za-z0-9_-]+(?:\|[A-Za-z0-9_-]+)+$/.test(pattern)) return undefined;
  const words = alternatives.map((one) => quote(textOf(one)));
  return {
    problem: `${quote(pattern)} is not anchored: it matches every tag that has ${words.join(' or ')} anywhere, in the middle of a word too`,
    promise: 'for tags that begin with one of them',
    instead: `^(${pattern})`,
  };
}

/** `1.0.0`, of which only one tag is meant. */
function aboutVersion(pattern: string): Advice | undefined {
  if (!/^v?\d+(?:\.\d+)+$/.test(pattern)) return undefined;
  return {
    problem: `${quote(pattern)} is not anchored, and its dots stand for any character: it matches ${quote(`${pattern}-rc1`)} too`,
    promise: 'for this tag alone',
    instead: `^${pattern.replaceAll('.', '\\.')}$`,
  };
}

/** `[0-9]*`, which is content with nothing. */
function aboutEverything(pattern: string, tokens: readonly Token[], node: RegexNode): Advice | undefined {
  const meansIt = tokens.some(({ kind }, index) => kind === 'dot' && /^[*]/.test(tokens[index + 1]?.text ?? ''));
  const isEmptyBranch = alternativesOf(tokens).some((one) => one.length === 0);
  if (meansIt || isEmptyBranch || !matchesEverything(node)) return undefined;
  const bare = withoutAnchors(pattern);
  if (bare === '') return undefined;
  const isSingle = alternativesOf(tokens).length === 1;
  return {
    problem: `${quote(pattern)} matches every tag, because it may match nothing at all`,
    promise: 'for whole tags',
    instead: isSingle ? `^${bare}$` : `^(?:${bare})$`,
  };
}
