import { quote } from '../errors.ts';

/** `v1`, or `shop/web:v1`. */
const NAME = /^(?:[a-z0-9][a-z0-9._/-]{0,254}:)?[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;

/** A name of a registry, of a repository and of a tag together are shorter. */
const LONGEST_NAME = 512;

/** Mistakes in a list that are named. */
const MOST_NAMED = 5;

/** What is wrong with a name in a list; undefined where it is a tag, or `repository:tag`. */
export function wrongName(name: string): string | undefined {
  if (name.length > LONGEST_NAME) return 'is longer than any tag';
  const [, rest] = /^[^/:]+\.azurecr\.[^/:]+(?::[0-9]+)?\/(.+)$/.exec(name) ?? [];
  if (rest !== undefined && NAME.test(rest)) return `names a registry; write ${rest}`;
  if (NAME.test(name)) return undefined;
  if (name.includes('@')) return 'names a manifest; write one of its tags';
  if (/[*?{}[\]]/.test(name)) return 'is a glob, which stands under tags:, and not in a list of names';
  return 'is no tag, and no repository:tag';
}

/** The names of a list, one a line. What follows a `#` is a comment. */
export function readNames(text: string): { readonly names: readonly string[]; readonly problems: readonly string[] } {
  const problems: string[] = [];
  const names = text
    .replace(/^\ufeff/, '')
    .split(/\r?\n/)
    .flatMap((line, index) => {
      const name = line.replace(/(?:^|[ \t])#.*$/, '').trim();
      if (name === '') return [];
      const problem = wrongName(name);
      if (problem === undefined) return [name];
      problems.push(`line ${index + 1}, ${quote(name)}, ${problem}`);
      return [];
    });
  const more = problems.length - MOST_NAMED;
  return { names, problems: more > 0 ? [...problems.slice(0, MOST_NAMED), `and ${more} more`] : problems };
}
