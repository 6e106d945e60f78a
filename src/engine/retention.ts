import { compareBuild, parse, type SemVer } from 'semver';
import { quote } from '../policy/errors.ts';
import { countedFor } from '../policy/file/findings.ts';
import type { Age, Keep, Protect, RetentionPolicy, RetentionRule, TagPattern } from '../policy/file/types.ts';
import { type CompiledRegex, type Match, matchAll } from '../policy/regex/regex.ts';
import type { Age as CutOff, Counts, Owned, Retention, TagRule } from '../planner/retention.ts';
import { imageOfSignatureTag } from '../planner/tags.ts';
import { toInstant } from '../registry/time.ts';
import type { TagRecord } from '../registry/types.ts';

/*
 * The rules of a policy file, in one repository.
 */

interface About {
  readonly repository: string;
  readonly tags: readonly TagRecord[];
  readonly now: Date;
  readonly match: Match;
}

/** What a policy file says of one repository, for the planner. */
export interface Found {
  readonly retention: Retention;
  /** The places of the rules that own a tag. */
  readonly effective: ReadonlySet<number>;
}

/**
 * Finds out which rule owns each tag, and which tags are protected: the patterns are matched, and the versions compared.
 * @throws {PolicyError} where a pattern takes too long
 */
export async function retentionOf(policy: RetentionPolicy, { repository, tags, now, match }: About): Promise<Found> {
  const all = tags.map(({ name }) => name);
  const names = all.filter((name) => imageOfSignatureTag(name) === undefined);
  const isIn = await repositoryMatcher(policy, repository, match);
  const owners = await ownersOf(policy.rules, isIn, names, match);
  const owned = new Map<string, Owned>();
  for (const [place, rule] of policy.rules.entries()) await own(owned, rule, place, owners.get(place) ?? [], match);
  const { untagged } = policy;
  const dated = ({ text, milliseconds }: Age) => ({ text, cutOff: toInstant(new Date(now.getTime() - milliseconds)) });
  const whole = wholeBy(policy.protect, isIn);
  const pulledAny = pulledAnyBy(policy.protect, isIn);
  const retention: Retention = {
    rules: policy.rules.map((rule) => tagRuleOf(rule, dated)),
    owned,
    // Also of signature tags, which no rule owns: what is protected stays, and where its image goes as well.
    ...(await protectedTags(policy.protect, isIn, { repository, names: all, match, dated })),
    ...(whole !== undefined && { whole }),
    ...(pulledAny && { pulledAny: dated(pulledAny) }),
    ...(untagged && {
      untagged: {
        ...(untagged.olderThan && { olderThan: dated(untagged.olderThan) }),
        newest: untagged.newest ?? 0,
        ...(untagged.of === 'old' && { ofOld: true }),
        keepsReferenced: untagged.referenced === 'keep',
        deletesOrphans: untagged.orphanedReferrers === 'delete',
      },
    }),
  };
  return { retention, effective: new Set(owners.keys()) };
}

/** Whether a rule, or a protection, is about this repository. */
type IsIn = (one: Pick<RetentionRule | Protect, 'repositories'>) => boolean;

async function repositoryMatcher({ rules, protect }: RetentionPolicy, repository: string, match: Match): Promise<IsIn> {
  const patterns = [...rules, ...protect].flatMap(({ repositories = [] }) => repositories);
  const answers = patterns.length === 0 ? [] : await match(patterns, [repository]);
  const matching = new Set(patterns.filter((_, place) => answers[place]?.[0]));
  return ({ repositories }) => repositories?.some((pattern) => matching.has(pattern)) ?? true;
}

/** Of each rule that owns some, its tags. */
async function ownersOf(
  rules: readonly RetentionRule[],
  isIn: IsIn,
  names: readonly string[],
  match: Match,
): Promise<ReadonlyMap<number, readonly string[]>> {
  const owners = new Map<number, string[]>();
  const places = [...rules.keys()].filter((place) => {
    const rule = rules[place];
    return rule !== undefined && isIn(rule);
  });
  // A version is found by reading it, not by a pattern: which of the two comes first is decided for each tag.
  const patterns = places.map((place) => patternOf(rules[place]?.tags, ofRule(rules[place]?.name)));
  const answers = names.length === 0 ? [] : await match(patterns, names, 'first');
  const ranges = places.flatMap((place) => {
    const tags = rules[place]?.tags;
    return tags?.kind === 'semver' ? [{ place, range: tags.range }] : [];
  });
  for (const [index, name] of names.entries()) {
    const first = places[answers.findIndex((answer) => answer[index])];
    const version = ranges.length > 0 ? versionOf(name) : undefined;
    const byVersion = version && ranges.find(({ range }) => range.test(version))?.place;
    const owner = Math.min(first ?? Infinity, byVersion ?? Infinity);
    if (owner === Infinity) continue;
    const own = owners.get(owner);
    if (own) own.push(name);
    else owners.set(owner, [name]);
  }
  return owners;
}

/** A version as a tag says it: all three numbers, with or without a `v`. */
function versionOf(name: string): SemVer | undefined {
  return parse(name) ?? undefined;
}

const NOTHING: CompiledRegex = {
  pattern: '',
  entangled: false,
  expressions: [],
  test: (values) => values.map(() => false),
};
const EVERYTHING: CompiledRegex = { ...NOTHING, expressions: [/^/], test: (values) => values.map(() => true) };

/** What a message calls a rule whose pattern takes too long. */
function ofRule(name = ''): string {
  return `rule ${quote(name)}`;
}

/** One pattern for all that is matched by one. */
function patternOf(tags: TagPattern | undefined, of: string): CompiledRegex {
  if (!tags) return { ...EVERYTHING, of };
  if (tags.kind === 'regex') return { ...tags.pattern, of };
  if (tags.kind === 'semver') return NOTHING;
  const expressions = tags.patterns.flatMap((one) => one.expressions);
  return {
    pattern: tags.patterns.map(({ pattern }) => pattern).join(', '),
    of,
    entangled: false,
    expressions,
    test: (values) => matchAll(expressions, values),
  };
}

/** Adds the tags of one rule: in which group each is counted, and its version where that counts. */
async function own(
  owned: Map<string, Owned>,
  { name, tags, keep: { per } }: RetentionRule,
  rule: number,
  names: readonly string[],
  match: Match,
): Promise<void> {
  if (names.length === 0) return;
  if (typeof per === 'object' && tags?.kind === 'regex') {
    const texts = await match.captures(patternOf(tags, ofRule(name)), per.group, names);
    for (const [place, tag] of names.entries()) owned.set(tag, { rule, group: `${per.group} ${texts[place] ?? ''}` });
    return;
  }
  if (tags?.kind !== 'semver') {
    for (const tag of names) owned.set(tag, { rule, group: '' });
    return;
  }
  const versions = names.flatMap((tag) => {
    const version = versionOf(tag);
    return version ? [{ tag, version }] : [];
  });
  versions.sort((a, b) => compareBuild(a.version, b.version));
  let place = 0;
  let last: SemVer | undefined;
  for (const { tag, version } of versions) {
    if (last && compareBuild(last, version) < 0) place += 1;
    last = version;
    const { major, minor } = version;
    const group = per === 'major' ? `major ${major}` : per === 'minor' ? `minor ${major}.${minor}` : '';
    owned.set(tag, { rule, group, version: place });
  }
}

type Dated = (given: Age) => CutOff;

function tagRuleOf(rule: RetentionRule, dated: Dated): TagRule {
  const { name, keep, olderThan, onlyIfMoreThan, notPulledWithin, findings, endOfLife } = rule;
  return {
    name,
    keep: countsOf(keep, dated),
    ...(olderThan && { olderThan: dated(olderThan) }),
    ...(onlyIfMoreThan !== undefined && { onlyIfMoreThan }),
    ...(notPulledWithin && { notPulledWithin: dated(notPulledWithin) }),
    ...(findings && { findings: { severities: countedFor(findings.severity), fixable: findings.fixable } }),
    ...(endOfLife && { endOfLife }),
  };
}

function countsOf({ newest, of, daily, weekly, monthly, yearly, within }: Keep, dated: Dated): Counts {
  return {
    ...(newest !== undefined && { newest }),
    ...(of === 'old' && { ofOld: true }),
    ...(daily !== undefined && { daily }),
    ...(weekly !== undefined && { weekly }),
    ...(monthly !== undefined && { monthly }),
    ...(yearly !== undefined && { yearly }),
    ...(within && { within: dated(within) }),
  };
}

/** Why all of a repository is protected: an entry names it, and says nothing of tags. */
function wholeBy(protect: readonly Protect[], isIn: IsIn): string | undefined {
  const entry = protect.find((one) => !one.tags && !one.names && !one.pulledWithin && isIn(one));
  return entry && becauseOf(entry);
}

/** How lately anything in a repository may have been pulled that stays for it. */
function pulledAnyBy(protect: readonly Protect[], isIn: IsIn): Age | undefined {
  return protect
    .filter((one) => !one.tags && !one.names && isIn(one))
    .flatMap(({ pulledWithin }) => pulledWithin ?? [])
    .reduce<Age | undefined>((most, age) => (most && most.milliseconds >= age.milliseconds ? most : age), undefined);
}

/** Why each tag is protected that is, and how lately it may have been pulled, by the entries that all of matches it. */
async function protectedTags(
  protect: readonly Protect[],
  isIn: IsIn,
  {
    repository,
    names,
    match,
    dated,
  }: Pick<About, 'repository' | 'match'> & {
    readonly names: readonly string[];
    readonly dated: Dated;
  },
): Promise<Pick<Retention, 'protected' | 'pulledTags'>> {
  const found = new Map<string, string>();
  const pulledTags = new Map<string, CutOff>();
  const entries = protect.filter((one) => (one.tags ?? one.names) !== undefined && isIn(one));
  if (entries.length === 0 || names.length === 0) return { protected: found, pulledTags };
  const answers = await match(
    entries.map(({ tags }) => patternOf(tags, 'protect')),
    names,
  );
  for (const [index, name] of names.entries())
    for (const [place, entry] of entries.entries()) {
      const { tags, names: listed, pulledWithin } = entry;
      if (listed && !listed.has(name) && !listed.has(`${repository}:${name}`)) continue;
      const version = tags?.kind === 'semver' ? versionOf(name) : undefined;
      const matches = tags?.kind === 'semver' ? version && tags.range.test(version) : answers[place]?.[index];
      if (!matches) continue;
      if (!pulledWithin) {
        if (!found.has(name)) found.set(name, becauseOf(entry));
        continue;
      }
      const age = dated(pulledWithin);
      if (!(age.cutOff >= (pulledTags.get(name)?.cutOff ?? '~'))) pulledTags.set(name, age);
    }
  return { protected: found, pulledTags };
}

function becauseOf({ because }: Protect): string {
  return because ?? 'the policy protects it';
}
