import { describe, expect, test } from 'vitest';
import { PolicyError } from '../../src/policy/errors.ts';
import { hostedReviewUrl, readNotifyKinds, readReceivers, readRemind, readReviewUrl } from '../../src/policy/notify.ts';
import { readNotifySettings, readSettings } from '../../src/policy/settings.ts';

const SECRET = 'B0000SECRET0000';
const SLACK = `https://hooks.slack.com/services/T000/${SECRET}/abc`;
const WORKFLOW = `https://prod-00.westeurope.logic.azure.com:443/workflows/0123/triggers/manual/paths/invoke?api-version=2016-06-01&sig=${SECRET}`;
const POWER = `https://default0123.4.environment.api.powerplatform.com:443/powerautomate/automations/direct/workflows/0123/triggers/manual/paths/invoke?sig=${SECRET}`;
const OTHER = `https://events.example/hook/${SECRET}`;

const kinds = (text: string): readonly string[] => readReceivers(text, 'NOTIFY').map(({ kind }) => kind);

function mistake(text: string): string {
  try {
    readReceivers(text, 'NOTIFY');
  } catch (error) {
    if (error instanceof PolicyError) return error.message;
    throw error;
  }
  throw new Error('it was taken');
}

describe('the form of a message', () => {
  test.each([
    [SLACK, 'slack'],
    [WORKFLOW, 'teams'],
    [POWER, 'teams'],
    ['https://prod-00.usgovtexas.logic.azure.us/workflows/0', 'teams'],
    [OTHER, 'cloudevents'],
    // Not these hosts, but others that end or begin like them.
    ['https://hooks.slack.com.evil.example/services/T0', 'cloudevents'],
    ['https://notlogic.azure.com/workflows/0', 'cloudevents'],
    ['https://evil.example/?https://hooks.slack.com/', 'cloudevents'],
  ])('%s by its host', (address, kind) => expect(kinds(address)).toEqual([kind]));

  test.each([
    [`slack:${OTHER}`, 'slack'],
    [`teams:${OTHER}`, 'teams'],
    [`CloudEvents:${WORKFLOW}`, 'cloudevents'],
  ])('%s by what stands before it', (address, kind) => expect(kinds(address)).toEqual([kind]));
});

test('several, one a line or separated by blanks, each by its place', () => {
  expect(readReceivers(`${SLACK}\r\n  ${WORKFLOW} slack:${OTHER}\n\n`, 'NOTIFY')).toEqual([
    { kind: 'slack', address: SLACK, place: 1 },
    { kind: 'teams', address: WORKFLOW.replace(':443', ''), place: 2 },
    { kind: 'slack', address: OTHER, place: 3 },
  ]);
  expect(readReceivers('http://127.0.0.1:8080/hook http://localhost:1/ http://[::1]:2/', 'NOTIFY')).toHaveLength(3);
});

describe('a mistake is named, and never the address', () => {
  test.each([
    [`http://events.example/${SECRET}`, 'address 1 must begin with https://'],
    [`${SLACK} http://events.example/${SECRET}`, 'address 2 must begin with https://'],
    [`http://127.0.0.1.evil.example/${SECRET}`, 'address 1 must begin with https://'],
    [`https://user:${SECRET}@events.example/`, 'address 1 must have no user name'],
    [`https://contoso.webhook.office.com/webhookb2/${SECRET}`, 'address 1 is that of a connector'],
    [`mattermost:https://events.example/${SECRET}`, 'address 1 begins with a form that there is not'],
    [`slack:${SECRET}`, 'address 1 is no URL'],
    [`slack: https://events.example/${SECRET}`, 'address 1 has a form and no URL; write slack:https://…, without'],
    [`${OTHER},https://events.example/${SECRET}`, 'address 1 holds another one; write a blank between them'],
    [`${OTHER};slack:https://events.example/${SECRET}`, 'address 1 holds another one; write a blank between them'],
    [SECRET, 'address 1 is no URL'],
    [`${SLACK} ${OTHER} ${SLACK}`, 'address 3 stands there twice'],
    [
      `@Microsoft.KeyVault(SecretUri=https://contoso.vault.azure.net/secrets/${SECRET})`,
      'is a reference that was not resolved: the identity of the app must be allowed to read that secret',
    ],
    [Array.from({ length: 21 }, (_, n) => `${OTHER}${n}`).join(' '), 'names 21 addresses; 20 are allowed'],
  ])('%s', (text, message) => {
    expect(mistake(text)).toContain(`NOTIFY: ${message}`);
    expect(mistake(text)).not.toContain(SECRET);
  });
});

describe('as settings', () => {
  const GOOD = { ACR_REGISTRY: 'contoso', PURGE_COMMAND: '--untagged-only', PURGE_SCHEDULE: '0 1 * * Sun' };

  test('nothing is sent where no address is set', () => {
    expect(readNotifySettings({ NOTIFY_ON: 'run-failed' })).toBeUndefined();
    const configuration = readSettings(GOOD, String);
    expect(configuration).toMatchObject({ state: 'valid', settings: { notify: undefined } });
  });

  test('by default all kinds, and once more after three days', () => {
    expect(readNotifySettings({ NOTIFY: SLACK, WEBSITE_HOSTNAME: 'contoso.azurewebsites.net' })).toEqual({
      receivers: [{ kind: 'slack', address: SLACK, place: 1 }],
      kinds: ['plan-waits', 'guard-tripped', 'run-failed', 'schedule-overdue', 'image-released', 'deletion-done'],
      remindMilliseconds: 3 * 86_400_000,
      reviewUrl: 'https://contoso.azurewebsites.net',
    });
  });

  test('are never shown', () => {
    for (const NOTIFY of [SLACK, `nonsense/${SECRET}`]) {
      const configuration = readSettings({ ...GOOD, NOTIFY }, String);
      expect(configuration.given).toMatchObject({ NOTIFY: '(set)' });
      const shown = configuration.state === 'invalid' ? configuration.mistakes.map(({ message }) => message) : [];
      expect(JSON.stringify([configuration.given, shown])).not.toContain(SECRET);
    }
  });
});

test('which kinds are told', () => {
  expect(readNotifyKinds('schedule-overdue, Run-Failed', 'NOTIFY_ON')).toEqual(['run-failed', 'schedule-overdue']);
  expect(() => readNotifyKinds('all', 'NOTIFY_ON')).toThrow(
    /NOTIFY_ON "all": must be some of plan-waits, guard-tripped/,
  );
});

test('a setting that chooses no kind is a mistake: nothing would ever be told', () => {
  expect(() => readNotifyKinds(' , ', 'NOTIFY_ON')).toThrow(/NOTIFY_ON ".*must be some of plan-waits/);
});

test('a reminder does not come together with the first message', () => {
  expect(readRemind('1h', 'APPROVAL_REMIND')).toBe(3_600_000);
  for (const text of ['0d', '59m'])
    expect(() => readRemind(text, 'APPROVAL_REMIND')).toThrow('must be an hour (1h) or more');
});

test('where the app is', () => {
  expect(readReviewUrl('https://Retention.contoso.com/', 'REVIEW_URL')).toBe('https://retention.contoso.com');
  expect(readReviewUrl('https://contoso.com/retention/review', 'REVIEW_URL')).toBe('https://contoso.com/retention');
  for (const text of [
    'contoso.com',
    'ftp://contoso.com',
    'http://contoso.com',
    'https://contoso.com/?code=1',
    'https://a@contoso.com',
  ])
    expect(() => readReviewUrl(text, 'REVIEW_URL')).toThrow(PolicyError);
  expect(hostedReviewUrl('localhost:7071')).toBe('http://localhost:7071');
  for (const text of [undefined, '', 'evil.example/x', 'a b', '<script>'])
    expect(hostedReviewUrl(text)).toBeUndefined();
});
