import { Ajv } from 'ajv';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import * as z from 'zod';
import { InvalidPolicy } from '../../../src/policy/errors.ts';
import { describePolicy } from '../../../src/policy/file/describe.ts';
import { parsePolicyFile } from '../../../src/policy/file/parse.ts';
import { PolicyFileError } from '../../../src/policy/file/problems.ts';
import { POLICY_FILE } from '../../../src/policy/file/schema.ts';
import type { RetentionPolicy } from '../../../src/policy/file/types.ts';

const FILE = 'retention.yaml';
const isValid = new Ajv({ strict: true }).compile(z.toJSONSchema(POLICY_FILE, { target: 'draft-7' }));

/** What a policy means, as a value that can be compared. */
function meaning({ protect, rules, untagged, warnings }: RetentionPolicy): string {
  return JSON.stringify({ protect, rules, untagged, warnings: warnings.length }, (_, value: unknown) => {
    if (value instanceof Set) return [...(value as Set<string>)].sort();
    return value instanceof RegExp ? value.source : value;
  });
}

/** Reads a text that may be anything; the policy, or undefined where it is none. */
function readAnything(text: string, list: string): RetentionPolicy | undefined {
  let policy: RetentionPolicy;
  try {
    policy = parsePolicyFile(text, { file: FILE, readFile: () => list });
  } catch (error) {
    if (!(error instanceof InvalidPolicy)) throw error;
    const lines = text.split('\n').length;
    expect(error.problems.length).toBeGreaterThan(0);
    for (const problem of error.problems) {
      if (!(problem instanceof PolicyFileError)) throw problem;
      const { file, place } = problem;
      expect(file).toBe(FILE);
      expect(place.line).toBeGreaterThanOrEqual(1);
      expect(place.line).toBeLessThanOrEqual(lines);
      expect(place.column).toBeGreaterThanOrEqual(1);
      expect(problem.message).toMatch(SHOWN);
    }
    return undefined;
  }
  for (const warning of policy.warnings) expect(warning).toMatch(SHOWN);
  const { protect, rules, rest, untagged } = describePolicy(policy);
  for (const words of [...protect, ...rules.map((rule) => rule.name + rule.words), rest, untagged])
    expect(words).toMatch(SHOWN);
  return policy;
}

/** One line that does not repaint a terminal, as src/report/escape.ts has it. */
// eslint-disable-next-line no-control-regex -- control characters are what is looked for
const SHOWN = /^[^\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]*$/;

const whole = `version: 1
protect: # always wins
  - tags: [latest, 'stable-*']
    because: moving tags
  - repositories: &team ['base/**', { regex: '^x' }]
  - tagsFrom: keep.txt # a list
  - { pulledWithin: 30d, names: ['a/b:v1', "v2"] }
rules:
  - name: releases
    repositories: *team
    tags: { semver: '>=1.0.0' }
    keep: { newest: 3, per: minor }
    olderThan: 180d
  - name: branches
    tags: { regex: '^(?<branch>.+)-[0-9]+$' }
    keep: { newest: 5, per: branch, daily: 7, weekly: 4, monthly: 6, yearly: 1, within: 3d }
    notPulledWithin: 7d
    onlyIfMoreThan: 50
  - { name: v, olderThan: 30d, findings: { severity: critical, fixable: true }, endOfLife: past }
untagged:
  olderThan: 7d
  keep: { newest: 2 }
  referenced: keep
  orphanedReferrers: delete
`.replace(", { regex: '^x' }", '');

const words = [
  ...(whole.match(/[A-Za-z]+:|[^\s,:{}[\]]+|[\s,:{}[\]]+/g) ?? []),
  ...[
    '- ',
    '\n  ',
    '\n    ',
    '*a',
    '&a ',
    '!x ',
    '!!int ',
    '? ',
    '| ',
    '>-\n',
    "'",
    '"',
    '---\n',
    '...\n',
    '%YAML 1.1\n',
    '#',
    '<<: ',
    '\t',
    '\r\n',
    '~',
    'null',
    '1.10',
    '0',
    '-1',
    '1e99',
    '.inf',
    '\u0000',
    '\u2028',
    '\ud800',
    '__proto__: ',
    'toString: ',
    'constructor: ',
  ],
];
/** Words of a policy and of YAML, in any order. */
const soup = fc.array(fc.constantFrom(...words), { maxLength: 60 }).map((all) => all.join(''));
/** A policy with some changes. */
const changed = fc
  .array(fc.tuple(fc.nat(whole.length), fc.nat(8), fc.oneof(fc.constant(''), fc.constantFrom(...words), fc.string())), {
    minLength: 1,
    maxLength: 4,
  })
  .map((changes) =>
    changes.reduce((text, [at, length, instead]) => text.slice(0, at) + instead + text.slice(at + length), whole),
  );

const anyValue = fc.oneof(
  fc.constantFrom(...words),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.constant([]),
  fc.constant({}),
);
const keys = [
  'version',
  'protect',
  'rules',
  'untagged',
  'name',
  'repositories',
  'tags',
  'tagsFrom',
  'names',
  'pulledWithin',
  'because',
  'keep',
  'newest',
  'per',
  'daily',
  'within',
  'olderThan',
  'onlyIfMoreThan',
  'regex',
  'semver',
  'x',
  '__proto__',
  '\u001b[2J\n',
  '\u202e',
];
/** Objects with the keys of a policy, at any place, with any value. */
const { anything } = fc.letrec<{ anything: unknown }>((tie) => ({
  anything: fc.oneof(
    { maxDepth: 5, depthSize: 'medium' },
    anyValue,
    fc.dictionary(fc.constantFrom(...keys), tie('anything'), { maxKeys: 6 }),
    fc.array(tie('anything'), { maxLength: 3 }),
  ),
}));
const shaped = anything.map((value) => stringify(value));

/* Policies that are valid. */

const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const repositoryGlob = fc.constantFrom('*', '**', 'shop/*', 'base/**', 'shop/web', '{a,b}/x-?', '[!a]b');
const tagGlob = fc.constantFrom('*', 'latest', 'v1.?', 'pr-*', 'stable-*', '[a-z]*-{rc,beta}', '1.10', 'null', '**');
const globs = <T>(glob: fc.Arbitrary<T>) => fc.array(glob, { minLength: 1, maxLength: 3 });
const repositories = fc.oneof(
  globs(repositoryGlob),
  fc.constantFrom('^shop/', '.*', 'a|b').map((regex) => ({ regex })),
);
const regexTags = fc.constantFrom('^v', '.*', '^(?<branch>.+)-(?<minor>[0-9]+)$', 'pr-*').map((regex) => ({ regex }));
const semverTags = fc.constantFrom('*', '>=1.0.0', '1.x || ^2.3', '<1').map((semver) => ({ semver }));
const age = fc.constantFrom('1d', '30d', '12h', '2d3h30m', '1500ms');
const count = fc.integer({ min: 1, max: 100 });
const name = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
  .filter((text) => text.trim() !== '' && !/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(text));
const listedName = fc.constantFrom('v1', '1.10', 'shop/web:v2', 'null', 'true', '0x10', '~'.replace('~', '_x'));

const calendar = {
  daily: optional(count),
  weekly: optional(count),
  monthly: optional(count),
  yearly: optional(count),
  within: optional(age),
};
const keepOf = (per: readonly string[]) =>
  fc.oneof(
    fc.record({ newest: count, per: optional(fc.constantFrom('repository', ...per)), ...calendar }),
    fc.record({ ...calendar, daily: count, per: optional(fc.constantFrom('repository', ...per)) }),
    fc.record(calendar).filter((keep) => Object.values(keep).some((one) => one !== undefined)),
  );
const ruleWith = (tags: fc.Arbitrary<unknown>, per: readonly string[]) =>
  fc.record({
    repositories: optional(repositories),
    tags,
    keep: keepOf(per),
    olderThan: optional(age),
    notPulledWithin: optional(age),
    onlyIfMoreThan: optional(count),
  });
const rule = fc.oneof(
  ruleWith(optional(globs(tagGlob)), []),
  ruleWith(semverTags, ['major', 'minor']),
  ruleWith(fc.constant({ regex: '^(?<branch>.+)-(?<minor>[0-9]+)$' }), ['branch', 'minor']),
  ruleWith(regexTags, []),
);
const protectEntry = fc
  .record({
    repositories: optional(repositories),
    tags: optional(fc.oneof(globs(tagGlob), regexTags, semverTags)),
    tagsFrom: optional(fc.constant('keep.txt')),
    names: optional(fc.array(listedName, { minLength: 1, maxLength: 3 })),
    pulledWithin: optional(age),
    because: optional(name),
  })
  .filter(({ because: _, ...entry }) => Object.values(entry).some((one) => one !== undefined));
const untaggedRule = fc
  .record({
    olderThan: optional(age),
    keep: optional(fc.record({ newest: count })),
    referenced: optional(fc.constantFrom('keep', 'delete')),
    orphanedReferrers: optional(fc.constantFrom('keep', 'delete')),
  })
  .filter(({ olderThan, keep }) => olderThan !== undefined || keep !== undefined);
const valid = fc
  .record({
    protect: optional(fc.array(protectEntry, { maxLength: 3 })),
    rules: fc.tuple(
      fc.array(rule, { minLength: 1, maxLength: 4 }),
      fc.uniqueArray(name, { minLength: 4, maxLength: 4 }),
    ),
    untagged: optional(untaggedRule),
    form: fc.constantFrom('block', 'flow', 'any'),
  })
  .map(({ protect, rules: [rules, names], untagged, form }) => {
    const value = { version: 1, protect, rules: rules.map((one, index) => ({ name: names[index], ...one })), untagged };
    const shown = stringify(value, {
      collectionStyle: form as 'any',
      defaultStringType: form === 'any' ? 'QUOTE_DOUBLE' : 'PLAIN',
      keepUndefined: false,
    });
    return form === 'block' ? `# a comment\n${shown}# another\n` : shown;
  });
const list = fc
  .array(fc.oneof(listedName, fc.constantFrom('', '# x', 'v3 # x')), { maxLength: 4 })
  .map((lines) => ['v0', ...lines].join('\n'));
const anyList = fc.oneof(list, fc.string(), fc.constant(''));

const runs = { numRuns: Number(process.env['FUZZ'] ?? 200) };

test('any text is a policy, or every mistake in it has its place', () => {
  const text = fc.oneof(fc.string({ unit: 'binary' }), soup, changed, shaped);
  fc.assert(
    fc.property(text, anyList, (text, list) => {
      const policy = readAnything(text, list);
      // What the command takes, editors take, too.
      if (policy) {
        isValid(parse(policy.text));
        expect(isValid.errors).toBeNull();
      }
    }),
    runs,
  );
});

test('a policy that is valid is read; written and read again it means the same, also without the lists', () => {
  fc.assert(
    fc.property(valid, list, (text, list) => {
      const policy = parsePolicyFile(text, { file: FILE, readFile: () => list });
      expect(readAnything(text, list)).toBeDefined();
      isValid(parse(text));
      expect(isValid.errors).toBeNull();
      const again = parsePolicyFile(policy.text, { file: FILE });
      expect(meaning(again)).toBe(meaning(policy));
      expect(again.text).toBe(policy.text);
      expect(policy.text).not.toContain('tagsFrom');
    }),
    runs,
  );
});
