import { eachAndMore, eachOf } from './each.ts';
import { newGhosts, unreadIn } from './unread.ts';
import { type WholePlan, wholePlan } from './repository-attributes.ts';
import { inTurns } from '../ledger/turns.ts';
import type { DecisionError } from '../planner/decision.ts';
import { planInSteps } from '../planner/plan.ts';
import { stage } from '../planner/quarantine.ts';
import type { Approved, Configuration, Evidence, Inventory, Planned, Rule } from '../planner/types.ts';
import type { TagFilter } from '../policy/filter.ts';
import type { PurgePolicy } from '../policy/purge-policy.ts';
import { keepsOf } from './keeps.ts';
import { type DeletedBefore, setAnew } from './merge.ts';
import { type FindingsOf, findKnown, withFound } from './findings/known-findings.ts';
import {
  approvedNow,
  heldIn,
  type HeldRepository,
  protectionsOf,
  type Quarantines,
  rememberedOf,
  stagingOf,
  withProtections,
} from './quarantine/quarantine.ts';
import { withUnseen } from './quarantine/quarantine-unseen.ts';
import { withUnlistedTags } from './unlisted-tags.ts';
import { asListed, type Known, nothingKnown, recall, rememberKnown, sharing } from './recall.ts';
import { readerAsBefore } from '../registry/held.ts';
import { readerWithLocks } from '../registry/lost-locks.ts';
import { lostLocksOf, lostLockWarnings } from './lost-locks.ts';
import { retentionOf } from './retention.ts';
import type { Match } from '../policy/regex/regex.ts';
import type { FactsFile } from '../registry/hashed-lines.ts';
import { toInstant } from '../registry/time.ts';
import type { ManifestFacts, RegistryReader, TagRecord } from '../registry/types.ts';

/** What one command wants of a repository. */
export interface Task {
  readonly policy: PurgePolicy;
  /** Those of its filters that match the repository. */
  readonly filters: readonly TagFilter[];
}

/** What planning takes besides. */
export interface Planning {
  readonly reader: RegistryReader;
  readonly now: Date;
  /** Nothing is deleted. */
  readonly preview: boolean;
  /** Takes the filters that matched a tag. */
  readonly matched: Set<TagFilter>;
  /** Matches the tags. */
  readonly match: Match;
  /** Where it is remembered what manifests of a repository hold. */
  readonly facts: (repository: string) => FactsFile;
  /** What is known of the use of a repository. Absent: no source is configured. */
  readonly evidence?: (repository: string) => Promise<Evidence>;
  /**
   * What is known of the vulnerabilities of the manifests that are listed, by digest. Absent: no source is configured.
   * Never throws but `StoppedError`: what cannot be read is not known, and the record of the run says so.
   */
  readonly findings?: FindingsOf;
  /** What is in quarantine. */
  readonly quarantine: Quarantines;
  /** The run that plans. Absent: none does, as where a policy is tried. */
  readonly record?: { readonly id: string };
  /** What the run has deleted in the repository before. */
  readonly deleted?: DeletedBefore;
}

export interface PlannedRepository extends WholePlan {
  readonly inventory: Inventory;
  /** Why something is kept that was to be deleted, where that is a failure. */
  readonly unread?: DecisionError;
  readonly held: HeldRepository;
}

/**
 * Lists a repository, plans it, and reads what the plan turns out to need, until it needs nothing more. What earlier
 * runs have read is not read again. Nothing where there is no such repository.
 *
 * @param only nothing else may go
 */
export async function planTask(
  planning: Planning,
  repository: string,
  task: Task,
  only?: Approved,
): Promise<PlannedRepository | undefined> {
  const { clock } = planning.quarantine;
  const quarantine = await planning.quarantine.of(repository);
  const before = readerAsBefore(planning.reader, rememberedOf(quarantine));
  const reader = readerWithLocks(before, lostLocksOf(quarantine));
  // Before the listings: what runs by a tag was tagged before it ran, so that the listing tells which image that is.
  const used = await planning.evidence?.(repository);
  // The tags first: a tag that is set meanwhile then shows on its manifest, and not the other way round.
  const tags = task.policy.tags ? await reader.tags(repository) : undefined;
  const manifests = task.policy.untagged ? await reader.manifests(repository) : undefined;
  if (!tags && !manifests) return undefined;
  const inUse = used && (await withUnlistedTags(reader, repository, used, { tags, manifests }));
  const known = nothingKnown();
  const { concurrency } = task.policy;
  const ghosts = newGhosts({ reader, now: planning.now, facts: known.facts, concurrency });
  const file = planning.facts(repository);
  const heldNow = (now: Pick<Inventory, 'tags' | 'manifests'>): HeldRepository => heldIn(quarantine, now);
  const approved = only && approvedNow(only, heldNow({ tags, manifests }), clock.now());
  const rule = { ...(await ruleFor(task, planning, tags, repository)), ...(approved && { only: approved }) };
  const evidence = withProtections(
    withProtections(inUse, protectionsOf(heldNow({ tags, manifests }), clock.now())),
    setAnew(planning.deleted ?? new Map(), { tags, manifests }),
  );
  const about = {
    repository,
    manifests,
    reader,
    file,
    concurrency,
    heldNow: (listed: Pick<Inventory, 'manifests'>) => heldNow({ tags, ...listed }),
  };
  const asked = planning.findings && (await findKnown(planning.findings, about));
  const found = asked && 'known' in asked ? asked : undefined;
  const unfound = asked && 'problem' in asked ? [asked.problem] : [];
  known.news += found?.facts.size ?? 0;
  let isRecalled = false;
  try {
    let inventory: Inventory = {
      repository,
      tags: tags?.map((tag) => (tag.digest === undefined ? tag : { ...tag, digest: asListed(manifests, tag.digest) })),
      manifests,
      facts: known.facts,
      referrers: known.referrers,
      configs: known.configs,
      ...(evidence && { evidence }),
      ...(found && { findings: found.known }),
      remembered: undefined,
    };
    for (;;) {
      const planned = await inTurns(planInSteps(inventory, rule));
      if (planned.state === 'planned') {
        if (await ghosts.look(inventory)) continue;
        const whole = await wholePlan(
          reader,
          planned.plan,
          // What a quarantine keeps is no use that a source knows of.
          { ...withoutEvidence(inventory), ...(inUse && { evidence: inUse }) },
          { rule, concurrency },
        );
        const unread = unreadIn(inventory, whole.plan, rule);
        const { deletionOf } = whole.plan;
        const isDeleted = (key: string): boolean =>
          deletionOf(key.startsWith(':') ? 'tag' : 'manifest', key.slice(1)) !== undefined;
        const warnings = [
          ...whole.warnings,
          ...ghosts.warnings(repository, whole.plan, rule),
          ...unread.warnings,
          ...lostLockWarnings(quarantine, inventory, isDeleted),
          ...unfound,
        ];
        const held = heldNow(await withUnseen(reader, quarantine, inventory));
        const how = { only, runId: planning.record?.id };
        const staged = stage(whole.plan, stagingOf(held, task.policy, clock.now(), how));
        const said = await withFound({ ...whole, plan: staged }, inventory, found);
        return { ...said, inventory, held, warnings, ...(unread.error && { unread: unread.error }) };
      }
      if (planned.listing) {
        const listed = (await reader.manifests(repository)) ?? { byDigest: new Map(), newest: undefined };
        inventory = { ...inventory, manifests: listed };
      }
      if (planned.tags) inventory = { ...inventory, tags: (await reader.tags(repository)) ?? [] };
      if ((planned.manifests.length > 0 || planned.memory) && !inventory.remembered) {
        await recall(file, inventory, known);
        isRecalled = true;
        inventory = { ...inventory, remembered: known.remembered };
        continue;
      }
      const { next } = planned;
      await eachAndMore(planned.manifests, concurrency, async (digest) => {
        // What was read for findings the plan knows once it asks for it, so that it decides as it does without them.
        const fact = found?.facts.get(digest) ?? (await reader.manifest(repository, digest));
        known.facts.set(digest, sharing(fact, inventory.manifests));
        if (fact.state === 'read') known.news += 1;
        return next(digest);
      });
      await eachOf(planned.configs, concurrency, async (digest) => {
        known.configs.set(digest, configurationOf(await reader.manifest(repository, digest)));
      });
      await askForReferrers({ ...planning, repository, known, concurrency }, planned);
    }
  } finally {
    // Also where it was stopped: the next run need not read it again.
    if (known.news > 0) {
      const listing = found?.listing ?? manifests;
      if (!isRecalled) await recall(file, { repository, tags, manifests: listing }, known);
      await rememberKnown(file, repository, known, found?.facts);
    }
  }
}

function withoutEvidence({ evidence, ...inventory }: Inventory): Inventory {
  return inventory;
}

function configurationOf(fact: ManifestFacts): Configuration {
  if (fact.state === 'unreadable') return 'unknown';
  return fact.state === 'read' && fact.config !== undefined ? { digest: fact.config } : {};
}

/** @throws {PolicyError} where a filter takes too long */
async function ruleFor(
  { policy, filters }: Task,
  { now, matched, preview, match }: Planning,
  tags: readonly TagRecord[] | undefined,
  repository: string,
): Promise<Rule> {
  const common = {
    now,
    cutOff: toInstant(new Date(now.getTime() - policy.agoMilliseconds)),
    ago: policy.ago,
    keep: policy.keep,
    untagged: policy.untagged,
    includeLocked: policy.includeLocked,
    preview,
  };
  if (policy.retention) {
    const { retention, effective } = await retentionOf(policy.retention, { repository, tags: tags ?? [], now, match });
    for (const [place, filter] of policy.filters.entries()) if (effective.has(place)) matched.add(filter);
    return { ...common, matches: undefined, filterOf: () => '', retention };
  }
  const names = tags?.map(({ name }) => name);
  const found = names && (await policy.compiled.tags(filters).matches(names, match));
  const keeps = await keepsOf(policy, { repository, names: names ?? [], found, match });
  for (const filter of found?.effective ?? []) matched.add(filter);
  return {
    ...common,
    ...(keeps && { keeps }),
    matches: found?.selected,
    filterOf: (tag) => found?.which(tag)?.text ?? filters.map(({ text }) => text).join('|'),
  };
}

interface Asking {
  readonly reader: RegistryReader;
  readonly repository: string;
  readonly known: Known;
  readonly concurrency: number;
}

async function askForReferrers(
  { reader, repository, known: { referrers }, concurrency }: Asking,
  { referrers: wanted, next }: Extract<Planned, { readonly state: 'needs' }>,
): Promise<void> {
  const ask = async (digest: string): Promise<readonly string[]> => {
    referrers.set(digest, (await reader.referrers(repository, digest).catch(() => undefined)) ?? 'unknown');
    return next(digest);
  };
  const [first] = wanted;
  if (first === undefined) return;
  const more = await ask(first);
  // Where the registry does not answer that, one call was enough to find out.
  if (referrers.get(first) !== 'unknown') await eachAndMore([...wanted.slice(1), ...more], concurrency, ask);
}
