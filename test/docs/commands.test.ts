import { readFileSync } from 'node:fs';
import { split } from 'shlex';
import { describe, expect, test } from 'vitest';
import { lintFilter, splitFilter } from '../../src/policy/filter.ts';
import { SETTINGS } from '../../src/policy/settings.ts';
import { codeIn, commandsOf, headingsOf, PAGES, rowsUnder, textOf } from './markdown.ts';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

/** Each command in a code block, with the page that it is in. The benchmarks have flags of their own. */
const all = PAGES.filter((path) => !path.startsWith('test/')).flatMap((path) =>
  commandsOf(path).map((command) => [path, command] as const),
);

describe('npm scripts', () => {
  const { scripts } = JSON.parse(read('package.json')) as { readonly scripts: Readonly<Record<string, string>> };
  const named = all.flatMap(([path, command]) =>
    [...command.matchAll(/\bnpm (?:run )?([a-z:]+)/g)].map(([, name = '']) => [path, name] as const),
  );

  test.each(named)('%s: npm %s', (_, name) => {
    expect(['ci', 'install', ...Object.keys(scripts)]).toContain(name);
  });
});

/** The flags of each command, long and short: docs/flags.md is generated from the code. */
const flags = new Map(
  headingsOf('docs/flags.md')
    .filter((heading) => /^`.*`$/.test(heading))
    .map((heading) => [
      heading.slice(1, -1),
      rowsUnder('docs/flags.md', heading).flatMap(([cell = '']) => cell.match(/(?<![\w-])--?[a-z][a-z-]*/g) ?? []),
    ]),
);

describe('acr-retention', () => {
  const calls = all.flatMap(([path, command]) =>
    [...command.matchAll(/(?:npx acr-retention|\$ acr-retention|acr-retention:[\d.]+) ([a-z<].*)$/g)].map(
      ([, rest = '']) => [path, split(rest.replaceAll('<', '"<').replaceAll('>', '>"'))] as const,
    ),
  );

  test('there are some', () => expect(calls.length).toBeGreaterThan(10));

  test.each(calls)('%s: %j', (_, words) => {
    const [first = '', second = ''] = words;
    if (first.startsWith('<')) return;
    const name = [`${first} ${second}`, first, `${first} list`].find((one) => flags.has(one));
    expect(name, 'there is such a command').toBeDefined();
    const given = words.filter((word) => /^--?[a-z]/.test(word)).map((word) => word.replace(/=.*$/, ''));
    for (const flag of given) expect([...(flags.get(name ?? '') ?? []), '--help']).toContain(flag);
  });
});

describe('filters', () => {
  const filters = all.flatMap(([path, command]) =>
    [...command.matchAll(/--filter '([^'<]+)'/g)].map(([, filter = '']) => [path, filter] as const),
  );

  test.each(filters)('%s: there is nothing to warn of in %s', (_, filter) => {
    expect(lintFilter(splitFilter(filter))).toEqual([]);
  });
});

describe('settings', () => {
  const parameters = read('infra/main.bicepparam');
  const assigned = all.flatMap(([path, command]) =>
    [...command.matchAll(/(?:azd env set ["']?([A-Z_]+)|^(?:export )?([A-Z_]+)=)/g)].map(
      ([, set = '', exported = set]) => [path, exported] as const,
    ),
  );

  test('there are some', () => expect(assigned.length).toBeGreaterThan(5));

  test.each(assigned)('%s sets %s, which is read', (_, name) => {
    expect((SETTINGS as readonly string[]).includes(name) || parameters.includes(`'${name}'`)).toBe(true);
  });
});

/** Flags in words: of any command of ours, or of a program that is named beside them. */
test.each([
  'README.md',
  'docs/safety.md',
  'docs/filters.md',
  'docs/runs.md',
  'docs/operations.md',
  'docs/from-acr-tasks.md',
])('flags that the text of %s names exist', (path) => {
  const known = new Set([...flags.values()].flat());
  const spans = codeIn(textOf(path)).filter((code) => !/^(?:az|azd|npm|npx|func|kubectl) /.test(code));
  for (const flag of spans.flatMap((code) => code.match(/(?<![\w-])--[a-z][a-z-]+/g) ?? []))
    expect(known, flag).toContain(flag);
});
