import { LOOK_VALID_MILLISECONDS } from '../../../src/registry/look.ts';
import type { Cluster } from '../story/cluster.ts';
import type { ByProcess, Held, History, Recorded } from './history.ts';
import { nameOf } from './invariants.ts';
import type { Life } from './lives.ts';
import type { Told } from './told.ts';

/*
 * Nothing goes that is in use, as far as the runs could know it.
 */

/** How long an answer counts, and how long the batch may take that was begun with it. */
const COUNTS_MILLISECONDS = 13 * 60_000;

/** What was deleted although it was in use, or although what is in use was not known; and runs that do not say so. */
export function againstUse(cluster: Cluster, history: History, runs: readonly Told[]): readonly string[] {
  return [...history.changes.flatMap((recorded) => usedIn(cluster, history, recorded)), ...runs.flatMap(unsaidOf)];
}

function usedIn(cluster: Cluster, history: History, recorded: Recorded): readonly string[] {
  const { change, tags, manifests } = recorded;
  const isHidden =
    change.kind === 'attributes' && change.isReadability === true && change.attributes.readEnabled === false;
  if (change.by === 'others' || !(isHidden || change.kind === 'delete-tag' || change.kind === 'delete-manifest'))
    return [];
  const { by, repository } = change;
  const known = knownTo(cluster, by);
  const what = `${nameOf(change)} was ${isHidden ? 'made unreadable' : 'deleted'} by ${by.process}`;
  if (known.length === 0) return [`${what}, which had not been told what is in use`];
  // What came into use after an answer was given is not known by that.
  const since = Math.min(...known.map(({ at }) => at));
  const running = cluster.workloads.filter((one) => one.repository === repository && one.from < since);
  const moments = [by.sentAt - LOOK_VALID_MILLISECONDS - 1, by.sentAt];
  const [before, then] = moments.map((time) => inUse(history.at(time, repository), running));
  if (!before || !then) return [];
  // Where a tag that runs was moved since, the other tags of its image are not known to belong to it: `docs/safety.md`.
  const asked = inUse(history.at(since, repository), running);
  const isNamed = (tag: string): boolean => running.some((one) => one.tag === tag) || asked.tags.has(tag);
  const isUsed = (kind: 'tags' | 'digests', name: string): boolean =>
    before[kind].has(name) && then[kind].has(name) && (kind === 'digests' || isNamed(name));
  // What was moved or pushed since the look was another one.
  const isSeen = ({ from }: Life): boolean => from < by.sentAt - LOOK_VALID_MILLISECONDS;
  const { tag, digest } = change.kind === 'attributes' ? change : {};
  const gone = [
    ...(tag !== undefined && isUsed('tags', tag) ? [`:${tag}`] : []),
    ...(digest !== undefined && isUsed('digests', digest) ? [`@${digest}`] : []),
    ...tags.filter((life) => isSeen(life) && isUsed('tags', life.tag)).map(({ tag }) => `:${tag}`),
    ...manifests.filter((life) => isSeen(life) && isUsed('digests', life.digest)).map(({ digest }) => `@${digest}`),
  ];
  return gone.map((name) => `${what}: ${repository}${name} is in use`);
}

/** The complete answers that a process may have deleted something by. */
function knownTo({ answers }: Cluster, { process, sentAt }: ByProcess): Cluster['answers'] {
  return answers.filter(
    (one) => one.complete && one.process.name === process && one.at < sentAt && one.at >= sentAt - COUNTS_MILLISECONDS,
  );
}

interface Used {
  readonly tags: ReadonlySet<string>;
  readonly digests: ReadonlySet<string>;
}

/** What is in use, with the indexes over it, and all tags of these. What is hidden cannot be known to belong to it. */
function inUse(held: Held | undefined, running: Cluster['workloads']): Used {
  if (!held) return { tags: new Set(), digests: new Set() };
  // A tag that is hidden names a manifest that cannot be known.
  const listed = held.tags.filter(({ attributes }) => attributes.listEnabled !== false);
  const named = running.flatMap(({ tag, digest }) => digest ?? listed.find((one) => one.tag === tag)?.digest ?? []);
  const digests = new Set(named);
  for (let size = -1; size < digests.size;) {
    size = digests.size;
    for (const { digest, document, attributes } of held.manifests)
      if (attributes.listEnabled !== false && document.children.some((child) => digests.has(child.digest)))
        digests.add(digest);
  }
  const tags = held.tags.filter(({ tag, digest }) => digests.has(digest) || running.some((one) => one.tag === tag));
  return { tags: new Set(tags.map(({ tag }) => tag)), digests };
}

/** A run that could not find out what is in use has failed. */
function unsaidOf({ run, decisions }: Told): readonly string[] {
  const { id, state, evidence, dryRun } = run;
  const hasDeleted =
    !dryRun &&
    decisions.some((one) => one.action === 'delete' && (one.outcome === 'deleted' || one.outcome === 'quarantined'));
  if (!evidence) return hasDeleted ? [`${id} does not say what it knew of the use of its images`] : [];
  const isUnknown = evidence.some(({ complete }) => !complete);
  return state === 'done' && isUnknown ? [`${id} is done, and did not know what is in use`] : [];
}
