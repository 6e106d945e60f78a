import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cloudEvent } from '../../src/notify/cloud-events.ts';
import { slackMessage } from '../../src/notify/slack.ts';
import { teamsMessage } from '../../src/notify/teams.ts';
import type { ReceiverKind } from '../../src/policy/notify.ts';
import type { Notification } from '../../src/report/notification.ts';
import { wrongWith } from '../support/receiver.ts';
import { SAMPLE } from './sample.ts';

const FORMS: Readonly<Record<ReceiverKind, (notification: Notification) => unknown>> = {
  teams: teamsMessage,
  slack: slackMessage,
  cloudevents: cloudEvent,
};
const KINDS = Object.keys(FORMS) as ReceiverKind[];

/** Names that would be markup, a link, a mention or an end of something. */
const HOSTILE = [
  '<!channel>',
  '<!here|here>',
  '<@U012AB3CD>',
  '<https://evil.example|Approve>',
  '<at>everyone</at>',
  '[Approve](https://evil.example)',
  '**bold** _it_ ~no~ `code`',
  '&lt;!channel&gt;',
  '&amp;<>&',
  'a\nb\r\nc\u2028d',
  '\u202egnp.exe',
  '\u001b[31mred',
  '\ud800 half a letter',
  ':fire: @channel #general',
  '{{DATE(2026-01-01T00:00:00Z)}}',
  'x'.repeat(5_000),
  '<'.repeat(5_000),
  '\u{1f600}'.repeat(3_000),
  '',
  ' ',
];

const name = fc.oneof(fc.constantFrom(...HOSTILE), fc.string({ unit: 'binary', maxLength: 40 }));
const notification: fc.Arbitrary<Notification> = fc
  .record({
    title: name.map((text) => `A plan waits: ${text}`),
    sentences: fc.array(name, { maxLength: 6 }),
    facts: fc.array(fc.tuple(name, name), { maxLength: 20 }),
    lists: fc.array(fc.record({ title: name, lines: fc.array(name, { maxLength: 30 }) }), { maxLength: 5 }),
    registry: name,
  })
  .map((some) => ({ ...SAMPLE, ...some }));

/** Each text of a message, with what holds it. */
function* textsIn(value: unknown): Generator<{ readonly type?: string; readonly text: string }> {
  if (typeof value !== 'object' || value === null) return;
  if ('text' in value && typeof value.text === 'string') yield value as { readonly text: string };
  for (const one of Object.values(value)) yield* textsIn(one);
}

describe.each(KINDS)('%s', (kind) => {
  test('a message is as its schema, or its documentation, says', () => {
    expect(wrongWith(kind, FORMS[kind](SAMPLE))).toEqual([]);
  });

  test('whatever a registry calls things', () => {
    fc.assert(
      fc.property(notification, (one) => {
        const message: unknown = JSON.parse(JSON.stringify(FORMS[kind](one)));
        expect(wrongWith(kind, message)).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  test('without facts, lists and a link', () => {
    const { link: _, ...others } = SAMPLE;
    expect(wrongWith(kind, FORMS[kind]({ ...others, facts: [], lists: [] }))).toEqual([]);
  });
});

test('the schemas refuse what is not right, or these tests would show nothing', () => {
  const [teams, event] = [teamsMessage(SAMPLE), cloudEvent(SAMPLE)] as readonly object[];
  const text = JSON.stringify(teams);
  expect(wrongWith('teams', JSON.parse(text.replace('"inlines"', '"inline"')))).not.toEqual([]);
  expect(wrongWith('teams', JSON.parse(text.replace('"bolder"', '"fat"')))).not.toEqual([]);
  expect(wrongWith('teams', JSON.parse(text.replace('Action.OpenUrl', 'Action.Approve')))).not.toEqual([]);
  expect(wrongWith('cloudevents', { ...event, time: 'yesterday' })).not.toEqual([]);
  expect(wrongWith('cloudevents', { ...event, id: '' })).not.toEqual([]);
  expect(wrongWith('slack', { text: 'a', blocks: [{ type: 'section' }] })).not.toEqual([]);
});

describe('a name is data', () => {
  const hostile = (name: string): Notification => ({
    ...SAMPLE,
    title: name,
    sentences: [name],
    facts: [[name, name]],
    lists: [{ title: name, lines: [name] }],
  });

  test.each(HOSTILE)('Teams knows no Markdown in it: %j', (name) => {
    const message = teamsMessage(hostile(name));
    const types = new Set([...textsIn(message)].map(({ type }) => type));
    // A TextBlock and a Fact would be Markdown.
    expect(types).toEqual(new Set(['TextRun']));
    expect(JSON.stringify(message)).not.toContain('entities');
  });

  test.each(HOSTILE)('Slack neither formats, links nor mentions it: %j', (name) => {
    const message = slackMessage(hostile(name)) as { readonly blocks: readonly unknown[]; readonly text: string };
    for (const { type, text } of textsIn(message.blocks)) {
      if (type === 'mrkdwn') expect(text).toBe(`<${SAMPLE.link?.url ?? ''}|Open the plan>`);
      else expect(text).not.toMatch(/[<>]|&(?!amp;|lt;|gt;)/);
    }
    expect(message).toMatchObject({ mrkdwn: false });
    expect(message.text).not.toMatch(/[<>]|&(?!amp;|lt;|gt;)/);
  });

  test.each(['\n', '\r', '\u2028', '\u202e', '\u001b', '\u0000', '\u200b'])('it holds no %j', (letter) => {
    const name = `a${letter}b`;
    for (const form of [teamsMessage, slackMessage]) {
      const texts = [...textsIn(form({ ...SAMPLE, title: name, lists: [{ title: 'l', lines: [name] }] }))];
      // Ends of lines between the lines of a list are ours.
      const held = texts.flatMap(({ text }) => text.split('\n')).filter((text) => text.includes(letter));
      expect(held).toEqual([]);
    }
  });
});

test('what a link is followed by cannot end it early', () => {
  const url = 'https://retention.example/review?run=1&q=a|b>c<d';
  const [text] = [...textsIn(slackMessage({ ...SAMPLE, link: { text: 'Open | it >', url } }))].filter(
    ({ type }) => type === 'mrkdwn',
  );
  expect(text?.text).toBe('<https://retention.example/review?run=1&amp;q=a%7Cb%3Ec%3Cd|Open   it &gt;>');
});

test('a list is cut, and says so', () => {
  const lines = Array.from({ length: 30 }, (_, n) => `repository-${n}`);
  for (const form of [teamsMessage, slackMessage])
    expect(JSON.stringify(form({ ...SAMPLE, lists: [{ title: 'Most', lines }] }))).toContain('and 21 more');
});

test('a CloudEvent names the event, what it is about, and says the same for programs', () => {
  expect(cloudEvent(SAMPLE)).toEqual({
    specversion: '1.0',
    id: SAMPLE.id,
    source: 'acr-retention/contoso.azurecr.io',
    type: 'acr-retention.guard-tripped',
    time: SAMPLE.at,
    subject: SAMPLE.subject,
    datacontenttype: 'application/json',
    data: {
      title: SAMPLE.title,
      text: SAMPLE.sentences.join(' '),
      url: SAMPLE.link?.url,
      runId: SAMPLE.subject,
      deletions: 412,
    },
  });
});
