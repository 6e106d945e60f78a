import { stringify } from 'yaml';
import type { Severity } from '../severity.ts';

/*
 * A rule that deletes images with findings, as a piece of a policy file. Names come from a registry: what could be anything
 * but a name is refused, and what has a meaning in a pattern is escaped.
 */

/** Tags that a rule owns: by their names, or by a regular expression that stands for the whole name. */
export type ProposedTags = { readonly names: readonly string[] } | { readonly regex: string };

export interface ProposedRule {
  readonly repository: string;
  readonly tags: ProposedTags;
  readonly severity: Severity;
  /** As `olderThan` takes it. */
  readonly olderThan: string;
}

const REPOSITORY = /^[a-z0-9]+(?:[._/-]+[a-z0-9]+)*$/;
const TAG = /^\w[\w.-]{0,127}$/;
const LONGEST_REPOSITORY = 255;
const LONGEST_RULE_NAME = 100;

/** Whether a rule can name it. */
export function isNameOfRepository(text: string): boolean {
  return text.length <= LONGEST_REPOSITORY && REPOSITORY.test(text);
}

/** Whether a rule can name it. */
export function isNameOfTag(text: string): boolean {
  return TAG.test(text);
}

/** The policy file of some rules, which is valid by itself. */
export function proposePolicy(rules: readonly ProposedRule[]): string {
  const names = new Set<string>();
  return stringify(
    {
      version: 1,
      rules: rules.map(({ repository, tags, severity, olderThan }) => ({
        name: freeName(`${severity} findings in ${repository}`, names),
        repositories: [repository],
        tags: 'regex' in tags ? { regex: tags.regex } : [...tags.names],
        olderThan,
        findings: { severity },
      })),
    },
    { lineWidth: 0, singleQuote: true },
  );
}

/** No two rules have one name, and none has a long one. */
function freeName(text: string, taken: Set<string>): string {
  for (let place = 1; ; place += 1) {
    const end = place === 1 ? '' : ` (${place})`;
    const room = LONGEST_RULE_NAME - end.length;
    const name = `${text.length > room ? `${text.slice(0, room - 1)}…` : text}${end}`;
    if (taken.has(name)) continue;
    taken.add(name);
    return name;
  }
}

/** A number, or an abbreviated commit: what differs between the tags of builds. */
const PART = /(?<![A-Za-z0-9])(?=[0-9a-f]*\d)(?=\d*[a-f])[0-9a-f]{7,40}(?![A-Za-z0-9])|\d+/g;

/** Fewer letters that are the same in all names do not tell what the tags are for. */
const LEAST_LETTERS = 2;

/**
 * A regular expression for all tags that are named like this one: `pr-12` is `^pr-[0-9]+$`. `undefined` where too little of
 * the name would be left to know them by: `1.4.2`.
 */
export function shapeOf(tag: string): string | undefined {
  const fixed = tag.replace(PART, '');
  if ((fixed.match(/[A-Za-z]/g)?.length ?? 0) < LEAST_LETTERS || fixed === tag) return undefined;
  let shape = '';
  let end = 0;
  for (const { 0: part, index } of tag.matchAll(PART)) {
    shape += `${escaped(tag.slice(end, index))}${/^\d+$/.test(part) ? '[0-9]+' : '[0-9a-f]{7,40}'}`;
    end = index + part.length;
  }
  return `^${shape}${escaped(tag.slice(end))}$`;
}

/** Nothing else in the name of a tag has a meaning. */
function escaped(text: string): string {
  return text.replaceAll('.', '\\.');
}
