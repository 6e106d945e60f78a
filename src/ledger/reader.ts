import { type Decision, keyOf, type Reason } from '../planner/decision.ts';
import { type Parent, parentIn } from './batch.ts';
import { cancellationIn, isFinal, withCancellation } from './cancellation.ts';
import { readUsed, type UsedImages } from './in-use.ts';
import { type Replayed, replayFile } from './journal.ts';
import { linesOf, parse, valuesOf } from './parse.ts';
import { idOf, isRunId, pathsOf, RUNS, usedPath } from './paths.ts';
import { isPlanned } from './plan-hash.ts';
import { upToDate } from './policy-record.ts';
import { isWanted, type Matcher, matcher, withItsManifest } from './query.ts';
import type { RepositoryRecord, RunKind, RunRecord, RunState } from './records.ts';
import { decisionSchema } from './decision-schema.ts';
import { repositorySchema, runSchema } from './schemas.ts';
import { hasEnded, type System } from './store/system.ts';
import { DamagedError, type Store } from './store/store.ts';

/** Reads a ledger back. Every method throws `LedgerError`. */
export interface LedgerReader {
  /** The system of the process that has opened it: its clock, and its name. */
  readonly system: System;
  /** Where it is kept, for people. */
  readonly place: string;
  /** The newest first. */
  readonly runs: (query?: RunQuery) => AsyncIterable<RunRecord>;
  readonly run: (id: string) => Promise<RunRecord | undefined>;
  /** What began the runs of several registries together. */
  readonly parent: (id: string) => Promise<Parent | undefined>;
  /** The repositories of a run, by name; of one that is running, those that are done. */
  readonly repositories: (id: string) => AsyncIterable<RepositoryRecord>;
  /** One of them. */
  readonly repository: (id: string, name: string) => Promise<RepositoryRecord | undefined>;
  /** By repository; as many as there are, in memory for one repository at most. */
  readonly decisions: (id: string, query?: DecisionQuery) => AsyncIterable<Decision>;
  /** Everything that is known of one artifact, the newest run first. Of a tag also what was decided on its manifest. */
  readonly explain: (image: ImageName) => AsyncIterable<Sighting>;
  /** What was in use at a registry, as runs have seen it. */
  readonly used: (registry: string) => Promise<UsedImages>;
}

/** Which runs. Those that are left out do not matter. */
export interface RunQuery {
  readonly states?: readonly RunState[];
  /** Only those whose plan waits for approval, whatever their state: a dry run's, say, that was applied and held back. */
  readonly waits?: true;
  readonly kinds?: readonly RunKind[];
  readonly registry?: string;
  /** Id of what began them together. */
  readonly parent?: string;
  /** Started at or after, and before. */
  readonly from?: Date;
  readonly to?: Date;
  /** Only runs older than this one: where the page before it ended. */
  readonly before?: string;
}

/** Which decisions of a run. */
export interface DecisionQuery {
  readonly repository?: string;
  /** Only these, one after the other; where `repository` is given, that one. */
  readonly repositories?: readonly string[];
  readonly tag?: string;
  readonly digest?: string;
  readonly action?: Decision['action'];
  readonly reason?: Reason;
  /** Only what was scanned. */
  readonly scanned?: true;
  /** What stands somewhere in the name of the artifact or in its detail; upper and lower case are the same. */
  readonly text?: string;
}

/** What one run knows of an artifact. */
export interface Sighting {
  readonly run: RunRecord;
  readonly decision: Decision;
}

/** `repo:tag` or `repo@sha256:…`. */
export interface ImageName {
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
}

/** Files that are asked for ahead of their use: far fewer than a registry has repositories, and enough to hide a store's latency. */
const AHEAD = 8;

/** After this a dry run whose process cannot be asked for is taken to have ended with it. */
const LONGEST_DRY_RUN_MS = 24 * 3_600_000;

export function readLedger(store: Store): LedgerReader {
  const run: LedgerReader['run'] = async (id) => {
    if (!isRunId(id)) return undefined;
    const file = await store.read(pathsOf(id).run);
    if (!file) return undefined;
    const record = asItStands(parse(store, pathsOf(id).run, runSchema, file.text), store.system);
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
    // A damaged one does not hide all others. Asked for by its id, it is reported.
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
    // Of a run that was resumed the file may be left from its last end.
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
    const names: string[] = query.repository === undefined ? [...(query.repositories ?? [])] : [query.repository];
    if (query.repository === undefined && !query.repositories)
      for await (const { summary } of repositories(id)) names.push(summary.repository);
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
        // While a plan is carried out, the outcomes are in the journal.
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
    system: store.system,
    run,
    repositories,
    repository: (id, name) => first(pathsOf(id).decisions(name)),
    decisions,
    explain,
    parent: (id) => parentIn(store, id),
    used: (registry) => readUsed(store, usedPath(registry)),
  };
}

/** What is recorded as running may have ended with its process. A dry run has no lock by which the next run would find it. */
export function asItStands(written: RunRecord, system: System): RunRecord {
  const record = upToDate(written);
  const { state, dryRun, holder, started, resumed, progress } = record;
  if (state !== 'running') return record;
  const since = progress.at ?? resumed?.at(-1)?.at ?? started;
  const ended = hasEnded(system, holder) || (dryRun && system.clock.now() - Date.parse(since) > LONGEST_DRY_RUN_MS);
  return ended ? { ...record, state: 'interrupted' } : record;
}

/** A decision with what the journal knows of it. */
function updated(written: Decision, { decisions, open }: Replayed): Decision {
  const key = keyOf(written);
  if (!open.has(key) || written.action === 'keep') return decisions.get(key) ?? written;
  // Where the repository was closed and its journal is left, the outcome is known.
  const isUndecided = isPlanned(written) || written.outcome === 'not-attempted';
  return isUndecided ? { ...written, error: UNDER_WAY } : written;
}

const UNDER_WAY = { message: 'under way; its outcome is not recorded yet' };

/**
 * Asks for a few ahead of their use, and yields what came in the order of the items.
 * @param release what to do with results that the caller did not take
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
        // It is awaited later: until then its failure is not unhandled.
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

/** A login server in front, as image tools write it. */
const REGISTRY = /^(?:[a-z0-9-]+\.azurecr\.[a-z]+|[\w.-]+:\d+)\//i;

/** Reads the name of an image as image tools write it; `undefined` for what names none. */
export function parseImage(text: string): ImageName | undefined {
  const image = text.trim().replace(REGISTRY, '');
  const byDigest = /^([^@]+)@([a-z0-9]+:[0-9a-f]{32,})$/.exec(image);
  if (byDigest) return { repository: byDigest[1] ?? '', digest: byDigest[2] ?? '' };
  const byTag = /^([^@]+):([^:/@]+)$/.exec(image);
  return byTag ? { repository: byTag[1] ?? '', tag: byTag[2] ?? '' } : undefined;
}

/** The login server in front of the name of an image; `undefined` where there is none. */
export function hostIn(text: string): string | undefined {
  return REGISTRY.exec(text.trim())?.[0].slice(0, -1).toLowerCase();
}
