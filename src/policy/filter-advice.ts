import { PolicyError, quote } from './errors.ts';
import { filterFlag } from './flag-hints.ts';
import { type Advice, adviceOnRepository, adviceOnTags } from './regex/advice.ts';
import { readGlob } from './regex/glob.ts';
import { parseRegex } from './regex/parse.ts';
import { type Impossible, impossibleIn, REPOSITORY_CHARACTERS, TAG_CHARACTERS } from './regex/possible.ts';
import { alternativesOf, textOf as tokenText, tokensOf } from './regex/tokens.ts';
import type { RegexNode } from './regex/node.ts';

/** A filter in its two parts. */
interface Parts {
  readonly repositoryPattern: string;
  readonly tagPattern: string;
}

const QUOTES = /["'`´‘’‚‛“”„‟«»]/g;

/** What is said of a filter with several colons, or `undefined` where nothing better is known. */
export function adviceOnColons(text: string): string | undefined {
  const several = text.split(/\s*(?:[,;|]|&&|\s)\s*/).filter((one) => one !== '');
  if (several.length > 1 && several.every((one) => /^[^:/]+(?:\/[^:]+)?:[^:]+$/.test(one)))
    return `these are several filters; write --filter once for each: ${several.map((one) => `--filter '${one}'`).join(' ')}`;
  const [, host, rest] = /^(?:https?:\/\/)?([\w.-]+(?::\d+)?|\[[\da-f:]+\](?::\d+)?)\/(.+:.+)$/i.exec(text) ?? [];
  if (host !== undefined && rest !== undefined)
    return `${hostProblem(host)}; write --registry ${host} --filter '${rest}'`;
  return /sha(?:256|512):/.test(text) ? DIGEST : undefined;
}

const DIGEST = 'a filter names tags, not digests; manifests without a tag are deleted by --untagged or --untagged-only';

function hostProblem(host: string): string {
  return `${host} is the host of a registry, and the registry does not belong into a filter, which begins with the repository`;
}

/** Hosts of registries that are no part of the name of a repository; others are, where images of theirs are copied. */
const HOST = /^(?:[a-z0-9-]+(?:\\?\.[a-z0-9-]+)*\\?\.azurecr\\?\.(?:io|cn|us|de)|localhost|\d+(?:\\?\.\d+){3})\/(.+)$/i;

/** The same of the host of any registry, to be said where the filter matches no repository: `quay.io/team/web`. */
export function adviceOnUnmatched({ repositoryPattern, tagPattern }: Parts): string | undefined {
  const [, host, rest] =
    /^\^?([a-z0-9-]+(?:\\?\.[a-z0-9-]+)*\\?\.[a-z]{2,}|localhost)\/(.+)$/i.exec(repositoryPattern) ?? [];
  if (host === undefined || rest === undefined) return undefined;
  return `${hostProblem(host.replaceAll('\\', ''))}: write ${filterFlag(rest, tagPattern)}`;
}

/** A filter that cannot be compiled because it is a glob: what it is as a regular expression. */
function adviceOnRefused({ repositoryPattern, tagPattern }: Parts): string | undefined {
  const repository = readGlob(repositoryPattern, true);
  const tags = readGlob(tagPattern, false);
  if (!repository && !tags) return undefined;
  const better = {
    repositoryPattern: repository?.regex ?? repositoryPattern,
    tagPattern: tags?.regex ?? tagPattern,
  };
  if (!isSound(better)) return undefined;
  const written = filterFlag(better.repositoryPattern, better.tagPattern);
  return `a filter is made of regular expressions, in which * and ? repeat what stands before them; for anything write .*: ${written}`;
}

/** What there is to say of a filter that is sound: that it can match nothing, or hardly means what it looks like. */
export function adviceOnFilter(parts: Parts): readonly string[] {
  const { repositoryPattern, tagPattern } = parts;
  const nodes = {
    repository: parseRegex(`^${repositoryPattern}$`, '--filter').root,
    tags: parseRegex(tagPattern, '--filter').root,
  };
  const never = neverOf(parts, nodes);
  if (never.length > 0) return never;
  const [, rest] = HOST.exec(repositoryPattern) ?? [];
  const host = repositoryPattern.slice(0, repositoryPattern.length - (rest?.length ?? 0) - 1);
  const found: string[] = [];
  if (rest !== undefined)
    found.push(
      `${quote(textOf(parts))}: ${hostProblem(host.replaceAll('\\', ''))}; write ${filterFlag(rest, tagPattern)}`,
    );
  const repository = adviceOnRepository(repositoryPattern);
  const tags = adviceOnTags(tagPattern, nodes.tags);
  for (const advice of [repository, tags])
    if (advice)
      found.push(
        inWords(advice, {
          repositoryPattern: repository?.instead ?? repositoryPattern,
          tagPattern: tags?.instead ?? tagPattern,
        }),
      );
  return found;
}

function inWords({ problem, promise, instead }: Advice, better: Parts): string {
  if (promise === undefined || instead === undefined) return problem;
  return problem + toWrite(better.repositoryPattern, better.tagPattern, `${promise} `);
}

/** The filter to write instead, where that is one that can be compiled. */
function toWrite(repositoryPattern: string, tagPattern: string, promise = ''): string {
  return isSound({ repositoryPattern, tagPattern })
    ? `; ${promise}write ${filterFlag(repositoryPattern, tagPattern)}`
    : '';
}

function isSound({ repositoryPattern, tagPattern }: Parts): boolean {
  if (repositoryPattern === '' || tagPattern === '') return false;
  try {
    for (const pattern of [`^${repositoryPattern}$`, tagPattern]) parseRegex(pattern, '--filter');
    return true;
  } catch {
    return false;
  }
}

function textOf({ repositoryPattern, tagPattern }: Parts): string {
  return `${repositoryPattern}:${tagPattern}`;
}

/** What a filter needs that stands in no name. Of alternatives each is looked at by itself. */
function neverOf(parts: Parts, nodes: { readonly repository: RegexNode; readonly tags: RegexNode }): readonly string[] {
  const { repositoryPattern, tagPattern } = parts;
  const repository = impossibleIn(nodes.repository, REPOSITORY_CHARACTERS);
  if (repository) return [neverRepository(parts, characterAt(repositoryPattern, repository, 1))];
  const branches = nodes.tags.kind === 'choice' ? nodes.tags.branches : [nodes.tags];
  const found = branches.map((branch) => impossibleIn(branch, TAG_CHARACTERS));
  const place = found.findIndex((one) => one !== undefined);
  const [first] = found.slice(place);
  if (place < 0 || !first) return [];
  const alternatives = alternativesOf(tokensOf(tagPattern));
  const which = found.includes(undefined) ? alternatives[place] : undefined;
  return [neverTag(parts, which && tokenText(which), characterAt(tagPattern, first, 0))];
}

/** @param offset characters that were put in front of the pattern before it was parsed */
function characterAt(pattern: string, { at }: Impossible, offset: number): string | undefined {
  return at === undefined ? undefined : pattern[at - 1 - offset];
}

function neverRepository(parts: Parts, character: string | undefined): string {
  const { repositoryPattern, tagPattern } = parts;
  const never = `the filter ${quote(textOf(parts))} can never match`;
  const general = common(parts, character, 'name of a repository');
  if (general !== undefined) return `${never}: ${general}`;
  if (character === '@') return `${never}: ${DIGEST}`;
  if (character === '!') {
    const [, name = ''] = /^\^?!\(?(.*?)\)?\$?$/.exec(repositoryPattern) ?? [];
    return `${never}: ! means nothing in a regular expression${toWrite(`(?!${grouped(name)}$).*`, tagPattern, `for every repository but ${quote(name)} `)}`;
  }
  if (character !== undefined && /[A-Z]/.test(character))
    return `${never}: repositories have no upper-case letters${toWrite(lowered(repositoryPattern), tagPattern)}`;
  return `${never}: ${character === undefined ? 'a character that it needs' : quote(character)} is in no name of a repository`;
}

/** @param alternative the part that can never match, where the others can */
function neverTag(parts: Parts, alternative: string | undefined, character: string | undefined): string {
  const { repositoryPattern, tagPattern } = parts;
  const whole = `the filter ${quote(textOf(parts))}`;
  const never = `${alternative === undefined ? whole : `of ${whole} the alternative ${quote(alternative)}`} can never match`;
  const general = common(parts, character, 'tag');
  if (general !== undefined) return `${never}: ${general}`;
  if (character === '!') {
    const [, name = ''] = /^\^?!\(?\^?(.*?)\$?\)?\$?$/.exec(tagPattern) ?? [];
    return `${never}: ! means nothing in a regular expression${toWrite(repositoryPattern, `^(?!${grouped(name)}$).*`, `for every tag but ${quote(name)} `)}`;
  }
  if (character === '<' || character === '>')
    return `${never}: ${quote(character)} is in no tag; manifests without a tag are deleted by --untagged or --untagged-only`;
  if (character === '/')
    return `${never}: a slash is in no tag; the whole name of the repository stands before the colon`;
  if (character === '@' || tagPattern.includes('sha256:')) return `${never}: ${DIGEST}`;
  return `${never}: ${character === undefined ? 'a character that it needs' : quote(character)} is in no tag`;
}

/** What is said alike of both parts. */
function common(parts: Parts, character: string | undefined, name: string): string | undefined {
  const { repositoryPattern, tagPattern } = parts;
  if (character === undefined) return undefined;
  const without = (characters: RegExp): string =>
    toWrite(repositoryPattern.replace(characters, ''), tagPattern.replace(characters, ''));
  if (new RegExp(QUOTES.source).test(character)) return `a quotation mark is in no name${without(QUOTES)}`;
  if (/\s/.test(character)) return `a blank is in no ${name}${without(/\s+/g)}`;
  if (character === ',' || character === ';') {
    const both = (pattern: string): string => {
      const names = pattern.split(/\s*[,;]\s*/).filter((one) => one !== '');
      return names.length > 1 ? `(${names.join('|')})` : (names[0] ?? pattern);
    };
    return `${quote(character)} is in no ${name}${toWrite(both(repositoryPattern), both(tagPattern), 'for several ')}, or --filter once for each`;
  }
  if (/[${}<>%]/.test(character) && /[${<%]\W?\w/.test(textOf(parts)) && character !== '<')
    return `${quote(character)} is in no ${name}; a template or a shell variable was not filled in`;
  return undefined;
}

/** In small letters, but for what is no letter of a name: `\D`, `\p{L}`. */
function lowered(pattern: string): string {
  return pattern.replace(/\\[pP]\{\w+\}|\\[^]|\(\?[^:)]*|[A-Z]/g, (text) =>
    text.length === 1 ? text.toLowerCase() : text,
  );
}

/** The same mistake, with what to write where the filter is a glob. */
export function refusedFilter(error: PolicyError, text: string, parts: Parts): PolicyError {
  const advice = adviceOnRefused(parts);
  return advice === undefined ? error : new PolicyError(error.flag, text, advice, { cause: error });
}

function grouped(pattern: string): string {
  return pattern.includes('|') ? `(${pattern})` : pattern;
}
