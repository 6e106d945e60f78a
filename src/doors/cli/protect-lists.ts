import { attempts, InvalidPolicy, PolicyError, quote } from '../../policy/errors.ts';
import { parseProtection } from '../../policy/protect-flag.ts';
import { readBounded } from './policy-file.ts';

const FLAG = '--protect';

/**
 * The values of `--protect`, with the entries of a list in the place of `@file`: a run records them, and reads no file
 * when it resumes. One entry a line; what follows a `#` is a comment.
 *
 * @throws {InvalidPolicy} with every mistake, those of a list with their line
 */
export function withLists(values: readonly string[]): readonly string[] {
  const { problems, attempt } = attempts();
  const all = values.flatMap((value) =>
    value.startsWith('@') ? (attempt(() => readList(value, value.slice(1))) ?? []) : value,
  );
  if (problems.length > 0) throw new InvalidPolicy(problems);
  return all;
}

function readList(value: string, path: string): readonly string[] {
  let text: string;
  try {
    text = readBounded(path);
  } catch (cause) {
    throw new PolicyError(FLAG, value, (cause as Error).message, { cause });
  }
  const { problems, attempt } = attempts();
  const entries = text
    .replace(/^\ufeff/, '')
    .split(/\r?\n/)
    .flatMap((line, index) => {
      const entry = line.replace(/(?:^|[ \t])#.*$/, '').trim();
      if (entry === '') return [];
      return attempt(() => parseProtection(entry).text, `line ${index + 1} of ${quote(path)}`) ?? [];
    });
  if (problems.length > 0) throw new InvalidPolicy(problems);
  if (entries.length === 0) throw new PolicyError(FLAG, value, 'has no entry in it, and would protect nothing');
  return entries;
}
