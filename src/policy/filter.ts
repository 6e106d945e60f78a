import { PolicyError, quote } from './errors.ts';
import { adviceOnColons, adviceOnFilter, refusedFilter } from './advice/filter.ts';
import { lintAnchored, lintPattern } from './advice/tags.ts';
import { compileRegex, type CompiledRegex, type Match } from './regex/regex.ts';

const FLAG = '--filter';
/** Room for a long list of names in one filter, and not for what would take long to split. */
const LONGEST_FILTER = 10_000;

/** One `--filter`: which repositories, and which tags in them. */
export interface TagFilter {
  /** The filter as it was given. */
  readonly text: string;
  /** A regular expression for the whole name of a repository, to be put between `^` and `$`. */
  readonly repositoryPattern: string;
  /** A regular expression for some part of a tag. */
  readonly tagPattern: string;
  /** It is no filter but a rule of a policy file, with its name as the text and without these patterns. */
  readonly isRule?: true;
}

/** Tells the tags that some filters together select. */
interface TagMatcher {
  /** The filters' tag parts, joined. */
  readonly pattern: string;
  /** @throws {PolicyError} when it takes too long */
  matches(names: readonly string[], match: Match): Promise<TagMatches>;
}

/** What some filters select of some tags. */
export interface TagMatches {
  /** For each tag, whether it is selected. */
  readonly selected: readonly boolean[];
  /**
   * The first filter that selects a tag by itself, to explain why it was selected; none where only the joined pattern
   * does (with `(?i)a` and `b`, the flag holds for both).
   */
  readonly which: (name: string) => TagFilter | undefined;
  /** The filters that select one of the selected tags by themselves. */
  readonly effective: ReadonlySet<TagFilter>;
  /** What each filter selects by itself, and what only all of them do together. */
  readonly groups: () => readonly TagGroup[];
}

/** Tags that are counted together. */
interface TagGroup {
  /** Which these are, for a sentence: `"app:^dev-" matches`. */
  readonly selects: string;
  readonly tags: ReadonlySet<string>;
}

/** Filters whose regular expressions are known to be sound. */
export interface CompiledFilters {
  /** For each repository, the filters that it matches, in the order given. */
  repositoryFilters(names: readonly string[], match: Match): Promise<readonly (readonly TagFilter[])[]>;
  /** Tags of a repository that these filters match. They have been compiled together before. */
  tags(filters: readonly TagFilter[]): TagMatcher;
  /** The repositories to ask for, without duplicates, if every filter names exactly one; otherwise all must be listed. */
  literalRepositories(): readonly string[] | undefined;
}

export interface FilterOptions {
  /** False where no tags are looked at, and their part of a filter need not be sound. */
  readonly tags?: boolean;
  /** Compiled patterns, shared where the same filters are compiled again. */
  readonly cache?: Map<string, CompiledRegex>;
}

/**
 * The colon that separates the repository from the tags: none after `(?`, with flags, as in `(?i:…)`, none right after
 * the beginning of a class, as in `[:alpha:]` or `[^:]`, and none before `]`. The pattern is that of `acr purge`, and
 * decides which filters it takes; regexp2 and JavaScript read it alike.
 */
const SEPARATOR = /(?<!\(\?[imsU-]{0,5}|\[*\^*\[\^*):(?!\]\]*)/g;

/**
 * Splits `<repository>:<tag regular expression>`.
 *
 * @throws {PolicyError} for what `acr purge` does not take, and for control characters, which stand in no name.
 */
export function splitFilter(text: string): TagFilter {
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(text))
    throw new PolicyError(FLAG, text, 'a filter has no control characters or line ends');
  if (text.length > LONGEST_FILTER)
    throw new PolicyError(FLAG, text, `a filter is limited to ${LONGEST_FILTER} characters`);
  const separators = [...text.matchAll(SEPARATOR)];
  const [separator] = separators;
  if (!separator) {
    throw new PolicyError(
      FLAG,
      text,
      'no colon separates the repository from the tags; write <repository>:<regular expression>, e.g. app:.* for all tags of app',
    );
  }
  if (separators.length > 1) {
    throw new PolicyError(
      FLAG,
      text,
      adviceOnColons(text) ??
        'more than one colon could separate the repository from the tags; leave all but one away, as no name or tag has one',
    );
  }
  const repositoryPattern = text.slice(0, separator.index);
  const tagPattern = text.slice(separator.index + 1);
  if (repositoryPattern === '') {
    throw new PolicyError(
      FLAG,
      text,
      `the repository before the colon is missing; write e.g. ${quote(`.*${text}`)} for every repository`,
    );
  }
  if (tagPattern === '') {
    throw new PolicyError(
      FLAG,
      text,
      `the tags after the colon are missing; write e.g. ${quote(`${text}.*`)} for every tag`,
    );
  }
  return { text, repositoryPattern, tagPattern };
}

/**
 * Compiles filters before anything is contacted (`acr purge` finds a bad tag part only when it has listed a repository for
 * it), each by itself and with those that can meet it in a repository.
 *
 * Repositories and tags are matched as `acr purge` does it: the repository part is put between `^` and `$` as text, so
 * that `app|web` is any name that starts with app or ends with web; the tag part may match anywhere in a tag; and several
 * filters for one repository are joined to one pattern with `|`, as text, so that flags carry over from one to the next.
 *
 * @throws {PolicyError} for the first filter with a part that is no regular expression, or one not supported.
 */
export function compileFilters(filters: readonly TagFilter[], options: FilterOptions = {}): CompiledFilters {
  const { cache = new Map<string, CompiledRegex>() } = options;
  const compile = (patterns: readonly string[]): CompiledRegex => {
    const key = patterns.join('\n');
    const known = cache.get(key);
    if (known) return known;
    const regex = compileRegex(patterns, { flag: FLAG });
    cache.set(key, regex);
    return regex;
  };
  const advised = <T>(filter: TagFilter, work: () => T): T => {
    try {
      return work();
    } catch (error) {
      throw error instanceof PolicyError ? refusedFilter(error, filter.text, filter) : error;
    }
  };
  const repositories = filters.map((filter) => advised(filter, () => compile([`^${filter.repositoryPattern}$`])));
  for (const filter of options.tags === false ? [] : filters) {
    if (!advised(filter, () => compile([filter.tagPattern])).entangled) continue;
    const other = filters.find((one) => one !== filter && canMeet(one, filter));
    if (other) compile([filter.tagPattern, other.tagPattern]);
  }

  return {
    async repositoryFilters(names, match) {
      const answers = await match(repositories, names);
      return names.map((_, name) => filters.filter((_, filter) => answers[filter]?.[name] === true));
    },
    tags: (selected) => tagMatcher(selected, compile),
    literalRepositories() {
      const names = new Set<string>();
      for (const { repositoryPattern } of filters) {
        if (!isLiteral(repositoryPattern)) return undefined;
        names.add(repositoryPattern);
      }
      return [...names];
    },
  };
}

/** Whether there can be a repository that both filters select. */
function canMeet(one: TagFilter, other: TagFilter): boolean {
  const [name, otherName] = [one.repositoryPattern, other.repositoryPattern];
  return name === otherName || !isLiteral(name) || !isLiteral(otherName);
}

/** Whether regexp2's Escape would leave a pattern as it is. */
function isLiteral(pattern: string): boolean {
  return !/[\\.+*?()|[\]{}^$# ]/.test(pattern);
}

const NONE: Omit<TagMatches, 'selected'> = { which: () => undefined, effective: new Set(), groups: () => [] };

function groupOf({ text }: TagFilter, tags: readonly string[]): TagGroup {
  return { selects: `${quote(text)} matches`, tags: new Set(tags) };
}

function tagMatcher(
  filters: readonly TagFilter[],
  compile: (patterns: readonly string[]) => CompiledRegex,
): TagMatcher {
  const patterns = filters.map((filter) => filter.tagPattern);
  return {
    pattern: patterns.join('|'),
    async matches(names, match) {
      // No filter selects no tag; the empty pattern would select every one.
      if (filters.length === 0) return { selected: names.map(() => false), ...NONE };
      const [selected = []] = await match([compile(patterns)], names);
      const found = names.filter((_, index) => selected[index]);
      const [only, ...others] = filters;
      if (found.length === 0 || !only) return { selected, ...NONE };
      // Of one filter there is nothing to find out.
      if (others.length === 0) {
        const wanted = new Set(found);
        const which = (name: string): TagFilter | undefined => (wanted.has(name) ? only : undefined);
        return { selected, which, effective: new Set([only]), groups: () => [groupOf(only, found)] };
      }
      const own = await match(
        patterns.map((pattern) => compile([pattern])),
        found,
      );
      const first = new Map<string, TagFilter>();
      for (const [index, name] of found.entries()) {
        const filter = filters.find((_, nth) => own[nth]?.[index]);
        if (filter) first.set(name, filter);
      }
      return {
        selected,
        which: (name) => first.get(name),
        effective: new Set(filters.filter((_, nth) => own[nth]?.includes(true))),
        groups: () => [
          ...filters.map((filter, nth) =>
            groupOf(
              filter,
              found.filter((_, index) => own[nth]?.[index]),
            ),
          ),
          { selects: 'only the filters together match', tags: new Set(found.filter((name) => !first.has(name))) },
        ],
      };
    },
  };
}

/**
 * Warns of a filter that is sound and hardly means what it looks like: `[^F|f]`, `app|web:…`, `dev|`. Looks at its text
 * alone: matching it may take for ever.
 */
export function lintFilter(filter: TagFilter, options: { readonly tags?: boolean } = {}): readonly string[] {
  const { repositoryPattern, tagPattern } = filter;
  return [
    ...lintAnchored(repositoryPattern),
    ...lintPattern(repositoryPattern),
    ...(options.tags === false ? [] : lintPattern(tagPattern)),
    ...adviceOnFilter(options.tags === false ? { ...filter, tagPattern: '.*' } : filter),
  ];
}
