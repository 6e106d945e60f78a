import type { TriedEvidence, TriedPull, TriedSource } from '../../evidence/pulls.ts';
import { QUARANTINE_PULLS } from '../../ledger/command.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import type { EvidenceRecord } from '../../ledger/records.ts';
import type { Evidence, Protection } from '../../planner/types.ts';
import { ago } from '../ago.ts';
import { groupedByRepository, silenceOf } from '../pulls/pulls.ts';

/*
 * What of a quarantine was asked for since: a client that fails to pull it needs it. A client that succeeds does, too: an
 * attribute may reach a replica of the registry late.
 */

/** What is asked what of a quarantine was asked for. */
export interface TriedOptions {
  readonly source: TriedSource;
  /** Whether the log of a registry is to be asked: its resource is known. */
  readonly asks: (registry: string) => boolean;
  /** Tells the log from another one, and how it is read. */
  readonly key?: string;
}

/** What a registry keeps of its quarantine, by what was asked for. */
interface TriesKept {
  readonly ofRepository: (repository: string) => Pick<Evidence, 'tags' | 'digests'> | undefined;
  readonly record: EvidenceRecord;
}

/** Asks the log where something is in quarantine, and the registry has one that is known. */
export async function readTries(
  ledger: Pick<Ledger, 'quarantines' | 'system'>,
  registry: string,
  { source, asks }: TriedOptions,
  signal?: AbortSignal,
): Promise<TriesKept | undefined> {
  if (!asks(registry)) return undefined;
  const waiting = new Map<string, readonly Waiting[]>();
  let first: string | undefined;
  for await (const { repository, entries } of ledger.quarantines(registry)) {
    if (entries.length > 0) waiting.set(repository, entries);
    for (const { since } of entries) if (first === undefined || since < first) first = since;
  }
  if (first === undefined) return undefined;
  const { tried, ...known } = await source.tried(registry, new Date(first), signal);
  const byRepository = groupedByRepository(tried);
  const now = ledger.system.clock.now();
  const kept = new Map(
    Array.from(waiting, ([repository, entries]) => [
      repository,
      keptByTries(entries, { ...known, tried: byRepository.get(repository) ?? [] }, now),
    ]),
  );
  const { observedAt, complete, problems, covers } = known;
  const said = complete && !covers ? [silenceOf(known)] : problems;
  return {
    ofRepository: (repository) => kept.get(repository),
    record: {
      source: QUARANTINE_PULLS,
      observedAt,
      scope: `pulls of what is in quarantine since ${first}`,
      complete,
      ...(said.length > 0 && { problems: said }),
      images: [...kept.values()].reduce((sum, { images }) => sum + images, 0),
    },
  };
}

/** What waits in the quarantine of a repository. */
export interface Waiting {
  readonly kind: 'tag' | 'manifest';
  readonly tag?: string;
  readonly digest: string;
  /** Of a manifest: what was on it when it came into quarantine. */
  readonly tags: readonly string[];
  /** ISO 8601, UTC. */
  readonly since: string;
  readonly until: string;
  /** The image that it belongs to, by its digest. */
  readonly root: string;
}

/** What is known of pulls, of one repository. */
export type Tried = Pick<TriedEvidence, 'complete' | 'problems' | 'covers' | 'lastEvent'> & {
  readonly tried: readonly TriedPull[];
};

/**
 * What a repository keeps of its quarantine, by what was asked for: each image with all that belongs to it. Where it
 * cannot be known what was asked for, it may have been.
 * @param now in milliseconds
 * @returns `images`: how many were asked for
 */
export function keptByTries(
  waiting: readonly Waiting[],
  { tried, ...known }: Tried,
  now: number,
): Pick<Evidence, 'tags' | 'digests'> & { readonly images: number } {
  const tags = new Map<string, Protection>();
  const digests = new Map<string, Protection>();
  const keep = (one: Waiting, protection: Protection): void => {
    const kept = one.kind === 'tag' ? tags : digests;
    const name = one.kind === 'tag' ? one.tag : one.digest;
    if (name !== undefined && !kept.has(name)) kept.set(name, protection);
  };
  const asked = new Map<string, Protection>();
  for (const one of waiting) {
    const protection = askedFor(one, tried, now);
    if (!protection) continue;
    keep(one, protection);
    if (!asked.has(one.root)) asked.set(one.root, belongingTo(one, protection));
  }
  for (const one of waiting) {
    const protection = asked.get(one.root) ?? unknownOf(one, known, now);
    if (protection) keep(one, protection);
  }
  return { tags, digests, images: asked.size };
}

/** That it was asked for by its digest, or by a tag, while it waited. */
function askedFor(one: Waiting, tried: readonly TriedPull[], now: number): Protection | undefined {
  const pulls = tried.filter((pull) => pull.last >= one.since && isOf(one, pull));
  const last = pulls.reduce<TriedPull | undefined>((a, b) => (a && a.last >= b.last ? a : b), undefined);
  if (!last) return undefined;
  // What was counted from before the quarantine on says nothing of the time since.
  const isCounted = pulls.every(({ first }) => first >= one.since);
  const times = pulls.reduce((all, pull) => all + pull.times, 0);
  const often = isCounted && times > 1 ? ` ${times} times` : '';
  const by = last.client === undefined ? '' : ` by ${last.client}`;
  const answer = last.answer === undefined ? '' : `, and answered with ${last.answer}`;
  const when = `${ago(now - Date.parse(last.last))} (${last.last.slice(0, 10)})`;
  return {
    reason: 'in-use',
    detail: `asked for${often} since it came into quarantine (${one.since.slice(0, 10)}), last ${when}${by}${answer}`,
  };
}

/**
 * A pull that failed may be logged without the digest. Where it has one, that decides: the tag may name another image by
 * now. A tag in quarantine is not asked for by who asks for its image in another way.
 */
function isOf({ kind, tag, digest, tags }: Waiting, pull: TriedPull): boolean {
  const isSame = pull.digest === undefined || pull.digest === digest;
  if (kind === 'tag') return pull.tag !== undefined && pull.tag === tag && isSame;
  return pull.digest === undefined ? pull.tag !== undefined && tags.includes(pull.tag) : isSame;
}

function belongingTo({ kind, tag, digest }: Waiting, { reason, detail }: Protection): Protection {
  const name = kind === 'tag' && tag !== undefined ? tag : digest;
  return { reason, detail: `it belongs together with ${name}, which was ${detail}` };
}

/** Why it cannot be known that it was not asked for, for as long as its quarantine lasts. */
function unknownOf(
  { since, until }: Waiting,
  { complete, problems, covers, lastEvent }: Omit<Tried, 'tried'>,
  now: number,
): Protection | undefined {
  const why = (text: string): Protection => ({
    reason: 'in-use-unknown',
    detail: `it is in quarantine, and may have been asked for: ${text}`,
  });
  if (!complete) return why(`the log of the registry could not be read completely: ${problems.join('; ')}`);
  if (!covers)
    return why(
      `the log of the registry has ${lastEvent === undefined ? 'no event' : `no event since ${lastEvent.slice(0, 16)}Z`}`,
    );
  // Where the log has a gap, the time begins anew behind it.
  const lasts = Date.parse(until) - Date.parse(since);
  if (covers.since <= since || now - Date.parse(covers.since) >= lasts) return undefined;
  return why(`pulls are known since ${covers.since.slice(0, 16)}Z only, which is less than its quarantine lasts`);
}
