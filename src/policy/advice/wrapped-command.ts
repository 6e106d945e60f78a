import { join as quoteWords, split } from 'shlex';
import { quote } from '../errors.ts';

/** A command that was found in a text that is none itself. */
export interface Wrapped {
  /** The command, as it is to be written. */
  readonly command: string;
  /** What the text is. */
  readonly is: string;
  /** Where else a part of it belongs. */
  readonly besides: readonly string[];
}

/** Which setting stands for a flag of `az acr`. */
const ELSEWHERE: readonly (readonly [RegExp, string])[] = [
  [/^--schedule$/, 'PURGE_SCHEDULE'],
  [/^(?:--registry|-r)$/, 'ACR_REGISTRY'],
  [/^--timeout$/, 'RUN_TIME_BUDGET, with a unit'],
];

/**
 * The command in a text that runs it elsewhere: `az acr run --cmd "acr purge …"`, `PURGE_CMD="acr purge …"`, base64 of
 * it, a task's YAML. `undefined` where there is none.
 *
 * @param isCommand whether words are a command that can be read: with its program, or only its flags
 */
export function readWrapped(text: string, isCommand: (words: readonly string[]) => boolean): Wrapped | undefined {
  const decoded = fromBase64(text);
  if (decoded !== undefined) return { command: decoded, is: 'is base64', besides: [] };
  const words = wordsOf(text);
  const isAz = words[0] === 'az' && words[1] === 'acr';
  const besides = isAz ? elsewhere(words) : [];
  const is = isAz ? `is ${words.slice(0, words[2] === 'task' ? 4 : 3).join(' ')}` : 'is not acr purge';
  for (const word of words) {
    const inner = /^(?:[A-Za-z_]\w*[=:])?(.*\s.*)$/s.exec(word)?.[1]?.trim();
    if (inner !== undefined && isCommand(wordsOf(inner))) return { command: inner, is, besides };
  }
  for (const index of words.keys()) {
    const rest = words.slice(index);
    if (index > 0 && rest[1] === 'purge' && isCommand(rest)) return { command: quoteWords(rest), is, besides };
  }
  if (isAz && words.some((word) => /^\$\{?\w+\}?$/.test(word)))
    return { command: `what ${words.find((word) => /^\$\{?\w+\}?$/.test(word)) ?? ''} stands for`, is, besides };
  return undefined;
}

/** Whether a text of several lines is a task's YAML. */
export function isTaskYaml(text: string): boolean {
  return /^[ \t]*(?:-[ \t]+)?(?:cmd|steps)[ \t]*:/m.test(text);
}

/** The commands in a task's YAML. */
export function commandsInYaml(text: string): readonly string[] {
  return Array.from(
    text.matchAll(/^[ \t]*(?:-[ \t]+)?cmd[ \t]*:[ \t]*(?:[>|]-?[ \t]*\n)?[ \t]*(.+)$/gm),
    ([, command = '']) => command.trim(),
  );
}

function elsewhere(words: readonly string[]): readonly string[] {
  return words.flatMap((word, index) => {
    const [, flag = word, attached] = /^(--\w+)=(.*)$/s.exec(word) ?? [];
    const setting = ELSEWHERE.find(([name]) => name.test(flag))?.[1];
    const value = attached ?? words[index + 1];
    return setting === undefined || value === undefined ? [] : [`${flag} ${quote(value)} belongs into ${setting}`];
  });
}

function wordsOf(text: string): readonly string[] {
  try {
    return split(text);
  } catch {
    return [];
  }
}

/** What base64 says, where that looks like a command. */
function fromBase64(text: string): string | undefined {
  const bare = text.replace(/\s+/g, '');
  if (bare.length < 20 || !/^[A-Za-z0-9+/_-]+={0,2}$/.test(bare)) return undefined;
  const decoded = Buffer.from(bare, 'base64').toString('utf8').trim();
  return /^[ -~\r\n\t]+$/.test(decoded) && /purge|--filter|--untagged/.test(decoded) ? decoded : undefined;
}
