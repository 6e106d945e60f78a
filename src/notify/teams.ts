import type { Notification, NotificationList } from '../report/notification.ts';
import { firstLines, plain } from './text.ts';

/*
 * An Adaptive Card 1.4 in the message that a workflow of Teams takes. Every text is a run of a RichTextBlock, which knows
 * no Markdown: a tag that looks like a link, bold or a mention stays text. A mention needs an entity besides, and there is
 * none.
 */

/** Teams refuses a message of 28 KB. */
const MOST_BYTES = 24_000;

/** How many fit on a card that a person reads. */
const MOST_FACTS = 12;
const MOST_LISTS = 3;
const MOST_LINES = 10;

const LONGEST = { title: 150, sentence: 600, name: 40, value: 300, line: 200 } as const;

export function teamsMessage(notification: Notification): unknown {
  const whole = message(notification);
  if (sizeOf(whole) <= MOST_BYTES) return whole;
  const { sentences } = notification;
  return message({ ...notification, sentences: sentences.slice(0, 3), facts: [], lists: [] });
}

function message(notification: Notification): unknown {
  const contentType = 'application/vnd.microsoft.card.adaptive';
  return { type: 'message', attachments: [{ contentType, contentUrl: null, content: cardOf(notification) }] };
}

function cardOf({ title, sentences, facts, lists, link, tone }: Notification): unknown {
  return {
    $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
    type: 'AdaptiveCard',
    version: '1.4',
    fallbackText: 'acr-retention has news; this client is too old to show it.',
    body: [
      {
        type: 'Container',
        style: tone,
        bleed: true,
        items: [block([run(plain(title, LONGEST.title), { weight: 'bolder', size: 'large' })])],
      },
      ...sentences.map((sentence) => block([run(plain(sentence, LONGEST.sentence))])),
      ...facts
        .slice(0, MOST_FACTS)
        .map(([name, value]) =>
          block([run(`${plain(name, LONGEST.name)}: `, { isSubtle: true }), run(plain(value, LONGEST.value))], 'small'),
        ),
      ...lists.slice(0, MOST_LISTS).map(listBlock),
    ],
    ...(link && { actions: [{ type: 'Action.OpenUrl', title: link.text, url: link.url }] }),
  };
}

function listBlock({ title, lines }: NotificationList): unknown {
  return {
    type: 'Container',
    separator: true,
    items: [
      block([run(plain(title, LONGEST.title), { weight: 'bolder' })]),
      ...firstLines(lines, MOST_LINES).map((line) => block([run(plain(line, LONGEST.line))], 'small')),
    ],
  };
}

function block(inlines: readonly unknown[], spacing?: 'small'): unknown {
  return { type: 'RichTextBlock', inlines, ...(spacing && { spacing }) };
}

function run(text: string, look: Readonly<Record<string, unknown>> = {}): unknown {
  return { type: 'TextRun', text, ...look };
}

function sizeOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}
