import { execute } from '../executor/execute.ts';
import { notAttempted, type Result } from '../executor/results.ts';
import type { HeldFacts, QuarantineEntry } from '../ledger/quarantine.ts';
import type { PolicyRecord } from '../ledger/records.ts';
import type { RepositoryWriter } from '../ledger/writer.ts';
import { eachInTurns } from '../ledger/turns.ts';
import { type Decisions, keyOf } from '../planner/decision.ts';
import type { Hides } from '../planner/types.ts';
import { timeOf } from '../registry/clock.ts';
import { asBefore, isSame } from '../registry/held.ts';
import { withLocks } from '../registry/lost-locks.ts';
import type { ManifestFacts, ManifestRecord, Registry, TagRecord } from '../registry/types.ts';
import type { RunContext } from './context.ts';
import { eachOf } from './each.ts';
import { whyNoMore } from './evidence.ts';
import type { PlannedRepository } from './inventory.ts';
import { forgetLocks, lostLocksOf, rememberLostLocks } from './lost-locks.ts';
import {
  countedFrom,
  entryKey,
  heldEntries,
  type HeldRepository,
  type Quarantines,
  rememberedOf,
} from './quarantine/quarantine.ts';

/**
 * Carries out the plan of one repository: makes unreadable what comes into quarantine, and deletes the rest. What comes into
 * quarantine is in the ledger before that.
 *
 * @returns the decisions of the plan, each with its outcome
 * @throws {LedgerError} where it cannot be recorded
 */
export async function carryOut(
  context: RunContext & { readonly writer: Registry },
  planned: PlannedRepository,
  { includeLocked, record }: { readonly includeLocked: boolean; readonly record: RepositoryWriter },
): Promise<Decisions> {
  const { plan, inventory, held } = planned;
  const { writer, ledger, signal, log, quarantine } = context;
  const entered = plan.hides && (await enter(context, planned, plan.hides));
  const before = asBefore(writer, rememberedOf(held.quarantine));
  const { clock } = ledger.system;
  const entries = heldEntries(held, clock.now());
  const made = await execute(withLocks(before, lostLocksOf(held.quarantine)), plan, {
    inventory: inventory.manifests,
    tags: inventory.tags ?? [],
    includeLocked,
    clock,
    signal,
    mustBeUnreadable: new Set([...entries.keys(), ...(entered?.hiddenByOthers ?? [])]),
    isWaiting: (key) => Date.parse(entries.get(key)?.until ?? '') > clock.now(),
    ...(entered && { hiding: entered }),
    whyNoMore: () => whyNoMore(context, planned),
    onIntent: record.intend,
    onSettled: async (some) => {
      record.settled(some);
      await log?.decided(some);
    },
  });
  await entered?.settle(made);
  await forgetDeleted(quarantine, held, made);
  await rememberLostLocks(quarantine, { repository: plan.repository, runId: context.record.id }, made);
  await forgetLocks(writer, quarantine, held.quarantine);
  return made;
}

type Entering = Pick<RunContext, 'quarantine' | 'record' | 'reader'>;

/** What is about to be made unreadable. */
interface Entered {
  /** Why some cannot be, by digest: nothing would know any more what they hold. */
  readonly unfit: ReadonlyMap<string, Result>;
  /** Keys of what another client had made unreadable, as its entry says: a release leaves it so. */
  readonly hiddenByOthers: readonly string[];
  readonly onHidden: (key: string, lastUpdated: string | undefined) => void;
  readonly onDoubt: (key: string) => void;
  readonly onUnchanged: (key: string) => void;
  /** Records what became unreadable, and forgets the rest. */
  readonly settle: (made: Decisions) => Promise<void>;
}

/** Manifests that are read at once before they are made unreadable. */
const READ_AT_ONCE = 8;

/** Writes the entries of what a plan hides, before any of it is. Reads what no run could read afterwards. */
async function enter(
  { quarantine, record, reader }: Entering,
  { plan, inventory }: PlannedRepository,
  hides: Hides,
): Promise<Entered> {
  const { repository } = plan;
  const facts = new Map<string, ManifestFacts>();
  await eachOf(
    hides.manifests.map(({ digest }) => digest),
    READ_AT_ONCE,
    // Also where it is known: what is remembered has no configuration.
    async (digest) => void facts.set(digest, await reader.manifest(repository, digest)),
  );
  const unfit = new Map<string, Result>();
  const entries: QuarantineEntry[] = [];
  const since = timeOf(quarantine.clock);
  const records = inventory.manifests?.byDigest;
  const entryOf = (
    kind: 'tag' | 'manifest',
    name: string,
    now: TagRecord | ManifestRecord | undefined,
    about: Pick<QuarantineEntry, 'digest' | 'tags' | 'facts' | 'findings'>,
  ): void => {
    const decision = plan.deletionOf(kind, name);
    const key = kind === 'tag' ? `:${name}` : `@${name}`;
    if (!decision?.quarantine) return;
    entries.push({
      kind,
      ...(kind === 'tag' && { tag: name }),
      ...about,
      state: 'pending',
      since,
      until: decision.quarantine.until,
      runId: record.id,
      policy: policyOf(record),
      reason: decision.reason,
      detail: decision.detail,
      ...(decision.rule !== undefined && { rule: decision.rule }),
      ...(decision.size !== undefined && { size: decision.size }),
      ...(decision.mediaType !== undefined && { mediaType: decision.mediaType }),
      ...(now?.lastUpdated !== undefined && { lastUpdated: now.lastUpdated }),
      ...(now?.unreadable && { wasUnreadable: true as const }),
      ...(now?.locked && { wasLocked: true as const }),
      root: hides.roots.get(key) ?? about.digest,
    });
  };
  for (const { digest, tags } of hides.manifests) {
    const fact = facts.get(digest);
    const isHiddenByAnother = records?.get(digest)?.unreadable === true;
    // What another client has made unreadable is planned without knowing what it holds, and is no less readable then.
    if (fact?.state === 'unreadable' && !isHiddenByAnother) {
      unfit.set(digest, notAttempted(`it is not made unreadable, since it cannot be read before that: ${fact.why}`));
      continue;
    }
    const held = fact?.state === 'read' ? heldFacts(fact) : undefined;
    const findings = inventory.findings?.images.get(digest);
    const about = { digest, tags, ...(held && { facts: held }), ...(findings && { findings }) };
    entryOf('manifest', digest, records?.get(digest), about);
  }
  const tags = new Map((inventory.tags ?? []).map((tag) => [tag.name, tag]));
  for (const { tag, digest } of hides.tags) entryOf('tag', tag, tags.get(tag), { digest, tags: [] });
  const keys = new Set(entries.map(entryKey));
  /** What an earlier attempt may have made unreadable, so that it is not another client's. */
  const tried = new Set<string>();
  if (entries.length > 0)
    await quarantine.change(repository, ({ entries: before, released }) => {
      for (const entry of before) if (keys.has(entryKey(entry))) tried.add(entryKey(entry));
      return { entries: [...before.filter((entry) => !keys.has(entryKey(entry))), ...entries], released };
    });
  const hidden = new Map<string, Hidden>();
  const doubts = new Set<string>();
  const unchanged = new Set<string>();
  return {
    unfit,
    hiddenByOthers: entries.filter(({ wasUnreadable }) => wasUnreadable).map(entryKey),
    onHidden: (key, seen) => void hidden.set(key, { at: quarantine.clock.now(), seen }),
    onDoubt: (key) => void doubts.add(key),
    onUnchanged: (key) => void unchanged.add(key),
    async settle(made) {
      if (keys.size === 0) return;
      const outcomes = await outcomesOf(made, keys);
      const unmoved = kindsUnmoved(entries, hidden);
      await quarantine.change(repository, ({ entries: now, released }) => ({
        entries: now.flatMap((entry) => {
          const key = entryKey(entry);
          if (!keys.has(key) || entry.runId !== record.id || entry.state !== 'pending') return entry;
          const outcome = outcomes.get(key);
          const own = hidden.get(key);
          // Another client has made it so since it was planned.
          const isOthers = own === undefined && !doubts.has(key) && !tried.has(key);
          if (outcome === 'quarantined')
            return {
              ...settled(entry, own ?? { at: quarantine.clock.now(), seen: undefined }, unmoved),
              ...(isOthers && { wasUnreadable: true as const }),
            };
          // It may be unreadable, or become so late: the next run that looks at it finds out.
          return doubts.has(key) || (outcome === 'failed' && !unchanged.has(key)) ? entry : [];
        }),
        released,
      }));
    },
  };
}

function policyOf({ policy }: { readonly policy: PolicyRecord }): QuarantineEntry['policy'] {
  return { hash: policy.hash, from: policy.from };
}

function heldFacts({ children, subject, config }: Extract<ManifestFacts, { readonly state: 'read' }>): HeldFacts {
  return { children, ...(subject !== undefined && { subject }), ...(config !== undefined && { config }) };
}

/** What became unreadable: when, in milliseconds since 1970, and the time that the registry gives it since. */
interface Hidden {
  readonly at: number;
  readonly seen: string | undefined;
}

/** Of what kinds a change of attributes moves no time, as the answers show. */
function kindsUnmoved(
  entries: readonly QuarantineEntry[],
  hidden: ReadonlyMap<string, Hidden>,
): ReadonlySet<QuarantineEntry['kind']> {
  const unmoved = entries.filter((entry) => {
    const own = hidden.get(entryKey(entry));
    // What was unreadable before was not changed, and of what was pushed just now a moved time would be the same.
    const isOld = own !== undefined && own.at - Date.parse(entry.lastUpdated ?? '') >= OLD_MS;
    return isOld && !entry.wasUnreadable && isSame(entry.lastUpdated, own.seen);
  });
  return new Set(unmoved.map(({ kind }) => kind));
}

/** The clocks of this machine and of the registry differ by less. */
const OLD_MS = 3_600_000;

/**
 * Its time counts from when it became unreadable. Where the change itself moves no time, another time is that of a push
 * right before it. That is left out, so that the next run sees it as one.
 */
function settled(
  entry: QuarantineEntry,
  { at, seen }: Hidden,
  unmoved: ReadonlySet<QuarantineEntry['kind']>,
): QuarantineEntry {
  const isPush = unmoved.has(entry.kind) && entry.lastUpdated !== undefined && !isSame(entry.lastUpdated, seen);
  return { ...countedFrom(entry, at), state: 'quarantined', ...(seen !== undefined && !isPush && { seen }) };
}

async function outcomesOf(decisions: Decisions, keys: ReadonlySet<string>): Promise<ReadonlyMap<string, string>> {
  const outcomes = new Map<string, string>();
  await eachInTurns(decisions, (decision) => {
    if (keys.has(keyOf(decision)) && decision.action === 'delete') outcomes.set(keyOf(decision), decision.outcome);
  });
  return outcomes;
}

/** Forgets what was in quarantine and is deleted. */
export async function forgetDeleted(
  quarantine: Quarantines,
  { quarantine: { repository, entries } }: HeldRepository,
  made: Decisions,
): Promise<void> {
  const keys = new Set(entries.map(entryKey));
  if (keys.size === 0) return;
  const outcomes = await outcomesOf(made, keys);
  const gone = new Set(
    [...outcomes].filter(([, outcome]) => outcome === 'deleted' || outcome === 'already-gone').map(([key]) => key),
  );
  if (gone.size === 0) return;
  await quarantine.change(repository, (now) => ({
    entries: now.entries.filter((entry) => !gone.has(entryKey(entry))),
    released: now.released,
  }));
}
