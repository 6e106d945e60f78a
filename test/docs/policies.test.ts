import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import type { Tokens } from 'marked';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { describePolicy } from '../../src/policy/file/describe.ts';
import { parsePolicyFile } from '../../src/policy/file/parse.ts';
import { renderPolicyFile } from '../../src/report/policy-file.ts';
import { textOf, tokensOf } from './markdown.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const PAGE = 'docs/policy-file.md';
const SCHEMA = 'docs/retention.schema.json';

interface Example {
  readonly name: string;
  readonly text: string;
  readonly folder: string;
}

const files: readonly Example[] = globSync('docs/policies/*.yaml', { cwd: root })
  .sort()
  .map((name) => ({ name, text: textOf(name), folder: dirname(name) }));
const blocks: readonly Example[] = tokensOf(PAGE)
  .filter((token): token is Tokens.Code => token.type === 'code' && (token as Tokens.Code).lang === 'yaml')
  .map(({ text }, index) => ({ name: `example ${index + 1} of the page`, text, folder: dirname(PAGE) }));

const schema = JSON.parse(textOf(SCHEMA)) as object;
const isValid = new Ajv({ strict: true, allErrors: true }).compile(schema);

describe.each([...files, ...blocks])('$name', ({ text, folder }) => {
  test('is valid, and there is nothing to warn of', () => {
    const readFile = (list: string): string => readFileSync(join(root, folder, list), 'utf8');
    expect(parsePolicyFile(text, { readFile }).warnings).toEqual([]);
  });

  test('is valid by the schema that editors check by', () => {
    isValid(parse(text));
    expect(isValid.errors).toBeNull();
  });
});

test('what the first example means is as the page says', () => {
  const [said] = tokensOf(PAGE).filter(
    (token): token is Tokens.Code => token.type === 'code' && (token as Tokens.Code).lang === 'text',
  );
  const policy = parsePolicyFile(blocks[0]?.text ?? '');
  const shown = renderPolicyFile(describePolicy(policy), policy.warnings);
  // The page breaks lines.
  const words = (text = ''): readonly string[] => text.split(/\s+/).filter((word) => word !== '');
  expect(words(said?.text)).toEqual(words(shown));
});

test('each example is named on the page', () => {
  const page = textOf(PAGE);
  for (const { name } of files) expect(page).toContain(`(${name.replace('docs/', '')})`);
  expect(blocks.length).toBeGreaterThan(1);
});

/** The keys of an object and of those within it, as paths. */
function keysOf(value: unknown, path: readonly string[] = []): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((one) => keysOf(one, path));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [[...path, key].join('.'), ...keysOf(inner, [...path, key])]);
}

/** The same of a schema. */
function keysIn(schema: unknown, path: readonly string[] = []): readonly string[] {
  const { properties, items, anyOf } = schema as {
    readonly properties?: Readonly<Record<string, unknown>>;
    readonly items?: unknown;
    readonly anyOf?: readonly unknown[];
  };
  return [
    ...Object.entries(properties ?? {}).flatMap(([key, inner]) => [
      [...path, key].join('.'),
      ...keysIn(inner, [...path, key]),
    ]),
    ...[items ?? [], anyOf ?? []].flat().flatMap((one) => keysIn(one, path)),
  ];
}

test('everything.yaml has every key', () => {
  const everything = files.find(({ name }) => name.endsWith('/everything.yaml'));
  const used = new Set(keysOf(parse(everything?.text ?? '')));
  const known = new Set(keysIn(schema));
  // A regular expression for tags is in the branches, and for repositories in the protections.
  const elsewhere = ['protect.tags.regex', 'protect.tags.semver', 'rules.repositories.regex'];
  expect([...known].filter((key) => !used.has(key))).toEqual(elsewhere);
});

test('each key has a title and a description', () => {
  const check = (schema: unknown, name: string): void => {
    const { properties, items, anyOf } = schema as {
      readonly properties?: Readonly<Record<string, { readonly title?: string; readonly description?: string }>>;
      readonly items?: unknown;
      readonly anyOf?: readonly unknown[];
    };
    for (const [key, inner] of Object.entries(properties ?? {})) {
      expect([inner.title, inner.description], `${name}.${key}`).toEqual([expect.any(String), expect.any(String)]);
      check(inner, `${name}.${key}`);
    }
    for (const one of [items ?? [], anyOf ?? []].flat()) check(one, name);
  };
  check(schema, 'policy');
});

test('the schema is in the package', () => {
  const { files } = JSON.parse(textOf('package.json')) as { readonly files: readonly string[] };
  expect(files).toContain(SCHEMA);
});
