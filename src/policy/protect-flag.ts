import { attempts, InvalidPolicy, PolicyError, quote } from './errors.ts';
import { compileGlob } from './file/glob.ts';
import type { NamePattern } from './file/types.ts';

const FLAG = '--protect';

/** What one `--protect` names. */
export interface Protected {
  /** As it was given. */
  readonly text: string;
  readonly repositories: NamePattern;
  readonly tags: NamePattern;
  /** Whether it is about all of these repositories, what has no tag in them included: its tags are `*`. */
  readonly isWhole: boolean;
}

/** Of a list of names there are policy files, which look names up and do not match them. */
const MOST = 1_000;

/** @throws {InvalidPolicy} with every mistake */
export function parseProtections(texts: readonly string[]): readonly Protected[] {
  const { problems, attempt } = attempts();
  const unique = [...new Set(texts)];
  if (unique.length > MOST) {
    const instead = `${MOST} at most are matched; write a policy file with protect: and tagsFrom: for more`;
    throw new InvalidPolicy([new PolicyError(FLAG, undefined, `is given ${unique.length} times; ${instead}`)]);
  }
  const found = unique.flatMap((text) => attempt(() => parseProtection(text)) ?? []);
  if (problems.length > 0) throw new InvalidPolicy(problems);
  return found;
}

/**
 * Reads `<repository>:<tag glob>`. Both parts are globs.
 * @throws {PolicyError}
 */
export function parseProtection(text: string): Protected {
  const fail = (problem: string, cause?: unknown): never => {
    throw new PolicyError(FLAG, text, problem, { cause });
  };
  if (text.startsWith('@'))
    fail(
      'names a list; only the command line reads one. Write --protect <repository>:<tag glob> for each, or a policy file with tagsFrom:',
    );
  const [, rest] = /^[^/:]+\.azurecr\.[^/:]+(?::[0-9]+)?\/(.+)$/.exec(text) ?? [];
  if (rest !== undefined) fail(`names a registry; write ${quote(rest)}`);
  if (text.includes('@')) fail('names a manifest; write one of its tags');
  const [repository = '', tag, ...more] = text.split(':');
  if (tag === undefined)
    return fail(
      `no colon separates the repository from the tag; write ${quote(`**:${text}`)} for that tag in every repository, or ${quote(`${text}:*`)} for all of that repository`,
    );
  if (more.length > 0) fail('more than one colon could separate the repository from the tag; no name has one');
  if (repository === '') fail(`the repository before the colon is missing; write ${quote(`**:${tag}`)} for every one`);
  if (tag === '') fail(`the tag after the colon is missing; write ${quote(`${repository}:*`)} for all of it`);
  if (repository.startsWith('!') || tag.startsWith('!')) fail('a glob cannot exclude');
  if (tag.includes('/')) fail('no tag has a /');
  if (/[\\^$()|+]/.test(text.replace(/\[[^\]]*\]/g, '')))
    fail('looks like a regular expression, and is a glob here: * is any part of a name, ** in a repository any path');
  try {
    return {
      text,
      repositories: compileGlob(repository, 'repositories'),
      tags: compileGlob(tag, 'tags'),
      isWhole: /^\*+$/.test(tag),
    };
  } catch (cause) {
    return cause instanceof PolicyError ? fail(cause.problem, cause) : fail((cause as Error).message, cause);
  }
}
