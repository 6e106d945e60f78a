import { LOOK_VALID_MILLISECONDS } from '../../../src/registry/look.ts';
import { imageOfTag } from './documents.ts';
import type { History, Recorded } from './history.ts';
import { type Life, living, type ManifestLife, type RepositoryHistory, type TagLife } from './lives.ts';
import { acrPurge, type Command } from './oracle.ts';

/*
 * What a registry is like once everything is over, looked at as a person would: what is there, and what is not there any
 * more. Knows no rule but those of images.
 */

/** In words, what is there without something that it had, because a process deleted that; empty where nothing is. */
export function broken(history: History): readonly string[] {
  return [...history.repositories.values()].flatMap((repository) => {
    const problems: string[] = [];
    for (const lives of repository.manifests.values()) {
      const manifest = living(lives);
      if (manifest) problems.push(...lackingIn(repository, manifest));
    }
    return problems;
  });
}

function lackingIn(repository: RepositoryHistory, manifest: ManifestLife): readonly string[] {
  const name = `${repository.name}@${manifest.digest}`;
  const problems: string[] = [];
  for (const { digest } of manifest.document.children)
    if (lostTo(manifest, repository.manifests.get(digest))) problems.push(`${name} is without its child ${digest}`);
  const referrers = repository.referring.get(manifest.digest) ?? [];
  for (const digest of new Set(referrers.map((one) => one.digest)))
    if (lostTo(manifest, repository.manifests.get(digest))) problems.push(`${name} is without its referrer ${digest}`);
  for (const [tag, lives] of repository.tags)
    if (imageOfTag(tag) === manifest.digest && lostTo(manifest, lives) && !wasUnknown(repository, lives.at(-1)))
      problems.push(`${name} is without its signature ${tag}`);
  return problems;
}

/** Whether a process deleted something although a manifest that has to do with it was there in plain sight. */
function lostTo(manifest: ManifestLife, lives: readonly (ManifestLife | TagLife)[] | undefined): boolean {
  if (!lives || living(lives)) return false;
  const change = lives.at(-1)?.end?.change;
  if (!change || change.by === 'others') return false;
  const wasHidden = manifest.attributes.some(({ value }) => value.listEnabled === false);
  return !wasHidden && manifest.from < change.by.sentAt - LOOK_VALID_MILLISECONDS;
}

/** Whether no listing showed a tag, nor its manifest, when it was deleted along with that: `docs/safety.md`, "What is hidden". */
function wasUnknown(repository: RepositoryHistory, tag: TagLife | undefined): boolean {
  const isHidden = (life: Life | undefined): boolean => life?.attributes.at(-1)?.value.listEnabled === false;
  return isHidden(tag) && isHidden(repository.manifests.get(tag?.digest ?? '')?.at(-1));
}

/** A run that one command is behind. */
export interface Single {
  readonly run: string;
  readonly command: Command;
  /** What ages are counted from, as its record says. */
  readonly agesFrom: number;
  /** When it began: a true time. */
  readonly since: number;
}

/**
 * What a run deleted that `acr purge` would not have deleted, in those repositories in which nothing else was changed from
 * when the run began until its last deletion: there it is known exactly what it saw.
 */
export function beyondAcrPurge(history: History, { run, command, agesFrom, since }: Single): readonly string[] {
  const isOwn = ({ change }: Recorded): boolean => change.by !== 'others' && change.by.run === run;
  const isDeletion = ({ change: { kind } }: Recorded): boolean => kind === 'delete-tag' || kind === 'delete-manifest';
  return [...history.repositories.keys()].flatMap((name) => {
    const changes = history.changes.filter(({ change }) => change.repository === name && change.at >= since);
    const last = changes.findLastIndex((one) => isOwn(one) && isDeletion(one));
    const made = changes.slice(0, last + 1);
    const held = history.at(since, name);
    if (!held || made.length === 0 || !made.every(isOwn)) return [];
    const gone = acrPurge(held, command, agesFrom);
    const problems: string[] = [];
    for (const { tags, manifests } of made) {
      for (const { tag } of tags)
        if (!gone.tags.has(tag)) problems.push(`${name}:${tag} was deleted, and acr purge keeps it`);
      for (const { digest } of manifests)
        if (!gone.manifests.has(digest)) problems.push(`${name}@${digest} was deleted, and acr purge keeps it`);
    }
    return problems;
  });
}
