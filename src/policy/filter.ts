import { PolicyError, quote } from './error.ts';
import { adviceOnColons, adviceOnFilter, refusedFilter } from './filter-advice.ts';
import { lintAnchored, lintPattern } from './regex/lint.ts';
import { compileRegex, type SafeRegex } from './regex/regex.ts';

const FLAG = '--filter';
/** Room for a long list of names in one filter, and not for what would take long to split. */
const LONGEST_FILTER = 10_000;
/** A warning is worth no more; the names that are tried for one are short. */
const LINT_TIMEOUT_SECONDS = 1;

/** One `--filter`: which repositories, and which tags in them. */
export interface TagFilter {
  /** The filter as it was given. */
  readonly text: string;
  /** A regular expression for the whole name of a repository, to be put between `^` and `$`. */
  readonly repositoryPattern: string;
  /** A regular expression for some part of a tag. */
  readonly tagPattern: string;
}

/** Tells the tags that some filters together select. */
export interface TagMatcher {
  /** The filters' tag parts, joined. */
  readonly pattern: string;
  /**
   * For each tag, whether it is selected.
   *
   * @throws {PolicyError} when it takes too long, see `SafeRegex.test`.
   */
  matches(names: readonly string[]): readonly boolean[];
  /**
   * The first filter that selects a tag by itself, to explain why it was selected; none where only the joined pattern
   * does (with `(?i)a` and `b`, the flag holds for both).
   */
  which(name: string): TagFilter | undefined;
}

/** Filters whose regular expressions are known to be sound. */
export interface CompiledFilters {
  /** For each repository, the filters that it matches, in the order given. */
  repositoryFilters(names: readonly string[]): readonly (readonly TagFilter[])[];
  /** Tags of a repository that these filters match. They have been compiled together before. */
  tags(filters: readonly TagFilter[]): TagMatcher;
  /** The repositories to ask for, without duplicates, if every filter names exactly one; otherwise all must be listed. */
  literalRepositories(): readonly string[] | undefined;
}

export interface FilterOptions {
  readonly timeoutSeconds: number;
  /** False where no tags are looked at, and their part of a filter need not be sound. */
  readonly tags?: boolean;
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
 * Compiles filters, to find at once what is wrong with any (`acr purge` finds a bad tag part only when it has listed a
 * repository for it), or with those that can meet in a repository.
 *
 * Repositories and tags are matched as `acr purge` does it: the repository part is put between `^` and `$` as text, so
 * that `app|web` is any name that starts with app or ends with web; the tag part may match anywhere in a tag; and several
 * filters for one repository are joined to one pattern with `|`, as text, so that flags carry over from one to the next.
 *
 * @throws {PolicyError} for the first filter with a part that is no regular expression, or one not supported.
 */
export function compileFilters(filters: readonly TagFilter[], options: FilterOptions): CompiledFilters {
  const cache = new Map<string, SafeRegex>();
  const compile = (patterns: readonly string[]): SafeRegex => {
    const key = patterns.join('\n');
    const known = cache.get(key);
    if (known) return known;
    const regex = compileRegex(patterns, { timeoutSeconds: options.timeoutSeconds, flag: FLAG });
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
    repositoryFilters(names) {
      const answers = repositories.map((regex) => regex.test(names));
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

function tagMatcher(filters: readonly TagFilter[], compile: (patterns: readonly string[]) => SafeRegex): TagMatcher {
  const patterns = filters.map((filter) => filter.tagPattern);
  const selected = new Set<string>();
  const explained = new Map<string, TagFilter | undefined>();

  const explain = (names: readonly string[]): void => {
    let unexplained = names;
    for (const filter of filters) {
      const answers = compile([filter.tagPattern]).test(unexplained);
      unexplained.forEach((name, index) => {
        if (answers[index] === true) explained.set(name, filter);
      });
      unexplained = unexplained.filter((_, index) => answers[index] !== true);
    }
    for (const name of unexplained) explained.set(name, undefined);
  };

  return {
    pattern: patterns.join('|'),
    matches(names) {
      // No filter selects no tag; the empty pattern would select every one.
      const answers = filters.length === 0 ? names.map(() => false) : compile(patterns).test(names);
      names.forEach((name, index) => {
        if (answers[index] === true) selected.add(name);
      });
      return answers;
    },
    which(name) {
      // Of one filter there is nothing to find out.
      if (filters.length === 1) return selected.has(name) ? filters[0] : undefined;
      if (!explained.has(name)) {
        // One tag at a time is slow, and whoever asks about one will ask about the others.
        selected.add(name);
        explain([...selected].filter((one) => !explained.has(one)));
      }
      return explained.get(name);
    },
  };
}

/**
 * Warns, in words, of a filter that is sound and yet hardly means what it looks like: `[^F|f]`, `app|web:…`, `dev|`.
 *
 * @throws {PolicyError} as `compileFilters` does.
 */
export function lintFilter(filter: TagFilter, options: { readonly tags?: boolean } = {}): readonly string[] {
  const { repositoryPattern, tagPattern } = filter;
  const matching = (pattern: string) => {
    const regex = compileRegex(pattern, { timeoutSeconds: LINT_TIMEOUT_SECONDS, flag: FLAG });
    return (name: string) => regex.test([name])[0] === true;
  };
  return [
    ...lintAnchored(repositoryPattern),
    ...lintPattern(repositoryPattern, matching(`^${repositoryPattern}$`)),
    ...(options.tags === false ? [] : lintPattern(tagPattern, matching(tagPattern))),
    ...adviceOnFilter(options.tags === false ? { ...filter, tagPattern: '.*' } : filter),
  ];
}
