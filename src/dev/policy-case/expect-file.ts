import { nearest } from '../../policy/file/problems.ts';
import type { Path, Reader } from '../../policy/file/reader.ts';
import type { Item } from './contents.ts';
import { expanded, MOST_NAMES } from './names.ts';
import { isObject, objectAt, textAt } from './at.ts';

/*
 * `expect.yaml` of a case: what is kept and what is deleted. What it does not name is no matter of chance: it is a
 * difference, unless `others` says what comes of it.
 */

export type Action = 'keep' | 'delete';

export interface Expected {
  readonly action: Action;
  readonly reason: string | undefined;
  readonly rule: string | undefined;
}

export interface ExpectFile {
  /** Path of the policy file, relative to this one. */
  readonly policy: string | undefined;
  /** By `repository name`, as `itemKey` has it. */
  readonly named: ReadonlyMap<string, Expected>;
  readonly others: Action | undefined;
}

export function itemKey({ repository, name }: Pick<Item, 'repository' | 'name'>): string {
  return `${repository} ${name}`;
}

const ACTIONS: Readonly<Record<string, Action>> = { kept: 'keep', deleted: 'delete' };

/**
 * Reads it. Mistakes are noted with the reader.
 * @param items what is in the registry; undefined: its file has mistakes
 * @param reasons the codes that decisions have
 */
export function readExpect(
  reader: Reader,
  items: readonly Item[] | undefined,
  reasons: Readonly<Record<Action, readonly string[]>>,
): ExpectFile {
  const { value } = reader.yaml;
  const top = objectAt(reader, [], value, ['policy', 'kept', 'deleted', 'others']);
  const others = textAt(reader, ['others'], top['others']);
  if (others !== undefined && !(others in ACTIONS)) reader.problem(['others'], 'must be kept or deleted');
  if (isObject(value) && ['kept', 'deleted', 'others'].every((key) => top[key] === undefined))
    reader.problem([], 'expects nothing; write kept:, deleted: or others:');
  const known = items && new Map(items.map((item) => [itemKey(item), item]));
  const named = new Map<string, Expected>();
  const wholes: { readonly repository: string; readonly expected: Expected }[] = [];
  for (const [word, action] of Object.entries(ACTIONS)) {
    if (top[word] === undefined) continue;
    for (const [repository, given] of Object.entries(objectAt(reader, [word], top[word]))) {
      const path = [word, repository];
      if (items && !items.some((item) => item.repository === repository)) {
        const similar = nearest(repository, new Set(items.map((item) => item.repository)));
        reader.problem(path, `registry.yaml has no such repository${didYouMean(similar)}`, { part: 'key' });
        continue;
      }
      if (given === 'all') {
        wholes.push({ repository, expected: { action, reason: undefined, rule: undefined } });
        continue;
      }
      for (const { path: at, part, text, why } of namesAt(reader, path, given)) {
        const expected = { action, ...whyAt(reader, at, why, reasons[action]) };
        const names = expanded(text);
        if (!names) reader.problem(at, `is more than ${MOST_NAMES} names`, { part });
        for (const name of names ?? []) {
          const key = itemKey({ repository, name });
          if (items && !known?.has(key)) reader.problem(at, notThere(name, repository, items), { part });
          else if (named.has(key)) reader.problem(at, `${name} is expected twice`, { part });
          named.set(key, expected);
        }
      }
    }
  }
  for (const { repository, expected } of wholes)
    for (const item of items ?? [])
      if (item.repository === repository && item.isNamed && !named.has(itemKey(item)))
        named.set(itemKey(item), expected);
  const action = others === undefined ? undefined : ACTIONS[others];
  return { policy: textAt(reader, ['policy'], top['policy']), named, others: action };
}

interface Named {
  readonly path: Path;
  readonly part: 'key' | 'value';
  readonly text: string;
  readonly why: unknown;
}

/** `[v1, v2]`, or `{ v1: kept-newest, v2: by releases }`. */
function namesAt(reader: Reader, path: Path, given: unknown): readonly Named[] {
  if (Array.isArray(given))
    return (given as readonly unknown[]).flatMap((text, index): readonly Named[] => {
      const at = [...path, index];
      if (typeof text === 'string') return [{ path: at, part: 'value', text, why: undefined }];
      reader.problem(at, 'must be a text; write a tag that looks like a number in quotation marks');
      return [];
    });
  if (isObject(given))
    return Object.entries(given).map(([text, why]) => ({ path: [...path, text], part: 'key', text, why }));
  reader.problem(path, 'must be a list of tags, or an object: tags with reasons; or all');
  return [];
}

/** `kept-newest`, `by releases`, or `kept-newest by releases`. */
function whyAt(
  reader: Reader,
  path: Path,
  why: unknown,
  reasons: readonly string[],
): Pick<Expected, 'reason' | 'rule'> {
  if (why === undefined || why === null) return { reason: undefined, rule: undefined };
  const text = typeof why === 'string' ? why : '';
  const { reason, rule } = /^(?:(?<reason>[\w-]+)(?: |$))?(?:by (?<rule>.+))?$/.exec(text)?.groups ?? {};
  if (reason === undefined && rule === undefined)
    reader.problem(path, 'must be a reason, such as kept-newest, or a rule, such as: by releases; or both');
  else if (reason !== undefined && !reasons.includes(reason))
    reader.problem(
      path,
      `there is no such reason here${didYouMean(nearest(reason, reasons))}; a rule is written: by ${text}`,
    );
  return { reason, rule };
}

function notThere(name: string, repository: string, items: readonly Item[]): string {
  const names = items.filter((item) => item.repository === repository).map((item) => item.name);
  return `registry.yaml has no ${name} in ${repository}${didYouMean(nearest(name, names))}`;
}

function didYouMean(similar: string | undefined): string {
  return similar === undefined ? '' : `; did you mean ${similar}?`;
}
