import type { QuarantineEntry, Released } from '../../ledger/quarantine.ts';
import { eachInTurns } from '../../ledger/turns.ts';
import {
  type Decision,
  type Decisions,
  type Kept,
  type KeepReason,
  keyOf,
  type Release,
} from '../../planner/decision.ts';
import { isSame } from '../../registry/held.ts';
import type { Registry } from '../../registry/types.ts';
import type { RunContext } from '../context.ts';
import { eachOf } from '../each.ts';
import { countedFrom, entryKey, type HeldRepository, keptFromNow, type Quarantines, stateNow } from './quarantine.ts';
import { showAll, SHOWN_AT_ONCE } from './show.ts';

/** Reasons that say nothing for good: what is kept for one stays in quarantine, and is not deleted. */
const DOUBTS: ReadonlySet<KeepReason> = new Set([
  'unknown-time',
  'unknown-media-type',
  'unreadable',
  'in-use-unknown',
  'pull-history-too-short',
  'not-scanned',
  'end-of-life-unknown',
  'referrer-of-unlisted',
  'changed-since-plan',
  'not-in-plan',
  'quarantined',
]);

/** Reasons that follow from another artifact that is kept, which may be kept in doubt. */
const FOLLOWING: ReadonlySet<KeepReason> = new Set([
  'subject-of-kept',
  'referrer-of-kept',
  'child-of-kept-index',
  'signature-of-kept',
]);

/** Reasons that hold for every policy. What else a run keeps may be what another policy put into quarantine. */
const FOR_ALL: ReadonlySet<KeepReason> = new Set(['in-use', 'pulled-recently', 'released']);

/** Reasons after which an image is kept for a while, as if it had been seen in use. */
const FOR_USE: ReadonlySet<KeepReason> = new Set(['in-use', 'pulled-recently']);

/** An entry that is released, and why. */
interface Wanted {
  readonly entry: QuarantineEntry;
  readonly why: string;
  readonly isForUse: boolean;
}

type Releasing = Pick<RunContext, 'quarantine' | 'record' | 'writer' | 'signal'>;

/**
 * Releases what is in quarantine and is not to be deleted any more, as a run has just decided; a dry run says what it
 * would release. And corrects the record of what is gone, or was made readable by another client.
 *
 * @param decisions of all commands together
 * @returns the decisions that come in the place of these
 */
export async function releaseKept(
  context: Releasing,
  repository: string,
  held: HeldRepository,
  decisions: Decisions,
): Promise<readonly Decision[]> {
  const { quarantine, writer, signal } = context;
  if (held.quarantine.entries.length + held.quarantine.released.length === 0) return [];
  const wanted = await wantedIn(context, held, decisions);
  const decisionOf = (one: Wanted, release: Release): Kept =>
    keptAs(repository, one, { ...release, ...(one.isForUse && { needed: true as const }) });
  if (!writer) return wanted.map((one) => decisionOf(one, { outcome: 'planned' }));
  const released: Decision[] = [];
  const shown = forgetting(quarantine, repository);
  try {
    await showAll(writer, repository, wanted, signal, async (one, release) => {
      released.push(decisionOf(one, release));
      if (release.outcome !== 'released') return;
      const { digest, tag } = one.entry;
      const why = 'released by a run, since it is used,';
      const kept = { digest, ...(tag !== undefined && { tag }), ...keptFromNow(quarantine), why };
      await shown.add(one.entry, one.isForUse ? kept : undefined);
    });
  } finally {
    await shown.rest();
  }
  await tidy(writer, quarantine, held);
  return released;
}

/** What is to be released, the parts of an image before the image. */
async function wantedIn(
  { record }: Pick<Releasing, 'record'>,
  { quarantine: { entries }, status }: HeldRepository,
  decisions: Decisions,
): Promise<readonly Wanted[]> {
  const keys = new Set(entries.map(entryKey));
  const found = new Map<string, Decision>();
  await eachInTurns(decisions, (decision) => {
    if (keys.has(keyOf(decision))) found.set(keyOf(decision), decision);
  });
  const isOwn = ({ policy }: QuarantineEntry): boolean =>
    policy.hash === record.policy.hash || (policy.from === 'settings' && record.policy.from === 'settings');
  const whyOf = (entry: QuarantineEntry): Omit<Wanted, 'entry'> | undefined => {
    const key = entryKey(entry);
    const now = status.get(key);
    if (now?.state === 'changed') return { why: now.why, isForUse: false };
    if (now?.state !== 'held') return undefined;
    const decision = found.get(key);
    if (!decision) return isOwn(entry) ? { why: NOT_SELECTED, isForUse: false } : undefined;
    if (decision.action !== 'keep' || DOUBTS.has(decision.reason)) return undefined;
    if (FOLLOWING.has(decision.reason) && inDoubt.has(entry.root)) return undefined;
    if (!isOwn(entry) && !FOR_ALL.has(decision.reason)) return undefined;
    return { why: decision.detail, isForUse: FOR_USE.has(decision.reason) };
  };
  // What follows from a part of the same image says no more than that does.
  const inDoubt = new Set(entries.filter((entry) => isDoubt(found.get(entryKey(entry)))).map(({ root }) => root));
  const wanted = new Map<string, Wanted>();
  const roots = new Map<string, Wanted>();
  for (const entry of entries) {
    const why = whyOf(entry);
    if (!why) continue;
    wanted.set(entryKey(entry), { entry, ...why });
    if (!roots.has(entry.root)) roots.set(entry.root, { entry, ...why });
  }
  // An image that can be pulled in part is of no use to its clients.
  for (const entry of entries) {
    const key = entryKey(entry);
    const root = roots.get(entry.root);
    if (!root || wanted.has(key) || status.get(key)?.state !== 'held' || found.get(key)?.action === 'delete') continue;
    const name = root.entry.tag ?? root.entry.digest;
    wanted.set(key, {
      entry,
      why: `it belongs together with ${name}, which is released: ${root.why}`,
      isForUse: root.isForUse,
    });
  }
  return [...wanted.values()];
}

function isDoubt(decision: Decision | undefined): boolean {
  return decision?.action === 'keep' && decision.reason !== 'quarantined' && DOUBTS.has(decision.reason);
}

const NOT_SELECTED = 'no command of the policy selects it any more';

/** The decision on a released artifact. */
export function keptAs(
  repository: string,
  { entry, why }: { readonly entry: QuarantineEntry; readonly why: string },
  release: Release,
): Kept {
  const { kind, tag, digest, tags, rule, size, mediaType, lastUpdated, wasLocked } = entry;
  return {
    repository,
    kind,
    ...(tag !== undefined && { tag }),
    digest,
    ...(kind === 'manifest' && { tags }),
    action: 'keep',
    reason: 'released',
    detail: why,
    ...(rule !== undefined && { rule }),
    beyondAcrPurge: false,
    ...(size !== undefined && { size }),
    ...(mediaType !== undefined && { mediaType }),
    ...(lastUpdated !== undefined && { lastUpdateTime: lastUpdated }),
    ...(wasLocked && { locked: true as const }),
    release,
  };
}

/** Entries that leave the record of a repository together: each change writes all of it, and there may be thousands. */
const TOGETHER = 256;

/** Removes entries once their artifacts are readable again, many at a time. */
export function forgetting(quarantine: Quarantines, repository: string) {
  let entries: QuarantineEntry[] = [];
  let kept: Released[] = [];
  const rest = async (): Promise<void> => {
    const [some, others] = [entries, kept];
    [entries, kept] = [[], []];
    if (some.length > 0) await forget(quarantine, repository, some, others);
  };
  return {
    async add(entry: QuarantineEntry, released?: Released): Promise<void> {
      entries.push(entry);
      if (released) kept.push(released);
      if (entries.length >= TOGETHER) await rest();
    },
    rest,
  };
}

/** Removes entries, and adds what is kept from now on. */
export async function forget(
  quarantine: Quarantines,
  repository: string,
  entries: readonly QuarantineEntry[],
  kept: readonly Released[],
): Promise<void> {
  const keys = new Set(entries.map(entryKey));
  const isKept = new Set(kept.map(({ digest, tag }) => `${digest} ${tag ?? ''}`));
  await quarantine.change(repository, (now) => ({
    entries: now.entries.filter((entry) => !keys.has(entryKey(entry))),
    released: [...now.released.filter(({ digest, tag }) => !isKept.has(`${digest} ${tag ?? ''}`)), ...kept],
  }));
}

/**
 * Corrects the record where the registry is not as it says: what was never made unreadable, is gone, or was made readable by
 * another client. Each is asked for by itself: a listing may be old.
 *
 * @throws {RegistryError} where one cannot be asked for
 */
export async function tidy(
  registry: Pick<Registry, 'manifestAttributes' | 'lookAtTags'>,
  quarantine: Quarantines,
  { quarantine: { repository, entries, released }, status }: HeldRepository,
): Promise<void> {
  const now = quarantine.clock.now();
  const isExpired = ({ until }: Released): boolean => Date.parse(until) <= now;
  const doubtful = entries.filter((entry) => {
    const state = status.get(entryKey(entry))?.state;
    return entry.state === 'pending' || (state !== 'held' && state !== 'changed' && state !== 'unseen');
  });
  if (doubtful.length === 0 && !released.some(isExpired)) return;
  const became = new Map<string, Awaited<ReturnType<typeof stateNow>>>();
  const since = new Map(doubtful.map((entry) => [entryKey(entry), `${entry.runId} ${entry.since}`]));
  const isAsBefore = (entry: QuarantineEntry): boolean =>
    since.get(entryKey(entry)) === `${entry.runId} ${entry.since}`;
  await eachOf(doubtful, SHOWN_AT_ONCE, async (entry) => {
    became.set(entryKey(entry), await stateNow(registry, repository, entry));
  });
  const keptTimes = keptFromNow(quarantine);
  await quarantine.change(repository, (file) => {
    const kept: Released[] = [];
    const left = file.entries.flatMap((entry) => {
      const is = became.get(entryKey(entry));
      // What this run has put there itself since is another one.
      if (is === undefined || !isAsBefore(entry)) return entry;
      if (is === 'gone') return [];
      if (is === 'readable') {
        const isShown = entry.state === 'quarantined' && !entry.wasUnreadable;
        const { digest, tag } = entry;
        if (isShown)
          kept.push({
            digest,
            ...(tag !== undefined && { tag }),
            ...keptTimes,
            why: 'made readable by another client, seen',
          });
        return [];
      }
      const isUnchanged = entry.lastUpdated === undefined || isSame(entry.lastUpdated, is.unreadable.lastUpdated);
      if (!isUnchanged) return entry;
      return entry.state === 'pending' ? { ...countedFrom(entry, now), state: 'quarantined' as const } : entry;
    });
    return { entries: left, released: [...file.released.filter((one) => !isExpired(one)), ...kept] };
  });
}
