import { isMap, isScalar, Scalar } from 'yaml';
import { readNames, wrongName } from './names.ts';
import { plain } from './problems.ts';
import type { Path, Reader } from './reader.ts';
import type { ProtectInFile } from './schema.ts';
import { LONGEST_FILE } from './yaml.ts';

/**
 * Reads the file of a name, relative to the policy file.
 * @throws where it cannot be read, or is longer than `LONGEST_FILE`
 */
export type ReadFile = (name: string) => string;

/** The names of `names` and of the list that `tagsFrom` names; undefined where there is neither. */
export function namesOf(
  reader: Reader,
  path: Path,
  { names, tagsFrom }: ProtectInFile,
  readFile: ReadFile | undefined,
): readonly string[] | undefined {
  for (const [index, name] of (names ?? []).entries()) {
    const problem = wrongName(name);
    if (problem !== undefined) reader.problem([...path, 'names', index], problem);
  }
  if (tagsFrom === undefined) return names;
  const listed = readList(reader, [...path, 'tagsFrom'], tagsFrom, readFile);
  return [...new Set([...(names ?? []), ...listed])];
}

function readList(reader: Reader, path: Path, name: string, readFile: ReadFile | undefined): readonly string[] {
  const fail = (problem: string, cause?: unknown): readonly string[] => {
    reader.problem(path, problem, { cause });
    return [];
  };
  if (!readFile) return fail('there is no file beside this policy; write the tags as names: [v1, shop/web:v1]');
  if (/^(?:[\\/]|[A-Za-z]:|[a-z]+:\/\/)/.test(name)) return fail('must be a path relative to the policy file');
  let text: string;
  try {
    text = readFile(name);
  } catch (cause) {
    return fail(`cannot be read: ${plain((cause as Error).message)}`, cause);
  }
  if (Buffer.byteLength(text) > LONGEST_FILE) return fail(`is longer than ${LONGEST_FILE / 1024} KiB`);
  const { names, problems } = readNames(text);
  for (const problem of problems) fail(problem);
  if (names.length === 0 && problems.length === 0) return fail('has no name in it, and would protect nothing');
  return names;
}

/**
 * The text of the file with the names in the place of the files that list them.
 * @param lists the names of each entry of `protect` that has a `tagsFrom`, by its place
 */
export function withLists(reader: Reader, lists: ReadonlyMap<number, readonly string[]>): string {
  const { document } = reader.yaml;
  const [first = 0] = lists.keys();
  const fail = reader.at(['protect', first, 'tagsFrom']);
  for (const [index, names] of lists) {
    const entry = reader.yaml.node(['protect', index]);
    const listed = isMap(entry) ? entry.items.find(({ key }) => isScalar(key) && key.value === 'tagsFrom') : undefined;
    // An alias of an entry that has them already.
    if (!isMap(entry) || !listed) continue;
    entry.delete('names');
    const list = document.createNode(names);
    list.flow = false;
    listed.key = new Scalar('names');
    listed.value = list;
    entry.flow = false;
  }
  const text = document.toString({ lineWidth: 0 });
  if (Buffer.byteLength(text) > LONGEST_FILE)
    fail(`the policy with its lists is longer than ${LONGEST_FILE / 1024} KiB`);
  return text;
}
