import type { TagFilter } from './filter.ts';
import type { PurgePolicy } from './purge-policy.ts';

/*
 * The policy file that means the same as some commands, as text. What a policy file cannot say stands in comments, and it
 * never deletes a tag that the commands would not.
 */

/** A part of the file: comments, and what they are about. */
interface Part {
  readonly comments: readonly string[];
  readonly lines: readonly string[];
  /** It stands there as a comment, too: it would delete more than the commands do. */
  readonly isLeftOut: boolean;
}

/**
 * The policy file of some commands.
 * @param commands in their order, at least one
 */
export function convert(commands: readonly PurgePolicy[]): string {
  const rules = commands.flatMap((command, index) => rulesOf(command, commands.length > 1 ? `${index + 1}. ` : ''));
  const untagged = untaggedOf(commands);
  const protect = [...new Set(commands.flatMap((command) => command.protect.map(({ text }) => text)))];
  const others = untagged && !untagged.isLeftOut ? namedByNone(commands) : undefined;
  const protections = [
    ...(others === undefined
      ? []
      : [`  - repositories: { regex: ${quoted(others)} }`, '    because: no filter names the repository']),
    ...protect.map(protectionOf),
  ];
  const isActive = [...rules, ...(untagged ? [untagged] : [])].some((part) => !part.isLeftOut);
  return [
    ...commented(remarksOn(commands)),
    ...(isActive ? [] : commented([NOT_YET])),
    'version: 1',
    ...(protections.length > 0 ? ['protect:', ...protections] : []),
    ...(rules.some(({ isLeftOut }) => !isLeftOut) ? ['rules:'] : rules.length > 0 ? ['# rules:'] : []),
    ...rules.flatMap(linesOf),
    ...(untagged ? linesOf(untagged) : []),
    ...quarantineOf(commands),
    '',
  ].join('\n');
}

const NOT_YET =
  'As it stands this is no valid policy, because nothing is left in it that deletes. Decide about what is left out, and take its # away.';

/** What is said of all of them. */
function remarksOn(commands: readonly PurgePolicy[]): readonly string[] {
  const all = (is: (command: PurgePolicy) => boolean): boolean => commands.some(is);
  const tags = all(({ tags }) => tags);
  return [
    ...commands.map(({ text }) => `Converted from: acr purge ${text}`),
    ...(commands.length > 1 && tags
      ? [
          'One command after the other may delete a tag. Of rules the first that matches a tag owns it, and the others do not look at it: what an earlier one keeps stays.',
        ]
      : []),
    ...(tags ? [WITH_LAST_TAG] : []),
    WITH_IMAGE,
    ...(tags && all(({ untagged, tags }) => tags && !untagged) ? [WITHOUT_UNTAGGED] : []),
    ...(all(({ includeLocked }) => includeLocked)
      ? ['--include-locked is no part of a policy: without the flag, what is locked is kept.']
      : []),
    ...(all(({ dryRun }) => dryRun) ? ['--dry-run is no part of a policy: give the flag, or the policy deletes.'] : []),
  ];
}

const WITH_IMAGE =
  'What belongs to an image goes with it, whatever its own age: its parts, what refers to it, and signature tags (sha256-….sig and the like). acr purge looks at the age of each, takes signature tags for tags like others, and keeps an image for those that no filter matches.';
const WITH_LAST_TAG = 'An image goes with its last tag. acr purge leaves one that was itself updated later than --ago.';
const WITHOUT_UNTAGGED =
  'Without --untagged acr purge deletes tags alone, and leaves their images without a tag. A policy deletes these images as well.';

/** The rules of a command: one for the filters of the same repositories, which acr purge joins to one. */
function rulesOf(command: PurgePolicy, prefix: string): readonly Part[] {
  if (!command.tags) return [];
  const { keep, keepAtLeast, ago, filters } = command;
  const groups = new Map<string, TagFilter[]>();
  for (const filter of filters) {
    const own = groups.get(filter.repositoryPattern);
    if (own) own.push(filter);
    else groups.set(filter.repositoryPattern, [filter]);
  }
  return [...groups].map(([repositories, own], index): Part => {
    const text = prefix + own.map((filter) => filter.text).join(', ');
    const patterns = own.map(({ tagPattern }) => tagPattern).join('|');
    const tooMany = keepAtLeast > 0 && filters.length > 1;
    const newest = keep > 0 ? keep : keepAtLeast;
    return {
      isLeftOut: tooMany,
      comments: [
        ...(keep > 0 ? [COUNTS_OLD] : []),
        ...(keep > 0 && groups.size > 1
          ? [
              `acr purge keeps ${keep} of what all filters match in a repository, and each rule keeps as many of its own.`,
            ]
          : []),
        ...(tooMany
          ? [
              `Left out: --keep-at-least ${keepAtLeast} counts what each filter matches, and a tag that two match in both. A rule counts the tags that it owns, and might keep fewer. Take the # away where that is meant.`,
            ]
          : []),
        ...(groups.size > 1 && own.length > 0 && isFlagged(filters)
          ? ['A flag such as (?i) holds for the filters behind it as well in acr purge, and here for its own rule.']
          : []),
      ],
      lines: [
        `  - name: ${quoted(nameOf(text, `${prefix}${index + 1}. `))}`,
        ...(isEvery(repositories) ? [] : [`    repositories: ${repositoriesOf(repositories)}`]),
        ...(isEvery(patterns) ? [] : [`    tags: { regex: ${quoted(patterns)} }`]),
        ...(newest > 0 ? [`    keep: { newest: ${newest}${keep > 0 ? ', of: old' : ''} }`] : []),
        `    olderThan: ${olderThan(ago)}`,
      ],
    };
  });
}

const COUNTS_OLD =
  'of: old counts as --keep does: only what is old enough and not locked. acr purge counts signature tags as well, and of tags of one time those that the registry lists first.';

/** What has no tag. One entry is about all repositories, and for all commands. */
function untaggedOf(commands: readonly PurgePolicy[]): Part | undefined {
  const own = commands.filter(({ untagged }) => untagged);
  if (own.length === 0) return undefined;
  const covered = patternsOf(own);
  const missing = covered === undefined ? [] : (patternsOf(commands) ?? ['.*']).filter((one) => !covered.includes(one));
  const oldest = own.reduce((a, b) => (b.agoMilliseconds > a.agoMilliseconds ? b : a));
  const keep = own.reduce((most, command) => Math.max(most, command.keep), 0);
  const ages = new Set(own.map(({ agoMilliseconds }) => agoMilliseconds));
  return {
    isLeftOut: missing.length > 0,
    comments: [
      ...(keep > 0
        ? [
            `--keep ${keep} of acr purge counts parts of images, and images that lose their last tag in the same run. newest counts builds that had no tag before.`,
          ]
        : []),
      ...(missing.length > 0
        ? [
            `Left out: not every command has --untagged, and untagged is about every repository. Take the # away where ${missing.map((one) => quoted(one)).join(', ')} is meant as well.`,
          ]
        : []),
      ...(ages.size > 1 ? ['The longest of several ages: untagged has one.'] : []),
    ],
    lines: [
      'untagged:',
      `  olderThan: ${olderThan(oldest.ago)}`,
      ...(keep > 0 ? [`  keep: { newest: ${keep}, of: old }`] : []),
    ],
  };
}

/** A policy has one quarantine for all rules: the longest, so that nothing is deleted earlier than a command does. */
function quarantineOf(commands: readonly PurgePolicy[]): readonly string[] {
  const given = commands.map(({ quarantine }) => quarantine);
  const longest = given.reduce((most, one) => (one && one.milliseconds > (most?.milliseconds ?? 0) ? one : most));
  if (!longest) return [];
  const differ = new Set(given.map((one) => one?.milliseconds ?? 0)).size > 1;
  return [
    ...(differ
      ? commented(['The longest of the commands: a rule that deletes sooner says quarantine: itself, off for at once.'])
      : []),
    `quarantine: ${longest.text}`,
  ];
}

/** The repositories of filters; undefined: all of them. */
function patternsOf(commands: readonly PurgePolicy[]): readonly string[] | undefined {
  const patterns = commands.flatMap(({ filters, isEverywhere }) =>
    isEverywhere ? ['.*'] : filters.map(({ repositoryPattern }) => repositoryPattern),
  );
  return patterns.some(isEvery) ? undefined : [...new Set(patterns)];
}

/** A regular expression for the repositories that no filter is about; undefined: there are none. */
function namedByNone(commands: readonly PurgePolicy[]): string | undefined {
  const patterns = patternsOf(commands);
  return patterns && `^(?!.*(?:${patterns.map((one) => `^${one}$`).join('|')}))`;
}

function repositoriesOf(pattern: string): string {
  return /^[a-z0-9/_-]+$/.test(pattern) ? `[${quoted(pattern)}]` : `{ regex: ${quoted(`^${pattern}$`)} }`;
}

function protectionOf(text: string): string {
  const separator = text.indexOf(':');
  const [repositories, tags] = [text.slice(0, separator), text.slice(separator + 1)];
  const parts = [
    ...(repositories === '**' ? [] : [`repositories: [${quoted(repositories)}]`]),
    ...(tags === '*' && repositories !== '**' ? [] : [`tags: [${quoted(tags)}]`]),
  ];
  return `  - { ${parts.join(', ')} }`;
}

function isEvery(pattern: string): boolean {
  return ['.*', '^.*', '.*$', '^.*$', '.+', '^.+$'].includes(pattern);
}

function isFlagged(filters: readonly TagFilter[]): boolean {
  return filters.some(({ tagPattern }) => /\(\?[a-zA-Z]/.test(tagPattern));
}

/** `--ago 30d` is `30d`; without it everything is old enough. */
function olderThan(ago: string): string {
  return ago.startsWith('--ago ') ? quoted(ago.slice('--ago '.length)) : '0d';
}

const LONGEST_NAME = 100;

/** The filters, as far as a name has room for them; and then with what no other rule begins with. */
function nameOf(text: string, place: string): string {
  return text.length > LONGEST_NAME ? `${`${place}${text}`.slice(0, LONGEST_NAME - 1)}…` : text;
}

/** As YAML has it, on one line. Texts of commands have no control characters. */
function quoted(text: string): string {
  return /^[A-Za-z0-9][A-Za-z0-9_-]*$/.test(text) && !/^(?:true|false|null|yes|no|\d[\d_]*|\d+e\d+)$/i.test(text)
    ? text
    : `'${text.replaceAll("'", "''")}'`;
}

const WIDTH = 116;

/** A comment, in lines. */
function commented(texts: readonly string[], indent = ''): readonly string[] {
  return texts.flatMap((text) => {
    const lines: string[] = [];
    let line = '';
    for (const word of text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ').split(' ')) {
      if (line !== '' && line.length + word.length > WIDTH) {
        lines.push(line);
        line = '';
      }
      line += line === '' ? word : ` ${word}`;
    }
    return [...lines, line].map((one) => `${indent}# ${one}`);
  });
}

function linesOf({ comments, lines, isLeftOut }: Part): readonly string[] {
  const indent = lines[0]?.startsWith(' ') ? '  ' : '';
  return [...commented(comments, indent), ...lines.map((line) => (isLeftOut ? `# ${line}` : line))];
}
