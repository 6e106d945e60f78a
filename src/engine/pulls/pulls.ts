import type { PullSource } from '../../evidence/pulls.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import type { Covered, KnownPulls, RememberedPull } from '../../ledger/pulls.ts';
import type { EvidenceRecord } from '../../ledger/records.ts';
import type { Evidence, Protection, Pull, Pulls } from '../../planner/types.ts';
import type { PullWindows } from '../../policy/pulls.ts';
import { toInstant } from '../../registry/time.ts';
import { ago } from '../ago.ts';

/** What is asked when something was pulled. */
export interface PullOptions {
  readonly source: PullSource;
  /** What was pulled within that time is kept. Zero: rules of a policy file alone ask for pulls. */
  readonly withinMilliseconds: number;
  /** The same, as it was given. */
  readonly within: string;
  readonly byRules?: PullWindows | undefined;
  /** Whose pulls do not count. */
  readonly ignored: readonly string[];
  /** Tells the log from another one, and how it is read. */
  readonly key?: string;
}

/** What the pulls of a registry mean for what is kept. */
export interface PullsKept {
  readonly ofRepository: (
    repository: string,
  ) => Pick<Evidence, 'tags' | 'digests' | 'pullsKnown' | 'everything' | 'pulls'>;
  readonly record: EvidenceRecord;
}

/** What a record calls the log. */
const PULLS = 'ContainerRegistryRepositoryEvents';

const DAY_MS = 86_400_000;

/** Pulls are remembered at least that long: a longer time to keep may be wanted one day. */
const REMEMBERED_MS = 400 * DAY_MS;

/** What is known of the pulls of a registry, by its log and by what is remembered of it. */
interface PullHistory {
  readonly observedAt: string;
  /** Why the log could not be read. Then nothing else is known. */
  readonly problems: readonly string[];
  /** Of which time every pull is known; absent: of none up to now. */
  readonly covers: Covered | undefined;
  readonly pulls: readonly RememberedPull[];
  /** When the log has an event last. */
  readonly lastEvent?: string | undefined;
  /** What a person has to look at. */
  readonly remarks?: readonly string[];
}

/**
 * Asks the log for the pulls since `from`, and adds what earlier runs have seen.
 * @throws {LedgerError} where it cannot be remembered
 */
export async function pullHistory(
  ledger: Ledger,
  registry: string,
  { source, ignored }: Pick<PullOptions, 'source' | 'ignored'>,
  from: Date,
  signal?: AbortSignal,
): Promise<PullHistory> {
  const {
    observedAt,
    complete,
    problems,
    covers,
    pulls,
    lastEvent,
    remarks = [],
  } = await source.read(registry, from, signal);
  if (!complete) return { observedAt, problems, covers: undefined, pulls: [] };
  const seen: KnownPulls = { ignored, ...(covers && { covers }), pulls };
  const forgotten = Math.min(from.getTime(), ledger.system.clock.now() - REMEMBERED_MS);
  const known = await ledger.rememberPulls(registry, seen, new Date(forgotten).toISOString());
  return { observedAt, problems: [], covers: known.covers, pulls: known.pulls, lastEvent, remarks };
}

/** @throws {LedgerError} where it cannot be remembered */
export async function readPulls(
  ledger: Ledger,
  registry: string,
  options: PullOptions,
  signal?: AbortSignal,
): Promise<PullsKept> {
  const now = ledger.system.clock.now();
  const { withinMilliseconds, within, byRules } = options;
  const from = new Date(now - withinMilliseconds).toISOString();
  const askedFrom = new Date(now - Math.max(withinMilliseconds, byRules?.longest ?? 0));
  const history = await pullHistory(ledger, registry, options, askedFrom, signal);
  const { covers, problems, remarks = [] } = history;
  const asked = history.pulls.filter(({ last }) => last >= askedFrom.toISOString());
  const byRepository = groupedByRepository(asked);
  const isShort = withinMilliseconds > 0 && covers !== undefined && covers.since > from;
  const unknown = covers ? (isShort ? tooShort(covers, within) : undefined) : notKnown(history);
  const since = covers && toInstant(new Date(covers.since));
  const recent = toInstant(new Date(now - (byRules?.shortest ?? withinMilliseconds)));
  const images = byRules ? asked : asked.filter(({ last }) => last >= from);
  const short = unknown && (covers ? unknown.detail : silenceOf(history));
  const said = problems.length > 0 ? problems : [...(short === undefined ? [] : [short]), ...remarks];
  return {
    ofRepository: (repository) => {
      const own = byRepository.get(repository) ?? [];
      return {
        ...protectionsOf(
          own.filter(({ last }) => last >= from),
          within,
          now,
        ),
        ...(unknown && (since ? { pullsKnown: { ...unknown, since } } : { everything: unknown })),
        ...(since && {
          pulls: { at: toInstant(new Date(now)), from: toInstant(askedFrom), since, recent, ...pullsOf(own, now) },
        }),
      };
    },
    record: {
      source: options.source.name,
      observedAt: history.observedAt,
      scope: covers ? `pulls since ${covers.since}` : 'no pulls',
      complete: problems.length === 0,
      ...(said.length > 0 && { problems: said }),
      images: images.length,
      ...(withinMilliseconds > 0 && { within }),
    },
  };
}

export function groupedByRepository<T extends { readonly repository: string }>(
  pulls: readonly T[],
): ReadonlyMap<string, readonly T[]> {
  const grouped = new Map<string, T[]>();
  for (const pull of pulls) {
    const some = grouped.get(pull.repository);
    if (some) some.push(pull);
    else grouped.set(pull.repository, [pull]);
  }
  return grouped;
}

function tooShort({ since }: Covered, within: string): Protection {
  return {
    reason: 'pull-history-too-short',
    detail: `pulls are known since ${since.slice(0, 16)}Z only, which is less than --keep-pulled-within ${within}: what was pushed before that may have been pulled`,
  };
}

/** That the log is silent, and what to look at. */
export function silenceOf({ lastEvent }: Pick<PullHistory, 'lastEvent'>): string {
  const since = lastEvent === undefined ? 'no event' : `no event since ${lastEvent.slice(0, 16)}Z`;
  return `the log ${PULLS} has ${since}, and PULL_LOG_MAX_SILENCE allows no such silence: nothing is known of pulls up to now. Look whether the diagnostic setting of the registry still sends it, and whether its workspace takes it (az monitor diagnostic-settings list)`;
}

function notKnown({ problems }: PullHistory): Protection {
  return {
    reason: 'pull-history-too-short',
    detail:
      problems.length > 0
        ? `it may have been pulled: ${PULLS} could not be read completely: ${problems.join('; ')}`
        : `it may have been pulled: ${PULLS} has no event, or none for longer than PULL_LOG_MAX_SILENCE allows`,
  };
}

function protectionsOf(
  pulls: readonly RememberedPull[],
  within: string,
  now: number,
): Pick<Evidence, 'tags' | 'digests'> {
  const { tags, digests } = pullsOf(pulls, now);
  const kept = ({ detail }: Pull): Protection => ({
    reason: 'pulled-recently',
    detail: `${detail}, within --keep-pulled-within ${within}`,
  });
  const keptOf = (some: ReadonlyMap<string, Pull>): ReadonlyMap<string, Protection> =>
    new Map(Array.from(some, ([name, pull]) => [name, kept(pull)]));
  return { tags: keptOf(tags), digests: keptOf(digests) };
}

function pullsOf(pulls: readonly RememberedPull[], now: number): Pick<Pulls, 'tags' | 'digests'> {
  const tags = new Map<string, Pull>();
  const digests = new Map<string, Pull>();
  // The newest first: of several it is the one that is named.
  for (const pull of pulls.toSorted((a, b) => (a.last < b.last ? 1 : a.last > b.last ? -1 : 0))) {
    const known: Pull = { at: toInstant(new Date(pull.last)), detail: inWords(pull, now) };
    if (pull.tag !== undefined && !tags.has(pull.tag)) tags.set(pull.tag, known);
    if (pull.digest !== undefined && !digests.has(pull.digest)) digests.set(pull.digest, known);
  }
  return { tags, digests };
}

/** `pulled 3 days ago (2026-11-21) by containerd/v1.7.2` */
function inWords({ last, client }: RememberedPull, now: number): string {
  const by = client === undefined ? '' : ` by ${client}`;
  return `pulled ${ago(now - Date.parse(last))} (${last.slice(0, 10)})${by}`;
}
