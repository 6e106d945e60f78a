import { withReferrers } from './acr-purge.ts';
import { type Graph, NONE } from './graph.ts';
import type { Selection } from './protect.ts';
import { addTo, chained, converted, filtered, slicer, type Steps } from './slices.ts';
import { imageOfSignatureTag, type TagChoice } from './tags.ts';
import type { ManifestDeletion, Removal, TagDeletion } from './types.ts';

/** Most lists of a deletion are empty, and there may be a hundred thousand: one for all of them. */
function listOf<T>(items: readonly T[]): readonly T[] {
  return items.length === 0 ? NONE : items;
}

/** One deletion for each manifest that is not deleted along with another one. */
export function* manifestDeletions(
  graph: Graph,
  { deleted, cascaded, protectedTags }: Selection,
): Steps<readonly ManifestDeletion[]> {
  const due = slicer();
  const isDeleted = (digest: string): boolean => deleted.has(digest) || cascaded.has(digest);
  const rootOf = rootFinder(graph, isDeleted);
  const tagsOf = (digest: string): readonly TagChoice[] =>
    graph.chosenTags(digest).filter((tag) => !protectedTags.has(tag));
  const removal = (digest: string): Removal => ({ digest, tags: listOf(tagsOf(digest).map(({ tag }) => tag.name)) });

  const neededBy = new Map<string, string[]>();
  for (const index of chained(deleted, cascaded)) {
    const children = graph.children(index);
    if (due(1 + children.length)) yield;
    if (children.length === 0) continue;
    const root = rootOf(index);
    for (const child of children) {
      if (!isDeleted(child.digest)) continue;
      const known = neededBy.get(child.digest);
      if (!known) neededBy.set(child.digest, [root]);
      // An index may name a child as often as it likes.
      else if (known.at(-1) !== root) known.push(root);
    }
  }
  const isRoot = (digest: string): boolean => deleted.has(digest) && rootOf(digest) === digest;
  return yield* converted(yield* filtered(graph.records.keys(), isRoot), (digest): ManifestDeletion => {
    const referrers =
      graph.referrers(digest).length === 0 ? NONE : [...withReferrers(graph, [digest])].filter(isDeleted);
    const group = [digest, ...referrers];
    const tags = group.flatMap(tagsOf);
    const signed = tags
      .map(({ tag }) => imageOfSignatureTag(tag.name))
      .filter((image) => image !== undefined && isDeleted(image));
    const after = new Set([
      ...group.flatMap((member) => neededBy.get(member) ?? []),
      ...signed.map((image) => rootOf(image ?? '')),
    ]);
    after.delete(digest);
    return {
      ...removal(digest),
      lockedTags: listOf(tags.filter(({ tag }) => tag.locked).map(({ tag }) => tag.name)),
      referrers: listOf(referrers.map(removal)),
      after: listOf([...after]),
    };
  });
}

/** Finds the manifest whose deletion deletes this one: its subject, the subject of that, and so on. No chain is followed twice. */
function rootFinder(graph: Graph, isDeleted: (digest: string) => boolean): (digest: string) => string {
  const roots = new Map<string, string>();
  return (digest) => {
    const chain: string[] = [];
    let root = digest;
    for (let next = graph.subject(root); next !== undefined && isDeleted(next); next = graph.subject(root)) {
      const known = roots.get(root);
      if (known !== undefined) {
        root = known;
        break;
      }
      chain.push(root);
      root = next;
    }
    for (const one of chain) roots.set(one, root);
    return root;
  };
}

/** Deletions that can never begin, because each has to wait for another of them. */
export function* waitingForEachOther(manifests: readonly ManifestDeletion[]): Steps<readonly string[]> {
  const due = slicer();
  /** By manifest, how many must be gone before it. */
  const waiting = new Map<string, number>();
  const waitFor = new Map<string, string[]>();
  for (const { digest, after } of manifests) {
    if (due(1 + after.length)) yield;
    if (after.length > 0) waiting.set(digest, after.length);
    for (const first of after) addTo(waitFor, first, digest);
  }
  const gone = [...waitFor.keys()].filter((digest) => !waiting.has(digest));
  for (let first = gone.pop(); first !== undefined; first = gone.pop()) {
    if (due(1 + (waitFor.get(first)?.length ?? 0))) yield;
    for (const digest of waitFor.get(first) ?? NONE) {
      const left = (waiting.get(digest) ?? 0) - 1;
      waiting.set(digest, left);
      if (left > 0) continue;
      waiting.delete(digest);
      gone.push(digest);
    }
  }
  return [...waiting.keys()];
}

/** Tags that are deleted while their manifest is kept. */
export function* tagDeletions(
  choices: readonly TagChoice[],
  { deleted, cascaded, protectedTags }: Selection,
  manifests: readonly ManifestDeletion[],
): Steps<readonly TagDeletion[]> {
  const due = slicer();
  const isKept = ({ tag: { digest } }: TagChoice): boolean =>
    digest === undefined || (!deleted.has(digest) && !cascaded.has(digest));
  const chosen = yield* filtered(
    choices,
    (choice) => choice.reason === 'matched-and-expired' && !protectedTags.has(choice) && isKept(choice),
  );
  if (chosen.length === 0) return [];
  const rootOf = new Map<string, string>();
  for (const { digest, referrers } of manifests) {
    if (due(1 + referrers.length)) yield;
    rootOf.set(digest, digest);
    for (const referrer of referrers) rootOf.set(referrer.digest, digest);
  }
  return yield* converted(chosen, ({ tag }) => {
    const image = rootOf.get(imageOfSignatureTag(tag.name) ?? '');
    return {
      tag: tag.name,
      digest: tag.digest ?? '',
      locked: tag.locked,
      after: listOf(image === undefined ? [] : [image]),
    };
  });
}
