import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type Environment, readSettings, SETTINGS, SETTINGS_TABLE } from '../../src/policy/settings.ts';
import { TALK_TASK } from '../support/talk.ts';

const GOOD = {
  ACR_REGISTRY: 'contoso',
  PURGE_COMMAND: "acr purge --filter 'app:^dev' --ago 30d",
  PURGE_SCHEDULE: '0 1 * * Sun',
};

const POLICY = 'version: 1\nrules: [{ name: all, olderThan: 30d }]\n';

const noFile = (path: string): never => {
  throw new Error(`no such file: ${path}`);
};

function read(environment: Environment, file: (path: string) => string = noFile) {
  return readSettings(environment, file);
}

function settings(environment: Environment, file?: (path: string) => string) {
  const configuration = read(environment, file);
  if (configuration.state === 'invalid')
    throw new Error(configuration.mistakes.map(({ message }) => message).join('\n'));
  return configuration.settings;
}

function mistakes(environment: Environment, file?: (path: string) => string): readonly string[] {
  const configuration = read(environment, file);
  return configuration.state === 'invalid' ? configuration.mistakes.map(({ message }) => message) : [];
}

/** Each registry with its commands, by their place in the setting. */
function served(environment: Environment): readonly string[] {
  return settings(environment).registries.map(
    ({ endpoint, commands }) => `${endpoint.host}: ${commands.map(({ policy }) => policy.keep).join(' ')}`,
  );
}

test('a dry run, unless it is said that it is none', () => {
  expect(settings(GOOD)).toMatchObject({ dryRun: true, timeLimitSeconds: undefined });
  expect(settings(GOOD).registries.map(({ endpoint }) => endpoint.href)).toEqual(['https://contoso.azurecr.io/']);
  for (const no of ['false', 'FALSE', '0']) expect(settings({ ...GOOD, PURGE_DRY_RUN: no }).dryRun).toBe(false);
  for (const yes of ['true', '1', '', ' ']) expect(settings({ ...GOOD, PURGE_DRY_RUN: yes }).dryRun).toBe(true);
});

test('the registry may stand in the commands alone', () => {
  const command = '-r contoso --untagged-only --keep 1';
  expect(served({ ...GOOD, ACR_REGISTRY: '', PURGE_COMMAND: command })).toEqual(['contoso.azurecr.io: 1']);
});

describe('several registries', () => {
  const COMMANDS = [
    '-r fabrikam --untagged-only --keep 1',
    '--untagged-only --keep 2',
    '-r contoso.azurecr.io --untagged-only --keep 3',
  ];
  const several = { ...GOOD, PURGE_COMMAND: COMMANDS.join('\n') };

  test.each([
    'contoso fabrikam',
    'contoso,fabrikam',
    ' contoso ;\n fabrikam,',
    'contoso\r\nfabrikam\tcontoso',
    'contoso fabrikam https://contoso.azurecr.io',
  ])('%j are two, each with the commands that are for it, in their order', (names) => {
    expect(served({ ...several, ACR_REGISTRY: names })).toEqual([
      'contoso.azurecr.io: 2 3',
      'fabrikam.azurecr.io: 1 2',
    ]);
  });

  test('those that the commands name, where no setting does', () => {
    expect(served({ ...several, ACR_REGISTRY: '' })).toEqual(['fabrikam.azurecr.io: 1 2', 'contoso.azurecr.io: 2 3']);
  });

  test('one that no command is for is legal', () => {
    const command = '-r contoso --untagged-only --keep 1';
    expect(served({ ...GOOD, ACR_REGISTRY: 'contoso fabrikam', PURGE_COMMAND: command })).toEqual([
      'contoso.azurecr.io: 1',
      'fabrikam.azurecr.io: ',
    ]);
  });

  test.each([
    [
      { ACR_REGISTRY: 'contoso http://fabrikam wing_tip/x' },
      ['ACR_REGISTRY "http://fabrikam"', 'ACR_REGISTRY "wing_tip/x"'],
    ],
    [
      { ACR_REGISTRY: 'contoso other' },
      ['--registry "fabrikam": is none of the registries that this app serves: contoso.azurecr.io, other.azurecr.io'],
    ],
    [{ ACR_REGISTRY: ' , ; ' }, ['ACR_REGISTRY: is not set']],
    [{ ACR_REGISTRY: 'contoso, https://me:hunter2, @fabrikam' }, ['ACR_REGISTRY: no user name']],
    [
      { ACR_REGISTRY: '', PURGE_COMMAND: '-r a/b --untagged-only\n-r c/d --untagged-only' },
      ['--registry "a/b"', '--registry "c/d"'],
    ],
  ])('%j: every mistake, by its name', (wrong, said) => {
    const found = mistakes({ ...several, ...wrong });
    expect(found).toEqual(said.map((text) => expect.stringContaining(text) as unknown));
    expect(found.join()).not.toContain('hunter2');
  });
});

describe('the engine', () => {
  test('is inline, with four repositories at a time for the other', () => {
    expect(settings(GOOD)).toMatchObject({ engine: 'inline', parallelism: 4 });
    const durable = { ...GOOD, RETENTION_ENGINE: ' Durable ', RETENTION_STORAGE: './runs', REGISTRY_PARALLELISM: '32' };
    expect(settings(durable)).toMatchObject({ engine: 'durable', parallelism: 32 });
  });

  test.each([
    [{ RETENTION_ENGINE: 'fast' }, 'RETENTION_ENGINE "fast": must be one of inline, durable'],
    [{ RETENTION_ENGINE: 'durable' }, 'RETENTION_ENGINE "durable": needs RETENTION_STORAGE'],
    [{ RETENTION_ENGINE: 'durable', RETENTION_STORAGE: ' ' }, 'needs RETENTION_STORAGE'],
    [{ REGISTRY_PARALLELISM: '0' }, 'REGISTRY_PARALLELISM "0": must be at least 1'],
    [{ REGISTRY_PARALLELISM: '33' }, 'REGISTRY_PARALLELISM "33": must be at most 32'],
    [{ REGISTRY_PARALLELISM: 'all' }, 'REGISTRY_PARALLELISM "all"'],
  ])('%j is refused', (wrong, said) => {
    expect(mistakes({ ...GOOD, ...wrong })).toEqual([expect.stringContaining(said)]);
  });
});

describe('approvals', () => {
  test('above 100 deletions a name is typed, and one person is enough, unless the settings say otherwise', () => {
    expect(settings(GOOD).approvals).toEqual({ typedAbove: 100, fourEyes: false });
    expect(settings({ ...GOOD, APPROVAL_TYPED: '0', APPROVAL_FOUR_EYES: 'True' }).approvals).toEqual({
      typedAbove: 0,
      fourEyes: true,
    });
  });

  test.each([
    [{ APPROVAL_TYPED: '-1' }, 'APPROVAL_TYPED "-1": must not be negative'],
    [{ APPROVAL_TYPED: 'never' }, 'APPROVAL_TYPED "never": must be a whole number'],
    [{ APPROVAL_FOUR_EYES: 'yes' }, 'APPROVAL_FOUR_EYES "yes": must be true or false'],
  ])('%j is refused', (wrong, said) => {
    expect(mistakes({ ...GOOD, ...wrong })).toEqual([expect.stringContaining(said)]);
  });
});

test("the talk's task file", () => {
  const given = { ...GOOD, PURGE_COMMAND: '', ACR_TASK_FILE: 'tasks/purge.yaml' };
  const asked: string[] = [];
  const { registries, timeLimitSeconds } = settings(given, (path) => {
    asked.push(path);
    return TALK_TASK;
  });
  expect(asked).toEqual(['tasks/purge.yaml']);
  expect(timeLimitSeconds).toBe(3600);
  expect(registries[0]?.commands[0]?.policy.keep).toBe(1);
});

describe('the time budget', () => {
  test('is a little less than the host lets a function take, and long enough to be of use', () => {
    const host = readFileSync(new URL('../../host.json', import.meta.url), 'utf8');
    const { functionTimeout } = JSON.parse(host) as { readonly functionTimeout: string };
    const [hours = 0, minutes = 0, seconds = 0] = functionTimeout.split(':').map(Number);
    const limit = ((hours * 60 + minutes) * 60 + seconds) * 1000;
    const { milliseconds } = settings(GOOD).timeBudget;
    // What is under way then is finished: one call may take minutes with its retries.
    expect(milliseconds).toBeLessThanOrEqual(limit - 5 * 60_000);
    expect(milliseconds).toBeGreaterThan(0.9 * limit);
  });

  test('is read as other durations are', () => {
    expect(settings({ ...GOOD, RUN_TIME_BUDGET: ' 1h30m ' }).timeBudget).toEqual({
      text: '1h30m',
      milliseconds: 5_400_000,
    });
  });

  test.each(['0', '0s', '-5m', '- 5m', '25', '25 m', '1.5d', 'soon', '25d'])('is refused as %s', (text) => {
    expect(mistakes({ ...GOOD, RUN_TIME_BUDGET: text })).toEqual([
      expect.stringContaining(`RUN_TIME_BUDGET "${text}"`),
    ]);
  });
});

describe('mistakes', () => {
  test('all at once, each with its name', () => {
    const found = mistakes({
      ACR_REGISTRY: 'http://contoso.azurecr.io',
      PURGE_COMMAND: '--filter app --ago 1.5d',
      PURGE_SCHEDULE: '0 1 * * 7',
      PURGE_DRY_RUN: 'perhaps',
      AZURE_CLIENT_ID: '/subscriptions/x/identities/y',
      ACR_AUDIENCE: 'contoso',
      ACR_USERNAME: 'me',
      LOG_LEVEL: 'loud',
    }).join('\n');
    for (const name of [
      'ACR_REGISTRY "http:',
      '--filter "app"',
      '--ago "1.5d"',
      'PURGE_SCHEDULE "0 1 * * 7"',
      'PURGE_DRY_RUN "perhaps"',
      'AZURE_CLIENT_ID: must be',
      'ACR_AUDIENCE "contoso"',
      'ACR_PASSWORD',
      'LOG_LEVEL "loud"',
    ])
      expect(found).toContain(name);
  });

  test('nothing set: what is missing, with what to write', () => {
    const found = mistakes({});
    expect(found).toHaveLength(3);
    expect(found.join('\n')).toMatch(/PURGE_COMMAND[\s\S]*ACR_REGISTRY[\s\S]*PURGE_SCHEDULE/);
  });

  test.each([
    [{ ...GOOD, ACR_TASK_FILE: 'task.yaml' }, 'and so is PURGE_COMMAND'],
    [{ ...GOOD, PURGE_COMMAND: '', ACR_TASK_FILE: 'task.yaml' }, 'ACR_TASK_FILE "task.yaml": cannot be read'],
    [{ ...GOOD, PURGE_COMMAND: '-r other --untagged-only' }, 'is another registry than contoso.azurecr.io'],
    [{ ...GOOD, PURGE_COMMAND: '# nothing' }, 'PURGE_COMMAND'],
  ])('%j', (environment, said) => {
    expect(mistakes(environment).join('\n')).toContain(said);
  });

  test('a password is in no message', () => {
    const found = mistakes({ ...GOOD, ACR_PASSWORD: 'hunter2', PURGE_COMMAND: '-u me -p hunter2 -f a' }).join('\n');
    expect(found).toContain('ACR_PASSWORD');
    expect(found).not.toContain('hunter2');
  });
});

test.each([
  { ACR_REGISTRY: 'https://user:hunter2@contoso.azurecr.io' },
  { ACR_AUDIENCE: 'http://u:hunter2@x' },
  { AZURE_CLIENT_ID: 'hunter2~and/more' },
  { PURGE_COMMAND: "--password 'it'\\''s hunter2' -f a:b" },
  { PURGE_COMMAND: '"--password" hunter2' },
  { PURGE_COMMAND: "'-p' hunter2" },
  { PURGE_COMMAND: '--password \\\nhunter2' },
  { PURGE_COMMAND: '--passwrd=hunter2' },
  { PURGE_COMMAND: '', ACR_TASK_FILE: 'steps:\n - cmd: acr purge -u me -p hunter2' },
  { PURGE_COMMAND: 'ACR_PASSWORD=hunter2 acr purge -f a:b --ago 1d' },
])('%j: nowhere', (wrong) => {
  const configuration = read({ ...GOOD, ...wrong });
  expect(configuration.state).toBe('invalid');
  expect(JSON.stringify([configuration.given, mistakes({ ...GOOD, ...wrong })])).not.toContain('hunter2');
});

test('a file that cannot be read, for whatever reason, is a mistake without a path of the machine', () => {
  const environment = { ...GOOD, PURGE_COMMAND: '', ACR_TASK_FILE: 'task.yaml' };
  for (const error of [
    Object.assign(new Error("ENOENT, open '/srv/task.yaml'"), { code: 'ENOENT' }),
    new Error('/srv'),
  ]) {
    const found = mistakes(environment, () => {
      throw error;
    });
    expect(found.join()).toContain('ACR_TASK_FILE "task.yaml"');
    expect(found.join()).not.toContain('/srv');
  }
});

test('a command that is wrong and names the registry hides nothing else', () => {
  const found = mistakes({ ...GOOD, ACR_REGISTRY: '', PURGE_COMMAND: '-r contoso -f a:b --ago 1.5d' });
  expect(found).toHaveLength(1);
});

test('what was given is told again, but no secret', () => {
  const { given } = read({ ...GOOD, ACR_PASSWORD: 'hunter2', LOG_LEVEL: '', PURGE_COMMAND: '-f a:b -p hunter3' });
  expect(given).toEqual({ ...GOOD, ACR_PASSWORD: '(set)', PURGE_COMMAND: '(not shown: it may hold a secret)' });
});

test('sources of what is in use are told again without what may be a key in their address', () => {
  const IN_USE = 'kube list:https://a.blob.core.windows.net/in-use/edge.txt?sig=hunter2\nlist:edge.txt';
  const right = read({ ...GOOD, IN_USE });
  expect(right.state).toBe('valid');
  expect(right.given).toEqual({
    ...GOOD,
    IN_USE: 'kube list:https://a.blob.core.windows.net/in-use/edge.txt?… list:edge.txt',
  });
  for (const source of [
    'https://a/b?token=hunter2',
    'list:https://me:hunter2@a/b',
    'list:ftp://a/?hunter2',
    'kub?hunter2',
  ]) {
    const wrong = { ...GOOD, IN_USE: `kube ${source}` };
    expect(mistakes(wrong)).toHaveLength(1);
    expect(read(wrong).given).toEqual({ ...GOOD, IN_USE: 'kube (not shown: it may hold a secret)' });
    expect(mistakes(wrong).join()).not.toContain('hunter2');
  }
});

describe('a policy file', () => {
  const NONE = { ...GOOD, PURGE_COMMAND: '' };
  const files: Readonly<Record<string, string>> = {
    'policies/retention.yaml': 'version: 1\nprotect: [{ tagsFrom: keep.txt }]\nrules: [{ name: all, olderThan: 9d }]\n',
    'policies/keep.txt': 'v1\nshop/web:v2\n',
  };
  const readFile = (path: string): string => {
    const text = files[path];
    if (text !== undefined) return text;
    throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
  };

  test('is read from the folder of the app, with the lists that it names beside it', () => {
    const [registry] = settings({ ...NONE, RETENTION_POLICY_FILE: 'policies/retention.yaml' }, readFile).registries;
    const [command] = registry?.commands ?? [];
    expect(command?.policy.text).toBe('--policy policies/retention.yaml');
    expect(command?.policy.retention?.protect[0]?.names).toEqual(new Set(['v1', 'shop/web:v2']));
  });

  test('is read from the setting itself, which is not shown', () => {
    expect(read({ ...NONE, RETENTION_POLICY: POLICY })).toMatchObject({
      state: 'valid',
      given: { RETENTION_POLICY: '(set)' },
    });
  });

  test.each([
    [{ RETENTION_POLICY_FILE: 'none.yaml' }, /RETENTION_POLICY_FILE "none\.yaml": is not in the app's folder/],
    [{ RETENTION_POLICY: 'version: 2' }, /RETENTION_POLICY:1:10/],
    [
      { RETENTION_POLICY: POLICY, PURGE_COMMAND: '--filter a:b --ago 1d' },
      /RETENTION_POLICY: is set, and so is PURGE_COMMAND/,
    ],
    [{ RETENTION_POLICY: POLICY, RETENTION_POLICY_FILE: 'a' }, /is set, and so is RETENTION_POLICY_FILE; remove one/],
    [
      { RETENTION_POLICY: 'version: 1\nprotect: [{ tagsFrom: keep.txt }]\nrules: []' },
      /there is no file beside this policy/,
    ],
  ])('%j is a mistake', (given, message) => {
    expect(mistakes({ ...NONE, ...given }, readFile).join('\n')).toMatch(message);
  });
});

describe('the table for the documentation', () => {
  test('says something of every setting, and the default that is read', () => {
    expect(SETTINGS_TABLE.map(({ name }) => name)).toEqual(SETTINGS);
    for (const { description } of SETTINGS_TABLE) expect(description).toMatch(/^[A-Z][^]*\.$/);
    const standard = (name: string) => SETTINGS_TABLE.find((one) => one.name === name)?.default;
    expect(standard('RETENTION_LEDGER_DAYS')).toBe(`\`${settings(GOOD).ledger.days}\``);
    expect(standard('RUN_TIME_BUDGET')).toBe(`\`${settings(GOOD).timeBudget.text}\``);
    expect(standard('PURGE_SCHEDULE')).toBe('required');
  });

  test.each(SETTINGS_TABLE.filter(({ example }) => example !== undefined))('$name: $example can be read', (one) => {
    const resource = SETTINGS_TABLE.find(({ name }) => name === 'REGISTRY_RESOURCE_ID')?.example;
    const more = {
      ...(one.name === 'ACR_TASK_FILE' || one.name === 'RETENTION_POLICY_FILE'
        ? { PURGE_COMMAND: '' }
        : { RETENTION_STORAGE: './runs' }),
      ...(one.name === 'KEEP_PULLED_WITHIN' && { REGISTRY_RESOURCE_ID: resource }),
    };
    const file = (): string => (one.name === 'ACR_TASK_FILE' ? TALK_TASK : POLICY);
    expect(mistakes({ ...GOOD, ...more, [one.name]: one.example }, file)).toEqual([]);
  });
});
