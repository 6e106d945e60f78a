import type { PolicyInWords } from '../policy/file/describe.ts';
import { printable } from './escape.ts';
import { labelled, paint, PLAIN_STYLE, sentence, type Style } from './style.ts';

/** What a policy file means, for the person who approves it. */
export function renderPolicyFile(
  { protect, rules, rest, untagged, quarantine }: PolicyInWords,
  warnings: readonly string[],
  style: Style = PLAIN_STYLE,
): string {
  const title = (text: string): string => paint(style, 'bold', text);
  const parts = [
    ...(protect.length === 0
      ? []
      : [[title('Never deleted'), ...protect.map((words) => sentence(style, `- ${printable(words)}`))]]),
    ...(rules.length === 0
      ? []
      : [
          [
            title('Rules, in order: the first that matches a tag owns it'),
            ...rules.map(({ name, words }, index) =>
              sentence(style, printable(`${index + 1}. ${name}. ${words}`), '   '),
            ),
          ],
        ]),
    [
      title('Everything else'),
      ...[rest, untagged, ...(quarantine === undefined ? [] : [quarantine])].map((words) =>
        sentence(style, `- ${words}`),
      ),
    ],
    ...(warnings.length === 0
      ? []
      : [warnings.map((warning) => labelled(style, 'yellow', 'Warning:', printable(warning)))]),
  ];
  return `${parts.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}
