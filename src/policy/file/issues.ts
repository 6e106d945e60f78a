import type * as z from 'zod';
import { quote } from '../errors.ts';
import { nearest } from './problems.ts';
import { POLICY_FILE, PROTECT, RULE, UNTAGGED } from './schema.ts';

type Path = readonly PropertyKey[];

/** What is wrong with the shape of a file, and with what. */
export interface ShapeProblem {
  readonly path: Path;
  /** Whether the key is wrong, and not its value. */
  readonly part: 'key' | 'value';
  readonly problem: string;
}

/** The keys at each place of a file; a rule's are those of every rule. */
const KEYS: Readonly<Record<string, readonly string[]>> = {
  '': Object.keys(POLICY_FILE.shape),
  protect: Object.keys(PROTECT.shape),
  rules: Object.keys(RULE.shape),
  'rules.keep': Object.keys(RULE.shape.keep.unwrap().shape),
  'rules.findings': Object.keys(RULE.shape.findings.unwrap().shape),
  untagged: Object.keys(UNTAGGED.shape),
  'untagged.keep': Object.keys(UNTAGGED.shape.keep.unwrap().shape),
};

/** What other tools call it. */
const CALLED: Readonly<Record<string, string>> = {
  ago: 'olderThan',
  age: 'olderThan',
  maxage: 'olderThan',
  expireafter: 'olderThan',
  last: 'newest',
  keeplast: 'newest',
  count: 'newest',
  hourly: 'within',
  repository: 'repositories',
  repos: 'repositories',
  filter: 'tags',
  tag: 'tags',
  pattern: 'tags',
  images: 'repositories',
  description: 'because',
  reason: 'because',
  comment: 'because',
  id: 'name',
  file: 'tagsFrom',
  exclude: 'protect',
  vulnerabilities: 'findings',
  vulnerable: 'findings',
  cves: 'findings',
  eol: 'endOfLife',
  endoflifedate: 'endOfLife',
  hasfix: 'fixable',
  fixavailable: 'fixable',
  policies: 'rules',
};

/** The mistakes that a schema has found. @param value what was read */
export function shapeProblems(
  issues: readonly z.core.$ZodIssue[],
  value: unknown,
  written: (path: Path) => string | undefined,
): readonly ShapeProblem[] {
  return issues.flatMap((issue) => problemsOf(issue, [], value, written));
}

function problemsOf(
  issue: z.core.$ZodIssue,
  within: Path,
  root: unknown,
  written: (path: Path) => string | undefined,
): readonly ShapeProblem[] {
  const path = [...within, ...issue.path];
  const value = valueAt(root, path);
  const wrong = (problem: string): readonly ShapeProblem[] => [{ path, part: 'value', problem }];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({ path: [...path, key], part: 'key', problem: unknownKey(key, path) }));
    case 'invalid_union': {
      const branch = Array.isArray(value) ? 0 : typeof value === 'object' && value !== null ? 1 : undefined;
      const inner = branch === undefined ? undefined : issue.errors[branch];
      if (inner && inner.length > 0) return inner.flatMap((one) => problemsOf(one, path, root, written));
      return wrong(`must be a list of globs${typeof value === 'string' ? `; write [${quoted(value)}]` : ''}`);
    }
    case 'invalid_type':
      return wrong(wrongType(issue.expected, value, written(path), path));
    case 'invalid_value': {
      const values = issue.values.map(String).join(' or ');
      return wrong(value === undefined ? `is missing; write ${nameAt(path)}: ${values}` : `must be ${values}`);
    }
    case 'too_small':
      if (issue.origin === 'array') return wrong('is empty; leave it away, or write what is in it');
      return wrong(issue.origin === 'string' ? 'is empty' : `must be at least ${String(issue.minimum)}`);
    case 'too_big':
      return wrong(
        issue.origin === 'number' || issue.origin === 'int'
          ? `must be at most ${String(issue.maximum)}`
          : `is limited to ${String(issue.maximum)} ${issue.origin === 'array' ? 'entries' : 'characters'}`,
      );
    default:
      return wrong(issue.message);
  }
}

/** Keys that hold a length of time. Quoted, a number is none either. */
const DURATIONS: readonly (PropertyKey | undefined)[] = ['olderThan', 'notPulledWithin', 'quarantine'];

function wrongType(expected: string, value: unknown, written: string | undefined, path: Path): string {
  if (path.length === 0) return `${value === null ? 'is empty' : 'is no object'}; a policy begins with version: 1`;
  if (value === undefined) return 'is missing';
  if (value === null)
    return written === undefined || written === ''
      ? 'has no value'
      : `has no value; write ${quoted(written)} for the text`;
  switch (expected) {
    case 'string':
      if (typeof value === 'object') return 'must be one text';
      if (typeof value === 'number' && DURATIONS.includes(path.at(-1)))
        return `a number needs a unit; write ${value}d for days`;
      return `YAML reads a ${typeof value === 'number' ? 'number' : 'true or false'} here, and not a text; write ${quoted(written ?? '')}`;
    case 'array':
      return 'must be a list, each entry on a line that begins with -';
    case 'object':
      return `must be an object: ${path.at(-1) === 'findings' ? 'write findings: { severity: critical }' : 'keys with values'}`;
    case 'boolean':
      return 'must be true or false';
    default:
      return 'must be a whole number in digits, e.g. 5';
  }
}

function unknownKey(key: string, path: Path): string {
  const place = path.filter((step) => typeof step !== 'number').join('.');
  if (place.endsWith('.tags') || place.endsWith('.repositories'))
    return `there is no such key here; write ${place.endsWith('.tags') ? '{ regex: … } or { semver: … }' : '{ regex: … }'}, or a list of globs`;
  const known = KEYS[place] ?? [];
  if (key === '$schema') return 'is written as a comment in the first line: # yaml-language-server: $schema=…';
  if (key === '<<') return 'a policy has no merge keys; write the keys themselves';
  const called = CALLED[key.toLowerCase().replace(/[^a-z]/g, '')];
  const similar = (called !== undefined && known.includes(called) ? called : undefined) ?? nearest(key, known);
  if (similar !== undefined) return `there is no such key; did you mean ${similar}?`;
  const [elsewhere] = Object.entries(KEYS).find(([, keys]) => keys.includes(called ?? key)) ?? [];
  if (elsewhere !== undefined) {
    const under = elsewhere === '' ? 'at the beginning of a line' : `under ${elsewhere.replace('.', ': ')}:`;
    return called === undefined
      ? `does not belong here, but ${under}`
      : `there is no such key; did you mean ${called}, ${under}?`;
  }
  return `there is no such key; here may be ${known.join(', ')}`;
}

function valueAt(root: unknown, path: Path): unknown {
  let value = root;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Readonly<Record<PropertyKey, unknown>>)[step];
  }
  return value;
}

function nameAt(path: Path): string {
  return path.findLast((step) => typeof step === 'string') ?? 'the policy';
}

/** As YAML has it in single quotes. */
function quoted(text: string): string {
  const [, inner = ''] = /^"([^]*)"$/.exec(quote(text)) ?? [];
  return `'${inner.replaceAll("'", "''")}'`;
}
