import { ConflictError } from '../ledger/store/store.ts';
import type { SelectedRepository } from '../ledger/records.ts';
import type { RepositorySummary } from '../ledger/summary.ts';
import type { TagFilter } from '../policy/filter.ts';
import { adviceOnUnmatched } from '../policy/advice/filter.ts';
import type { PurgePolicy } from '../policy/purge-policy.ts';
import type { Match } from '../policy/regex/regex.ts';
import type { RunContext } from './context.ts';
import type { Task } from './inventory.ts';
import { forgetRepositories } from './quarantine/quarantine-gone.ts';
import { noteUndo } from './undo.ts';
import { noteUsedBefore } from './storage/used.ts';

/** The repositories of a run, each with the commands that select it. */
export type Selected = ReadonlyMap<string, readonly Task[]>;

/**
 * Finds out which repositories a run is about, and records them once: done again, or by another worker, it comes to what
 * was recorded.
 *
 * @param among where it is known which repositories there are
 * @throws {PolicyError} where a filter takes too long
 * @throws {RegistryError} where the repositories cannot be listed
 */
export async function list(context: RunContext, among?: readonly string[]): Promise<Selected> {
  const { ledger, record, reader, policies, match, writes } = context;
  await Promise.all([noteUndo(context), noteUsedBefore(context)]);
  const recorded = await ledger.selected(record.id);
  if (recorded) return selectedBefore(recorded, policies, match);
  let catalog = among;
  const selected = new Map<string, Task[]>();
  for (const policy of policies) {
    // What filters name outright needs no listing.
    const literal = !policy.isEverywhere && !among ? policy.compiled.literalRepositories() : undefined;
    if (!literal && !catalog) {
      catalog = await reader.repositories(policy.repositoryPageSize);
      // What is known of repositories that are gone only takes room.
      await ledger.pruneManifestCache(record.registry, catalog).catch(() => undefined);
    }
    for (const [name, command] of await commandsIn(policy, literal ?? catalog ?? [], match)) {
      const commands = selected.get(name);
      if (commands) commands.push(command);
      else selected.set(name, [command]);
    }
  }
  await forgetRepositories(context, selected, catalog);
  try {
    await writes.select(recordOf(selected, policies));
    return selected;
  } catch (error) {
    // Another worker was quicker: what it found is what the run is about.
    const found = error instanceof ConflictError ? await ledger.selected(record.id) : undefined;
    if (!found) throw error;
    return selectedBefore(found, policies, match);
  }
}

/** The commands that select one repository. */
export async function commandsFor(
  name: string,
  policies: readonly PurgePolicy[],
  match: Match,
): Promise<readonly Task[]> {
  const found: Task[] = [];
  for (const policy of policies) for (const [, command] of await commandsIn(policy, [name], match)) found.push(command);
  return found;
}

/** Which of these repositories a command selects: all of them where it is about all, and what its filters match. */
async function commandsIn(
  policy: PurgePolicy,
  names: readonly string[],
  match: Match,
): Promise<readonly (readonly [name: string, command: Task])[]> {
  const matching = await policy.compiled.repositoryFilters(names, match);
  return names.flatMap((name, place) => {
    const filters = matching[place] ?? [];
    return !policy.isEverywhere && filters.length === 0 ? [] : [[name, { policy, filters }] as const];
  });
}

function recordOf(selected: Selected, policies: readonly PurgePolicy[]): readonly SelectedRepository[] {
  return Array.from(selected, ([repository, commands]) => ({
    repository,
    commands: commands.map(({ policy }) => policies.indexOf(policy)),
  }));
}

/** What was selected when it was recorded: by the same commands, so the same. */
export async function selectedBefore(
  recorded: readonly SelectedRepository[],
  policies: readonly PurgePolicy[],
  match: Match,
): Promise<Selected> {
  const selected = new Map<string, Task[]>(recorded.map(({ repository }) => [repository, []]));
  for (const [index, policy] of policies.entries()) {
    const names = recorded.filter(({ commands }) => commands.includes(index)).map(({ repository }) => repository);
    const matching = await policy.compiled.repositoryFilters(names, match);
    for (const [place, name] of names.entries()) selected.get(name)?.push({ policy, filters: matching[place] ?? [] });
  }
  return selected;
}

/** The places of the filters that matched a tag, for each command. */
export function recordMatched(
  matched: ReadonlySet<TagFilter>,
  policies: readonly PurgePolicy[],
): readonly (readonly number[])[] {
  return policies.map(({ filters }) => [...filters.keys()].filter((place) => isIn(matched, filters[place])));
}

/** The filters that were recorded. Where none were, all: then it is not certain of any that it matches nothing. */
export function matchedBefore(
  recorded: readonly (readonly number[])[] | undefined,
  policies: readonly PurgePolicy[],
): Set<TagFilter> {
  const matched = policies.flatMap(({ filters }, index) =>
    filters.filter((_, place) => recorded?.[index]?.includes(place) ?? true),
  );
  return new Set(matched);
}

function isIn(matched: ReadonlySet<TagFilter>, filter: TagFilter | undefined): boolean {
  return filter !== undefined && matched.has(filter);
}

/** Filters that had no effect: mistyped, most likely. */
export function unmatched(
  policy: PurgePolicy,
  selected: Selected,
  done: readonly RepositorySummary[],
  matched: ReadonlySet<TagFilter>,
): readonly string[] {
  const { filters, compiled, tags } = policy;
  const states = new Map(done.map(({ repository, state }) => [repository, state]));
  const literal = compiled.literalRepositories() !== undefined;
  const repositories = new Map<TagFilter, string[]>(filters.map((filter) => [filter, []]));
  for (const [name, commands] of selected) {
    if (literal && !states.has(name)) continue;
    for (const filter of new Set(commands.flatMap((command) => command.filters))) repositories.get(filter)?.push(name);
  }
  return filters.flatMap((filter) => {
    const names = repositories.get(filter) ?? [];
    const what = `the ${filter.isRule ? 'rule' : 'filter'} "${filter.text}"`;
    if (names.length === 0) {
      const advice = filter.isRule ? undefined : adviceOnUnmatched(filter);
      return [`${what} matches no repository${advice === undefined ? '' : `; ${advice}`}`];
    }
    const failed = names.some((name) => (states.get(name) ?? 'done') !== 'done');
    return tags && !matched.has(filter) && !failed ? [`${what} ${filter.isRule ? 'owns' : 'matches'} no tag`] : [];
  });
}

/** Filters that share one --keep where each hardly means to: of all of them together the newest are kept. */
export function sharedKeep({ filters, keep, tags, ago }: PurgePolicy, selected: Selected): readonly string[] {
  if (keep === 0 || !tags || filters.length < 2) return [];
  for (const [repository, tasks] of selected) {
    const shared = tasks.map((task) => task.filters).find((some) => some.length > 1 && isAny(filters, some));
    if (!shared) continue;
    const each = shared.map(({ text }) => `--filter '${text}' ${ago} --keep ${keep}`);
    return [
      `${shared.length} filters share one --keep ${keep} in ${repository}: the newest ${keep} of all that they match together ${keep === 1 ? 'is' : 'are'} kept; ` +
        `for the newest ${keep} of each write a command each: ${each.join(' and ')}`,
    ];
  }
  return [];
}

function isAny(filters: readonly TagFilter[], some: readonly TagFilter[]): boolean {
  return some.every((one) => filters.includes(one));
}
