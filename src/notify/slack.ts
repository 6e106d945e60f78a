import type { Notification } from '../report/notification.ts';
import { firstLines, plain } from './text.ts';

/*
 * What an incoming webhook of Slack takes. Every text is plain_text, in which nothing is formatted, mentioned or linked;
 * and the three letters that Slack gives a meaning to are escaped all the same. The only mrkdwn is the link to the app.
 */

/** What Slack takes at most, in letters as they are sent. */
const LONGEST = { text: 3000, header: 150, section: 3000, field: 2000, url: 2900 } as const;
const MOST_FIELDS = 10;
const MOST_LISTS = 3;
const MOST_LINES = 10;

/** What is read at a glance: shorter than what Slack takes. */
const LONGEST_LINE = 250;

const ESCAPED: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

export function slackMessage({ title, sentences, facts, lists, link }: Notification): unknown {
  return {
    // Where blocks are not shown: in the notification of a phone.
    text: escaped(`${title}: ${sentences.join(' ')}`, LONGEST.text),
    mrkdwn: false,
    unfurl_links: false,
    unfurl_media: false,
    blocks: [
      { type: 'header', text: plainText(title, LONGEST.header) },
      ...sections(sentences.join('\n')),
      ...(facts.length === 0
        ? []
        : [{ type: 'section', fields: facts.slice(0, MOST_FIELDS).map(([name, value]) => field(name, value)) }]),
      ...lists
        .slice(0, MOST_LISTS)
        .flatMap(({ title: of, lines }) =>
          sections(
            [of, ...firstLines(lines, MOST_LINES).map((line) => `• ${line}`)]
              .map((line) => plain(line, LONGEST_LINE))
              .join('\n'),
          ),
        ),
      ...(link && link.url.length <= LONGEST.url
        ? [{ type: 'section', text: { type: 'mrkdwn', text: linkTo(link), verbatim: true } }]
        : []),
    ],
  };
}

/** None for an empty text, which Slack does not take. */
function sections(text: string): readonly unknown[] {
  return text === '' ? [] : [{ type: 'section', text: plainText(text, LONGEST.section) }];
}

function field(name: string, value: string): unknown {
  return plainText(`${plain(name, LONGEST_LINE)}: ${plain(value, LONGEST_LINE)}`, LONGEST.field);
}

function plainText(text: string, most: number): unknown {
  return { type: 'plain_text', text: escaped(text, most), emoji: false };
}

/** Line by line: the ends of lines are ours. */
function escaped(text: string, most: number): string {
  const size = (letter: string): number => (ESCAPED[letter] ?? letter).length;
  const lines: string[] = [];
  let left: number = most;
  for (const line of text.split('\n')) {
    if (left < 2) break;
    const short = plain(line, left - 1, size);
    lines.push(short);
    left -= Array.from(short).reduce((sum, letter) => sum + size(letter), 1);
  }
  return lines.join('\n').replace(/[&<>]/g, (letter) => ESCAPED[letter] ?? letter);
}

/** `|` would end the address, and `>` the link. A URL escapes them, and so its text cannot end it early. */
function linkTo({ text, url }: { readonly text: string; readonly url: string }): string {
  const address = new URL(url).href.replace(/[|<>]/g, encodeURIComponent).replaceAll('&', '&amp;');
  return `<${address}|${escaped(text, LONGEST.header).replaceAll('|', ' ')}>`;
}
