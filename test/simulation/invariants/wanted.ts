import { LOOK_VALID_MILLISECONDS } from '../../../src/registry/look.ts';
import type { Attributes } from '../../../src/dev/emulator/types.ts';
import type { ByProcess, Recorded } from './history.ts';
import { type Life, lifeAt, type ManifestLife, type RepositoryHistory, type TagLife, valueAt } from './lives.ts';
import { type Command, filterOf, isLocked } from './oracle.ts';

/** What a run may delete. */
export interface Wanted {
  /** None: nothing may be deleted, because it is a dry run. */
  readonly commands: readonly Command[];
  /** What ages are counted from, as its record says. */
  readonly agesFrom: number;
  /** When it began, or the run did whose plan it carries out: nothing that it rests on was read before. A true time. */
  readonly since: number;
  /** What was approved, as `app:v1` and `app@sha256:…`; absent: everything that its commands select. */
  readonly approved?: ReadonlySet<string>;
  /** What was so for this long before a request was sent must have been seen. */
  readonly windowMilliseconds?: number;
}

/** One change that a process made, and the time in which it looked. */
export interface Act {
  readonly repository: RepositoryHistory;
  readonly recorded: Recorded;
  readonly by: ByProcess;
  readonly wanted: Wanted;
  /** The look that it rests on was taken between these two. What was so all the time was seen. */
  readonly from: number;
  readonly to: number;
}

export function actOf(repository: RepositoryHistory, recorded: Recorded, by: ByProcess, wanted: Wanted): Act {
  const { windowMilliseconds = LOOK_VALID_MILLISECONDS } = wanted;
  return { repository, recorded, by, wanted, from: by.sentAt - windowMilliseconds, to: by.sentAt };
}

/** An artifact as a single read may have seen it. */
export interface Sight {
  readonly updated: number | undefined;
  readonly attributes: Attributes;
}

/** Everything that a read within a time may have seen of some lives. */
export function sightsOf(lives: readonly Life[], from: number, to: number): readonly Sight[] {
  return lives.flatMap((life) => {
    const begin = Math.max(from, life.from);
    if (begin > Math.min(to, life.until)) return [];
    const { updated, attributes } = life;
    const changes = [...updated.slice(1), ...attributes.slice(1)].map((one) => one.from);
    const times = [begin, ...changes.filter((time) => time >= begin && time <= to)];
    return times.map((time) => ({
      updated: valueAt(updated, time),
      attributes: valueAt(attributes, time) ?? {},
    }));
  });
}

/** Why a command keeps an artifact on its own account, as it was seen; `undefined`: it does not. */
function whyKept({ updated, attributes }: Sight, command: Command, agesFrom: number): string | undefined {
  if (updated === undefined) return 'the registry tells no time for it';
  const young = updated - (agesFrom - command.agoMilliseconds);
  if (young >= 0) return `it was ${inWords(young)} too young`;
  if (isLocked(attributes) && !command.includeLocked) return 'it was locked';
  return attributes.listEnabled === false ? 'it was hidden' : undefined;
}

/** Why a tag is kept, by everything that was seen of it. */
export function whyTagKept(act: Act, tag: string, lives: readonly TagLife[], command: Command): string | undefined {
  const { repository, wanted, from, to } = act;
  if (!command.tags) return 'only manifests without a tag were to be deleted';
  if (!filterOf(command).matches(repository.name, tag)) return 'no filter matches it';
  return whyNeverFree(act, sightsOf(lives, from, to), command, (updated) =>
    atLeast(command.keep, otherTags(act, tag), (others) =>
      sightsOf(others, wanted.since, to).some((sight) => isBefore(sight, updated, command, wanted)),
    ),
  );

  function* otherTags({ repository }: Act, tag: string): Generator<readonly TagLife[]> {
    const isSignature = isSignatureTag(tag);
    for (const [name, others] of repository.tags) {
      // Of images, only images are counted.
      if (name === tag || (!isSignature && isSignatureTag(name))) continue;
      if (filterOf(command).matches(repository.name, name)) yield others;
    }
  }
}

/** Why a manifest is kept that is to be deleted for itself, by what was seen of it, its tags and what needs it left aside. */
export function whyManifestKept(act: Act, root: ManifestLife, command: Command): string | undefined {
  const { repository, wanted, from, to } = act;
  if (!command.untagged) return 'no manifest was to be deleted';
  if (!filterOf(command).selects(repository.name)) return 'no filter matches its repository';
  const sights = sightsOf(repository.manifests.get(root.digest) ?? [], from, to);
  return whyNeverFree(act, sights, command, (updated) =>
    atLeast(command.keep, otherManifests(), (others) =>
      sightsOf(others, wanted.since, to).some((sight) => isBefore(sight, updated, command, wanted)),
    ),
  );

  function* otherManifests(): Generator<readonly ManifestLife[]> {
    for (const [digest, lives] of repository.manifests)
      if (digest !== root.digest) yield lives.filter((life) => mayHaveBeenUntagged(act, life, command));
  }
}

/**
 * @param isKeepFull whether `--keep` others come before it, by its last update. Not those of one moment count, but all
 *   that ever came before it since the run began: what the run has seen is not known, and all that it may have seen is
 *   among these.
 */
function whyNeverFree(
  { wanted }: Act,
  sights: readonly Sight[],
  command: Command,
  isKeepFull: (updated: number) => boolean,
): string | undefined {
  let why: string | undefined = 'it was not there';
  let oldest = Infinity;
  for (const sight of sights) {
    why = whyKept(sight, command, wanted.agesFrom);
    if (why === undefined) oldest = Math.min(oldest, sight.updated ?? Infinity);
  }
  if (oldest === Infinity) return why;
  return isKeepFull(oldest) ? undefined : `it was among the newest ${command.keep}`;
}

/** What is pushed again within a second is not told apart. */
const SAME_MILLISECONDS = 1000;

/** Whether `--keep` may count this one before another one. */
function isBefore({ updated, attributes }: Sight, other: number, command: Command, { agesFrom }: Wanted): boolean {
  const isOld = updated !== undefined && updated < agesFrom - command.agoMilliseconds;
  return isOld && updated > other - SAME_MILLISECONDS && (command.includeLocked || !isLocked(attributes));
}

function atLeast<T>(count: number, all: Iterable<T>, isOne: (one: T) => boolean): boolean {
  if (count === 0) return true;
  let found = 0;
  for (const one of all) if (isOne(one) && (found += 1) === count) return true;
  return false;
}

/** Whether there was a moment since the run began at which no tag was on a manifest but such as the command deletes. */
function mayHaveBeenUntagged({ repository, wanted, to }: Act, manifest: ManifestLife, command: Command): boolean {
  // What has no type is not counted by `acr purge`; what has one that it does not know is.
  if (typeOf(manifest) === undefined) return false;
  const blocking = (repository.tagsOn.get(manifest.digest) ?? []).filter(
    ({ tag }) => !command.tags || !filterOf(command).matches(repository.name, tag),
  );
  const begin = Math.max(manifest.from, wanted.since);
  const end = Math.min(manifest.until, to);
  const moments = [begin, ...blocking.map(({ until }) => until)].filter((time) => time >= begin && time <= end);
  return moments.some((time) => lifeAt(blocking, time) === undefined);
}

/** The media type that listings show. */
export function typeOf({ mediaType, document }: ManifestLife): string | undefined {
  return mediaType === null ? undefined : (mediaType ?? document.mediaType);
}

const SIGNATURE = /^sha256-[0-9a-f]{64}(?:\.(?:sig|att|sbom))?$/;

function isSignatureTag(tag: string): boolean {
  return SIGNATURE.test(tag);
}

export function inWords(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 120) return `${seconds.toFixed(1)} s`;
  return seconds < 7200 ? `${(seconds / 60).toFixed(0)} min` : `${(seconds / 3600).toFixed(0)} h`;
}
