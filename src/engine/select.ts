import type { Ledger } from '../ledger/ledger.ts';
import type { RunWriter } from '../ledger/writer.ts';
import { ConflictError } from '../ledger/store/store.ts';
import type { RunRecord, SelectedRepository } from '../ledger/records.ts';
import type { TagFilter } from '../policy/filter.ts';
import { adviceOnUnmatched } from '../policy/advice/filter.ts';
import type { PurgePolicy } from '../policy/purge-policy.ts';
import type { Match } from '../policy/regex/regex.ts';
import type { RegistryReader } from '../registry/types.ts';
import type { RepositorySummary } from '../ledger/summary.ts';
import type { Task } from './inventory.ts';

/** What is to be done, by repository. */
export type Selected = ReadonlyMap<string, readonly Task[]>;

/**
 * The repositories that a command selects: all of them where it has no filter, and what its filters match.
 * @throws {PolicyError} where a filter takes too long
 */
export async function selectRepositories(
  registry: RegistryReader,
  {
    policies,
    match,
    among,
    onCatalog = () => undefined,
  }: Pick<Selecting, 'policies' | 'match' | 'among'> & {
    /** Takes the names of all repositories, where they were listed. */
    readonly onCatalog?: (names: readonly string[]) => void;
  },
): Promise<Selected> {
  let catalog = among;
  const selected = new Map<string, Task[]>();
  for (const policy of policies) {
    const { compiled, filters, repositoryPageSize } = policy;
    // What filters name outright needs no listing.
    const literal = filters.length > 0 && !among ? compiled.literalRepositories() : undefined;
    if (!literal && !catalog) {
      catalog = await registry.repositories(repositoryPageSize);
      onCatalog(catalog);
    }
    const names = literal ?? catalog ?? [];
    const matching = await compiled.repositoryFilters(names, match);
    for (const [index, name] of names.entries()) {
      const filtersOfIt = matching[index] ?? [];
      if (filters.length > 0 && filtersOfIt.length === 0) continue;
      const tasks = selected.get(name);
      if (tasks) tasks.push({ policy, filters: filtersOfIt });
      else selected.set(name, [{ policy, filters: filtersOfIt }]);
    }
  }
  return selected;
}

/** The run that repositories are selected for. */
export interface Selecting {
  readonly ledger: Ledger;
  readonly written: Pick<RunWriter, 'select'>;
  readonly record: Pick<RunRecord, 'id' | 'registry'>;
  readonly policies: readonly PurgePolicy[];
  readonly match: Match;
  /** Where it is known already which there are. */
  readonly among?: readonly string[] | undefined;
  /** Whether somebody may have selected them before. */
  readonly mayBeRecorded: boolean;
}

/** The repositories of a run: those that it recorded before, or else those that there are; they are recorded then. */
export async function selectAndRecord(
  reader: RegistryReader,
  { ledger, written, record, policies, match, among, mayBeRecorded }: Selecting,
): Promise<Selected> {
  const recorded = mayBeRecorded ? await ledger.selected(record.id) : undefined;
  if (recorded) return selectedBefore(recorded, policies, match);
  let catalog: readonly string[] | undefined;
  const selected = await selectRepositories(reader, {
    policies,
    match,
    among,
    onCatalog: (names) => (catalog = names),
  });
  // What is known of repositories that are gone only takes room.
  if (catalog) await ledger.pruneManifestCache(record.registry, catalog).catch(() => undefined);
  try {
    await written.select(recordSelected(selected, policies));
    return selected;
  } catch (error) {
    // Another worker was quicker: what it found is what the run is about.
    const found = error instanceof ConflictError && mayBeRecorded ? await ledger.selected(record.id) : undefined;
    if (!found) throw error;
    return await selectedBefore(found, policies, match);
  }
}

/** What was selected, to be recorded. */
function recordSelected(selected: Selected, policies: readonly PurgePolicy[]): readonly SelectedRepository[] {
  return Array.from(selected, ([repository, tasks]) => ({
    repository,
    commands: tasks.map(({ policy }) => policies.indexOf(policy)),
  }));
}

/** What had been selected when it was recorded: by the same commands, so the same. */
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

/** The same filters again. Where nobody recorded them, all: of none it is certain that it matches nothing. */
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
  const found = new Set(done.map(({ repository }) => repository));
  const literal = compiled.literalRepositories() !== undefined;
  return filters.flatMap((filter) => {
    const repositories = [...selected]
      .filter(([name, tasks]) => tasks.some((task) => task.filters.includes(filter)) && (!literal || found.has(name)))
      .map(([name]) => name);
    if (repositories.length === 0) {
      const advice = adviceOnUnmatched(filter);
      return [`the filter "${filter.text}" matches no repository${advice === undefined ? '' : `; ${advice}`}`];
    }
    const failed = done.some(({ repository, state }) => state !== 'done' && repositories.includes(repository));
    return tags && !matched.has(filter) && !failed ? [`the filter "${filter.text}" matches no tag`] : [];
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
