import { InvalidPolicy, PolicyError } from './errors.ts';
import { parsePolicyFile } from './file/parse.ts';
import { PolicyFileError } from './file/problems.ts';
import { readYaml, type ReadYaml } from './file/yaml.ts';
import type { PolicyFile } from './purge-policy.ts';

/** What messages, and the record of the run, call a policy file that a request brings. */
const NAME = 'request.yaml';

/** The app reads nothing else while it reads a policy: a request may not ask for much of that. */
const MOST_RULES = 100;
const MOST_PATTERNS = 1_000;

/** Where patterns stand. A list of names is looked up and not matched, whatever its length. */
const PARTS = ['protect', 'rules'] as const;
const OF_PATTERNS = ['repositories', 'tags'] as const;

/**
 * Reads the policy file that a request brings. There is no file beside it, so it has no `tagsFrom`.
 * @throws {InvalidPolicy} with every mistake, each with its line and column
 */
export function parseRequestedFile(text: string): PolicyFile {
  try {
    refuseMany(readYaml(text, NAME));
    return { name: NAME, retention: parsePolicyFile(text, { file: NAME }) };
  } catch (error) {
    if (!(error instanceof InvalidPolicy) || /[\r\n]/.test(text.trim())) throw error;
    const hint =
      'is all on one line; curl -d leaves line ends away, and --data-binary @retention.yaml sends the file as it is';
    throw new InvalidPolicy([...error.problems, new PolicyError('the policy', undefined, hint, { cause: error })]);
  }
}

/** Before it is compiled, and before each rule is compared with the others. */
function refuseMany(yaml: ReadYaml): void {
  const { value } = yaml;
  const problems = PARTS.flatMap((part) => {
    const length = itemsOf(value, part).length;
    if (length <= MOST_RULES) return [];
    const problem = `has ${length} entries; in a request it may have ${MOST_RULES}`;
    return [new PolicyFileError(NAME, yaml.place([part], 'key'), part, undefined, problem)];
  });
  const lists = PARTS.flatMap((part) => itemsOf(value, part).map((_, index) => ({ part, index })));
  let patterns = 0;
  for (const { part, index } of lists) {
    const before = patterns;
    for (const name of OF_PATTERNS) patterns += itemsOf(itemsOf(value, part)[index], name).length;
    if (before > MOST_PATTERNS || patterns <= MOST_PATTERNS) continue;
    const problem = `has the pattern that is more than the ${MOST_PATTERNS} of a policy in a request; a list of tags is shorter as names:`;
    problems.push(new PolicyFileError(NAME, yaml.place([part, index]), part, undefined, problem));
  }
  if (problems.length > 0) throw new InvalidPolicy(problems);
}

function itemsOf(value: unknown, key: string): readonly unknown[] {
  const found = typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[key] : [];
  return Array.isArray(found) ? found : [];
}
