import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { SETTINGS } from '../../src/policy/settings.ts';
import { PAGES, commandsOf } from './markdown.ts';

const root = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');

const { scripts } = JSON.parse(read('package.json')) as { readonly scripts: Readonly<Record<string, string>> };
const pages = PAGES.filter((path) => !path.startsWith('test/')).map((path) => [path, commandsOf(path)] as const);
const all = pages.flatMap(([path, commands]) => commands.map((command) => [path, command] as const));

test.each(pages)('each npm script in %s exists', (_, commands) => {
  const named = commands.flatMap((line) => [...line.matchAll(/\bnpm (?:run )?([a-z:]+)/g)].map(([, name]) => name));
  for (const name of named) if (name !== 'ci' && name !== 'install') expect(Object.keys(scripts)).toContain(name);
});

/** What is set with azd or exported for the app, in all pages. */
const assigned = all.flatMap(([path, command]) => [
  ...[...command.matchAll(/azd env set ["']?([A-Z_]+)/g)].map(([, name = '']) => [path, name] as const),
  ...[...command.matchAll(/^(?:export )?([A-Z_]+)=/g)].map(([, name = '']) => [path, name] as const),
]);

describe('settings', () => {
  const parameters = read('infra/main.bicepparam');

  test.each(assigned)('%s sets %s, which is read', (_, name) => {
    const isRead = (SETTINGS as readonly string[]).includes(name) || parameters.includes(`'${name}'`);
    expect(isRead).toBe(true);
  });

  test('there are some', () => expect(assigned.length).toBeGreaterThan(5));
});
