import type { Attributes } from '../../../src/dev/emulator/types.ts';
import { imageOfTag, kindOf } from './documents.ts';
import type { AttributesChange, Change, History, Recorded } from './history.ts';
import { during, type Life, type ManifestLife, NOTHING, type TagLife } from './lives.ts';
import { type Command, isLocked } from './oracle.ts';
import { type Act, actOf, inWords, sightsOf, typeOf, type Wanted, whyManifestKept, whyTagKept } from './wanted.ts';

/*
 * What must hold when a process changes a registry. A rule says of an artifact why it had to be kept: by what was so all
 * the time in which the look before the request was taken, and so was seen whenever exactly that was. What came up within
 * that time, or while the request was on its way, cannot be held against the run: a registry has no conditional
 * delete.
 */

/** In words, what is wrong with a change that a process made; empty where nothing is. Takes what `History.record` returned. */
export function checkChange(history: History, recorded: Recorded, wanted: Wanted): readonly string[] {
  const { change } = recorded;
  const repository = history.repositories.get(change.repository);
  if (change.by === 'others' || !repository) return [];
  const act = actOf(repository, recorded, change.by, wanted);
  const found = problemsOf(act, change);
  if (found.length === 0) return [];
  const { process, run, sentAt } = change.by;
  const who = `${process}${run === undefined ? '' : ` (${run})`}`;
  const late = change.at - sentAt > 0 ? `, ${inWords(change.at - sentAt)} after it was sent` : '';
  return found.map((problem) => `${nameOf(change)}: ${change.kind} by ${who}${late}: ${problem}`);
}

function problemsOf(act: Act, change: Change): readonly string[] {
  switch (change.kind) {
    case 'delete-tag':
    case 'delete-manifest':
      return deletionProblems(act);
    case 'attributes':
      return attributesProblems(act, change);
    default:
      return ['a process changes nothing of that kind'];
  }
}

function deletionProblems(act: Act): readonly string[] {
  const { repository, from, to, wanted, recorded } = act;
  const problems: string[] = [];
  if (during(repository.attributes, from, to).every(isLocked)) problems.push('its repository was locked as a whole');
  for (const tag of recorded.tags) {
    const problem = signatureProblem(act, tag);
    if (problem !== undefined) problems.push(problem);
  }
  for (const manifest of recorded.manifests) problems.push(...manifestProblems(act, manifest));
  if (wanted.commands.length === 0) return [...problems, 'a dry run changes nothing'];
  // What one of the commands of its run may delete is right; and of a plan that is made before it is carried out, what one
  // may delete once a command before it has taken its tags off: both are done with one request then.
  const byCommand = wanted.commands.map((command, nth) =>
    commandProblems(act, command, wanted.commands.slice(0, nth + 1)),
  );
  const least = byCommand.reduce((a, b) => (b.length < a.length ? b : a));
  return [...problems, ...least];
}

/** Why what was deleted had to be kept by one command, where its tags are deleted by that or by one before it. */
function commandProblems(act: Act, command: Command, untilThen: readonly Command[]): readonly string[] {
  const { repository, recorded, wanted } = act;
  const problems: string[] = [];
  const check = (name: string, reference: string, why: string | undefined): void => {
    if (why !== undefined) problems.push(`${name}: ${why}`);
    if (wanted.approved?.has(reference) === false) problems.push(`${name}: it is not in the plan that was approved`);
  };
  for (const life of recorded.tags) {
    if (!isSeen(act, life)) continue;
    const isNamed = recorded.change.kind === 'delete-tag';
    const lives = isNamed ? (repository.tags.get(life.tag) ?? []) : [life];
    const whys = untilThen.map((one) => whyTagKept(act, life.tag, lives, one));
    check(life.tag, `${repository.name}:${life.tag}`, whys.includes(undefined) ? undefined : whys.at(-1));
  }
  for (const life of recorded.manifests) {
    if (!isSeen(act, life)) continue;
    const isForItself = isNamedBy(recorded.change, life) && subjectOf(life) === undefined;
    const why = isForItself ? whyManifestKept(act, life, command) : whyReferrerKept(act, life, command);
    check(life.digest, `${repository.name}@${life.digest}`, why);
  }
  return problems;
}

/** Why a referrer is kept, and so what it refers to, which would take it along. One that is only young is not kept. */
function whyReferrerKept(act: Act, referrer: ManifestLife, command: Command): string | undefined {
  if (!command.untagged) return 'no manifest was to be deleted';
  const sights = sightsOf([referrer], act.from, act.to);
  if (sights.every(({ updated }) => updated === undefined)) return 'the registry tells no time for it';
  if (isOfUnknownType(referrer)) return UNKNOWN_TYPE;
  const isKept = !command.includeLocked && sights.every(({ attributes }) => isLocked(attributes));
  return isKept ? 'it refers to another manifest, and was locked' : undefined;
}

function isOfUnknownType(manifest: ManifestLife): boolean {
  return kindOf(typeOf(manifest)) === 'unknown';
}

const UNKNOWN_TYPE = 'its media type is not known';

/** Why a manifest had to be kept, whatever the command. */
function manifestProblems(act: Act, manifest: ManifestLife): readonly string[] {
  if (!isSeen(act, manifest)) return [];
  const { repository, recorded } = act;
  const { digest } = manifest;
  const problems: string[] = [];
  if (isOfUnknownType(manifest) && isNamedBy(recorded.change, manifest)) problems.push(`${digest}: ${UNKNOWN_TYPE}`);
  for (const index of repository.needing.get(digest) ?? [])
    if (isStill(act, index) && isKnown(act, index))
      problems.push(`${digest}: the index ${index.digest} needed it, ${thereSince(act, index)}`);
  const subject = subjectOf(manifest);
  if (subject === undefined || !isNamedBy(recorded.change, manifest)) return problems;
  const subjects = repository.manifests.get(subject) ?? [];
  const there = subjects.find((life) => isStill(act, life));
  if (there) problems.push(`${digest}: it refers to ${subject}, ${thereSince(act, there)}`);
  else if (!subjects.some(({ end }) => end !== undefined && end.change.by !== 'others'))
    problems.push(`${digest}: it refers to ${subject}, which no run deleted`);
  return problems;
}

function signatureProblem(act: Act, life: TagLife): string | undefined {
  const image = imageOfTag(life.tag);
  if (image === undefined || !isSeen(act, life)) return undefined;
  const there = act.repository.manifests.get(image)?.find((one) => isStill(act, one));
  return there && `${life.tag}: it belongs to ${image}, ${thereSince(act, there)}`;
}

/** What the request names must have been seen; what goes along with it only where it was there for long enough. */
function isSeen(act: Act, life: TagLife | ManifestLife): boolean {
  const { change, manifests } = act.recorded;
  if (isNamedBy(change, life)) return true;
  const manifest = manifests.find(({ digest }) => digest === life.digest);
  return life.from < act.from && manifest !== undefined && (isNamedBy(change, manifest) || isKnown(act, manifest));
}

function isNamedBy(change: Change, life: TagLife | ManifestLife): boolean {
  if ('tag' in life) return change.kind === 'delete-tag' && change.tag === life.tag;
  return change.kind === 'delete-manifest' && change.digest === life.digest;
}

/** Whether a manifest was there all the time, and was not deleted by the same request. */
export function isStill({ recorded, from, to }: Act, life: ManifestLife): boolean {
  return life.from < from && life.until > to && !recorded.manifests.includes(life);
}

/**
 * Whether a run can know of a manifest. A listing does not show what is hidden: where no tag leads to it, and it was hidden
 * at any time since the run began, it may have been hidden whenever the run looked.
 */
export function isKnown({ repository, wanted, to }: Act, manifest: ManifestLife): boolean {
  const isListed = (life: Life): boolean =>
    during(life.attributes, wanted.since, to).every(({ listEnabled }) => listEnabled !== false);
  if (isListed(manifest)) return true;
  const tags = repository.tagsOn.get(manifest.digest) ?? [];
  return tags.some((tag) => tag.from <= wanted.since && tag.until > to && isListed(tag));
}

/** What a manifest refers to, where its type can refer to another one. */
export function subjectOf({ document }: ManifestLife): string | undefined {
  return document.kind === 'plain' ? undefined : document.subject;
}

function thereSince({ to }: Act, { from }: Life): string {
  return from === -Infinity ? 'there from the beginning' : `there for ${inWords(to - from)} when it was sent`;
}

function attributesProblems({ repository, recorded, wanted }: Act, change: AttributesChange): readonly string[] {
  const { before = NOTHING } = recorded;
  const { attributes, tag, digest } = change;
  if (tag === undefined && digest === undefined) return ['no run changes the attributes of a repository'];
  const isSame = (...names: readonly (keyof Attributes)[]): boolean =>
    names.every((name) => (attributes[name] ?? true) === (before[name] ?? true));
  if (!isSame('listEnabled')) return ['no run hides anything from listings, or shows it'];
  // Whether that is right is a matter of the quarantine.
  if (change.isReadability) return isSame('deleteEnabled', 'writeEnabled') ? [] : ['it was locked or unlocked along'];
  if (!isSame('readEnabled')) return ['it was made unreadable, or readable, along with its lock'];
  if (!isLocked(attributes))
    return wanted.commands.some(({ includeLocked }) => includeLocked)
      ? []
      : ['it was unlocked, and --include-locked was not given'];
  const lives: readonly Life[] =
    (tag === undefined ? repository.manifests.get(digest ?? '') : repository.tags.get(tag)) ?? [];
  const known = lives
    .flatMap((life) => life.attributes.map(({ value }) => value))
    .filter((value) => value !== attributes);
  const lock = lockOf(attributes);
  // What two clients have locked, one after the other, is locked by both.
  const isKnown = known.some((one) => known.some((other) => lockOf(bothOf(one, other)) === lock));
  return isKnown ? [] : [`it was locked (${lock}), and had never been locked so`];
}

function bothOf(one: Attributes, other: Attributes): Attributes {
  return {
    deleteEnabled: one.deleteEnabled !== false && other.deleteEnabled !== false,
    writeEnabled: one.writeEnabled !== false && other.writeEnabled !== false,
  };
}

export function lockOf({ deleteEnabled = true, writeEnabled = true }: Attributes): string {
  return `deleteEnabled ${deleteEnabled}, writeEnabled ${writeEnabled}`;
}

/** What is changed: `app:v1`, `app@sha256:…`, `app`. */
export function nameOf(change: Change): string {
  const { repository } = change;
  const tag = 'tag' in change ? change.tag : undefined;
  const digest = 'digest' in change ? change.digest : undefined;
  if (tag !== undefined) return `${repository}:${tag}`;
  return digest === undefined ? repository : `${repository}@${digest}`;
}
