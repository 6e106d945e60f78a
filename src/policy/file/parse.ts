import { askedOf } from './findings.ts';
import { shapeProblems } from './issues.ts';
import { checkOf, keepOf } from './keep.ts';
import { namesOf, type ReadFile, withLists } from './lists.ts';
import { lint } from './lint.ts';
import { type Path, Reader } from './reader.ts';
import {
  POLICY_FILE,
  PROTECT,
  type ProtectInFile,
  RULE,
  type RuleInFile,
  UNTAGGED,
  type UntaggedInFile,
} from './schema.ts';
import type { Protect, RetentionPolicy, RetentionRule, UntaggedRule } from './types.ts';
import { readYaml } from './yaml.ts';

export interface PolicyFileOptions {
  /** What messages call the file: its path, or the setting that has its text. */
  readonly file?: string;
  /** Reads what `tagsFrom` names. Without it a policy has no `tagsFrom`. */
  readonly readFile?: ReadFile;
}

/**
 * Reads a policy file.
 * @throws {InvalidPolicy} with every mistake, each with its line and column
 */
export function parsePolicyFile(text: string, { file = 'policy', readFile }: PolicyFileOptions = {}): RetentionPolicy {
  const yaml = readYaml(text, file);
  const { value } = yaml;
  const reader = new Reader(yaml, file);
  const { issues = [] } = POLICY_FILE.safeParse(value).error ?? {};
  for (const { path, part, problem } of shapeProblems(issues, value, (path) => yaml.written(path)))
    reader.problem(path, problem, { part });

  // Each by itself, so that a mistake in one does not hide those of the others.
  const raw: Readonly<Record<string, unknown>> = isObject(value) ? value : {};
  const lists = new Map<number, readonly string[]>();
  const protect = entries(raw['protect']).flatMap((entry, index) => {
    const { data } = PROTECT.safeParse(entry);
    if (!data) return [];
    const path = ['protect', index];
    const names = namesOf(reader, path, data, readFile);
    if (names && data.tagsFrom !== undefined) lists.set(index, names);
    return [protectOf(reader, path, data, names)];
  });
  const named = new Set<string>();
  const rules = entries(raw['rules']).flatMap((entry, index) => {
    const { data } = RULE.safeParse(entry);
    if (!data) return [];
    const path = ['rules', index];
    if (named.has(data.name)) reader.problem([...path, 'name'], 'two rules have this name');
    named.add(data.name);
    return [ruleOf(reader, path, data)];
  });
  const { data: untagged } = UNTAGGED.optional().safeParse(raw['untagged']);
  const policy = {
    protect,
    rules,
    untagged: untagged && untaggedOf(reader, untagged),
    ...reader.quarantine(['quarantine'], raw['quarantine']),
  };
  const isEmpty = raw['rules'] === undefined || (Array.isArray(raw['rules']) && raw['rules'].length === 0);
  if (isObject(value) && isEmpty && !('untagged' in raw))
    reader.problem([], 'deletes nothing, because it has neither rules nor untagged');
  reader.end();
  lint(reader, policy);
  const whole = lists.size === 0 ? text : withLists(reader, lists);
  reader.end();
  return { text: whole, ...policy, warnings: reader.warnings };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function entries(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function protectOf(reader: Reader, path: Path, given: ProtectInFile, names: readonly string[] | undefined): Protect {
  const { repositories, tags, pulledWithin, because } = given;
  if ([repositories, tags, names, pulledWithin].every((one) => one === undefined))
    reader.problem(path, 'protects nothing; write repositories, tags, names, tagsFrom or pulledWithin');
  const age = reader.age([...path, 'pulledWithin'], pulledWithin);
  if (age?.milliseconds === 0) reader.problem([...path, 'pulledWithin'], 'protects nothing; write e.g. 30d');
  checkText(reader, [...path, 'because'], because);
  return {
    repositories: reader.repositories([...path, 'repositories'], repositories),
    tags: reader.tags([...path, 'tags'], tags),
    names: names && new Set(names),
    pulledWithin: age,
    because,
  };
}

function ruleOf(reader: Reader, path: Path, given: RuleInFile): RetentionRule {
  const { name, repositories, keep, olderThan, notPulledWithin, onlyIfMoreThan } = given;
  checkText(reader, [...path, 'name'], name);
  if (name === 'untagged')
    reader.problem([...path, 'name'], 'is what decisions on images without a tag name; give the rule another one');
  if (keep === undefined && olderThan === undefined)
    reader.problem(
      path,
      'the rule says neither keep nor olderThan, and would delete all that it owns; write olderThan: 0d where that is meant',
    );
  const tags = reader.tags([...path, 'tags'], given.tags, keep?.per);
  return {
    name,
    repositories: reader.repositories([...path, 'repositories'], repositories),
    tags,
    keep: keepOf(reader, [...path, 'keep'], keep, {
      tags,
      isSound: tags !== undefined || given.tags === undefined,
      isAged: olderThan !== undefined,
    }),
    olderThan: reader.age([...path, 'olderThan'], olderThan),
    notPulledWithin: reader.age([...path, 'notPulledWithin'], notPulledWithin),
    ...askedOf(reader, path, given),
    onlyIfMoreThan,
    ...reader.quarantine([...path, 'quarantine'], given.quarantine),
  };
}

function untaggedOf(reader: Reader, given: UntaggedInFile): UntaggedRule {
  const { olderThan, keep, referenced = 'delete', orphanedReferrers = 'keep' } = given;
  if (olderThan === undefined && keep === undefined)
    reader.problem(
      ['untagged'],
      'says neither keep nor olderThan, and would delete all that has no tag; write olderThan: 0d where that is meant',
    );
  checkOf(reader, ['untagged', 'keep'], keep, olderThan !== undefined);
  return {
    olderThan: reader.age(['untagged', 'olderThan'], olderThan),
    newest: keep?.newest,
    of: keep?.of ?? 'all',
    referenced,
    orphanedReferrers,
    ...reader.quarantine(['untagged', 'quarantine'], given.quarantine),
  };
}

/** Names and reasons stand in messages, tables and pages. */
function checkText(reader: Reader, path: Path, text: string | undefined): void {
  if (text !== undefined && (text.trim() === '' || /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(text)))
    reader.problem(path, 'must be one line of text without control characters');
}
