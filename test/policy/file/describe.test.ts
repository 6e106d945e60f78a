import { describe, expect, test } from 'vitest';
import { describePolicy } from '../../../src/policy/file/describe.ts';
import { parsePolicyFile } from '../../../src/policy/file/parse.ts';

const inWords = (text: string) => describePolicy(parsePolicyFile(`version: 1\n${text}`));
const ruleInWords = (rule: string): string | undefined => inWords(`rules: [{ name: a, ${rule} }]`).rules[0]?.words;

describe('a rule', () => {
  test.each([
    ['olderThan: 30d', 'In every repository: all tags. They are deleted when they are older than 30 days.'],
    ['olderThan: 0d', 'In every repository: all tags. They are deleted, whatever their age.'],
    [
      "repositories: ['shop/*'], tags: { semver: '>=1.0.0' }, keep: { newest: 3, per: minor }, olderThan: 180d",
      'In the repositories "shop/*": the tags that are a version in ">=1.0.0". Kept, whatever their age: of each minor version in each repository the newest 3 by version. The others are deleted when they are older than 180 days.',
    ],
    [
      "repositories: [shop/web], tags: { regex: '^(?<branch>.+)-[0-9]+$' }, keep: { newest: 1, per: branch }",
      'In the repository "shop/web": the tags that match the regular expression "^(?<branch>.+)-[0-9]+$". Kept, whatever their age: of each "branch" in each repository the newest. The others are deleted, whatever their age.',
    ],
    [
      "tags: ['nightly-*'], keep: { daily: 7, weekly: 4, monthly: 1, yearly: 2, within: 36h }",
      'In every repository: the tags "nightly-*". Kept, whatever their age: of each repository the newest of each of the last 7 days, 4 ISO weeks, month and 2 years that have any (UTC); what was updated within the last 36 hours. The others are deleted, whatever their age.',
    ],
    [
      "repositories: { regex: '^a' }, tags: [pr], olderThan: 1d, notPulledWithin: 1d12h30m, onlyIfMoreThan: 50",
      'In the repositories that match the regular expression "^a": the tag "pr". They are deleted when they are older than 1 day and were not pulled within the last 2190 minutes, but none in a repository that has 50 tags of this rule or fewer.',
    ],
    [
      'olderThan: 30d, findings: { severity: critical, fixable: true }',
      'In every repository: all tags. They are deleted when they are older than 30 days, a scan of them names a critical finding with a fix and a source says that nothing uses them.',
    ],
    [
      'olderThan: 30d, findings: { severity: high }, endOfLife: past',
      'In every repository: all tags. They are deleted when they are older than 30 days, a scan of them names a finding that is high or worse, the day of their end of life is over and a source says that nothing uses them.',
    ],
    [
      "tags: { semver: '*' }, keep: { newest: 2, daily: 7, per: major }",
      'In every repository: the tags that are a version. Kept, whatever their age: of each major version in each repository the newest 2 by version and the newest of each of the last 7 days that have any (UTC). The others are deleted, whatever their age.',
    ],
    [
      "tags: { semver: '*' }, olderThan: 1500ms",
      'In every repository: the tags that are a version. They are deleted when they are older than 1500ms.',
    ],
  ])('%s', (rule, words) => expect(ruleInWords(rule)).toBe(words));
});

describe('a protection', () => {
  test.each([
    ["{ repositories: ['base/**'] }", 'In the repositories "base/**": all tags.'],
    [
      '{ tags: [latest, main], because: They move. }',
      'In every repository: the tags "latest" and "main" (They move.).',
    ],
    ['{ names: [shop/web:v1] }', 'In every repository: the tag "shop/web:v1".'],
    ['{ pulledWithin: 30d }', 'In every repository: all tags, if pulled within the last 30 days.'],
    [
      `{ names: [${Array.from({ length: 12 }, (_, index) => `v${index}`).join()}] }`,
      'In every repository: the tags "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9" and 2 more.',
    ],
  ])('%s', (entry, words) => {
    expect(inWords(`protect: [${entry}]\nuntagged: { olderThan: 1d }`).protect).toEqual([words]);
  });
});

test('what has no tag, and what no rule owns', () => {
  expect(
    inWords('untagged: { olderThan: 7d, keep: { newest: 2 }, referenced: keep, orphanedReferrers: delete }'),
  ).toEqual({
    protect: [],
    rules: [],
    rest: 'Every tag is kept.',
    untagged:
      'What has no tag is deleted when it is older than 7 days. The newest 2 builds without a tag of each repository are kept. An image that a signature, an SBOM or the like refers to is kept. A signature, an SBOM or the like whose image is gone is deleted like the others.',
  });
  expect(inWords('untagged: { keep: { newest: 1 } }').untagged).toBe(
    'What has no tag is deleted, whatever its age. The newest build without a tag of each repository is kept. An image that a signature, an SBOM or the like refers to is deleted like the others. A signature, an SBOM or the like whose image is gone is kept.',
  );
  expect(inWords('rules: [{ name: a, olderThan: 1d }]')).toMatchObject({
    rest: 'A tag that no rule owns is kept.',
    untagged: 'What has no tag is kept. An image all of whose tags are deleted is deleted with them.',
  });
});

test('what is repeated of a file cannot repaint a terminal', () => {
  const words = ruleInWords('tags: { regex: "x|[\\e\\u202e]" }, olderThan: 1d');
  expect(words).toMatch(/^[ -~]*$/);
});
