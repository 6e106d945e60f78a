import { quote } from '../errors.ts';
import type { Quarantine } from '../quarantine.ts';
import { conditionsInWords } from './findings.ts';
import { plain } from './problems.ts';
import type {
  Age,
  Keep,
  NamePattern,
  Protect,
  RetentionPolicy,
  RetentionRule,
  TagPattern,
  UntaggedRule,
} from './types.ts';

/** What a policy means, in words for the person who approves it. Each is one line, and safe on a terminal. */
export interface PolicyInWords {
  readonly protect: readonly string[];
  readonly rules: readonly { readonly name: string; readonly words: string }[];
  /** What no rule owns, and what has no tag. */
  readonly rest: string;
  readonly untagged: string;
  /** What is first made unreadable, where the policy says so. */
  readonly quarantine?: string;
}

/** Names, or patterns, that are named one by one. */
const MOST_NAMED = 10;

export function describePolicy({ protect, rules, untagged, quarantine }: RetentionPolicy): PolicyInWords {
  return {
    protect: protect.map(protectInWords),
    rules: rules.map((rule) => ({ name: rule.name, words: ruleInWords(rule) })),
    rest: rules.length === 0 ? 'Every tag is kept.' : 'A tag that no rule owns is kept.',
    untagged: untagged
      ? untaggedInWords(untagged)
      : 'What has no tag is kept.' +
        (rules.length === 0 ? '' : ' An image all of whose tags are deleted is deleted with them.'),
    ...(quarantine && { quarantine: wholeQuarantineInWords(quarantine) }),
  };
}

function wholeQuarantineInWords(quarantine: Quarantine): string {
  return quarantine.milliseconds === 0
    ? 'What is to be deleted is deleted at once, where its rule says nothing else.'
    : `What is to be deleted is unreadable for ${ageInWords(quarantine)} first, where its rule says nothing else.`;
}

/** Of one rule. */
function quarantineInWords(quarantine: Quarantine | undefined, what: string): readonly string[] {
  if (!quarantine) return [];
  return quarantine.milliseconds === 0
    ? [`${what} deleted at once, without a quarantine.`]
    : [`${what} unreadable for ${ageInWords(quarantine)} before that.`];
}

function protectInWords({ repositories, tags, names, pulledWithin, because }: Protect): string {
  const named = names && [...names].map((name) => quote(name));
  const what = [
    ...(tags ? [tagsInWords(tags)] : []),
    ...(named ? [`the ${named.length === 1 ? 'tag' : 'tags'} ${listed(named)}`] : []),
  ];
  const which = what.length === 0 ? 'all tags' : what.join(', as far as they are ');
  const pulled = pulledWithin ? `, if pulled within the last ${ageInWords(pulledWithin)}` : '';
  return `${where(repositories)}: ${which}${pulled}${because === undefined ? '' : ` (${plain(because)})`}.`;
}

function ruleInWords(rule: RetentionRule): string {
  const { repositories, tags, keep, olderThan, notPulledWithin, onlyIfMoreThan } = rule;
  const kept = keepInWords(keep, tags);
  const conditions = [
    ...(olderThan && olderThan.milliseconds > 0 ? [`are older than ${ageInWords(olderThan)}`] : []),
    ...(notPulledWithin ? [`were not pulled within the last ${ageInWords(notPulledWithin)}`] : []),
    ...conditionsInWords(rule),
  ];
  const which = kept.length === 0 ? 'They' : 'The others';
  const when = conditions.length === 0 ? ', whatever their age' : ` when they ${joined(conditions)}`;
  const many =
    onlyIfMoreThan === undefined
      ? ''
      : `, but none in a repository that has ${onlyIfMoreThan} tags of this rule or fewer`;
  return [
    `${where(repositories)}: ${tags ? tagsInWords(tags) : 'all tags'}.`,
    ...(kept.length === 0 ? [] : [`Kept, whatever their age: ${kept.join('; ')}.`]),
    `${which} are deleted${when}${many}.`,
    ...quarantineInWords(rule.quarantine, 'They are'),
  ].join(' ');
}

function keepInWords(
  { newest, of, per, daily, weekly, monthly, yearly, within }: Keep,
  tags: TagPattern | undefined,
): readonly string[] {
  const calendar = [
    ...counted(daily, 'day'),
    ...counted(weekly, 'ISO week'),
    ...counted(monthly, 'month'),
    ...counted(yearly, 'year'),
  ];
  const by = tags?.kind === 'semver' ? ' by version' : '';
  const counts = [
    ...(newest === undefined
      ? []
      : [
          `the newest${newest === 1 ? '' : ` ${newest}`}${by}${of === 'old' ? ' of what is old enough to be deleted' : ''}`,
        ]),
    ...(calendar.length === 0 ? [] : [`the newest of each of the last ${joined(calendar)} that have any (UTC)`]),
  ];
  const what = typeof per === 'object' ? `${quote(per.group)} in each repository` : `${per} version in each repository`;
  const each = per === 'repository' ? 'repository' : what;
  return [
    ...(counts.length === 0 ? [] : [`of each ${each} ${joined(counts)}`]),
    ...(within ? [`what was updated within the last ${ageInWords(within)}`] : []),
  ];
}

function untaggedInWords(rule: UntaggedRule): string {
  const { olderThan, newest, of, referenced, orphanedReferrers } = rule;
  const age =
    olderThan && olderThan.milliseconds > 0 ? ` when it is older than ${ageInWords(olderThan)}` : ', whatever its age';
  const builds = newest === 1 ? 'The newest build' : `The newest ${newest ?? 0} builds`;
  const delete_ = (what: 'keep' | 'delete'): string => (what === 'keep' ? 'is kept' : 'is deleted like the others');
  return [
    `What has no tag is deleted${age}.`,
    ...(newest === undefined
      ? []
      : [
          `${builds} without a tag of each repository${of === 'old' ? ' that are old enough to be deleted' : ''} ${newest === 1 ? 'is' : 'are'} kept.`,
        ]),
    `An image that a signature, an SBOM or the like refers to ${delete_(referenced)}.`,
    `A signature, an SBOM or the like whose image is gone ${delete_(orphanedReferrers)}.`,
    ...quarantineInWords(rule.quarantine, 'What has no tag is'),
  ].join(' ');
}

function where(repositories: readonly NamePattern[] | undefined): string {
  if (!repositories) return 'In every repository';
  const [only] = repositories;
  if (repositories.length === 1 && only?.dialect === 'regex')
    return `In the repositories that match the regular expression ${quote(only.pattern)}`;
  return `In the ${repositories.length === 1 && only && isName(only) ? 'repository' : 'repositories'} ${patterns(repositories)}`;
}

function tagsInWords(tags: TagPattern): string {
  switch (tags.kind) {
    case 'globs': {
      const [only] = tags.patterns;
      return `${tags.patterns.length === 1 && only && isName(only) ? 'the tag' : 'the tags'} ${patterns(tags.patterns)}`;
    }
    case 'regex':
      return `the tags that match the regular expression ${quote(tags.pattern.pattern)}`;
    case 'semver': {
      const range = tags.range.raw.trim();
      return range === '*' ? 'the tags that are a version' : `the tags that are a version in ${quote(range)}`;
    }
  }
}

function isName({ pattern }: NamePattern): boolean {
  return !/[*?[{]/.test(pattern);
}

function patterns(all: readonly NamePattern[]): string {
  return listed(all.map(({ pattern }) => quote(pattern)));
}

/** The first of many. */
function listed(all: readonly string[]): string {
  const more = all.length - MOST_NAMED;
  return joined(more > 1 ? [...all.slice(0, MOST_NAMED), `${more} more`] : all);
}

function joined(all: readonly string[]): string {
  const last = all.at(-1) ?? '';
  return all.length < 2 ? last : `${all.slice(0, -1).join(', ')} and ${last}`;
}

function counted(count: number | undefined, unit: string): readonly string[] {
  return count === undefined ? [] : [count === 1 ? unit : `${count} ${unit}s`];
}

/** `180d` is 180 days. */
function ageInWords({ text, milliseconds }: Age): string {
  const units = [
    ['day', 86_400_000],
    ['hour', 3_600_000],
    ['minute', 60_000],
  ] as const;
  for (const [unit, length] of units) {
    const count = milliseconds / length;
    if (count >= 1 && Number.isInteger(count)) return count === 1 ? `1 ${unit}` : `${count} ${unit}s`;
  }
  return text;
}
