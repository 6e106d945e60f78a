import type { Tokens } from 'marked';
import { describe, expect, test } from 'vitest';
import { parsePurgeCommand } from '../../src/policy/purge-command.ts';
import { matchHere } from '../support/match.ts';
import { tokensOf } from './markdown.ts';

/** A recipe of docs/filters.md: the flags, and images that they select and do not select, as the page says. */
interface Recipe {
  readonly title: string;
  readonly flags: string;
  readonly selects: readonly string[];
  readonly leaves: readonly string[];
}

const IMAGE = /`([a-z\d./-]+:[\w.-]+)`/g;
const imagesIn = (text = ''): readonly string[] => [...text.matchAll(IMAGE)].map(([, image = '']) => image);

function recipesIn(path: string): readonly Recipe[] {
  const tokens = tokensOf(path);
  return tokens.flatMap((token, index) => {
    if (token.type !== 'heading' || !/^\d+\. /.test((token as Tokens.Heading).text)) return [];
    const rest = tokens.slice(index + 1);
    const code = rest.find((one): one is Tokens.Code => one.type === 'code');
    const words = rest.find((one): one is Tokens.Paragraph => one.type === 'paragraph');
    const [, selects, leaves] = /^Selects ([^]*?)\. Not ([^]*?)\.(?: |\n|$)/.exec(words?.text ?? '') ?? [];
    return [
      {
        title: (token as Tokens.Heading).text,
        flags: code?.text ?? '',
        selects: imagesIn(selects),
        leaves: imagesIn(leaves),
      },
    ];
  });
}

async function selects(flags: string, image: string): Promise<boolean> {
  const { policy } = parsePurgeCommand(flags);
  const [repository = '', tag = ''] = image.split(':');
  const [filters = []] = await policy.compiled.repositoryFilters([repository], matchHere);
  if (!policy.tags || filters.length === 0) return false;
  const { selected } = await policy.compiled.tags(filters).matches([tag], matchHere);
  return selected[0] === true;
}

const recipes = recipesIn('docs/filters.md');

test('there are fifteen', () => expect(recipes).toHaveLength(15));

describe.each(recipes)('$title', ({ flags, selects: chosen, leaves }) => {
  test('nothing is to be warned of', () => expect(parsePurgeCommand(flags).policy.warnings).toEqual([]));

  test('has examples', () => {
    if (flags.includes('--untagged-only')) return;
    expect(chosen.length).toBeGreaterThanOrEqual(2);
    expect(leaves.length).toBeGreaterThanOrEqual(1);
  });

  test.each(chosen)('selects %s', async (image) => expect(await selects(flags, image)).toBe(true));
  test.each(leaves)('does not select %s', async (image) => expect(await selects(flags, image)).toBe(false));
});

describe('the rules', () => {
  test.each([
    ['app:dev', 'app:my-dev-build', true],
    ['app:dev', 'my-app:dev', false],
    ['app:^dev-', 'app:my-dev-1', false],
    ['(app|web):.*', 'my-web:1', false],
    ['app|web:.*', 'my-web:1', true],
    ['app:(?!release)', 'app:release-1', true],
    ['app:^(?!release).*', 'app:release-1', false],
    ['app:^v1\\..$', 'app:v1.2', true],
    ['app:^v1\\..$', 'app:v1.22', false],
  ])('%s at %s', async (filter, image, expected) => {
    expect(await selects(`--filter '${filter}' --ago 1d`, image)).toBe(expected);
  });
});
