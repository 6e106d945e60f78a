import { upToDate } from './policy-record.ts';
import { type Decision, keyOf } from '../planner/decision.ts';
import { cancellationIn, isFinal, withCancellation } from './cancellation.ts';
import { isPlanned } from './plan-hash.ts';
import { type Replayed, replayFile } from './journal.ts';
import { idOf, isRunId, pathsOf, RUNS } from './paths.ts';
import { parentIn } from './batch.ts';
import { linesOf, parse, valuesOf } from './parse.ts';
import { hasEnded } from './store/process.ts';

import type { DecisionQuery, ImageName, LedgerReader, RunQuery, Sighting } from './reader.ts';
import { decisionSchema, repositorySchema, runSchema } from './schemas.ts';
import { DamagedError, type Store } from './store/store.ts';
import type { RepositoryRecord, RunRecord } from './records.ts';

/** Files that are asked for ahead of their use: far fewer than a registry has repositories, and enough to hide a store's latency. */
const AHEAD = 8;

/** After this a dry run whose process cannot be asked for is taken to have ended with it. */
const LONGEST_DRY_RUN_MS = 24 * 3_600_000;

export function readLedger(store: Store): LedgerReader {
  const run: LedgerReader['run'] = async (id) => {
    if (!isRunId(id)) return undefined;
    const file = await store.read(pathsOf(id).run);
    if (!file) return undefined;
    const record = asItStands(parse(store, pathsOf(id).run, runSchema, file.text));
    if (isFinal(record) || record.cancelled) return record;
    return withCancellation(record, await cancellationIn(store, id));
  };

  async function* runs(query: RunQuery = {}): AsyncGenerator<RunRecord, void> {
    const { from, to, before } = query;
    const ids: string[] = [];
    for await (const id of store.folders(RUNS)) {
      const inTime = (from === undefined || id >= idOf(from)) && (to === undefined || id < idOf(to));
      if (isRunId(id) && inTime && (before === undefined || id < before)) ids.push(id);
    }
    // One that is damaged is not to hide all others: who asks for it is told.
    const readable = (id: string) =>
      run(id).catch((error: unknown) => {
        if (!(error instanceof DamagedError)) throw error;
      });
    for await (const record of ahead(ids.reverse(), readable)) if (record && isWanted(record, query)) yield record;
  }

  /** The record and the decisions of one repository; nothing where the run has none of it. */
  async function* file(path: string): AsyncGenerator<readonly string[], void> {
    yield* linesOf(store, path, await store.stream(path));
  }

  const first = async (path: string): Promise<RepositoryRecord | undefined> => {
    for await (const [line = ''] of file(path)) return parse(store, path, repositorySchema, line, 1);
    return undefined;
  };

  async function* repositories(id: string): AsyncGenerator<RepositoryRecord, void> {
    const { repositories: index, allDecisions } = pathsOf(id);
    if (!isRunId(id)) return;
    // Of a run that goes on it may still be there, from when it had ended before.
    const bytes = (await run(id))?.state === 'running' ? undefined : await store.stream(index);
    if (bytes) {
      yield* valuesOf(store, index, repositorySchema, bytes);
      return;
    }
    const records: RepositoryRecord[] = [];
    for await (const record of ahead(await Array.fromAsync(store.list(allDecisions)), first))
      if (record) records.push(record);
    yield* records.sort((a, b) => (a.summary.repository < b.summary.repository ? -1 : 1));
  }

  async function* decisions(id: string, query: DecisionQuery = {}): AsyncGenerator<Decision, void> {
    const record = await run(id);
    if (!record) return;
    const names: string[] = [];
    if (query.repository !== undefined) names.push(query.repository);
    else for await (const { summary } of repositories(id)) names.push(summary.repository);
    yield* select(record, names, matcher(query));
  }

  async function* select(
    { id, state }: RunRecord,
    names: readonly string[],
    matches: Matcher,
  ): AsyncGenerator<Decision, void> {
    const { decisions: pathOf, journal } = pathsOf(id);
    const mayBeOpen = state !== 'done' && state !== 'waiting';
    // The first lines, too: where files are small, the time goes into opening them.
    const open = async (name: string) => {
      const lines = file(pathOf(name));
      return { name, lines, first: await lines.next() };
    };
    for await (const { name, lines, first } of ahead(names, open, ({ lines }) => lines.return())) {
      try {
        // While it is carried out, what became of a deletion stands in the journal.
        const news = mayBeOpen ? await replayFile(store, journal(name)) : undefined;
        const path = pathOf(name);
        // The first line is the record of the repository.
        let number = 0;
        for (let some = first; !some.done; some = await lines.next()) {
          for (const line of some.value) {
            number += 1;
            if (number === 1 || (!news && !matches.line(line))) continue;
            const written = parse(store, path, decisionSchema, line, number);
            const decision = news ? updated(written, news) : written;
            if (matches.decision(decision)) yield decision;
          }
        }
      } finally {
        await lines.return();
      }
    }
  }

  async function explainRun(record: RunRecord, { repository, tag, digest }: ImageName): Promise<readonly Sighting[]> {
    const matches = tag === undefined ? matcher({ ...(digest !== undefined && { digest }) }) : withItsManifest(tag);
    return (await Array.fromAsync(select(record, [repository], matches))).map((decision) => ({
      run: record,
      decision,
    }));
  }

  async function* explain(image: ImageName): AsyncGenerator<Sighting, void> {
    const records = await Array.fromAsync(runs());
    for await (const sightings of ahead(records, (record) => explainRun(record, image))) yield* sightings;
  }

  return {
    place: store.place,
    runs,
    run,
    repositories,
    repository: (id, name) => first(pathsOf(id).decisions(name)),
    decisions,
    explain,
    parent: (id) => parentIn(store, id),
  };
}

/** What is recorded as running may have ended with its process. A dry run has no lock by which the next run would find it. */
export function asItStands(written: RunRecord): RunRecord {
  const record = upToDate(written);
  const { state, dryRun, holder, started, resumed, progress } = record;
  if (state !== 'running') return record;
  const since = progress.at ?? resumed?.at(-1)?.at ?? started;
  const ended = hasEnded(holder) || (dryRun && Date.now() - Date.parse(since) > LONGEST_DRY_RUN_MS);
  return ended ? { ...record, state: 'interrupted' } : record;
}

function isWanted({ state, kind, registry, parent, plan }: RunRecord, query: RunQuery): boolean {
  const waits = plan?.state === 'waiting' && state !== 'running';
  return (
    (query.waits !== true || waits) &&
    (query.states?.includes(state) ?? true) &&
    (query.kinds?.includes(kind) ?? true) &&
    (query.registry === undefined || query.registry === registry) &&
    (query.parent === undefined || query.parent === parent)
  );
}

/** A decision with what the journal knows of it. */
function updated(written: Decision, { decisions, open }: Replayed): Decision {
  const key = keyOf(written);
  if (!open.has(key) || written.action === 'keep') return decisions.get(key) ?? written;
  // Where the repository was closed, and its journal is left, it is known what became of it.
  const isUndecided = isPlanned(written) || written.outcome === 'not-attempted';
  return isUndecided ? { ...written, error: UNDER_WAY } : written;
}

const UNDER_WAY = { message: 'under way; nobody has recorded yet what became of it' };

interface Matcher {
  readonly line: (line: string) => boolean;
  readonly decision: (decision: Decision) => boolean;
}

/** A tag, and the manifest that it named: also where no filter matched the tag, and only its manifest was decided on. */
function withItsManifest(tag: string): Matcher {
  const quoted = JSON.stringify(tag);
  // The decisions on tags stand before those on manifests.
  let named: string | undefined;
  return {
    line: (line) => line.includes(quoted) || (named !== undefined && line.includes(named)),
    decision: (decision) => {
      if (decision.kind === 'manifest') return decision.digest === named || (decision.tags?.includes(tag) ?? false);
      if (decision.tag !== tag) return false;
      named = decision.digest;
      return true;
    },
  };
}

/** Tells what is wanted: of a line whether it may be, so that most lines need not be parsed, and of a decision whether it is. */
function matcher({ tag, digest, action, reason, text }: DecisionQuery): Matcher {
  const parts = [
    ...(tag === undefined ? [] : [`"tag":${JSON.stringify(tag)}`]),
    ...(digest === undefined ? [] : [`"digest":${JSON.stringify(digest)}`]),
    ...(action === undefined ? [] : [`"action":"${action}"`]),
    ...(reason === undefined ? [] : [`"reason":"${reason}"`]),
  ];
  const wanted = text?.toLowerCase();
  return {
    line: (line: string) => parts.every((part) => line.includes(part)),
    decision: (decision: Decision) =>
      (tag === undefined || (decision.kind === 'tag' && decision.tag === tag)) &&
      (digest === undefined || decision.digest === digest) &&
      (action === undefined || decision.action === action) &&
      (reason === undefined || decision.reason === reason) &&
      (wanted === undefined ||
        [decision.repository, decision.tag, decision.digest, decision.detail].some((part) =>
          part?.toLowerCase().includes(wanted),
        )),
  };
}

/**
 * Asks for a few ahead of their use, and yields what came in the order of the items.
 * @param release what to do with what nobody took any more
 */
async function* ahead<T, R>(
  items: readonly T[],
  ask: (item: T) => Promise<R>,
  release: (result: R) => unknown = () => undefined,
): AsyncGenerator<R, void> {
  const asked: Promise<R>[] = [];
  const queue = items.values();
  try {
    for (;;) {
      for (const item of queue) {
        const promise = ask(item);
        // It is waited for later; until then its failure is nobody's.
        promise.catch(() => undefined);
        if (asked.push(promise) === AHEAD) break;
      }
      const first = asked.shift();
      if (!first) return;
      yield await first;
    }
  } finally {
    for (const promise of asked) promise.then(release, () => undefined);
  }
}
