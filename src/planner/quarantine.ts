import { type Decision, type Deleted, type Kept, keyOf, mapped } from './decision.ts';
import { addTo } from './slices.ts';
import type { Approved, Held, ManifestDeletion, Plan, Removal, TagDeletion } from './types.ts';

/*
 * The two steps of a deletion where quarantine is on: first an artifact is made unreadable, and a run deletes it once its
 * time is over. What is deleted with one call, a manifest with its tags and referrers, has the same step. What must be gone
 * first is never in an earlier step than what waits for it.
 */

export interface Staging {
  /** What is in quarantine and unchanged since, by the key of the artifact. */
  readonly held: ReadonlyMap<string, Held>;
  /**
   * How long an artifact is in quarantine before it is deleted, in milliseconds; `undefined`: it is deleted at once.
   * Absent: everything is.
   */
  readonly periodOf?: ((decision: Deleted) => number | undefined) | undefined;
  /** In milliseconds since 1970. */
  readonly now: number;
  /** In a plan that is carried out: what of it is approved for what. */
  readonly only?: Approved | undefined;
  /** The run that is planned: what it has put into quarantine itself, another run deletes. */
  readonly runId?: string | undefined;
}

/** The step of one artifact. `hide` and `wait`: it is not deleted before `until`, in milliseconds since 1970. */
type Step =
  | { readonly step: 'delete' }
  | { readonly step: 'hide'; readonly until: number }
  | { readonly step: 'wait'; readonly until: number | undefined; readonly held: Held | undefined };

const DELETE: Step = { step: 'delete' };

/** Divides what a plan deletes into what is deleted now, what is put into quarantine, and what waits there. */
export function stage(plan: Plan, staging: Staging): Plan {
  const { held, now, only, runId } = staging;
  const periods = periodsOf(plan, staging);
  // Most registries have nothing in quarantine, and no run puts anything there.
  if (held.size === 0 && !periods.any) return plan;
  const groups = new Map(plan.manifests.map((deletion) => [deletion.digest, deletion]));
  const isOver = ({ until }: Held): boolean => Date.parse(until) <= now;
  const isWaiting = (key: string): boolean => only?.waits?.has(key) === true;
  // A run that is resumed may find that the time of what it has put there is over: its record tells each artifact once.
  const isOwn = (key: string): boolean => runId !== undefined && held.get(key)?.runId === runId;
  const isNotDeleted = (key: string): boolean => only?.hides?.has(key) === true || isWaiting(key) || isOwn(key);

  const isOverFor = ({ digest, tags }: Removal): boolean => {
    const entry = held.get(`@${digest}`);
    return entry !== undefined && isOver(entry) && tags.every((tag) => entry.tags.includes(tag));
  };
  /** Whether a manifest is deleted now with what goes along, as far as nothing else must be gone first. */
  const isOwnOver = (deletion: ManifestDeletion): boolean => {
    const members = [deletion, ...deletion.referrers];
    if (members.some(({ digest, tags }) => isNotDeleted(`@${digest}`) || tags.some((tag) => isOwn(`:${tag}`))))
      return false;
    const isHeld = members.some(({ digest }) => held.has(`@${digest}`));
    return isHeld || periods.ofGroup(deletion) !== undefined ? members.every(isOverFor) : true;
  };
  const deletedNow = deletedInOrder(plan.manifests, isOwnOver);
  const isDeleted = ({ digest }: ManifestDeletion): boolean => deletedNow.has(digest);

  const steps = new Map<string, Step>();
  const stepOf = (key: string, digest: string, period: number | undefined): Step => {
    const entry = held.get(key);
    if (entry)
      return { step: 'wait', until: Date.parse(entry.until), held: entry.digest === digest ? entry : undefined };
    return period === undefined || isWaiting(key)
      ? { step: 'wait', until: undefined, held: undefined }
      : { step: 'hide', until: now + period };
  };
  /** A tag that is in quarantine by itself is unreadable already, whatever its manifest comes to. */
  const tagStepOf = (tag: string, digest: string, step: Step): Step =>
    step.step === 'hide' && held.get(`:${tag}`)?.digest === digest ? stepOf(`:${tag}`, digest, undefined) : step;
  /** What would be deleted along with another one is made unreadable by itself, and its signature after it. */
  const withReferrers = (digest: string): readonly string[] => [
    digest,
    ...(groups.get(digest)?.referrers ?? NONE).map((referrer) => referrer.digest),
  ];
  const hidden: ManifestDeletion[] = [];
  const roots = new Map<string, string>();
  const rootsFound = new Map<string, string>();
  const rootOf = (digest: string): string => {
    const way = new Set<string>();
    let next: string | undefined = digest;
    for (; next !== undefined && !way.has(next) && !rootsFound.has(next); next = groups.get(next)?.after[0])
      way.add(next);
    const root = (next === undefined ? undefined : rootsFound.get(next)) ?? [...way].at(-1) ?? digest;
    for (const one of way) rootsFound.set(one, root);
    return root;
  };
  for (const deletion of plan.manifests) {
    const isNow = isDeleted(deletion);
    for (const member of [deletion, ...deletion.referrers]) {
      const key = `@${member.digest}`;
      const step = isNow ? DELETE : stepOf(key, member.digest, periods.ofGroup(deletion));
      steps.set(key, step);
      for (const tag of member.tags) steps.set(`:${tag}`, tagStepOf(tag, member.digest, step));
      if (step.step !== 'hide') continue;
      roots.set(key, rootOf(deletion.digest));
      const after = member === deletion ? deletion.after.flatMap(withReferrers) : [deletion.digest];
      hidden.push({ digest: member.digest, tags: member.tags, lockedTags: NONE, referrers: NONE, after });
    }
  }
  const tags = plan.tags.map((deletion) => {
    const key = `:${deletion.tag}`;
    const entry = held.get(key);
    const period = periods.ofTag(deletion);
    const isFirst = deletion.after.every((digest) => deletedNow.has(digest));
    const own = entry ? isOver(entry) && entry.digest === deletion.digest : period === undefined;
    const step = own && isFirst && !isNotDeleted(key) ? DELETE : stepOf(key, deletion.digest, period);
    steps.set(key, step);
    roots.set(key, rootOf(deletion.after[0] ?? deletion.digest));
    return { deletion, step };
  });
  const isHidden = new Set(hidden.map(({ digest }) => digest));
  // What is in quarantine already is not waited for.
  const waitingFor = <T extends TagDeletion | ManifestDeletion>(deletion: T): T => ({
    ...deletion,
    after: deletion.after.filter((digest) => isHidden.has(digest)),
  });
  const change = (decision: Decision): Decision => {
    const step = decision.action === 'delete' ? steps.get(keyOf(decision)) : undefined;
    return decision.action === 'delete' && step ? staged(decision, step) : decision;
  };
  return {
    ...plan,
    decisions: mapped(plan.decisions, change),
    deletionOf(kind, name) {
      const decision = plan.deletionOf(kind, name);
      const changed = decision && change(decision);
      return changed?.action === 'delete' ? changed : undefined;
    },
    tags: tags.filter(({ step }) => step.step === 'delete').map(({ deletion }) => deletion),
    manifests: plan.manifests.filter(isDeleted),
    hides: {
      tags: tags
        .filter(({ step }) => step.step === 'hide')
        .map(({ deletion }) => waitingFor({ ...deletion, after: deletion.after.flatMap(withReferrers) })),
      manifests: hidden.map(waitingFor),
      roots,
    },
  };
}

const NONE: readonly never[] = [];

/**
 * The manifests that are deleted now: those that may be, and of which all that must be gone first is deleted now, too.
 * Where two wait for each other neither is. A chain of them may be thousands long, so that nothing here recurses.
 */
function deletedInOrder(
  manifests: readonly ManifestDeletion[],
  mayBe: (deletion: ManifestDeletion) => boolean,
): ReadonlySet<string> {
  const all = new Set(manifests.map(({ digest }) => digest));
  const waiting = new Map<string, ManifestDeletion[]>();
  const left = new Map<ManifestDeletion, number>();
  for (const deletion of manifests) {
    const first = [...new Set(deletion.after)].filter((digest) => all.has(digest));
    left.set(deletion, first.length);
    for (const digest of first) addTo(waiting, digest, deletion);
  }
  const deleted = new Set<string>();
  const ready = manifests.filter((deletion) => left.get(deletion) === 0);
  // Grows.
  for (const deletion of ready) {
    if (!mayBe(deletion)) continue;
    deleted.add(deletion.digest);
    for (const next of waiting.get(deletion.digest) ?? []) {
      const count = (left.get(next) ?? 0) - 1;
      left.set(next, count);
      if (count === 0) ready.push(next);
    }
  }
  return deleted;
}

/** How long each is in quarantine: all that is deleted with one call for as long as the longest of them. */
function periodsOf({ deletionOf, manifests, tags }: Plan, { periodOf }: Staging) {
  if (!periodOf) return { any: false, ofGroup: () => undefined, ofTag: () => undefined };
  const longest = (all: readonly (Deleted | undefined)[]): number | undefined => {
    const periods = all.flatMap((decision) => (decision && periodOf(decision)) ?? []);
    return periods.length === 0 ? undefined : periods.reduce((a, b) => Math.max(a, b));
  };
  const ofGroup = (deletion: ManifestDeletion): number | undefined =>
    longest(
      [deletion, ...deletion.referrers].flatMap((member) => [
        deletionOf('manifest', member.digest),
        ...member.tags.map((tag) => deletionOf('tag', tag)),
      ]),
    );
  const ofTag = ({ tag }: TagDeletion): number | undefined => longest([deletionOf('tag', tag)]);
  const groups = new Map(manifests.map((deletion) => [deletion, ofGroup(deletion)]));
  const any = [...groups.values(), ...tags.map(ofTag)].some((period) => period !== undefined);
  return { any, ofGroup: (deletion: ManifestDeletion) => groups.get(deletion), ofTag };
}

function staged(decision: Deleted, step: Step): Decision {
  if (step.step === 'delete') return decision;
  const until = step.until === undefined ? undefined : new Date(step.until).toISOString();
  if (step.step === 'hide' && until !== undefined) return { ...decision, quarantine: { until } };
  const { outcome, filter, error, leavesUntagged, leavesSignatures, lostLock, ...about } = decision;
  const since = step.step === 'wait' ? step.held?.since : undefined;
  const waits = until === undefined ? 'waits for what is in quarantine' : `in quarantine until ${until}`;
  return {
    ...about,
    action: 'keep',
    reason: 'quarantined',
    detail: `${waits}: ${about.detail}`,
    // It deletes at once, by the same flags; a policy file is none of its.
    beyondAcrPurge: about.rule === undefined,
    ...(until !== undefined && { quarantine: { ...(since !== undefined && { since }), until } }),
  } satisfies Kept;
}
