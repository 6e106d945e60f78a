import { LOOK_VALID_MILLISECONDS } from '../../../src/registry/look.ts';
import { imageOfTag } from './documents.ts';
import type { AttributesChange, ByProcess, Change, History, Recorded } from './history.ts';
import { isKnown, isStill, nameOf, subjectOf } from './invariants.ts';
import { during, type Life, type ManifestLife, type TagLife } from './lives.ts';
import { type Act, actOf, type Wanted, whyManifestKept, whyTagKept } from './wanted.ts';
import { keyOfEntry, type QuarantineEntry, type QuarantineWrite } from './watch.ts';

/*
 * What must hold of a quarantine: what is made unreadable is what may be deleted, and is in the ledger first; what is deleted
 * out of it was unreadable for all of its time; what is made readable again is as it was.
 */

/** What is known of a request besides the change that it made. */
export interface Surroundings {
  readonly history: History;
  /** What processes wrote of the quarantine, in order. */
  readonly written: readonly QuarantineWrite[];
  readonly wanted: Wanted;
  /** Whether its run puts what it deletes into quarantine. */
  readonly isOn: boolean;
  /** What the clock of its process said when it was sent. */
  readonly clock: number;
}

export const isReadable = ({ readEnabled }: { readonly readEnabled?: boolean }): boolean => readEnabled !== false;

/**
 * Where a change of attributes moves the time of the last update, a run knows the time that its own change gave an artifact,
 * and looks through it for as long as the ledger has it. Where the answer was lost, or the process ended before the ledger had
 * the time, no run can tell the change from a push, and it counts as one. So it does once the entry is gone, because another
 * client has made the artifact readable: that client's change moves the time to one that no run knows.
 *
 * A push between the last look and the change is taken for the change where the ledger has its time as `seen`: the run could not
 * tell. Where it could, it leaves that out, and the push counts: `docs/quarantine.md`, "What it does not do".
 */
export function timesAsKnown(
  history: History,
  written: readonly QuarantineWrite[],
  { patchMovesTime }: { readonly patchMovesTime: boolean },
): void {
  for (const { change } of history.changes) {
    if (change.kind !== 'attributes' || change.by === 'others' || !change.isReadability) continue;
    if (isReadable(change.attributes)) continue;
    const key = keyOfChange(change);
    const all = written.filter(({ repository }) => repository === change.repository);
    const known = all.findLastIndex((one) => {
      const seen = entryIn(one, key)?.seen;
      return seen !== undefined && Math.abs(Date.parse(seen) - change.at) < 1_000 + LOOK_VALID_MILLISECONDS;
    });
    // What was written last may not have come to be: the next one to write had not read it.
    const unknownFrom = known === -1 ? change.at : all[known + 1]?.askedAt;
    const isMoved = (known !== -1 && history.notSeen(change, LOOK_VALID_MILLISECONDS)) || patchMovesTime;
    if (isMoved && unknownFrom !== undefined) history.moved(change, unknownFrom);
  }
}

/** In words, what is wrong with a change that a process made, as far as the quarantine goes. */
export function quarantineProblems(recorded: Recorded, about: Surroundings): readonly string[] {
  const { change } = recorded;
  const repository = about.history.repositories.get(change.repository);
  if (change.by === 'others' || !repository) return [];
  const act = actOf(repository, recorded, change.by, about.wanted);
  return problemsOf(act, change, change.by, about).map(
    (problem) => `${nameOf(change)}: ${change.kind} by ${act.by.process}: ${problem}`,
  );
}

function problemsOf(act: Act, change: Change, by: ByProcess, about: Surroundings): readonly string[] {
  if (change.kind === 'delete-tag' || change.kind === 'delete-manifest')
    return deletionProblems(act, change, by, about);
  if (change.kind !== 'attributes') return [];
  const wasReadable = isReadable(act.recorded.before ?? {});
  if (wasReadable === isReadable(change.attributes)) return [];
  return wasReadable ? hideProblems(act, change, by, about) : showProblems(change, by, about);
}

export const keyOfChange = (change: { readonly tag?: string; readonly digest?: string }): string =>
  change.tag === undefined ? `@${change.digest ?? ''}` : `:${change.tag}`;

function hideProblems(act: Act, change: AttributesChange, by: ByProcess, about: Surroundings): readonly string[] {
  const { repository } = act;
  const { tag, digest } = change;
  if (about.wanted.commands.length === 0) return ['a dry run makes nothing unreadable'];
  const problems = about.isOn ? [] : ['its run puts nothing into quarantine'];
  const announced = about.written.findLast(
    (one) =>
      one.process === by.process &&
      one.repository === change.repository &&
      one.durableAt <= by.sentAt &&
      entryIn(one, keyOfChange(change)),
  );
  if (!announced) problems.push('it was made unreadable before the ledger said so');
  const lives: readonly Life[] =
    (tag === undefined ? repository.manifests.get(digest ?? '') : repository.tags.get(tag)) ?? [];
  // What was set or pushed since the look was another one.
  const life = lives.find(({ from, until }) => from <= change.at && change.at < until);
  if (!life || life.from >= act.from) return problems;
  // What goes along is made unreadable at the same time, one by one.
  const isPulled = (manifest: ManifestLife): boolean =>
    isStill(act, manifest) &&
    isKnown(act, manifest) &&
    during(manifest.attributes, act.from, act.to).every(isReadable) &&
    !(announced && entryIn(announced, `@${manifest.digest}`));
  if (tag !== undefined) return [...problems, ...tagProblems(act, tag, isPulled)];
  const manifest = repository.manifests.get(digest ?? '')?.find((one) => one === life);
  return manifest ? [...problems, ...manifestProblems(act, manifest, isPulled)] : problems;
}

/** Whether it was there all the time, known to the run, and could be pulled: what it needs must be there for its clients. */
type IsPulled = (manifest: ManifestLife) => boolean;

function tagProblems(act: Act, tag: string, isPulled: IsPulled): readonly string[] {
  const { repository, wanted } = act;
  const problems: string[] = [];
  const image = imageOfTag(tag);
  if (image !== undefined && repository.manifests.get(image)?.some(isPulled))
    problems.push(`it belongs to ${image}, which can be pulled`);
  const lives = repository.tags.get(tag) ?? [];
  const why = keptByAll(wanted, (command) => whyTagKept(act, tag, lives, command));
  if (why !== undefined) problems.push(why);
  if (wanted.approved?.has(`${repository.name}:${tag}`) === false)
    problems.push('it is not in the plan that was approved');
  return problems;
}

function manifestProblems(act: Act, manifest: ManifestLife, isPulled: IsPulled): readonly string[] {
  const { repository, wanted } = act;
  const { digest } = manifest;
  const problems: string[] = [];
  for (const index of repository.needing.get(digest) ?? [])
    if (isPulled(index)) problems.push(`the index ${index.digest} needs it, and can be pulled`);
  for (const tag of repository.tagsOn.get(digest) ?? []) {
    if (tag.from >= act.from || tag.until <= act.to) continue;
    problems.push(...tagProblems(act, tag.tag, isPulled).map((problem) => `its tag ${tag.tag}: ${problem}`));
  }
  const subject = subjectOf(manifest);
  if (subject !== undefined) {
    if (repository.manifests.get(subject)?.some(isPulled))
      problems.push(`it refers to ${subject}, which can be pulled`);
    return problems;
  }
  const why = keptByAll(wanted, (command) => whyManifestKept(act, manifest, command));
  if (why !== undefined) problems.push(why);
  if (wanted.approved?.has(`${repository.name}@${digest}`) === false)
    problems.push('it is not in the plan that was approved');
  return problems;
}

function keptByAll(
  { commands }: Wanted,
  whyKept: (command: Wanted['commands'][number]) => string | undefined,
): string | undefined {
  const whys = commands.map(whyKept);
  return whys.includes(undefined) ? undefined : whys[0];
}

function showProblems(change: AttributesChange, by: ByProcess, { history, written }: Surroundings): readonly string[] {
  const key = keyOfChange(change);
  const known = written.filter(
    (one) => one.repository === change.repository && one.askedAt <= by.sentAt && entryIn(one, key),
  );
  const last = known.at(-1);
  if (!last) return ['it was made readable, and no run had put it into quarantine'];
  const hidden = history.changes.findLast(
    (one) =>
      one.change.at <= change.at &&
      one.change !== change &&
      one.change.kind === 'attributes' &&
      one.change.repository === change.repository &&
      keyOfChange(one.change) === key &&
      isReadable(one.before ?? {}) &&
      !isReadable(one.change.attributes),
  );
  const wasBefore = hidden === undefined || hidden.change.by === 'others';
  return wasBefore && entryIn(last, key)?.wasUnreadable ? ['another client had made it unreadable'] : [];
}

const entryIn = ({ entries }: QuarantineWrite, key: string): QuarantineEntry | undefined =>
  entries.find((entry) => keyOfEntry(entry) === key);

/** What was deleted that had to wait, or to be kept because it could be pulled again. */
function deletionProblems(act: Act, change: Change, by: ByProcess, about: Surroundings): readonly string[] {
  const lives: readonly (TagLife | ManifestLife)[] =
    change.kind === 'delete-tag' ? act.recorded.tags : act.recorded.manifests;
  return lives.flatMap((life) => {
    const key = 'tag' in life ? `:${life.tag}` : `@${life.digest}`;
    const isNamed = key === keyOfChange(change as { readonly tag?: string; readonly digest?: string });
    // What goes along must have been there for as long as a look counts, and in plain sight.
    if (life.from >= act.from || (!isNamed && 'document' in life && !isKnown(act, life))) return [];
    const written = about.written.filter((one) => one.repository === change.repository && one.askedAt <= by.sentAt);
    const durable = written.findLast(({ durableAt }) => durableAt <= by.sentAt);
    // What was written last may not have come to be.
    const entries = written
      .slice(durable ? written.indexOf(durable) : 0)
      .flatMap((one) => entryIn(one, key) ?? [])
      .filter(({ digest }) => digest === life.digest);
    if (entries.length === 0) return about.isOn ? [`${key} was deleted, and had not been in quarantine`] : [];
    // It was to come into quarantine, and never did: a run without one deletes it at once.
    const wasNever =
      entries.every(({ state }) => state === 'pending') && life.attributes.every(({ value }) => isReadable(value));
    if (wasNever && !about.isOn) return [];
    const isOver = entries.some(({ until }) => Date.parse(until) <= about.clock);
    const problems = isOver ? [] : [`${key}: its quarantine is not over before ${entries[0]?.until ?? ''}`];
    if (during(life.attributes, act.from, act.to).every(isReadable)) problems.push(`${key} could be pulled`);
    const all = about.written.filter((one) => one.repository === change.repository);
    if (!entries.some((entry) => wasUnreadableSince(about.history, life, entry, all, act.from)))
      problems.push(`${key} could be pulled while it was in quarantine, and its time did not begin anew`);
    return problems;
  });
}

/** Whether an artifact was unreadable from when its run, or another client, made it so. */
function wasUnreadableSince(
  history: History,
  life: TagLife | ManifestLife,
  entry: QuarantineEntry,
  written: readonly QuarantineWrite[],
  until: number,
): boolean {
  const key = keyOfEntry(entry);
  const begun = written.find((one) => entryIn(one, key)?.since === entry.since)?.askedAt ?? 0;
  const hides = history.changes.filter(
    ({ change, before }) =>
      change.kind === 'attributes' &&
      change.repository === life.repository &&
      keyOfChange(change) === key &&
      change.at >= begun &&
      change.at <= until &&
      isReadable(before ?? {}) &&
      !isReadable(change.attributes),
  );
  // The run that put it there may have had to try it again; what another client hides is none of its concern.
  return hides.slice(1).every(({ change: { by } }) => by === 'others' || by.run === entry.runId);
}
