import { describe, expect, test } from 'vitest';
import { recordPolicy, policiesOf } from '../../src/ledger/policy-record.ts';
import { convert } from '../../src/policy/convert.ts';
import { describePolicy } from '../../src/policy/file/describe.ts';
import { parsePolicyFile } from '../../src/policy/file/parse.ts';
import { parsePurgeCommand, parsePurgeFields } from '../../src/policy/purge-command.ts';
import { createPolicy, type PurgePolicy } from '../../src/policy/purge-policy.ts';
import { quarantineOf, readQuarantine, withQuarantine } from '../../src/policy/quarantine.ts';
import { readSettings } from '../../src/policy/settings.ts';

const DAY = 86_400_000;
const FLAGS = { filter: ['app:^dev-'], ago: '30d' };
const COMMAND = "--filter 'app:^dev-' --ago 30d";
const RULES = 'rules:\n  - { name: old, olderThan: 30d }\n';

function byFile(text: string, flags: { readonly quarantine?: string } = {}): PurgePolicy {
  return createPolicy({ ...flags, file: { name: 'p.yaml', retention: parsePolicyFile(`version: 1\n${text}`) } });
}

describe('a time', () => {
  test('is a duration, or off', () => {
    expect(readQuarantine(' 14d ', 'QUARANTINE')).toEqual({ text: '14d', milliseconds: 14 * DAY });
    expect(readQuarantine('off', 'QUARANTINE')).toEqual({ text: 'off', milliseconds: 0 });
  });

  test.each([
    ['0', 'must be longer than 0; write e.g. 14d, or off'],
    ['0d', 'must be longer than 0'],
    ['366d', 'must be at most 365d'],
    ['', 'must be a duration, e.g. 14d, or off'],
    ['false', 'or off'],
    ['OFF', 'or off'],
    ['2 weeks', 'write 14d'],
    ['-1d', 'no sign'],
    ['14', 'needs a unit'],
  ])('%j is none, and it is said what to write', (text, problem) => {
    expect(() => createPolicy({ ...FLAGS, quarantine: text })).toThrow(problem);
    expect(() => createPolicy({ ...FLAGS, quarantine: text })).toThrow(/^--quarantine/);
    expect(() => byFile(`quarantine: '${text}'\n${RULES}`)).toThrow(problem);
  });
});

describe('what holds for a rule', () => {
  test('without any, it is deleted at once', () => {
    expect(quarantineOf(createPolicy(FLAGS))).toBeUndefined();
    expect(quarantineOf(createPolicy({ ...FLAGS, quarantine: 'off' }))).toBeUndefined();
    expect(quarantineOf(byFile(RULES), 'old')).toBeUndefined();
  });

  test('the flag is for all that a command deletes', () => {
    const policy = createPolicy({ ...FLAGS, quarantine: '14d' });
    expect(quarantineOf(policy)?.text).toBe('14d');
    expect(quarantineOf(policy, 'app:^dev-')?.text).toBe('14d');
  });

  const file = [
    'quarantine: 14d',
    'rules:',
    "  - { name: short, tags: ['pr-*'], olderThan: 7d, quarantine: 2d }",
    "  - { name: none, tags: ['tmp-*'], olderThan: 7d, quarantine: off }",
    '  - { name: rest, olderThan: 30d }',
    'untagged: { olderThan: 7d, quarantine: 1d }',
    '',
  ].join('\n');

  test('a rule counts before the whole file', () => {
    const policy = byFile(file);
    const texts = ['short', 'none', 'rest', 'untagged', undefined].map((rule) => quarantineOf(policy, rule)?.text);
    expect(texts).toEqual(['2d', undefined, '14d', '1d', '14d']);
  });

  test('--quarantine counts before the key of the whole file, and not before that of a rule', () => {
    const policy = byFile(file, { quarantine: '30d' });
    expect([quarantineOf(policy, 'short')?.text, quarantineOf(policy, 'rest')?.text]).toEqual(['2d', '30d']);
    expect(quarantineOf(byFile(file, { quarantine: 'off' }), 'rest')).toBeUndefined();
  });

  test('it is said in words', () => {
    const words = describePolicy(parsePolicyFile(`version: 1\n${file}`));
    expect(words.rules.map((rule) => rule.words.split('. ').at(-1))).toEqual([
      'They are unreadable for 2 days before that.',
      'They are deleted at once, without a quarantine.',
      'The tags are deleted when they are older than 30 days.'.replace('The tags', 'They'),
    ]);
    expect(words.untagged).toContain('What has no tag is unreadable for 1 day before that.');
    expect(words.quarantine).toBe(
      'What is to be deleted is unreadable for 14 days first, where its rule says nothing else.',
    );
    expect(describePolicy(parsePolicyFile(`version: 1\n${RULES}`))).not.toHaveProperty('quarantine');
  });

  test('a mistake is found at its line', () => {
    expect(() => byFile(`rules:\n  - { name: old, olderThan: 30d, quarantine: 1x }\n`)).toThrow(/^p?.*3:.*quarantine/);
    expect(() => byFile(`quarantine: 14\n${RULES}`)).toThrow('quarantine');
  });
});

describe('the setting', () => {
  const environment = { ACR_REGISTRY: 'contoso', PURGE_SCHEDULE: '0 1 * * *', PURGE_COMMAND: COMMAND };
  const policiesWith = (more: Readonly<Record<string, string>>): readonly PurgePolicy[] => {
    const read = readSettings({ ...environment, ...more }, () => '');
    if (read.state === 'invalid') throw new Error(read.mistakes.map(({ message }) => message).join('\n'));
    return read.settings.registries.flatMap(({ commands }) => commands.map(({ policy }) => policy));
  };

  test('holds for commands that say none themselves', () => {
    const [own, off, rest] = policiesWith({
      QUARANTINE: '14d',
      PURGE_COMMAND: `${COMMAND} --quarantine 2d\n${COMMAND} --quarantine=off\n${COMMAND}`,
    });
    expect([own, off, rest].map((policy) => policy && quarantineOf(policy)?.text)).toEqual(['2d', undefined, '14d']);
    expect(policiesWith({}).map((policy) => quarantineOf(policy))).toEqual([undefined]);
  });

  test('holds for a policy file that says none for the whole', () => {
    const of = (text: string) =>
      policiesWith({ QUARANTINE: '14d', PURGE_COMMAND: '', RETENTION_POLICY: `version: 1\n${text}` }).map(
        (policy) => quarantineOf(policy, 'old')?.text,
      );
    expect(of(RULES)).toEqual(['14d']);
    expect(of(`quarantine: 3d\n${RULES}`)).toEqual(['3d']);
    expect(of(`quarantine: off\n${RULES}`)).toEqual([undefined]);
  });

  test('that is wrong is a mistake', () => {
    expect(() => policiesWith({ QUARANTINE: '0' })).toThrow('QUARANTINE "0": must be longer than 0');
  });
});

describe('the record of a run', () => {
  test.each([
    ['a command', parsePurgeCommand(`${COMMAND} --quarantine 14d`).policy],
    ['fields of a request', parsePurgeFields({ filter: 'app:^dev-', ago: '30d', quarantine: '14d' }).policy],
    ['a setting', withQuarantine(createPolicy(FLAGS), readQuarantine('14d', 'QUARANTINE'))],
    ['a policy file', byFile(`quarantine: 14d\n${RULES}`)],
    ['a setting beside a policy file', withQuarantine(byFile(RULES), readQuarantine('14d', 'QUARANTINE'))],
  ])('has it: %s', (_, policy) => {
    const [read] = policiesOf(recordPolicy([policy], 'settings')) ?? [];
    expect(read && quarantineOf(read, 'old')).toEqual({ text: '14d', milliseconds: 14 * DAY });
  });

  test('another time is another policy, and without one the hash is as it was', () => {
    const hash = (policy: PurgePolicy) => recordPolicy([policy], 'settings').hash;
    const times = [undefined, '14d', '15d'];
    const commands = times.map((quarantine) => hash(createPolicy({ ...FLAGS, ...(quarantine && { quarantine }) })));
    expect(new Set(commands).size).toBe(3);
    const rules = ['', ', quarantine: 1d', ', quarantine: off'].map((key) =>
      hash(byFile(`rules: [{ name: old, olderThan: 30d${key} }]\n`)),
    );
    expect(new Set(rules).size).toBe(3);
    expect(JSON.stringify(recordPolicy([createPolicy(FLAGS)], 'settings'))).not.toContain('quarantine');
  });
});

test('policy convert writes the key for the whole file, and the longest of several', () => {
  const of = (...times: readonly (string | undefined)[]): string =>
    convert(times.map((quarantine) => createPolicy({ ...FLAGS, ...(quarantine && { quarantine }) })));
  expect(parsePolicyFile(of('14d')).quarantine?.text).toBe('14d');
  expect(of('14d')).not.toContain('longest');
  expect(parsePolicyFile(of('2d', '14d')).quarantine?.text).toBe('14d');
  expect(of('14d', undefined)).toContain('# The longest of the commands');
  expect(of(undefined)).not.toContain('quarantine');
});
