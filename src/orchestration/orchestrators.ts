import type { OrchestrationContext, Task } from 'durable-functions';
import type {
  Begin,
  Begun,
  End,
  Ended,
  Errand,
  GiveUp,
  Listed,
  Matched,
  Page,
  Pass,
  Progress,
  Refuse,
  Run,
  StartMany,
  TurnPage,
  Visit,
  Visited,
} from './messages.ts';

/*
 * The orchestrators: who does what when, and nothing of it themselves. They are replayed from their history each time
 * that something happens, so they know no clock, no settings, no chance and no ledger: all of that is in activities.
 *
 *     retention                    one start
 *       └ registry                 one registry, under an instance id of its own: there is never a second one
 *           begin, select          its run, and the repositories that it is about
 *           page → visit, visit…   a page of them at a time, several side by side; then it continues as new
 *           breakers               where everything is planned before the first deletion
 *           end
 */

/** What an orchestrator yields, and what it returns. What it is given back is known to whoever yields. */
type Steps<T> = Generator<Task, T, unknown>;

export type Activity = 'begin' | 'select' | 'page' | 'visit' | 'giveUp' | 'breakers' | 'end' | 'areOver' | 'refuse';

/** Names of the orchestrators and activities in the app, where they stand beside its other functions. */
export const RETENTION = 'retention';
export const REGISTRY = 'registry';

/** Seconds before each further attempt at what failed. After the last it is given up. */
const PAUSES: readonly number[] = [5, 20, 60];

/** Seconds between looks at what somebody else has: a lock outlives a worker that was killed by a minute at most. */
const BUSY_PAUSES: readonly number[] = [5, 10, 20, 30, 60];

/** Looks at a run in whose place another is to begin. */
const WAIT_SECONDS = 60;

/** How often a repository is visited without getting any further before it counts as failing. */
const MOST_UNMOVED = 5;

/**
 * Further attempts that a run makes at repositories in all. Where very many fail, it is not for their sake, and the
 * pauses would make hours of it.
 */
const MOST_RETRIES = 200;

/** Starts the orchestration of each registry, and waits until all have ended. */
export function* retention({ df }: OrchestrationContext): Steps<readonly unknown[]> {
  const { start, errands } = input<StartMany>(df);
  const begin = (errand: Errand): Task =>
    df.callSubOrchestrator(REGISTRY, { start, errand } satisfies RegistryInput, errand.instanceId);
  const begun = errands.filter(({ after }) => after === undefined).map(begin);
  let waiting = errands.filter(({ after }) => after !== undefined);
  while (waiting.length > 0) {
    yield df.createTimer(later(df, WAIT_SECONDS));
    const runs = waiting.map(({ after }) => after);
    const over = yield* attempt<readonly string[]>(df, 'areOver', runs);
    if (over.state === 'failed') break;
    const isFree = ({ after = '' }: Errand): boolean => over.result.includes(after);
    if (!waiting.some(isFree)) continue;
    // Its run has ended; its orchestration may take a moment more.
    yield df.createTimer(later(df, WAIT_SECONDS));
    begun.push(...waiting.filter(isFree).map(begin));
    waiting = waiting.filter((errand) => !isFree(errand));
  }
  return (yield df.Task.all(begun)) as readonly unknown[];
}

export interface RegistryInput extends Begin {
  /** Absent: it begins. */
  readonly at?: Place;
}

/** Where a run is when its orchestration continues as new. */
interface Place {
  readonly run: Run;
  /** The one that it is in, and those that follow. */
  readonly passes: readonly Pass[];
  readonly offset: number;
  readonly progress: Progress;
  readonly retries: number;
}

/** One run on one registry. Never fails: how it ended stands in the run's record. */
export function* registry({ df }: OrchestrationContext): Steps<Ended | undefined> {
  const { start, errand, at } = input<RegistryInput>(df);
  const place = at ?? (yield* begin(df, { start, errand }));
  if (!('passes' in place)) return place;
  const { run, offset, progress } = place;
  df.setCustomStatus({ runId: run.runId, done: progress.done, of: progress.of });
  const [pass, ...passes] = place.passes;
  if (pass === undefined) return yield* end(df, { run, progress });

  const page = yield* attempt<Page>(df, 'page', { run, pass, offset, progress } satisfies TurnPage);
  if (page.state === 'failed') return yield* end(df, { run, progress, error: page.error });
  if (page.result.state === 'over') return yield* end(df, { run, progress });
  const { names, next, done, planned } = page.result;
  // What waits to be carried out was counted when it was planned.
  const before = pass === 'carry-out' ? { done: 0, planned: 0 } : { done, planned };
  const counted = { ...progress, done: progress.done + before.done, planned: progress.planned + before.planned };
  const visited = yield* visitAll(df, { run, pass, names, progress: counted, retries: place.retries });
  if (visited.isOver) return yield* end(df, { run, progress: visited.progress });

  let following: Pick<Place, 'passes' | 'offset'> = { passes: place.passes, offset: next };
  if (next >= progress.of) {
    if (pass === 'plan-ahead') {
      const asked = yield* attempt(df, 'breakers', run);
      if (asked.state === 'failed') return yield* end(df, { run, progress: visited.progress, error: asked.error });
    }
    following = { passes, offset: 0 };
  }
  // Nothing of this page is under way any more, and its history is not needed.
  const { progress: far, retries } = visited;
  df.continueAsNew({ start, errand, at: { run, ...following, progress: far, retries } } satisfies RegistryInput);
  return undefined;
}

/** Begins a run, or goes on with one, and finds out which repositories it is about. */
function* begin(df: Df, { start, errand }: Begin): Steps<Place | Ended> {
  let begun: Attempted<Begun>;
  for (let tries = 0; ; tries++) {
    begun = yield* attempt<Begun>(df, 'begin', { start, errand } satisfies Begin);
    const pause = PAUSES[tries];
    if (begun.state !== 'done' || begun.result.state !== 'held' || pause === undefined) break;
    yield df.createTimer(later(df, pause));
  }
  const refusal =
    begun.state === 'failed' ? begun.error : begun.result.state === 'held' ? begun.result.message : undefined;
  if (refusal !== undefined) {
    yield* attempt(df, 'refuse', { start, errand, error: refusal } satisfies Refuse);
    return { state: 'failed' };
  }
  if (begun.state === 'failed' || begun.result.state !== 'begun') return { state: 'over' };
  const { run, passes, matched } = begun.result;
  df.setCustomStatus({ runId: run.runId });

  for (let unmoved = 0; ; unmoved++) {
    const listed = yield* attempt<Listed>(df, 'select', run);
    if (listed.state === 'failed') return yield* end(df, { run, error: listed.error });
    if (listed.result.state === 'over') return yield* end(df, { run });
    if (listed.result.state === 'listed') {
      const progress = { of: listed.result.of, done: 0, planned: 0, matched };
      return { run, passes, offset: 0, progress, retries: MOST_RETRIES };
    }
    if (unmoved === MOST_UNMOVED)
      return yield* end(df, { run, error: 'the repositories could not be listed within RUN_TIME_BUDGET' });
  }
}

function* end(df: Df, about: End): Steps<Ended> {
  const ended = yield* attempt<Ended>(df, 'end', about);
  // Its record stays as it is, and the next run finds it.
  return ended.state === 'done' ? ended.result : { runId: about.run.runId, state: 'unknown' };
}

interface Visits {
  readonly run: Run;
  readonly pass: Pass;
  readonly names: readonly string[];
  readonly progress: Progress;
  readonly retries: number;
}

/** A repository that is not done yet. */
interface Open {
  readonly repository: string;
  readonly failures: number;
  readonly busy: number;
  readonly unmoved: number;
}

/** Visits the repositories of a page, several side by side, until each is done or given up. */
function* visitAll(
  df: Df,
  { run, pass, names, progress, retries: most }: Visits,
): Steps<{ readonly progress: Progress; readonly retries: number; readonly isOver: boolean }> {
  const ready: Open[] = names.map((repository) => ({ repository, failures: 0, busy: 0, unmoved: 0 }));
  const visiting = new Map<Task, Open>();
  const pausing = new Map<Task, Open>();
  const givingUp = new Set<Task>();
  let retries = most;
  let { done, planned, matched } = progress;
  let isOver = false;
  const pause = (open: Open, pauses: readonly number[], nth: number): void => {
    const seconds = pauses[Math.min(nth, pauses.length - 1)] ?? 0;
    pausing.set(df.createTimer(later(df, seconds)), open);
  };
  /** It failed once more: it is tried again after a pause, or is given up. */
  const fail = (open: Open, why: string, again: boolean): void => {
    if (again && retries > 0 && open.failures < PAUSES.length) {
      retries -= 1;
      pause({ ...open, failures: open.failures + 1, unmoved: 0 }, PAUSES, open.failures);
      return;
    }
    givingUp.add(df.callActivity('giveUp', { run, pass, repository: open.repository, why } satisfies GiveUp));
  };
  const settle = (open: Open, visited: Visited): void => {
    if ('matched' in visited) matched = union(matched, visited.matched);
    if (visited.state === 'over') isOver = true;
    else if (visited.state === 'busy') pause({ ...open, busy: open.busy + 1 }, BUSY_PAUSES, open.busy);
    else if (visited.state === 'failed') fail(open, visited.why ?? 'it failed', visited.again);
    else if (visited.state === 'left') {
      const unmoved = visited.moved ? 0 : open.unmoved + 1;
      if (unmoved > MOST_UNMOVED) fail(open, 'it gets no further within RUN_TIME_BUDGET', true);
      else ready.push({ ...open, unmoved });
    } else count(visited.state === 'planned');
  };
  const count = (isPlanned: boolean): void => {
    if (isPlanned) planned += 1;
    else done += 1;
    if (pass === 'carry-out') planned -= 1;
  };

  for (;;) {
    while (!isOver && visiting.size + givingUp.size < run.parallelism) {
      const open = ready.shift();
      if (!open) break;
      const { repository } = open;
      visiting.set(df.callActivity('visit', { run, pass, repository } satisfies Visit), open);
    }
    if (isOver) {
      // What waits is not begun any more; and a timer that is left would keep the orchestration alive.
      for (const timer of pausing.keys()) if ('cancel' in timer && typeof timer.cancel === 'function') timer.cancel();
      pausing.clear();
    }
    const tasks = [...visiting.keys(), ...pausing.keys(), ...givingUp];
    if (tasks.length === 0) return { progress: { ...progress, done, planned, matched }, retries, isOver };
    const first = (yield df.Task.any(tasks)) as Task;
    const visited = visiting.get(first);
    const paused = pausing.get(first);
    visiting.delete(first);
    pausing.delete(first);
    if (visited && first.isFaulted) fail(visited, String(first.result), true);
    else if (visited) settle(visited, first.result as Visited);
    else if (paused) ready.unshift(paused);
    else if (givingUp.delete(first)) count(false);
  }
}

type Attempted<T> =
  { readonly state: 'done'; readonly result: T } | { readonly state: 'failed'; readonly error: string };

/** An activity, tried again with growing pauses. */
function* attempt<T>(df: Df, activity: Activity, about: unknown): Steps<Attempted<T>> {
  for (let failures = 0; ; failures++) {
    try {
      return { state: 'done', result: (yield df.callActivity(activity, about)) as T };
    } catch (error) {
      const pause = PAUSES[failures];
      if (pause === undefined) return { state: 'failed', error: (error as Error).message };
      yield df.createTimer(later(df, pause));
    }
  }
}

type Df = OrchestrationContext['df'];

function input<T>(df: Df): T {
  return df.getInput();
}

function later(df: Df, seconds: number): Date {
  return new Date(df.currentUtcDateTime.getTime() + seconds * 1000);
}

function union(some: Matched, others: Matched): Matched {
  return Array.from({ length: Math.max(some.length, others.length) }, (_, command) =>
    [...new Set([...(some[command] ?? []), ...(others[command] ?? [])])].sort((a, b) => a - b),
  );
}
