import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PolicyError } from '../../src/policy/errors.ts';
import { matchHere } from '../support/match.ts';
import { compileFilters, lintFilter, splitFilter } from '../../src/policy/filter.ts';
import { adviceOnUnmatched } from '../../src/policy/advice/filter.ts';

/** What is said of a filter: that it is refused, or what it is warned of. */
function said(text: string): string {
  try {
    const filter = splitFilter(text);
    compileFilters([filter]);
    return lintFilter(filter).join('\n');
  } catch (error) {
    if (error instanceof PolicyError) return error.message;
    throw error;
  }
}

/** The filter that a message says to write. */
function written(message: string): string {
  return /--filter '([^']*)'(?!.*--filter ')/s.exec(message)?.[1] ?? '';
}

async function matches(text: string, image: string): Promise<boolean> {
  const [repository = '', tag = ''] = image.split(':');
  const filters = [splitFilter(text)];
  const compiled = compileFilters(filters);
  const [lists] = await compiled.repositoryFilters([repository], matchHere);
  const { selected } = await compiled.tags(filters).matches([tag], matchHere);
  return lists?.length === 1 && selected[0] === true;
}

describe('the filter to write instead matches what is meant, and nothing else', () => {
  test.each([
    ['platform*:.*', ['platform:v1', 'platformfrontend:v1'], ['platfor:v1', 'my-platform:v1']],
    ['test-*:.*', ['test-1:v1'], ['test:v1']],
    ['ci-*/*:.*', ['ci-x/pipeline:v1'], ['ci-x:v1']],
    ['team/*:.*', ['team/web:v1', 'team/a/b:v1'], ['team:v1']],
    ['*/web:.*', ['team/web:v1'], ['web:v1']],
    ['*:pr-*', ['app:pr-1', 'a/b:pr-'], ['app:my-pr-1', 'app:pr']],
    ['**:.*', ['app:v1', 'a/b:v1'], []],
    ['app:*', ['app:v1'], ['web:v1']],
    ['app:**', ['app:v1'], ['web:v1']],
    ['app:*-dev', ['app:x-dev'], ['app:x-dev-2', 'app:dev']],
    ['app:*dev*', ['app:mydevel'], ['app:main']],
    ['app:pr-*', ['app:pr-1'], ['app:prod', 'app:my-pr-1']],
    ['app:^pr-*', ['app:pr-1'], ['app:prod']],
    ['app:^pr-*$', ['app:pr-1'], ['app:prod']],
    ['app:v1.*-rc*', ['app:v1.2-rc3'], ['app:v1.2']],
    ['app:1.2-*', ['app:1.2-rc'], ['app:1x2-rc']],
    ['app:(dev|pr)-*', ['app:dev-1', 'app:pr-2'], ['app:prod', 'app:dev', 'app:x-pr-1']],
    ['app:dev-*|pr-*', ['app:dev-1', 'app:pr-2'], ['app:prod', 'app:x-pr-1']],
    ['app:v?', ['app:v1', 'app:v2'], ['app:v', 'app:v12', 'app:main']],
    ['app?:.*', ['app1:v1'], ['app:v1', 'ap:v1']],
    ['app:(?!dev$).*', ['app:main', 'app:dev2'], ['app:dev']],
    ['app:(?!dev).*', ['app:main', 'app:my-dev'], ['app:dev', 'app:dev2']],
    ['app:(?!dev|main)', ['app:pr-1'], ['app:dev', 'app:main']],
    ['app:((?!dev).)*', ['app:main'], ['app:dev', 'app:my-dev-1']],
    ['app:(?i)(?!dev$).*', ['app:main'], ['app:dev', 'app:DEV']],
    ['app:((?!release).)*', ['app:main'], ['app:release-1']],
    ['app:((?!release).)*$', ['app:main'], ['app:release-1', 'app:a-release']],
    ['app:^((?!release).)*', ['app:main'], ['app:release-1', 'app:a-release']],
    ['app:.*(?!dev)', ['app:main'], ['app:dev', 'app:my-dev']],
    ['app:^.*(?!-dev).*$', ['app:main'], ['app:my-dev']],
    ['app:.*(?<!-dev)', ['app:main'], ['app:my-dev']],
    ['app:[^dev]', ['app:main', 'app:devel'], ['app:dev']],
    ['app:^[^latest]+$', ['app:main'], ['app:latest']],
    ['app:[!dev]', ['app:main'], ['app:dev']],
    ['app:[dev]', ['app:dev'], ['app:main', 'app:e', 'app:develop']],
    ['app:^[main]+$', ['app:main'], ['app:am']],
    ['app:!dev', ['app:main'], ['app:dev']],
    ['app:!(dev|main)', ['app:pr-1'], ['app:dev', 'app:main']],
    ['app:^!latest$', ['app:pr-1', 'app:latest2'], ['app:latest']],
    ['!app:.*', ['web:v1', 'app2:v1'], ['app:v1']],
    ['app:^dev|main$', ['app:dev', 'app:main'], ['app:development', 'app:not-main']],
    ['app:^dev|pr', ['app:dev-1', 'app:pr-1'], ['app:my-pr']],
    ['app:dev|main$', ['app:x-dev', 'app:main'], ['app:main-1', 'app:developer']],
    ['app:release|pr', ['app:release-1', 'app:pr-1'], ['app:my-pr', 'app:x-release']],
    ['app:1.0.0', ['app:1.0.0'], ['app:11.0.0', 'app:1x0.0', 'app:1.0.0-rc']],
    ['app:v1.2', ['app:v1.2'], ['app:v1.2.3', 'app:v1x2']],
    ['app:[0-9]*', ['app:123', 'app:'], ['app:v1', 'app:latest']],
    ['app:(dev|pr)*', ['app:dev', 'app:pr'], ['app:main']],
    ['"app:.*"', ['app:v1'], []],
    ["'app:.*'", ['app:v1'], []],
    ['‘app:.*’', ['app:v1'], []],
    ['“app:^pr-”', ['app:pr-1'], ['app:x-pr-1']],
    ['`app:.*`', ['app:v1'], []],
    ['""app:.*""', ['app:v1'], []],
    ['app:".*"', ['app:v1'], []],
    ['app:v1 ', ['app:v1'], []],
    [' app:v1', ['app:v1'], []],
    ['app: v1', ['app:v1'], []],
    ['App:.*', ['app:v1'], []],
    ['Team/\\w+:Dev', ['team/web:Dev'], ['team/web:dev']],
    ['app,web:.*', ['app:v1', 'web:v1'], ['app,web:v1']],
    ['app:v1,v2', ['app:v1', 'app:v2'], ['app:v3']],
    ['contoso.azurecr.io/app:.*', ['app:v1'], []],
    ['127.0.0.1:5000/app:.*', ['app:v1'], []],
    ['localhost:5000/team/web:^pr-', ['team/web:pr-1'], []],
    ['https://contoso.azurecr.io/app:.*', ['app:v1'], []],
    ['registry:5000/app:.*', ['app:v1'], []],
  ])('%s', async (text, meant, others) => {
    const message = said(text);
    expect(message).toContain('write ');
    const instead = written(message);
    for (const image of meant.filter((one) => !one.endsWith(':')))
      expect([image, await matches(instead, image)]).toEqual([image, true]);
    for (const image of others) expect([image, await matches(instead, image)]).toEqual([image, false]);
    // What is written instead is not warned of in turn.
    expect(said(instead)).toBe('');
  });
});

describe('said in so many words', () => {
  test.each([
    ['app:^$', '--untagged'],
    ['app:^ *$', '--untagged'],
    ['app:<none>', '--untagged'],
    ['app:*', 'for anything write .*'],
    ['app@sha256:.*', 'not digests'],
    ['app@sha256:1f:.*', 'not digests'],
    ['app:sha256:.*', 'not digests'],
    ['app:@sha256', 'not digests'],
    ['app:v1,web:v2', "--filter 'app:v1' --filter 'web:v2'"],
    ['app:v1;team/web:v2', "--filter 'app:v1' --filter 'team/web:v2'"],
    ['app:v1 web:v2', "--filter 'app:v1' --filter 'web:v2'"],
    ['app:v1, web:v2', "--filter 'app:v1' --filter 'web:v2'"],
    ['app:v1|web:v2', "--filter 'app:v1' --filter 'web:v2'"],
    ['app:release/1', 'a slash is in no tag'],
    ['app:v1=x', '"=" is in no tag'],
    ['app:$TAG}', 'can never match'],
    ['app:dev|v 2', 'the alternative "v 2" can never match: a blank is in no tag'],
    ['app:(?!dev$).*', 'is not anchored'],
    ['team/*:.*', '* repeats the "/" before it'],
    ['app:[^dev]', 'any EXCEPT "d", "e", "v"'],
    ['app:release|pr', 'in the middle of a word'],
    ['app:v?', 'so it matches every tag'],
  ])('%s', (text, words) => {
    expect(said(text)).toContain(words);
  });
});

test.each([
  '.*:.*', 'app:.*', 'app:.+', 'app:^.*$', 'app:^v[0-9]+$', 'app:^v?[0-9]+(\\.[0-9]+)*$', '.*:^pr-.*', 'app:^(dev|pr)-', '.*:-dev$',
  'app:^(?!latest$).*', 'app:^(?!.*(latest|main)).*$', 'app:^((?!release).)*$', 'app:^(?!(latest|stable)$)', 'app:pr-(?!1)',
  'app:^[0-9a-f]{40}$', 'app:^sha-[0-9a-f]{7,}$', 'app:\\d{8}\\.\\d+', 'app:^[Ff]eature[-0-9]*$', 'app:-rc[0-9]*$', 'app:pr-*[0-9]+',
  'app:[abc]', 'app:^[xyz]-', 'app:[^abc]', 'app:^dev-.*|^pr-.*', 'app:^dev$|^main$', 'app:dev$|main$', 'app:(dev|test)', 'app:dev',
  'app:^main$', 'app:^1\\.0\\.0$', 'app:^1\\.0\\.', 'app:.*-snapshot.*', 'app:(?i)^dev-', 'app:[^a-z]', 'app:(?<!-keep)$',
  'app:.*(?<!-keep)$', 'app:^20[0-9]{2}', 'app:^$|^dev', '(app|web):^dev-', 'team/.*:.*', 'team/(a|b)/.*:^x', 'my\\.app:.*', 'my.app/web:.*',
  '^app$:.*', '(?i)App:.*', '[A-Za-z]+:.*', 'app:^\\w+$', 'app:^[^-]+$', 'app:^\\S+$', 'docker.io/library/nginx:.*', 'app:^build-\\d+',
  'app:latest', 'app:x{2,3}', 'app:^.{40}$', 'app:^(v|release-)\\d', 'app:^dependabot-.*', 'app:^[^_]*$',
])('nothing is said of %s', (text) => {
  expect(said(text)).toBe('');
}); // prettier-ignore

test('the host of another registry, where the filter matches no repository', () => {
  const advice = (text: string): string | undefined => adviceOnUnmatched(splitFilter(text));
  expect(advice('quay.io/team/web:.*')).toContain("write --filter 'team/web:.*'");
  expect(advice('docker.io/library/nginx:^1')).toContain("write --filter 'library/nginx:^1'");
  expect(advice('contoso\\.azurecr\\.io/app:.*')).toContain("write --filter 'app:.*'");
  expect(advice('team/web:.*')).toBeUndefined();
  expect(advice('app:.*')).toBeUndefined();
});

test('whatever is said to be written can be compiled, and a warning never ends a command', () => {
  const pieces = fc.constantFrom('a', 'dev', 'pr-', '*', '.*', '?', '^', '$', '|', '(', ')', '(?!', '(?i)', '[^dev]', '[a-z]', '.', '!', ' ', '1.0', '\\d', '+', ',', '"', 'A', '/'); // prettier-ignore
  fc.assert(
    fc.property(
      fc.array(pieces, { maxLength: 4 }),
      fc.array(pieces, { minLength: 1, maxLength: 6 }),
      (first, second) => {
        const message = said(`r${first.join('')}:${second.join('')}`);
        const instead = written(message);
        if (instead === '' || message.includes('once for each')) return;
        const outcome = said(instead);
        expect(outcome).not.toContain('--filter "');
      },
    ),
    { numRuns: 1500 },
  );
});
