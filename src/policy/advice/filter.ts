import { PolicyError, quote } from '../errors.ts';
import type { RegexNode } from '../regex/node.ts';
import { parseRegex } from '../regex/parse.ts';
import { filterFlag } from './flags.ts';
import { readGlob } from './glob.ts';
import { impossibleIn, REPOSITORY_CHARACTERS, TAG_CHARACTERS } from './possible.ts';
import { type Advice, adviceOnRepository, adviceOnTags } from './tags.ts';
import { alternativesOf, textOf as textOfTokens, tokensOf } from './tokens.ts';

/** A filter in its two parts. */
interface Parts {
  readonly repositoryPattern: string;
  readonly tagPattern: string;
}

const QUOTES = /["'`´‘’‚‛“”„‟«»]/;
const DIGEST = 'a filter names tags, not digests; manifests without a tag are deleted by --untagged or --untagged-only';

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

function hostProblem(host: string): string {
  return `${host.replaceAll('\\', '')} is the host of a registry, and the registry does not belong into a filter, which begins with the repository`;
}

/** Hosts of registries that are no part of the name of a repository. */
const OWN_HOST =
  /^([a-z0-9-]+(?:\\?\.[a-z0-9-]+)*\\?\.azurecr\\?\.(?:io|cn|us|de)|localhost|\d+(?:\\?\.\d+){3})\/(.+)$/i;
/** Other hosts may be, where images of theirs are copied: `quay.io/team/web`. */
const ANY_HOST = /^\^?([a-z0-9-]+(?:\\?\.[a-z0-9-]+)*\\?\.[a-z]{2,}|localhost)\/(.+)$/i;

/** What is said of a filter that begins with a host, to be said where it matches no repository. */
export function adviceOnUnmatched(parts: Parts): string | undefined {
  return adviceOnHost(parts, ANY_HOST);
}

function adviceOnHost({ repositoryPattern, tagPattern }: Parts, hosts: RegExp): string | undefined {
  const [, host, rest] = hosts.exec(repositoryPattern) ?? [];
  if (host === undefined || rest === undefined) return undefined;
  return `${hostProblem(host)}; write ${filterFlag(rest, tagPattern)}`;
}

/** The same mistake, with what to write where the filter cannot be compiled because it is a glob. */
export function refusedFilter(error: PolicyError, text: string, { repositoryPattern, tagPattern }: Parts): PolicyError {
  const repository = readGlob(repositoryPattern, true);
  const tags = readGlob(tagPattern, false);
  const instead = toWrite(repository?.regex ?? repositoryPattern, tags?.regex ?? tagPattern);
  if ((!repository && !tags) || instead === '') return error;
  const problem =
    'a filter is made of regular expressions, in which * and ? repeat what stands before them; for anything write .*';
  return new PolicyError(error.flag, text, `${problem}${instead}`, { cause: error });
}

/** What there is to say of a filter that is sound: that it can match nothing, or hardly means what it looks like. */
export function adviceOnFilter(parts: Parts): readonly string[] {
  const { repositoryPattern, tagPattern } = parts;
  const tagNode = parseRegex(tagPattern, '--filter').root;
  const never = neverMatches(parts, parseRegex(`^${repositoryPattern}$`, '--filter').root, tagNode);
  if (never !== undefined) return [never];
  const host = adviceOnHost(parts, OWN_HOST);
  const repository = adviceOnRepository(repositoryPattern);
  const tags = adviceOnTags(tagPattern, tagNode);
  const inWords = ({ problem, promise, instead }: Advice): string =>
    instead === undefined
      ? problem
      : problem + toWrite(repository?.instead ?? repositoryPattern, tags?.instead ?? tagPattern, promise);
  return [
    ...(host === undefined ? [] : [`${quote(textOf(parts))}: ${host}`]),
    ...[repository, tags].flatMap((advice) => (advice ? [inWords(advice)] : [])),
  ];
}

function textOf({ repositoryPattern, tagPattern }: Parts): string {
  return `${repositoryPattern}:${tagPattern}`;
}

/** `; write --filter '…'`, or nothing where that filter cannot be compiled. */
function toWrite(repositoryPattern: string, tagPattern: string, promise?: string): string {
  if (repositoryPattern === '' || tagPattern === '') return '';
  try {
    for (const pattern of [`^${repositoryPattern}$`, tagPattern]) parseRegex(pattern, '--filter');
  } catch {
    return '';
  }
  return `; ${promise === undefined ? '' : `${promise} `}write ${filterFlag(repositoryPattern, tagPattern)}`;
}

/** What a filter needs and no name has. Each alternative for tags is looked at by itself. */
function neverMatches(parts: Parts, repository: RegexNode, tags: RegexNode): string | undefined {
  const subject = `the filter ${quote(textOf(parts))}`;
  const inRepository = impossibleIn(repository, REPOSITORY_CHARACTERS);
  // The ^ that was put in front is the first character.
  if (inRepository)
    return `${subject} can never match: ${why(parts, 'repository', parts.repositoryPattern[(inRepository.at ?? 0) - 2])}`;
  const found = (tags.kind === 'choice' ? tags.branches : [tags]).map((branch) => impossibleIn(branch, TAG_CHARACTERS));
  const place = found.findIndex((one) => one !== undefined);
  if (place < 0) return undefined;
  const alternative = found.includes(undefined) ? alternativesOf(tokensOf(parts.tagPattern))[place] : undefined;
  const which = alternative ? `of ${subject} the alternative ${quote(textOfTokens(alternative))}` : subject;
  return `${which} can never match: ${why(parts, 'tag', parts.tagPattern[(found[place]?.at ?? 0) - 1])}`;
}

/** @param character the one that a name cannot have, where it is written as itself */
function why(parts: Parts, part: 'repository' | 'tag', character = ''): string {
  const { repositoryPattern, tagPattern } = parts;
  const name = part === 'tag' ? 'tag' : 'name of a repository';
  const both = (change: (pattern: string) => string, promise?: string): string =>
    toWrite(change(repositoryPattern), change(tagPattern), promise);
  const isIn = character === '' ? `a character that it needs is in no ${name}` : `${quote(character)} is in no ${name}`;
  if (QUOTES.test(character))
    return `a quotation mark is in no name${both((pattern) => pattern.replace(new RegExp(QUOTES, 'g'), ''))}`;
  if (/\s/.test(character)) return `a blank is in no ${name}${both((pattern) => pattern.replace(/\s+/g, ''))}`;
  if (character === ',' || character === ';')
    return `${isIn}${both(asAlternatives, 'for several')}, or --filter once for each`;
  if (/[${}>%]/.test(character) && /[${<%]\W?\w/.test(textOf(parts)))
    return `${isIn}; a template or a shell variable was not filled in`;
  if (character === '@' || (part === 'tag' && tagPattern.includes('sha256:'))) return DIGEST;
  if (character === '!') {
    const [, excluded = ''] = /^\^?!\(?\^?(.*?)\$?\)?\$?$/.exec(part === 'tag' ? tagPattern : repositoryPattern) ?? [];
    const all = `(?!${excluded.includes('|') ? `(${excluded})` : excluded}$).*`;
    const instead =
      part === 'tag'
        ? toWrite(repositoryPattern, `^${all}`, `for every tag but ${quote(excluded)}`)
        : toWrite(all, tagPattern, `for every repository but ${quote(excluded)}`);
    return `! means nothing in a regular expression${instead}`;
  }
  if (part === 'repository' && /[A-Z]/.test(character))
    return `repositories have no upper-case letters${toWrite(lowered(repositoryPattern), tagPattern)}`;
  if (part === 'tag' && /[<>]/.test(character))
    return `${isIn}; manifests without a tag are deleted by --untagged or --untagged-only`;
  if (part === 'tag' && character === '/')
    return 'a slash is in no tag; the whole name of the repository stands before the colon';
  return isIn;
}

/** `app,web` as `(app|web)`. */
function asAlternatives(pattern: string): string {
  const names = pattern.split(/\s*[,;]\s*/).filter((one) => one !== '');
  return names.length > 1 ? `(${names.join('|')})` : (names[0] ?? pattern);
}

/** In small letters, but for what is no letter of a name: `\D`, `\p{L}`. */
function lowered(pattern: string): string {
  return pattern.replace(/\\[pP]\{\w+\}|\\[^]|\(\?[^:)]*|[A-Z]/g, (text) =>
    text.length === 1 ? text.toLowerCase() : text,
  );
}
