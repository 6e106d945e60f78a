import { fromError } from '../../executor/results.ts';
import { type RepositorySummary, summarizeInTurns, unfinishedRepository } from '../../ledger/summary.ts';
import type { RepositoryWriter } from '../../ledger/writer.ts';
import { type DecisionError, keyOf, type Restored } from '../../planner/decision.ts';
import {
  decideOnManifest,
  type Held,
  type Lost,
  planRestore,
  type RestorePlan,
  type Wanted,
} from '../../planner/restore.ts';
import type { ContentReader } from '../../registry/content.ts';
import { RegistryError, StoppedError } from '../../registry/errors.ts';
import { addTo } from '../../planner/slices.ts';
import { kindOf } from '../../registry/media-types.ts';
import type { Registry } from '../../registry/types.ts';
import type { RunContext } from '../context.ts';
import { eachOf } from '../each.ts';
import type { Processed } from '../repository.ts';
import { bringBack, type Unit } from './restore-unit.ts';
import { keepForAWhile } from './restore-keep.ts';
import { type Asked, childOf, heldBefore, wantedIn, withChildren } from './restore-wanted.ts';
import type { Copies, Way } from './restore-ways.ts';
import { type Missing, missingIn, unlessUnread, warningsOf } from './restore-whole.ts';

/** What is restored, and from where. */
export interface Restoring {
  readonly asked: Asked;
  readonly content: ContentReader;
  readonly ways: readonly Way[];
  readonly force: boolean;
}

/** A way, with what it has of this repository. */
export interface Copied {
  readonly way: Way;
  readonly copies: Copies;
}

/** What is known of a repository before anything of it is brought back. */
interface Found {
  readonly wanted: Wanted;
  readonly plan: RestorePlan;
  readonly copied: readonly Copied[];
  readonly listed: RepositorySummary['listed'];
  /** What manifests hold, as far as it is known. */
  readonly held: (digest: string) => Held | undefined;
  readonly missing: Missing;
  readonly decide: (digest: string, lost: Lost) => Restored;
}

/** Manifests that are brought back side by side, and those whose intent is recorded together. */
const AT_ONCE = 8;
const TOGETHER = 64;

/**
 * Restores one repository: children first, then indexes, then what refers to them, each with all its tags. What it decides
 * and does is in the ledger when it returns, and before it is done. Done again, it leaves what is there as it is.
 *
 * @throws {LedgerError} where it cannot be recorded; then nothing is changed
 */
export async function restoreRepository(context: RunContext, restoring: Restoring, name: string): Promise<Processed> {
  const { writer, writes, signal, log } = context;
  const written = writes.repository(name);
  let found: Found;
  try {
    found = await find(context, restoring, name);
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    const state = error instanceof StoppedError ? 'stopped' : 'failed';
    const summary = unfinishedRepository(name, state, fromError(error).error ?? { message: error.message });
    return { state: 'final', record: await written.write(summary, []), decisions: [] };
  }
  const { plan, listed, missing } = found;
  const decisions = new Map(plan.decisions.map((one) => [keyOf(one), one]));
  if (writer) await carryOut({ ...context, writer }, restoring, name, found, decisions, written);
  const all = [...decisions.values()];
  const warnings = warningsOf(name, missing);
  const summary = { ...(await summarizeInTurns(name, all, listed)), ...(warnings.length > 0 && { warnings }) };
  const isStopped =
    writer && signal.aborted && all.some(({ outcome, error }) => outcome === 'not-attempted' && error === STOPPED);
  const whole = isStopped ? { ...summary, state: 'stopped' as const, error: STOPPED } : summary;
  const record = await written.close(whole, all);
  await log?.decided(all);
  return { state: 'final', record, decisions: all };
}

const STOPPED: DecisionError = { message: 'the run was stopped before' };

async function find(context: RunContext, { asked, ways, force }: Restoring, name: string): Promise<Found> {
  const { ledger, record, reader, signal } = context;
  const copied: Copied[] = [];
  for (const way of ways) copied.push({ way, copies: await way.look(name, signal) });
  const remembered = await heldBefore(ledger, record.registry, name);
  const lookedInto = new Map<string, Held>();
  const held = (digest: string): Held | undefined => remembered(digest) ?? lookedInto.get(digest);
  const [manifests, tags] = [await reader.manifests(name, signal), await reader.tags(name, signal)];
  const there = new Set(manifests?.byDigest.keys());
  const wayOf = (digest: string): Copies['reason'] | undefined =>
    copied.find(({ copies }) => copies.has(digest))?.copies.reason;
  const isLost = (digest: string): boolean => !there.has(digest) && wayOf(digest) !== undefined;
  const all = async (): Promise<Wanted> =>
    withChildren(await wantedIn(ledger, record.registry, name, asked, held), { held, isWanted: isLost });
  // An index that is there may be back without what it holds.
  const isIndex = (digest: string) => kindOf(manifests?.byDigest.get(digest)?.mediaType) === 'index';
  const lookedAt = new Set<string>();
  let wanted = await all();
  // What is in an index may be an index itself.
  for (let before = -1; before !== lookedInto.size;) {
    before = lookedInto.size;
    const unknown = [...wanted.manifests.keys()].filter((digest) => !lookedAt.has(digest) && !held(digest));
    for (const digest of unknown) lookedAt.add(digest);
    await lookInto(unknown, copied, lookedInto);
    await eachOf(unknown.filter(isIndex), AT_ONCE, async (digest) => {
      const facts = await reader.manifest(name, digest, signal);
      if (facts.state === 'read') lookedInto.set(digest, facts);
    });
    if (lookedInto.size > before) wanted = await all();
  }
  // What no listing shows may be hidden.
  const digests = new Set([...wanted.manifests.keys(), ...Array.from(wanted.tags.values(), ({ digest }) => digest)]);
  const isKnown = (digest: string): boolean => there.has(digest) || wayOf(digest) !== undefined;
  const named = [
    ...missingIn(wanted.manifests.keys(), held, (one) => isKnown(one) || digests.has(one)).values(),
  ].flat();
  const unclear = [...digests, ...new Set(named)].filter((digest) => !isKnown(digest));
  await eachOf(unclear, AT_ONCE, async (digest) => {
    if (await reader.manifestAttributes(name, digest, signal)) there.add(digest);
  });
  const tagged = new Map(tags?.map((tag) => [tag.name, tag.digest]));
  const whyNone = copied.map(({ copies }) => copies.why ?? NOT_AMONG[copies.reason]).join('; ');
  const standing = {
    isThere: (digest: string) => there.has(digest),
    named: (tag: string) => tagged.get(tag),
    wayOf,
    whyNone,
    held,
    isIndex: (mediaType: string | undefined) => kindOf(mediaType) === 'index',
    force,
  };
  return {
    wanted,
    plan: planRestore(wanted, standing),
    copied,
    listed: { tags: tagged.size, manifests: there.size },
    held,
    missing: missingIn(wanted.manifests.keys(), held, (one) => isKnown(one) || digests.has(one)),
    decide: (digest, lost) => decideOnManifest(name, digest, lost, [], standing),
  };
}

const NOT_AMONG: Readonly<Record<Copies['reason'], string>> = {
  'soft-deleted': 'it is not among what the registry keeps of what was deleted (soft delete)',
  archived: 'it is not in the archive',
};

/** Looks into copies of what no run remembers, so that what they hold comes back before them. */
async function lookInto(
  unknown: readonly string[],
  copied: readonly Copied[],
  found: Map<string, Held>,
): Promise<void> {
  await eachOf(unknown, AT_ONCE, async (digest) => {
    const copies = copied.find((one) => one.copies.has(digest) && one.copies.held)?.copies;
    // One that is damaged fails when it is to come back.
    const holds = await copies?.held?.(digest).catch(() => undefined);
    if (holds && (holds.children.length > 0 || holds.subject !== undefined)) found.set(digest, holds);
  });
}

/** Brings back what is planned, wave by wave. What there is to say of each is in `decisions` then. */
async function carryOut(
  context: RunContext & { readonly writer: Registry },
  restoring: Restoring,
  name: string,
  { plan, copied, listed, held, missing, decide }: Found,
  decisions: Map<string, Restored>,
  written: RepositoryWriter,
): Promise<void> {
  const { writer, signal } = context;
  const record = async (): Promise<void> => {
    // It stands like this until it is carried out, whatever happens to this process.
    const stands = [...decisions.values()].map(unlessDone);
    await written.write(unfinishedRepository(name, 'stopped', STOPPED, stands, listed), stands);
  };
  await record();
  await keepForAWhile(context, name, [...decisions.values()]);
  const known = new Set(plan.waves.flat());
  let forbidden: DecisionError | undefined;
  const waves = plan.waves.map((digests) => [...digests]);
  const refused: Unit[] = [];
  let backBefore = 0;
  for (let wave = waves.shift(); wave; wave = waves.shift()) {
    for (let from = 0; from < wave.length; from += TOGETHER) {
      const units = unitsOf(wave.slice(from, from + TOGETHER), decisions);
      const keys = units.flatMap(({ manifest, tags }) => [...(manifest ? [manifest] : []), ...tags].map(keyOf));
      if (keys.length === 0) continue;
      if (!signal.aborted && !forbidden) await written.intend(keys);
      /** What holds each. */
      const children = new Map<string, string>();
      await eachOf(units, AT_ONCE, async (unit) => {
        const why = signal.aborted ? STOPPED : forbidden;
        const came = why
          ? notTried(unit, why)
          : await bringBack(writer, name, unit, { copied, force: restoring.force, signal, stopped: STOPPED });
        const results = 'results' in came ? came.results.map((one) => unlessUnread(one, came, held)) : came;
        for (const one of results) decisions.set(keyOf(one), one);
        written.settled(results);
        if (isRefused(results, unit)) refused.push(unit);
        forbidden ??= results.find(({ error }) => error?.status === 401 || error?.status === 403)?.error;
        if ('children' in came) for (const child of came.children ?? []) children.set(child, unit.digest);
      });
      // What an index holds may be known only once it is back.
      const found = [...children].filter(
        ([child]) => !known.has(child) && !missing.get(children.get(child) ?? '')?.includes(child),
      );
      const more: string[] = [];
      await eachOf(found, AT_ONCE, async ([child, index]) => {
        known.add(child);
        if (signal.aborted) return;
        const isCopied = copied.some(({ copies }) => copies.has(child));
        // Where that cannot be found out, it is tried.
        const now = await writer.manifestAttributes(name, child, signal).catch(() => (isCopied ? undefined : UNKNOWN));
        if (now) return;
        if (!isCopied) {
          addTo(missing, index, child);
          return;
        }
        const decision = decide(child, childOf('an index that came back'));
        decisions.set(keyOf(decision), decision);
        more.push(child);
      });
      if (more.length === 0) continue;
      await record();
      waves.unshift(more);
    }
    // To what a manifest refers may be in no record, and what soft delete keeps does not tell. Once more is back it is tried again.
    if (waves.length > 0 || refused.length === 0) continue;
    const back = [...decisions.values()].filter(({ outcome }) => outcome === 'restored').length;
    if (back === backBefore) continue;
    backBefore = back;
    waves.push(refused.map(({ digest }) => digest));
    for (const { manifest, tags } of refused.splice(0))
      for (const one of [...(manifest ? [manifest] : []), ...tags]) decisions.set(keyOf(one), one);
    await record();
  }
}

/** Whether the registry would not have a manifest yet: it answers 409 while that to which it refers is not back. */
function isRefused(results: readonly Restored[], { manifest }: Unit): boolean {
  return manifest !== undefined && results.some(({ kind, error }) => kind === 'manifest' && error?.status === 409);
}

/** Manifests with their tags of which something is planned. */
function unitsOf(digests: readonly string[], decisions: ReadonlyMap<string, Restored>): readonly Unit[] {
  const wanted = new Set(digests);
  const tags = new Map<string, Restored[]>();
  for (const decision of decisions.values()) {
    const { kind, digest = '', outcome } = decision;
    if (kind === 'tag' && outcome === 'planned' && wanted.has(digest)) addTo(tags, digest, decision);
  }
  return digests.flatMap((digest) => {
    const manifest = decisions.get(`@${digest}`);
    const planned = manifest?.outcome === 'planned' ? manifest : undefined;
    const own = tags.get(digest) ?? [];
    return planned || own.length > 0 ? [{ digest, manifest: planned, tags: own, lock: manifest?.lock }] : [];
  });
}

function notTried({ manifest, tags }: Unit, why: DecisionError): readonly Restored[] {
  const error = why === STOPPED ? STOPPED : { message: `not tried, because another was refused: ${why.message}` };
  return [...(manifest ? [manifest] : []), ...tags].map((one) => ({ ...one, outcome: 'not-attempted', error }));
}

const UNKNOWN = 'it could not be asked for';

function unlessDone(decision: Restored): Restored {
  return decision.outcome === 'planned' ? { ...decision, outcome: 'not-attempted' } : decision;
}
