import type { Decision } from '../../../src/planner/decision.ts';
import { isLate } from './agreement.ts';
import type { History, Recorded } from './history.ts';
import { nameOf } from './invariants.ts';
import { type Life, living, type ManifestLife, type RepositoryHistory, type TagLife } from './lives.ts';
import { isReadable, keyOfChange } from './quarantine.ts';
import { imageOf, type Told } from './told.ts';
import { keyOfEntry, type QuarantineEntry, type QuarantineWrite } from './watch.ts';

/*
 * Whether the ledger and the registry agree about a quarantine, once everything is over.
 */

/** What is there once everything is over. */
export interface Left {
  readonly history: History;
  /** What the ledger says is in quarantine. */
  readonly files: readonly Pick<QuarantineWrite, 'repository' | 'entries'>[];
  readonly runs: readonly Told[];
}

/*
 * Reasons of what a run could not find out, also on a calm day. Such a doubt stays in quarantine: `docs/quarantine.md`, "What
 * happens".
 */

/** Another client made a manifest unreadable: it may need anything, and refer to anything. */
const UNREAD: ReadonlySet<string> = new Set(['unreadable', 'unknown-media-type']);

/** Another client hid a manifest, and no listing shows it. */
const UNLISTED: ReadonlySet<string> = new Set(['in-use-unknown', 'referrer-of-unlisted']);

/** Reasons that follow from another part of the same image, which may be kept in doubt. */
const FOLLOWING: ReadonlySet<string> = new Set([
  'subject-of-kept',
  'referrer-of-kept',
  'child-of-kept-index',
  'signature-of-kept',
]);

/** What a ledger and a registry say otherwise of the quarantine, once everything is over. */
export function quarantineLeft({ history, files, runs }: Left): readonly string[] {
  // One that is resumed does not come to the repositories again that it was done with.
  const last = runs.findLast(({ run }) => run.kind === 'scheduled' && !run.dryRun && !run.resumed);
  const byRepository = new Map(files.map((file) => [file.repository, file]));
  const problems: string[] = [];
  for (const repository of history.repositories.values()) {
    const entries = byRepository.get(repository.name)?.entries ?? [];
    const isDone = last?.repositories.some(
      ({ summary }) =>
        summary.repository === repository.name && summary.state === 'done' && summary.error === undefined,
    );
    for (const entry of entries) {
      const life = lifeOf(repository, entry);
      const name = `${repository.name}${keyOfEntry(entry)}`;
      if (!isDone) continue;
      if (!life) problems.push(`${name} is in quarantine by the ledger, and is gone`);
      else if (isReadable(life.attributes.at(-1)?.value ?? {}))
        problems.push(`${name} is in quarantine by the ledger (${entry.state}), and can be pulled`);
      // Of what is hidden, a time that has moved may be a new push: `docs/quarantine.md`, "What it does not do".
      else if (entry.state !== 'quarantined' && !isHidden(life))
        problems.push(`${name} is ${entry.state} by the ledger, and unreadable`);
    }
    const lives = [...livesIn(repository)];
    const hidden = lives.filter(([key, life]) => key.startsWith('@') && isHidden(life));
    const isAnyUnread = lives.some(
      ([key, life]) =>
        key.startsWith('@') &&
        !isReadable(life.attributes.at(-1)?.value ?? {}) &&
        (isHidden(life) || !wasHiddenByProcess(history, repository.name, key)),
    );
    const decisionOn = (key: string): Decision | undefined =>
      last?.decisions.find((one) => imageOf(one) === `${repository.name}${key}`);
    const isDoubt = (key: string): boolean => {
      const decision = decisionOn(key);
      if (decision?.action !== 'keep') return false;
      return UNREAD.has(decision.reason) ? isAnyUnread : UNLISTED.has(decision.reason) && hidden.length > 0;
    };
    const inDoubt = new Set(entries.filter((entry) => isDoubt(keyOfEntry(entry))).map(({ root }) => root));
    for (const [key, life] of lives) {
      if (isReadable(life.attributes.at(-1)?.value ?? {}) || !wasHiddenByProcess(history, repository.name, key))
        continue;
      const name = `${repository.name}${key}`;
      const entry = entries.find((one) => keyOfEntry(one) === key);
      if (!entry) problems.push(`${name} is unreadable, and the ledger does not know of it`);
      // What another client has hidden since is not decided about: it waits until it is shown, or released.
      if (!isDone || isHidden(life)) continue;
      const decision = decisionOn(key);
      const isWaiting =
        decision?.action === 'delete' ? decision.outcome === 'quarantined' : decision?.reason === 'quarantined';
      const follows = decision?.action === 'keep' && FOLLOWING.has(decision.reason) && inDoubt.has(entry?.root ?? '');
      if (!isWaiting && !isDoubt(key) && !follows)
        problems.push(`${name} is unreadable, and kept: ${decision?.reason ?? 'no decision'}`);
    }
  }
  return problems;
}

/** What runs tell of what they made unreadable, otherwise than the registry does. */
export function quarantineTold(history: History, runs: readonly Told[]): readonly string[] {
  const hides = history.changes.filter(
    ({ change, before }) => change.kind === 'attributes' && isReadable(before ?? {}) && !isReadable(change.attributes),
  );
  const told = hides.flatMap((hidden) => {
    const { by } = hidden.change;
    if (by === 'others' || isLate(hidden)) return [];
    const run = runs.find((one) => one.run.id === by.run);
    const decision = run?.decisions.find((one) => imageOf(one) === nameOf(hidden.change));
    const words = decision?.action === 'delete' ? decision.error?.message : decision?.detail;
    if (decision?.action === 'delete' && decision.outcome === 'quarantined') return [];
    // It is gone since: another client deleted it, or it went with its manifest, whose time was over.
    if (decision?.action === 'delete' && ['already-gone', 'deleted'].includes(decision.outcome)) return [];
    if (wasShownSince(history, hidden)) return [];
    if (words?.includes('not known whether it can be pulled')) return [];
    const saying = decision?.action === 'delete' ? decision.outcome : (decision?.reason ?? 'nothing');
    return [`${nameOf(hidden.change)} was made unreadable by ${by.run ?? 'no run'}, which tells ${saying} of it`];
  });
  const untrue = runs.flatMap(({ run, decisions }) =>
    decisions.flatMap((decision) => {
      if (decision.action !== 'delete' || decision.outcome !== 'quarantined') return [];
      const { repository, digest = '' } = decision;
      // A tag that goes with its manifest is not made unreadable itself.
      const names = [imageOf(decision), `${repository}@${digest}`];
      const wasHidden = hides.some(({ change }) => names.includes(nameOf(change)));
      return wasHidden ? [] : [`${imageOf(decision)} was never made unreadable, and ${run.id} says so`];
    }),
  );
  return [...told, ...untrue];
}

/** Another client made it readable: a run that looked after that cannot tell that it ever was not. */
function wasShownSince(history: History, { change: hidden }: Recorded): boolean {
  return history.changes.some(
    ({ change }) =>
      change.by === 'others' &&
      change.kind === 'attributes' &&
      change.at >= hidden.at &&
      nameOf(change) === nameOf(hidden) &&
      isReadable(change.attributes),
  );
}

/** Another client keeps it out of the listings: no run decides about it. */
function isHidden(life: Life): boolean {
  return life.attributes.at(-1)?.value.listEnabled === false;
}

function* livesIn(repository: RepositoryHistory): Generator<readonly [string, TagLife | ManifestLife]> {
  for (const [tag, lives] of repository.tags) {
    const life = living(lives);
    if (life) yield [`:${tag}`, life];
  }
  for (const [digest, lives] of repository.manifests) {
    const life = living(lives);
    if (life) yield [`@${digest}`, life];
  }
}

function lifeOf(repository: RepositoryHistory, { kind, tag, digest }: QuarantineEntry): Life | undefined {
  return kind === 'tag' ? living(repository.tags.get(tag ?? '')) : living(repository.manifests.get(digest));
}

/** Whether it was a process that made it unreadable last. */
function wasHiddenByProcess(history: History, repository: string, key: string): boolean {
  const hidden = history.changes.findLast(
    ({ change, before }) =>
      change.kind === 'attributes' &&
      change.repository === repository &&
      keyOfChange(change) === key &&
      isReadable(before ?? {}) &&
      !isReadable(change.attributes),
  );
  return hidden !== undefined && hidden.change.by !== 'others';
}
