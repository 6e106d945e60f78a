import { describe, expect, test } from 'vitest';
import { compileFilters, splitFilter } from '../../src/policy/filter.ts';
import { movingTagWarnings } from '../../src/policy/moving-tags.ts';
import { movingKind } from '../../src/ledger/moving.ts';
import { matchHere } from '../support/match.ts';

function warned(filter: string, ...tags: readonly string[]): readonly string[] {
  const found = tags.flatMap((tag) => {
    const kind = movingKind(tag);
    return kind === undefined ? [] : [{ repository: 'app', tag, filter, kind }];
  });
  return movingTagWarnings([splitFilter(filter)], found, 'would delete');
}

describe('tags that move, and plain versions', () => {
  test.each([
    ['app:.*', ['latest', 'dev-1'], ['latest'], ['dev-1', 'latest-1']],
    ['.*:.*', ['latest', 'stable', 'main'], ['latest', 'stable', 'main'], ['dev-1']],
    ['app:release|pr', ['release', 'pr-1'], [], []],
    ['app:e', ['release', 'stable'], ['release', 'stable'], ['dev', 'release-1']],
    ['app:^(?!dev$).*', ['latest', 'pr-1'], ['latest', 'dev'], ['pr-1']],
    ['app:^.*$', ['production'], ['production'], ['x']],
    ['app:st', ['latest'], ['latest'], ['test']],
    ['app:.*', ['1.0.0', 'v2', 'v1.2.3'], ['1.0.0', 'v2', 'v1.2.3', '2.0'], ['1.0.0-rc', 'dev']],
    ['app:1', ['1.0.0', 'latest'], ['1.0.0', '11.0'], ['dev-1']],
    ['app:(1|2)\\.\\d\\1', ['1.01'], ['1.01'], ['x1.01']],
    ['app:a|main', ['master', 'main'], ['master'], ['main', 'a']],
  ])('%s with %j', async (filter, tags, kept, others) => {
    const [warning, ...more] = warned(filter, ...tags);
    expect(more).toEqual([]);
    if (kept.length === 0) {
      expect(warning).toBeUndefined();
      return;
    }
    const instead = /--filter '(.*)'$/.exec(warning ?? '')?.[1] ?? '';
    const filters = [splitFilter(instead)];
    const { selected } = await compileFilters(filters)
      .tags(filters)
      .matches([...kept, ...others], matchHere);
    expect(selected).toEqual([...kept.map(() => false), ...others.map(() => true)]);
  });

  test('each is named, the moving ones first, and of many the first', () => {
    const [warning] = warned('app:.*', ...Array.from({ length: 30 }, (_, n) => `1.${n}.0`), 'latest');
    expect(warning).toContain('would delete moving tags and versions: app:latest, app:1.0.0, ');
    expect(warning).toContain('app:1.8.0 and more; to keep them write ');
  });

  test.each([
    ['app:^v[0-9]+$', ['v1', 'v2']],
    ['app:^1\\.', ['1.0.0']],
    ['app:^latest$', ['latest']],
    ['app:latest', ['latest']],
    ['app:^(main|master)$', ['main', 'master']],
    ['app:.*', ['dev-1', '20261124', 'pr-7', 'sha-1234567']],
  ])('%s says what it means', (filter, tags) => {
    expect(warned(filter, ...tags)).toEqual([]);
  });
});
