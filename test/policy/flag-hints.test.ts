import { describe, expect, test } from 'vitest';
import { parseRegistry } from '../../src/policy/registries.ts';
import { parsePurgeCommand } from '../../src/policy/purge-command.ts';
import { PolicyError } from '../../src/policy/errors.ts';

function said(work: () => unknown): string {
  try {
    work();
    return 'accepted';
  } catch (error) {
    return (error as Error).message;
  }
}

describe('flags that there are not, and arguments that belong to none', () => {
  test.each([
    ["-f app:v1 'team/web:pr-.*' --ago 7d", '"team/web:pr-.*": belongs to no flag; each filter takes its own --filter'],
    ['-f app:.* --ago 7d --dry-run true', '"true": belongs to no flag; write --dry-run alone'],
    ['-f app:.* --ago 7d --untagged false', 'or --untagged=false to switch it off'],
    ['-f app:.* –ago 7d', '"–ago": begins with a long dash'],
    ['-f app:.* --ago 7d —dry-run', 'begins with a long dash'],
    ['-f app:.* --ago 7d app web', 'belongs to no flag'],
    ['-f app:.* --ago 7d; acr purge -f b:c', 'write one command a line'],
    ['--repository app --ago 7d', "--repository: unknown option; write --filter 'app:.*'"],
    ['--repository=team/web --ago 7d', "write --filter 'team/web:.*'"],
    ['--image app:v1.0 --ago 7d', "write --filter 'app:^v1\\.0$'"],
    ['-f app:.* -ago 36d', '-ago: unknown option; did you mean --ago?'],
    ['-f app:.* -ago=36d', '-ago: unknown option; did you mean --ago?'],
    ['-filter app:.* --ago 36d', '-filter: unknown option; did you mean --filter?'],
    ['-f app:.* --ago 1d -dry-run', '-dry-run: unknown option; did you mean --dry-run?'],
    ['-f app:.* --ago 1d -dryrun', 'did you mean --dry-run?'],
    ['-f app:.* --ago 1d -untagged', 'did you mean --untagged?'],
    ['-registry contoso -f app:.* --ago 1d', 'did you mean --registry?'],
    ['-f app:.* --ago 1d --dryrun', 'did you mean --dry-run?'],
    ['-f app:.* --ago 1d --dryRun', 'did you mean --dry-run?'],
    ['-f app:.* --ago 1d --dry_run', 'did you mean --dry-run?'],
    ['-f app:.* --Ago 1d', 'did you mean --ago?'],
    ['-f app:.* --ago 1d --untaged', 'did you mean --untagged?'],
    ['-f app:.* --ago 1d --untaggedOnly', 'did you mean --untagged-only?'],
    ['-f app:.* --ago 7d --dangling', '--untagged-only to delete nothing else'],
    ['-f app:.* --ago 7d --timeout 3600', 'write --time-budget 1h'],
    ['-f app:.* --ago 7d --timeout 5400', 'write --time-budget 90m'],
    ['-f app:.* --ago 7d --timeout=90', 'write --time-budget 90s'],
    ['-f app:.* --ago 7d --timeout 30m', 'write --time-budget 30m'],
    ['-f app:.* --ago 7d --config /x/config.json', 'sign in with az login'],
    ['-f app:.* --ago 7d -c /x/config.json', '-c: unknown option; there is no Docker configuration'],
    ['-f app:.* --ago 7d --access-token hunter2', 'ACR_PASSWORD'],
    ['-f app:.* --older-than 30d', 'write --ago 30d'],
    ['-f app:.* --days 30', 'write --ago 30d'],
    ['-f app:.* --ago 7d --keep-last 5', 'write --keep 5'],
    ['-f app:.* --ago 7d --exclude latest', '^(?!latest$).*'],
    ['-f app:.* --ago 7d --repo-page-size 10', 'write --repository-page-size 10'],
    ['-f app:.* --ago 7d --filter-timeout 10', 'write --filter-timeout-seconds 10'],
    ['-f app:.* --ago 7d --schedule "0 1 * * *"', 'PURGE_SCHEDULE, here "0 1 * * *"'],
    ['-f app:.* --ago 7d --cmd x', 'write only what follows acr purge'],
    ['-f app:.* --ago 7d --resource-group rg', 'leave it away'],
    ['-f app:.* --ago 7d --what-if', 'write --dry-run'],
    ['-f app:.* --ago 7d --no-dry-run', 'without --dry-run it deletes'],
    ['-f app:.* --ago 7d --all', "write --filter '.*:.*'"],
    ['-f app:.* --ago 7d --login-server contoso.azurecr.io', 'write --registry contoso.azurecr.io'],
    ['-f app:.* --ago 7d --server https://me:hunter2@contoso.azurecr.io', 'write --registry <name>'],
    ['-f app:.* --ago 7d --nonsense', '--nonsense: unknown option; see --help'],
  ])('%s', (text, words) => {
    const message = said(() => parsePurgeCommand(text));
    expect(message).toContain(words);
    expect(message).not.toContain('hunter2');
  });

  test('a value may look like a flag with one hyphen, but for that', () => {
    expect(said(() => parsePurgeCommand('-fapp:.* --ago 1d -rcontoso'))).toBe('accepted');
  });
});

describe('what is no registry', () => {
  test.each([
    ['{{.Run.Registry}}', 'was not filled in'],
    ['$RegistryName', 'was not filled in'],
    ['${REGISTRY}', 'was not filled in'],
    ['${{ secrets.REGISTRY }}', 'was not filled in'],
    ['$(registry)', 'was not filled in'],
    ['%REGISTRY%', 'was not filled in'],
    ['<registry>', 'was not filled in'],
    ['#{registry}#', 'was not filled in'],
    ['__REGISTRY__', 'was not filled in'],
    ['my_reg', '5 to 50 letters and digits'],
    ['my_reg.azurecr.io', '5 to 50 letters and digits'],
    ['my reg', '5 to 50 letters and digits'],
    ['-contoso', '5 to 50 letters and digits'],
    ['contoso.azurecr.io.', 'write contoso.azurecr.io'],
    ['contoso.azurecr.io/app', 'write contoso.azurecr.io, and put a repository into --filter'],
    ['https://contoso.azurecr.io/v2/', 'write contoso.azurecr.io,'],
    ['/subscriptions/1/resourceGroups/g/providers/Microsoft.ContainerRegistry/registries/contoso', 'registry, contoso'],
    ['http://contoso.azurecr.io', 'https'],
    ['me:hunter2@contoso', 'no user name'],
  ])('%s', (text, words) => {
    const message = said(() => parseRegistry(text));
    expect(message).toContain(words);
    expect(message).not.toContain('hunter2');
  });

  test.each([
    ['contoso', 'contoso.azurecr.io'],
    ['Contoso', 'contoso.azurecr.io'],
    ['contoso-h4x.azurecr.io', 'contoso-h4x.azurecr.io'],
    ['https://contoso.azurecr.io/', 'contoso.azurecr.io'],
    ['localhost:5000', 'localhost:5000'],
    ['127.0.0.1:5000', '127.0.0.1:5000'],
    ['[::1]:5000', '[::1]:5000'],
  ])('%s is one', (text, host) => {
    expect(parseRegistry(text).host).toBe(host);
  });

  test('the setting is named', () => {
    expect(() => parseRegistry('$REG', 'ACR_REGISTRY')).toThrow(PolicyError);
    expect(said(() => parseRegistry('$REG', 'ACR_REGISTRY'))).toContain('ACR_REGISTRY "$REG"');
  });
});
