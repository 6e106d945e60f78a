import picomatch from 'picomatch';
import { PolicyError, quote } from '../errors.ts';
import { matchAll } from '../regex/regex.ts';
import type { NamePattern } from './types.ts';

/** A name of a repository has 255 characters at most. */
const LONGEST_GLOB = 512;
const MOST_ALTERNATIVES = 256;

/** What a glob is written with, besides the characters of names. */
const OPTIONS: picomatch.PicomatchOptions = {
  dot: true,
  // `base/**` is what is under base, not base.
  strictSlashes: true,
  strictBrackets: true,
  literalBrackets: false,
  noextglob: true,
  nobrace: true,
  nonegate: true,
  fastpaths: false,
  // `[!a]` is any character but a.
  posix: true,
  windows: false,
  // Throws where the expression is none, and would match nothing otherwise.
  debug: true,
};

/** What names are made of, and a name of each kind for messages. */
const KINDS = {
  repositories: { characters: /^[a-z0-9._/-]*$/, words: 'a repository', letters: 'a-z, 0-9 and . _ - /' },
  tags: { characters: /^[A-Za-z0-9._-]*$/, words: 'a tag', letters: 'letters, digits and . _ -' },
} as const;

/**
 * Compiles a glob: `*` and `?` within a part of a path, `**` across parts, `[a-z]`, `[!a-z]`, `{a,b}`. It is held to the
 * whole name. What no name can have in it is refused: a protection that matches nothing protects nothing.
 *
 * @throws {PolicyError}
 */
export function compileGlob(text: string, kind: keyof typeof KINDS): NamePattern {
  const fail = (problem: string, cause?: unknown): never => {
    throw new PolicyError(kind, text, problem, { cause });
  };
  if (text === '') fail('is empty; * is any name');
  if (text.length > LONGEST_GLOB) fail(`a glob is limited to ${LONGEST_GLOB} characters`);
  const { characters, words, letters } = KINDS[kind];
  // Of classes nothing remains, and of braces what is in them.
  const literal = text.replace(/\[[!^]?[A-Za-z0-9._-]+\]/g, '').replace(/[*?{},]/g, '');
  if (/[\\^$()|+]/.test(literal)) fail(`looks like a regular expression; write { regex: ${quote(text)} }`);
  if (literal.startsWith('!')) fail(`a glob cannot exclude; a tag that stays is named under protect:`);
  if (/[[\]]/.test(literal)) fail('a [ must be closed, and has letters, digits and . _ - in it');
  if (kind === 'tags' && literal.includes('/')) fail('no tag has a /; repositories: says which repositories');
  if (literal.includes(':')) fail('no name has a colon; write repositories: and tags:, or names: for repository:tag');
  if (/^[^/]*\.azurecr\.[a-z]+\//.test(text)) fail('names the registry; a repository begins behind its host');
  if (!characters.test(literal)) fail(`can match nothing, because the name of ${words} has ${letters} only`);
  if (/[{},]/.test(text.replace(/\{[^{}]*,[^{}]*\}/g, ''))) fail('braces are written {a,b}, and not within others');
  if (/[^/]\*\*|\*\*[^/]/.test(text))
    fail('** stands alone between two /, or is the whole glob; within a part write *');
  const globs = expanded(text, fail);
  if (globs.some((glob) => /(?:^|\/)(?:\/|$)/.test(glob)))
    fail('can match nothing, because no name begins or ends with a /, or has two of them together');
  try {
    const expressions = globs.map((glob) => picomatch.makeRe(glob, OPTIONS));
    return {
      pattern: text,
      dialect: 'glob',
      entangled: false,
      expressions,
      test: (values) => matchAll(expressions, values),
    };
  } catch (cause) {
    return fail(`this is no glob: ${quote((cause as Error).message)}`, cause);
  }
}

/** `**` as it is written: the library must not make one of `*{,b}*`. */
const ACROSS = '\u0000';

/** Each alternative of a glob with braces, which the library reads in its own ways: `{,b}` may match less than a part. */
function expanded(text: string, fail: (problem: string) => never): readonly string[] {
  let globs = [text.replaceAll('**', ACROSS)];
  for (const [braces] of text.matchAll(/\{[^{}]*\}/g)) {
    const alternatives = braces.slice(1, -1).split(',');
    if (globs.length * alternatives.length > MOST_ALTERNATIVES)
      fail(`its braces stand for more than ${MOST_ALTERNATIVES} globs`);
    globs = globs.flatMap((glob) => alternatives.map((one) => glob.replace(braces, () => one)));
  }
  return [...new Set(globs.map((glob) => glob.replace(/\*+/g, '*').replaceAll(ACROSS, '**')))];
}
