import type { SoftDeleteSource } from '../evidence/soft-delete.ts';
import type { Evidence as Observed, Source, Use } from '../evidence/types.ts';
import type { UsedImage } from '../ledger/in-use.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { sourcesOf } from '../ledger/command.ts';
import type { AskedSource, EvidenceRecord, RunRecord } from '../ledger/records.ts';
import type { Evidence, Protection, Pulls } from '../planner/types.ts';
import type { Clock } from '../registry/clock.ts';
import { StoppedError } from '../registry/errors.ts';
import { ago } from './ago.ts';
import type { RunContext } from './context.ts';
import type { PlannedRepository } from './inventory.ts';
import { withForgotten } from './forgotten.ts';
import { newFresh, unlessStopped } from './fresh.ts';
import { observe } from './observe.ts';
import { type PullOptions, readPulls } from './pulls/pulls.ts';
import { readTries, type TriedOptions } from './quarantine/tried.ts';

/** What is asked before something is deleted. */
export interface EvidenceOptions {
  readonly sources: readonly Source[];
  /** How long what was in use stays protected after it was seen last. */
  readonly rememberMilliseconds: number;
  /** The sources do not know all that is in use, so that no rule may rest on them. */
  readonly isPartial?: true;
  /** Absent: nothing is asked when something was pulled. */
  readonly pulls?: PullOptions;
  /** Absent: nothing is asked whether what is in quarantine was asked for. */
  readonly tried?: TriedOptions;
  /** Says whether the registry keeps what is deleted. Absent: nothing does. */
  readonly softDelete?: SoftDeleteSource;
}

/** What is known of the use of a registry. */
export interface KnownUse {
  readonly ofRepository: (repository: string) => Evidence;
  /** What it rests on, for the record of a run. */
  readonly records: readonly EvidenceRecord[];
}

/** Says what is in use at a registry, as it was found out within the last ten minutes. */
export type UseOf = (registry: string, options: EvidenceOptions, signal: AbortSignal) => Promise<KnownUse>;

/** Asks the sources for all runs of a process, once for as long as the answer counts. */
export function newUseOf(ledger: Ledger): UseOf {
  const fresh = newFresh<KnownUse>(ledger.system.clock, 'asked');
  return (registry, options, signal) => {
    const { sources, rememberMilliseconds, pulls, tried } = options;
    const asked = sources.map(({ name, key }) => [name, key]);
    const log = pulls && [pulls.withinMilliseconds, pulls.byRules, pulls.ignored, pulls.key];
    const key = JSON.stringify([registry, rememberMilliseconds, asked, log, tried?.key]);
    return fresh(key, () => readUse(ledger, registry, options, signal), signal);
  };
}

/**
 * How a run is told about the use of a repository; nothing where no source is configured. Its record says each time what
 * that rests on.
 * @param run its signal, and what changes its record
 */
export function evidenceIn(
  options: EvidenceOptions | undefined,
  ask: (options: EvidenceOptions) => Promise<KnownUse>,
  { amend, signal }: Pick<RunContext, 'amend' | 'signal'>,
): Pick<RunContext, 'evidence'> {
  if (!options) return {};
  const said = new Map<KnownUse, Promise<unknown>>();
  const evidence = async (repository: string): Promise<Evidence> => {
    const known = await unlessStopped(() => ask(options), signal);
    // What was given up because the run was stopped says nothing about the source.
    if (signal.aborted) throw new StoppedError(`what is in use in ${repository}`);
    const { records } = known;
    const saying =
      said.get(known) ??
      amend(({ evidence }) => (isSaid(evidence, records) ? undefined : { evidence: evidenceSince(evidence, records) }));
    said.set(known, saying);
    // Where it cannot be recorded, the next repository tries it again.
    saying.catch(() => said.delete(known));
    await saying;
    return known.ofRepository(repository);
  };
  return { evidence };
}

/** Whether a record says what was found out then. */
function isSaid(said: readonly EvidenceRecord[] = [], records: readonly EvidenceRecord[]): boolean {
  return records.every(({ source, observedAt, complete }) =>
    said.some((one) => one.source === source && one.observedAt === observedAt && (complete || !one.complete)),
  );
}

/**
 * Asks every source what is in use, remembers it, and says what is known then.
 * @throws {LedgerError} where it cannot be remembered
 * @throws {StoppedError} where it was given up
 */
async function readUse(
  ledger: Ledger,
  registry: string,
  { sources, rememberMilliseconds, isPartial, pulls: pullOptions, tried: triedOptions }: EvidenceOptions,
  signal?: AbortSignal,
): Promise<KnownUse> {
  const { clock } = ledger.system;
  const [said, pulls, tried] = await Promise.all([
    Promise.all(sources.map((source) => observe(source, registry, clock, signal))),
    pullOptions && readPulls(ledger, registry, pullOptions, signal),
    triedOptions && readTries(ledger, registry, triedOptions, signal),
  ]);
  if (signal?.aborted) throw new StoppedError(`what is in use at ${registry}`);
  const seen = said.flatMap((evidence) => evidence.facts.map((use) => usedImage(use, evidence)));
  const since = new Date(clock.now() - rememberMilliseconds).toISOString();
  const used = sources.length === 0 ? { images: [] } : await ledger.rememberUsed(registry, seen, since);
  const observed = withForgotten(said, used, since);
  const byRepository = new Map<string, UsedImage[]>();
  for (const image of used.images) {
    const images = byRepository.get(image.repository);
    if (images) images.push(image);
    else byRepository.set(image.repository, [image]);
  }
  const everything = unknownBy(observed);
  return {
    ofRepository: (repository) => {
      const inUse = protectionsOf(byRepository.get(repository) ?? [], observed, clock);
      const pulled = pulls?.ofRepository(repository);
      const asked = tried?.ofRepository(repository);
      return {
        ...pulled,
        // What runs is the better reason.
        tags: new Map([...(pulled?.tags ?? []), ...(asked?.tags ?? []), ...inUse.tags]),
        digests: new Map([...(pulled?.digests ?? []), ...(asked?.digests ?? []), ...inUse.digests]),
        configs: inUse.configs,
        ...(everything && { everything }),
        ...(sources.length > 0 && !everything && !isPartial && { isUseKnown: true }),
      };
    },
    records: [...observed.map(recordOf), ...(pulls ? [pulls.record] : []), ...(tried ? [tried.record] : [])],
  };
}

/**
 * Why a run is not taken up without a source that it rests on: what came into use there since could not be known.
 * @param asked the names of the sources that are asked now
 */
export function whyNotWithout(
  run: Pick<RunRecord, 'sources' | 'evidence'>,
  asked: readonly string[],
): string | undefined {
  const missing = sourcesOf(run)
    .map(({ source }) => source)
    .filter((source) => !asked.includes(source));
  if (missing.length === 0) return undefined;
  return `it rests on what is in use or was pulled, by ${missing.join(', ')}, and that is not asked now; name it as before: --in-use or IN_USE, --keep-pulled-within or KEEP_PULLED_WITHIN`;
}

/** What is asked, as a record names it. */
export function askedIn({ sources = [], pulls }: Partial<EvidenceOptions> = {}): readonly AskedSource[] {
  const log = pulls ? [{ source: pulls.source.name, ...(pulls.within !== '' && { within: pulls.within }) }] : [];
  return [...sources.map(({ name }) => ({ source: name })), ...log];
}

/** The names of what is asked. */
export const namesIn = (options?: EvidenceOptions): readonly string[] => askedIn(options).map(({ source }) => source);

/** Why nothing more of a plan is deleted, by what is in use now. */
export async function whyNoMore(
  { evidence }: RunContext,
  { inventory }: PlannedRepository,
): Promise<string | undefined> {
  if (!evidence || !inventory.evidence) return undefined;
  return usedSince(inventory.evidence, await evidence(inventory.repository));
}

/** Why what was planned is not deleted any more: something came into use since, or that cannot be said any more. */
function usedSince(planned: Evidence, now: Evidence): string | undefined {
  if (now.everything) return now.everything.detail;
  // What the plan judged by its pulls may have been pulled without a trace, where they are known for less long now.
  const { pullsKnown } = now;
  if (pullsKnown && !(planned.pullsKnown && planned.pullsKnown.since >= pullsKnown.since)) return pullsKnown.detail;
  for (const kind of ['tags', 'digests', 'configs'] as const)
    for (const [name, { detail }] of now[kind])
      // The plan kept what it knew of. What else belongs to this image is known once it is planned again.
      if (!planned[kind].has(name)) return `${name} came into use: ${detail}`;
  return pulledSince(planned.pulls, now.pulls);
}

/** What rules that ask for pulls did not know: pulls since then, and that they are known for less long. */
function pulledSince(planned: Pulls | undefined, now: Pulls | undefined): string | undefined {
  if (!planned) return undefined;
  if (!now || now.since > planned.since) return 'when something was pulled is known for less long than it was';
  for (const kind of ['tags', 'digests'] as const)
    for (const [name, { at, detail }] of now[kind]) {
      // What a rule kept for a pull is kept. What was pulled longer ago than the shortest of their times may not be.
      const before = planned[kind].get(name);
      if (before && (before.at >= at || before.at >= planned.recent)) continue;
      return `${name} was ${detail}`;
    }
  return undefined;
}

/** Problems of one source that a record keeps. */
const MOST_PROBLEMS = 10;

/** What a run knew, each time that it asked: a source that once could not be read stays one that could not. */
function evidenceSince(
  before: readonly EvidenceRecord[] = [],
  now: readonly EvidenceRecord[],
): readonly EvidenceRecord[] {
  return now.map((one) => {
    const earlier = before.find(({ source }) => source === one.source);
    if (!earlier || earlier.complete) return one;
    const problems = [...new Set([...(earlier.problems ?? []), ...(one.problems ?? [])])].slice(0, MOST_PROBLEMS);
    return { ...one, complete: false, problems };
  });
}

/** Two names of Kubernetes are less. */
const LONGEST_WHERE = 1_000;

function usedImage(use: Use, { source, observedAt }: Observed): UsedImage {
  const { repository, tag, digest, config, where } = use;
  return {
    repository,
    ...(tag !== undefined && { tag }),
    ...(digest !== undefined && { digest }),
    ...(config !== undefined && { config }),
    source,
    // As a cluster or a list has it; and each decision repeats it.
    where: where.slice(0, LONGEST_WHERE),
    first: observedAt,
    last: observedAt,
  };
}

const recordOf = ({ source, observedAt, scope, complete, problems, facts }: Observed): EvidenceRecord => ({
  source,
  observedAt,
  scope,
  complete,
  ...(problems.length > 0 && { problems }),
  images: facts.length,
});

/** Why nothing may be deleted: it could be in use, and a source could not say so. */
function unknownBy(observed: readonly Observed[]): Protection | undefined {
  const missing = observed.filter(({ complete }) => !complete);
  if (missing.length === 0) return undefined;
  const why = missing.map(({ source, problems }) => `${source} could not be read completely: ${problems.join('; ')}`);
  return { reason: 'in-use-unknown', detail: `it may be in use: ${why.join('; ')}` };
}

function protectionsOf(used: readonly UsedImage[], observed: readonly Observed[], clock: Clock): Evidence {
  const tags = new Map<string, Protection>();
  const digests = new Map<string, Protection>();
  const configs = new Map<string, Protection>();
  const latest = new Map(observed.map(({ source, observedAt }) => [source, observedAt]));
  // The newest first: the first one of several is named.
  for (const image of used) {
    const isSeen = latest.get(image.source) === image.last;
    const protection: Protection = { reason: 'in-use', detail: inWords(image, isSeen, clock.now()) };
    const add = (map: Map<string, Protection>, key: string | undefined): void => {
      if (key !== undefined && !map.has(key)) map.set(key, protection);
    };
    add(tags, image.tag);
    add(digests, image.digest);
    add(configs, image.config);
  }
  return { tags, digests, configs };
}

/** `runs in aks prod, namespace shop, deployment api, seen 3 minutes ago` */
function inWords({ source, where, last }: UsedImage, isSeen: boolean, now: number): string {
  return `${isSeen ? 'runs' : 'ran'} in ${source}, ${where}, ${isSeen ? '' : 'last '}seen ${ago(now - Date.parse(last))}`;
}
