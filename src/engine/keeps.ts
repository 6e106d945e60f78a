import type { Keeps } from '../planner/types.ts';
import type { TagMatches } from '../policy/filter.ts';
import type { PurgePolicy } from '../policy/purge-policy.ts';
import type { Match } from '../policy/regex/regex.ts';

interface About {
  readonly repository: string;
  /** All tags of it. */
  readonly names: readonly string[];
  /** What the filters select of these. */
  readonly found: TagMatches | undefined;
  readonly match: Match;
}

/**
 * What `--protect` and `--keep-at-least` say of one repository; `undefined` where they say nothing.
 * @throws {PolicyError} where a pattern takes too long
 */
export async function keepsOf(
  { protect, keepAtLeast }: PurgePolicy,
  { repository, names, found, match }: About,
): Promise<Keeps | undefined> {
  const isHere = protect.length === 0 ? [] : await match(repositoriesOf(protect), [repository]);
  const here = protect.filter((_, place) => isHere[place]?.[0]);
  if (here.length === 0 && keepAtLeast === 0) return undefined;
  const whole = here.find(({ isWhole }) => isWhole);
  // Only what a filter selects could be deleted.
  const selected = whole ? [] : names.filter((_, index) => found?.selected[index]);
  const answers = here.length === 0 || selected.length === 0 ? [] : await match(tagsOf(here), selected);
  const named = selected.flatMap((name, index) => {
    const entry = here[answers.findIndex((answer) => answer[index])];
    return entry ? [[name, inWords(entry)] as const] : [];
  });
  return {
    protected: new Map(named),
    ...(whole && { whole: inWords(whole) }),
    atLeast: keepAtLeast,
    groups: keepAtLeast === 0 || !found ? [] : found.groups(),
  };
}

type Protect = PurgePolicy['protect'];

const repositoriesOf = (protect: Protect) => protect.map(({ repositories }) => repositories);
const tagsOf = (protect: Protect) => protect.map(({ tags }) => tags);

function inWords({ text, isWhole }: Protect[number]): string {
  return `--protect ${text} names ${isWhole ? 'all of the repository' : 'it'}`;
}
