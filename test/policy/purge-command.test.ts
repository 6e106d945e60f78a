import fc from 'fast-check';
import { quote } from 'shlex';
import { describe, expect, test } from 'vitest';
import { parsePurgeCommand, parsePurgeCommands, parsePurgeFields } from '../../src/policy/purge-command.ts';
import { createPolicy } from '../../src/policy/purge-policy.ts';
import { InvalidPolicy } from '../../src/policy/errors.ts';
import { matchHere } from '../support/match.ts';

const TALK = "acr purge --filter '^.*:[^F|f]eature[-0-9]*$' --ago 30d --untagged --keep 1 --dry-run";

function mistakes(parse: () => unknown): readonly string[] {
  try {
    parse();
  } catch (error) {
    if (error instanceof InvalidPolicy) return error.problems.map(({ message }) => message);
    throw error;
  }
  return [];
}

test("the talk's command means what its flags say", () => {
  const { policy, registry, text } = parsePurgeCommand(TALK);
  expect(policy).toMatchObject({ keep: 1, untagged: true, dryRun: true, tags: true, agoMilliseconds: 30 * 86_400_000 });
  expect(policy.filters.map((filter) => filter.text)).toEqual(['^.*:[^F|f]eature[-0-9]*$']);
  expect({ registry, text }).toEqual({ registry: undefined, text: TALK });
});

test.each([
  ["--filter 'app:^dev' --ago 1d"],
  ["purge --filter 'app:^dev' --ago 1d"],
  ["acr purge --filter 'app:^dev' --ago 1d"],
  ['acr purge -f "app:^dev" --ago=1d'],
  ['acr purge -f app:^dev --ago 1d --untagged=false'],
  ['mcr.microsoft.com/acr/acr-cli:0.17 purge -r {{ .Run.Registry }} -f app:^dev --ago 1d'],
  [`mcr.microsoft.com/acr/acr-cli@sha256:${'a'.repeat(64)} purge -r {{.Run.Registry}} -f app:^dev --ago 1d`],
  ['{{.Run.Registry}}/acr:latest purge -f app:^dev --ago 1d'],
  ['$Registry/acr-cli:1 purge -f app:^dev --ago 1d'],
  ['acr purge \\ \n -f app:^dev --ago 1d'],
  ['acr purge --registry $RegistryName -f app:^dev --ago 1d'],
  ['acr purge -r "{{ .Run.RegistryName }}" -f app:^dev --ago 1d'],
  ['localhost:5000/acr/acr-cli purge -r $Registry -f app:^dev --ago 1d'],
  ['acr purge \\\n  --filter app:^dev \\\r\n  --ago 1d'],
])('%s', (text) => {
  const [command, ...others] = parsePurgeCommands(text);
  expect(others).toEqual([]);
  expect(command?.registry).toBeUndefined();
  expect(command?.policy).toMatchObject({ agoMilliseconds: 86_400_000, untagged: false, dryRun: false });
  expect(command?.policy.filters.map((filter) => filter.text)).toEqual(['app:^dev']);
});

test('where no tags are looked at, the tag part of a filter is not read', async () => {
  const { policy } = parsePurgeCommand("--untagged-only --filter 'app:[' --filter 'web:[F|f]'");
  expect(policy).toMatchObject({ tags: false, warnings: [] });
  const lists = await policy.compiled.repositoryFilters(['app', 'web', 'x'], matchHere);
  expect(lists.map((list) => list.length)).toEqual([1, 1, 0]);
  expect(mistakes(() => parsePurgeCommand("--untagged --filter 'app:[' --ago 1d")).join()).toContain('[ is not closed');
  expect(mistakes(() => parsePurgeCommand("--untagged-only --filter '(:.*'")).join()).toContain('( is not closed');
});

test('a comment that ends with a backslash swallows nothing', () => {
  expect(parsePurgeCommands('# old \\\n--untagged-only')).toHaveLength(1);
});

test('a template in a filter is no registry', () => {
  expect(mistakes(() => parsePurgeCommand("-f '{{ .Run.Registry }}:x' --ago 1d")).join()).toContain('templates');
  expect(mistakes(() => parsePurgeCommand("-f 'app:^{{foo}}$' --ago 1d")).join()).not.toContain('templates');
});

test('several commands, one a line, keep their order; empty lines and comments do not count', () => {
  const commands = parsePurgeCommands("# nightly\n--filter 'a:.*' --ago 1d\n\n  acr purge -f 'b:.*' --ago 2d\r\n");
  expect(commands.map(({ policy }) => policy.filters[0]?.text)).toEqual(['a:.*', 'b:.*']);
});

test('a command that names its registry keeps the name', () => {
  expect(parsePurgeCommand('-r contoso -f a:b --ago 1d').registry).toBe('contoso');
});

test('any filter that is quoted comes through as it was', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z]{1,5}:[ -~]{1,20}$/), (filter) => {
      const texts = [`acr purge --ago 1d --filter ${quote(filter)}`, `acr purge --ago 1d --filter=${quote(filter)}`];
      for (const text of texts) {
        // It may be no regular expression: then the mistakes are those of the filter itself.
        const found = mistakes(() => parsePurgeCommand(text));
        expect(found).toEqual(mistakes(() => createPolicy({ filter: [filter], ago: '1d' })));
        if (found.length === 0) expect(parsePurgeCommand(text).policy.filters.map((one) => one.text)).toEqual([filter]);
      }
    }),
  );
});

describe('refused, with what to do', () => {
  test.each([
    ["acr purge --filter 'app:dev --ago 1d", 'quotation mark'],
    ['acr purge --ago 1d -f a:b \\', 'backslash'],
    ['docker run x', 'is not acr purge'],
    ['acr tag list', 'is not acr purge'],
    ['acr purge --filtr a:b --ago 1d', 'unknown option'],
    [
      'acr purge --filter a:b --ago 1d && acr purge --filter b:c --ago 1d',
      '"&&": belongs to no flag; write one command a line',
    ],
    ['acr purge --filter a:b --ago 1d # weekly', '"#": belongs to no flag; write one command a line'],
    ['acr purge --Filter a:b --ago 1d', '--Filter: unknown option'],
    ['acr purge --help', '--help'],
    ['acr purge --filter {{.Values.filter}} --ago 1d', 'templates'],
    ['acr purge -f a:b --ago 1.5d', 'write 1d12h'],
    ['acr purge -f a:b --ago 1d -u me -p hunter2', 'ACR_PASSWORD'],
  ])('%s', (text, said) => {
    expect(mistakes(() => parsePurgeCommands(text)).join('\n')).toContain(said);
  });

  test.each([
    [
      `az acr run --cmd "acr purge --filter 'app:.*' --ago 1d" --registry myregistry /dev/null`,
      'myregistry" belongs into ACR_REGISTRY',
    ],
    [
      `az acr task create --name weekly --cmd "acr purge --filter 'app:.*' --ago 1d" --schedule "0 1 * * Sun" -r myregistry`,
      '--schedule "0 1 * * Sun" belongs into PURGE_SCHEDULE',
    ],
    [`PURGE_CMD="acr purge --filter 'app:.*' --ago 1d"`, 'write acr purge'],
    [`export PURGE_CMD="acr purge --filter 'app:.*' --ago 1d"`, 'write acr purge'],
    [`"acr purge --filter 'app:.*' --ago 1d"`, 'write acr purge'],
    [`bash -c "acr purge --filter 'app:.*' --ago 1d"`, 'write acr purge'],
    [`sudo acr purge --filter 'app:.*' --ago 1d`, 'write acr purge'],
    [Buffer.from("acr purge --filter 'app:.*' --ago 1d").toString('base64'), 'is base64; write acr purge'],
    [
      "steps:\n  - cmd: acr purge --filter 'app:.*' --ago 1d\n    timeout: 60",
      'ACR_TASK_FILE, or write its commands: acr purge',
    ],
  ])('%s: shows the command that is in it', (text, said) => {
    const found = mistakes(() => parsePurgeCommands(text)).join('\n');
    expect(found).toContain(said);
    expect(found).toContain("acr purge --filter 'app:.*' --ago 1d");
  });

  test('what has a secret in it is not shown, in base64 neither', () => {
    const text = Buffer.from("acr purge --filter 'app:.*' --ago 1d --password hunter2").toString('base64');
    expect(mistakes(() => parsePurgeCommands(text)).join()).not.toContain('hunter2');
  });

  test('every mistake of every command, each with its command', () => {
    const found = mistakes(() => parsePurgeCommands('-f a --ago 1.5d\n-f a:b --ago 1d\n--keep x -f a:b --ago 1d'));
    expect(found).toHaveLength(3);
    expect(found.join('\n')).toMatch(/^command 1: --ago[\s\S]*^command 1: --filter[\s\S]*^command 3: --keep/m);
  });

  test.each([
    ['-p hunter2 is a secret -f'],
    ["acr purge --password hunter2 -f 'unclosed"],
    ['acr purge --password=hunter2 -f a:b --ago 1x'],
    ['acr purge --pasword=hunter2 -f a:b --ago 1d'],
    ['docker login --password hunter2'],
    ["docker login -p 'a hunter2' -f"],
    ['ACR_PASSWORD=hunter2 acr purge -f a:b --ago 1d'],
    ['"--password" hunter2 x'],
    ['-Phunter2 -f a:b'],
    ["'--pasword hunter2' -f a:b"],
    ['"--pw=a\'hunter2" -f a:b'],
    ['docker --pass hunter2'],
    ['AZURE_CLIENT_KEY=hunter2 acr purge'],
    ['acr purge -f a:b --ago 1d --passwrd hunter2'],
    ['docker login -phunter2'],
  ])('%s: the message does not repeat the password', (text) => {
    const found = mistakes(() => parsePurgeCommands(text)).join('\n');
    expect(found).not.toBe('');
    expect(found).not.toContain('hunter2');
  });
});

describe('flags as fields', () => {
  test('numbers, booleans, lists, and both spellings', () => {
    const { policy } = parsePurgeFields({
      filter: ['a:x', 'b:y'],
      ago: '2d',
      keep: 3,
      untagged: true,
      'include-locked': 'true',
      repositoryPageSize: '7',
      dryRun: true,
    });
    expect(policy).toMatchObject({ keep: 3, untagged: true, includeLocked: true, repositoryPageSize: 7, dryRun: true });
    expect(policy.filters.map((filter) => filter.text)).toEqual(['a:x', 'b:y']);
  });

  test('a switch without a value is on, and a value may look like a flag', () => {
    expect(parsePurgeFields({ untaggedOnly: '' }).policy).toMatchObject({ tags: false, untagged: true });
    expect(mistakes(() => parsePurgeFields({ filter: 'a:b', ago: '-1d' })).join()).toContain('--ago "-1d"');
  });

  test.each([
    [{ filtr: 'a:b' }, 'filtr'],
    [{ filter: null, ago: '1d' }, '--filter'],
    [{ filter: 'a:b', ago: { days: 1 } }, '--ago'],
    [{ filter: 'a:b', ago: ['1d', '2d'] }, '--ago'],
    [{ filter: 'a:b', ago: '1d', keep: 1.5 }, '--keep'],
    [{ filter: 'a:b', ago: '1d', untagged: 'maybe' }, '--untagged'],
    [{ filter: 'a:b', ago: '1d', dryRun: false }, '--dry-run'],
    [{ filter: 'a:b', ago: '1d', dryRun: 0 }, '--dry-run'],
    [{ untaggedOnly: true, 'untagged-only': false }, '--untagged-only'],
    [{ filter: [[['a:b']]], ago: '1d' }, '--filter'],
    [{ __proto__: null, constructor: 'x', filter: 'a:b', ago: '1d' }, 'constructor'],
  ])('%j is refused', (fields, named) => {
    expect(mistakes(() => parsePurgeFields(fields)).join('\n')).toContain(named);
  });

  test('no more commands and filters than may be asked for', () => {
    const limits = { commands: 2, filters: 2 };
    expect(mistakes(() => parsePurgeCommands('--untagged-only\n'.repeat(3), limits)).join()).toContain('2 at most');
    expect(mistakes(() => parsePurgeFields({ filter: ['a:b', 'b:c', 'c:d'], ago: '1d' }, limits)).join()).toContain(
      '2 at most',
    );
    expect(mistakes(() => parsePurgeCommands('--untagged-only\n'.repeat(2), limits))).toEqual([]);
  });

  test('a limit on the time that matching may take holds for none, for zero and for more', () => {
    for (const filterTimeoutSeconds of [undefined, 0, 3600]) {
      const fields = {
        filter: 'a:^(a+)+$',
        ago: '1d',
        ...(filterTimeoutSeconds !== undefined && { filterTimeoutSeconds }),
      };
      const { policy } = parsePurgeFields(fields, { filterTimeoutSeconds: 1 });
      expect(policy.filterTimeoutSeconds).toBe(1);
    }
  });
});
