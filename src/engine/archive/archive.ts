import { describe, keptSince, ofReading } from '../../executor/results.ts';
import type { Entry } from '../../ledger/archive-layout.ts';
import type { Archive, ArchiveCounts, ArchivedRepository } from '../../ledger/archive.ts';
import { archiveAt } from '../../ledger/open.ts';
import type { RunRecord } from '../../ledger/records.ts';
import { LedgerError } from '../../ledger/store/store.ts';
import { type Decision, type DecisionError, type Decisions, keyOf, mapped } from '../../planner/decision.ts';
import type { ManifestDeletion, Plan, Removal, TagDeletion } from '../../planner/types.ts';
import type { ArchiveLocation } from '../../policy/archive.ts';
import { isRefused, newCopier, NotFound } from './archive-copy.ts';
import type { RunContext } from '../context.ts';
import { eachOf } from '../each.ts';

/** A plan of which everything is archived, and what of it is kept because it is not. */
export interface ArchivedPlan {
  readonly plan: Plan;
  /** What each decision came to whose artifact is kept, by its key. */
  readonly withheld: ReadonlyMap<string, Decision>;
  /** Absent where there was nothing to archive. */
  readonly counts?: ArchiveCounts;
}

/** Artifacts that are archived at once in one repository. */
const SIDE_BY_SIDE = 8;

/**
 * Archives every manifest that a plan deletes or makes unreadable, with its tags, with what it holds, and with what goes
 * along with it. Comes before the looks of the executor, which count for seconds; a manifest never changes, so it stays
 * right however long that takes. What cannot be archived is kept, and so is what depends on it.
 *
 * Where the run is stopped, what was archived until then stays, and nothing of the plan may be deleted.
 */
export async function archivePlanned(context: RunContext, plan: Plan): Promise<ArchivedPlan> {
  const { archive, writer, signal, record, ledger } = context;
  const going = goingIn(plan);
  if (!archive || !writer || going.length === 0) return { plan, withheld: new Map() };
  const { clock } = ledger.system;
  const isStopped = (): boolean => signal.aborted;
  const begun = clock.ticks();
  const { repository } = plan;
  const failures = new Map<string, Failure>();
  /** Why nothing else is tried in this repository. */
  let giveUp: DecisionError | undefined;
  const named = new Set<Error>();
  const fail = (digest: string, error: Error): void => {
    if (error instanceof NotFound) failures.set(digest, { state: 'not-found', error: describe(error) });
    // Each reason is a failure once, however many artifacts share what cannot be archived.
    else failures.set(digest, { state: named.has(error) ? 'not-tried' : 'failed', error: reasonOf(archive, error) });
    named.add(error);
    if (error instanceof LedgerError || isRefused(error)) giveUp = { message: NOT_TRIED };
  };

  const archived = await archive
    .repository(record.registry, repository)
    .catch((error: unknown) => error as LedgerError);
  if (archived instanceof Error) {
    for (const { digest } of going) fail(digest, archived);
    return withhold(plan, failures);
  }
  const copier = newCopier({ content: writer.content, archived, repository, run: record.id, signal });
  const entries = new Map<string, Entry>();
  const archiveOne = async ({ digest, tags }: Removal): Promise<void> => {
    if (isStopped()) return;
    if (giveUp) {
      failures.set(digest, { state: 'not-tried', error: giveUp });
      return;
    }
    try {
      for (const entry of await copier.manifest(digest))
        if (entry.digest === digest) entries.set(digest, { ...entry, tags });
        else if (!entries.has(entry.digest)) entries.set(entry.digest, entry);
    } catch (error) {
      // What the stop of a run cut short says nothing about what was to be archived.
      if (!isStopped()) fail(digest, error as Error);
    }
  };
  await eachOf(going.flatMap(withReferrers), SIDE_BY_SIDE, archiveOne);
  try {
    await recordIn(archived, [...entries.values()]);
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    // Without the index nothing would find what was written.
    for (const { digest } of going) if (!failures.has(digest)) fail(digest, error);
  }
  const counts = { ...copier.counts(), milliseconds: Math.round(clock.ticks() - begun) };
  return { ...withhold(plan, failures), counts };
}

/** Says what is archived, unless the archive says so already. */
async function recordIn(archived: ArchivedRepository, entries: readonly Entry[]): Promise<void> {
  const { tags } = archived;
  const news = entries.filter(
    (entry) => !archived.knows(entry.digest) || entry.tags.some((tag) => tags.get(tag) !== entry.digest),
  );
  if (news.length > 0) await archived.record(news);
}

interface Failure {
  /** `not-tried`: because of what happened to something else. */
  readonly state: 'failed' | 'not-tried' | 'not-found';
  readonly error: DecisionError;
}

const NOT_TRIED = 'not archived, because the archive, or the registry, refused something else; so it is kept';

function reasonOf({ place }: Archive, error: Error): DecisionError {
  const described = describe(error);
  const advice = described.status === 405 ? UNREADABLE : '';
  return ofReading({
    ...described,
    message: `it is kept, because it could not be archived in ${place}: ${described.message}${advice}`,
  });
}

/** What is deleted, and what becomes unreadable: nothing could archive that later. */
function goingIn({ manifests, hides }: Plan): readonly ManifestDeletion[] {
  return hides ? [...manifests, ...hides.manifests] : manifests;
}

/** What came into quarantine before there was an archive. */
const UNREADABLE =
  '; it is unreadable: release it, so that a later run can archive it, or delete it without an archive';

function withReferrers(deletion: ManifestDeletion): readonly Removal[] {
  return [deletion, ...deletion.referrers];
}

/** Takes out of a plan what is not archived, and everything that goes only once that is gone. */
function withhold(plan: Plan, failures: ReadonlyMap<string, Failure>): ArchivedPlan {
  if (failures.size === 0) return { plan, withheld: new Map() };
  const kept = new Set(failures.keys());
  // What waits for what is kept is kept, and so is what waits for that.
  for (let before = -1; before !== kept.size;) {
    before = kept.size;
    for (const deletion of goingIn(plan)) {
      const all = withReferrers(deletion).map(({ digest }) => digest);
      if (![...all, ...deletion.after].some((digest) => kept.has(digest))) continue;
      for (const digest of all) kept.add(digest);
    }
  }
  const withheld = new Map<string, Decision>();
  const keep = (kind: Decision['kind'], name: string, failure?: Failure): void => {
    const decision = plan.deletionOf(kind, name);
    if (decision) withheld.set(keyOf(decision), outcomeOf(decision, failure));
  };
  for (const deletion of goingIn(plan)) {
    if (!kept.has(deletion.digest)) continue;
    for (const { digest, tags } of withReferrers(deletion)) {
      const failure = failures.get(digest);
      keep('manifest', digest, failure);
      // The manifest says why; its tags are kept with it.
      for (const tag of tags) keep('tag', tag, failure?.state === 'not-found' ? failure : undefined);
    }
  }
  const goes = ({ after, tag, digest }: TagDeletion): boolean => {
    const isKept = [...after, digest].some((one) => kept.has(one));
    if (isKept) keep('tag', tag);
    return !isKept;
  };
  const stays = ({ digest }: ManifestDeletion): boolean => kept.has(digest);
  const { hides } = plan;
  const [tags, hiddenTags] = [plan.tags.filter(goes), hides?.tags.filter(goes)];
  return {
    plan: {
      ...plan,
      decisions: withOutcomes(plan.decisions, withheld),
      deletionOf: (kind, name) => {
        const decision = plan.deletionOf(kind, name);
        return decision && !withheld.has(keyOf(decision)) ? decision : undefined;
      },
      tags,
      manifests: plan.manifests.filter((one) => !stays(one)),
      ...(hides && {
        hides: { ...hides, tags: hiddenTags ?? [], manifests: hides.manifests.filter((one) => !stays(one)) },
      }),
    },
    withheld,
  };
}

function outcomeOf(decision: NonNullable<ReturnType<Plan['deletionOf']>>, failure: Failure | undefined): Decision {
  if (failure?.state === 'not-found')
    return keptSince({ ...decision, outcome: 'not-attempted' }, failure.error.message);
  if (failure?.state === 'failed') return { ...decision, outcome: 'failed', error: failure.error };
  return { ...decision, outcome: 'not-attempted', error: failure?.error ?? { message: BELONGS } };
}

const BELONGS = 'it is kept with what it belongs to, or with what needs it, which could not be archived';

/** The decisions, with what those came to whose artifacts are kept. */
export function withOutcomes(decisions: Decisions, withheld: ReadonlyMap<string, Decision>): Decisions {
  return withheld.size === 0 ? decisions : mapped(decisions, (one) => withheld.get(keyOf(one)) ?? one);
}

/** Archives that were opened, by where they are: each signs in once in a process. */
const opened = new Map<string, Archive>();

/** The configured archive. */
export function archiveFrom({
  archive,
  identity: { clientId },
}: {
  readonly archive: ArchiveLocation | undefined;
  readonly identity: { readonly clientId?: string | undefined };
}): Archive | undefined {
  if (!archive) return undefined;
  const key = JSON.stringify([archive, clientId]);
  const known = opened.get(key) ?? archiveAt(archive, clientId);
  opened.set(key, known);
  return known;
}

/**
 * Why a run is not taken up without the archive that it was begun with: what it deletes was to be archived first.
 * @param archive that is configured now
 */
export function whyNotWithoutArchive(
  run: Pick<RunRecord, 'archive'>,
  archive: Archive | undefined,
): string | undefined {
  // A restore looks for what it deleted where its record says.
  if (run.archive === undefined || archive?.place === run.archive) return undefined;
  const now = archive ? `${archive.place} is named now` : 'no archive is named now';
  return `what it deletes is to be archived first, in ${run.archive}, and ${now}; name it as before: --archive or ARCHIVE`;
}
