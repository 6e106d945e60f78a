import { quote } from '../errors.ts';
import { adviceOnTags, lintPattern } from '../advice/tags.ts';
import { alternativesOf, tokensOf } from '../advice/tokens.ts';
import { parseRegex } from '../regex/parse.ts';
import { coversRepositories, coversTags, isEveryTag, matchesName, matchesUnnamed } from './cover.ts';
import { asksForFindings } from './findings.ts';
import type { Path, Reader } from './reader.ts';
import type { Protect, RetentionPolicy, RetentionRule, TagPattern } from './types.ts';

/** A tag that moves from image to image in almost every repository. */
const LATEST = 'latest';

/** Warns of what is legal in a policy and hardly meant. */
export function lint(reader: Reader, { protect, rules }: Pick<RetentionPolicy, 'protect' | 'rules'>): void {
  for (const [index, entry] of protect.entries()) lintProtect(reader, ['protect', index], entry);
  for (const [index, rule] of rules.entries()) {
    const path = ['rules', index];
    const earlier = rules.slice(0, index);
    const owner = earlier.find(
      (one) => coversRepositories(one.repositories, rule.repositories) && coversTags(one.tags, rule.tags),
    );
    if (owner) {
      const whatever = asksForFindings(owner) ? ', also what it keeps because of its findings' : '';
      reader.warn(
        path,
        `the rule ${quote(rule.name)} never owns a tag: ${quote(owner.name)} before it owns them all${whatever}`,
      );
      continue;
    }
    lintRule(reader, path, rule);
    lintPulls(reader, path, rule, protect);
    if (protect.some((entry) => protectsAll(entry, rule)))
      reader.warn(path, `the rule ${quote(rule.name)} deletes nothing: an entry of protect keeps all that it owns`);
    else if (mayDeleteLatest(rule, earlier, protect))
      reader.warn(
        rule.tags ? [...path, 'tags'] : path,
        `the rule ${quote(rule.name)} may delete ${LATEST}, which moves from image to image; to keep it write - tags: [${LATEST}] under protect:`,
      );
  }
}

/** Whether what a rule owns is protected, for certain. */
function protectsAll({ repositories, tags, names, pulledWithin }: Protect, rule: RetentionRule): boolean {
  if (names !== undefined || pulledWithin !== undefined) return false;
  return coversRepositories(repositories, rule.repositories) && coversTags(tags, rule.tags);
}

function lintProtect(reader: Reader, path: Path, { repositories, tags, names, pulledWithin }: Protect): void {
  lintTags(reader, path, tags);
  if (tags && names)
    reader.warn(
      path,
      'protects only what tags and the list both match; write two entries to protect what either matches',
    );
  const isLimited = names !== undefined || pulledWithin !== undefined;
  if (!isLimited && coversRepositories(repositories, undefined) && (tags === undefined || isEveryTag(tags)))
    reader.warn(path, 'protects every tag of every repository: nothing is ever deleted');
}

function lintRule(reader: Reader, path: Path, rule: RetentionRule): void {
  const { tags, keep, olderThan, onlyIfMoreThan } = rule;
  lintTags(reader, path, tags);
  lintRepositories(reader, path, rule.repositories);
  const { newest, within } = keep;
  const isKeeping = [newest, keep.daily, keep.weekly, keep.monthly, keep.yearly, within].some(
    (one) => one !== undefined,
  );
  if (olderThan?.milliseconds === 0)
    reader.warn(
      [...path, 'olderThan'],
      asksForFindings(rule)
        ? 'deletes also what was pushed a moment ago, before something could use it; write e.g. 30d'
        : isKeeping
          ? 'means at any age, as without it'
          : 'deletes all that the rule owns, at any age',
    );
  if (within && olderThan && within.milliseconds >= olderThan.milliseconds)
    reader.warn([...path, 'olderThan'], `changes nothing: what is not ${within.text} old is kept in any case`);
  if (newest !== undefined && onlyIfMoreThan !== undefined && onlyIfMoreThan <= newest)
    reader.warn([...path, 'onlyIfMoreThan'], `changes nothing: the newest ${newest} are kept in any case`);
}

function lintPulls(reader: Reader, path: Path, rule: RetentionRule, protect: readonly Protect[]): void {
  const { notPulledWithin } = rule;
  if (!notPulledWithin) return;
  const changesNothing = (why: string): void => reader.warn([...path, 'notPulledWithin'], `changes nothing: ${why}`);
  if (notPulledWithin.milliseconds === 0) {
    changesNothing('nothing was pulled within no time');
    return;
  }
  const wider = protect.find(
    ({ repositories, tags, names, pulledWithin }) =>
      pulledWithin !== undefined &&
      names === undefined &&
      pulledWithin.milliseconds >= notPulledWithin.milliseconds &&
      coversRepositories(repositories, rule.repositories) &&
      coversTags(tags, rule.tags),
  );
  if (wider?.pulledWithin) changesNothing(`what was pulled within ${wider.pulledWithin.text} is protected`);
}

/** Whether a rule that does not name it owns the tag in some repository in which nothing protects it, for certain. */
function mayDeleteLatest(
  { repositories, tags }: RetentionRule,
  earlier: readonly RetentionRule[],
  protect: readonly Protect[],
): boolean {
  if (!matchesUnnamed(tags, LATEST)) return false;
  const isKept = protect.some((entry) => {
    const { names = new Set([LATEST]), pulledWithin } = entry;
    if (pulledWithin !== undefined || !coversRepositories(entry.repositories, repositories)) return false;
    return names.has(LATEST) && matchesName(entry.tags, LATEST);
  });
  return (
    !isKept &&
    !earlier.some((one) => coversRepositories(one.repositories, repositories) && matchesName(one.tags, LATEST))
  );
}

/** What is said of a filter is as true of a regular expression here. */
function lintTags(reader: Reader, path: Path, tags: TagPattern | undefined): void {
  if (tags?.kind !== 'regex') return;
  const { pattern } = tags.pattern;
  const here = [...path, 'tags', 'regex'];
  for (const warning of lintPattern(pattern)) reader.warn(here, warning);
  const advice = adviceOnTags(pattern, parseRegex(pattern, 'regex').root);
  if (!advice) return;
  const { problem, promise, instead } = advice;
  const what = instead === undefined ? '' : `; ${promise === undefined ? '' : `${promise} `}write ${quote(instead)}`;
  reader.warn(here, problem + what);
}

/** In a filter the repository is held to the whole name, and here it is not: `shop/` is in `workshop/web`, too. */
function lintRepositories(reader: Reader, path: Path, repositories: RetentionRule['repositories']): void {
  const here = [...path, 'repositories', 'regex'];
  for (const { pattern } of (repositories ?? []).filter(({ dialect }) => dialect === 'regex')) {
    for (const warning of lintPattern(pattern)) reader.warn(here, warning);
    const isHeld = alternativesOf(tokensOf(pattern)).every(([first]) => first?.text === '^' || first?.kind === 'dot');
    if (!isHeld && !coversRepositories(repositories, undefined))
      reader.warn(here, 'matches in the middle of a name, too, unlike the repository of --filter; write ^ before it');
  }
}
