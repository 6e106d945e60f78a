import type { OrchestrationContext } from 'durable-functions';
import { attempt, type Attempted, type Df, ended, later, once, PAUSES, type Steps } from './attempt.ts';
import { counted } from './far.ts';
import type {
  Asked,
  Begin,
  Begun,
  End,
  Ended,
  GivenUp,
  GiveUp,
  Lane,
  Listed,
  Matched,
  Page,
  Refuse,
  Run,
  Share,
  StartMany,
  Stretch,
  TurnPage,
  Visit,
  Visited,
} from './messages.ts';

/*
 * The orchestrators: who does what when, and nothing of it themselves. They are replayed from their history each time
 * that something happens, so they know no clock, no settings, no chance and no ledger: all of that is in activities.
 *
 *     retention            one start
 *       └ registry         one registry, under an instance id of its own: there is never a second one
 *         │ begin, select  its run, and the repositories that it is about
 *         ├ lane           several side by side, each with every so manieth page of the repositories
 *         │   page, visit  a page, and then its repositories one after the other; then it continues as new
 *         │ breakers       where everything is planned before the first deletion; then the lanes go through it again
 *         └ end
 *
 * A lane for each repository that is worked on at a time, and no window of tasks over Task.any: the SDK hands a task that
 * was given to Task.any before to the host once more, which runs it again (azure-functions-durable-js, issue 574).
 */

/** Seconds before each further attempt to begin: also after a worker was killed at it twice, and each time held a lock. */
const HELD_PAUSES: readonly number[] = [...PAUSES, 60, 60];

/**
 * Seconds before each further attempt to end a run. Each may have to wait for the lock of a worker that was killed in a
 * repository, then for that of an attempt that was killed itself; where it gives up, the record says `running` until the next
 * run on the registry completes it.
 */
const END_PAUSES: readonly number[] = [...PAUSES, 45, 45, 45, 45];

/** Seconds between looks at what somebody else has: a lock outlives a worker that was killed by a minute at most. */
const BUSY_PAUSES: readonly number[] = [5, 10, 20, 30];

/** Visits after which a lane continues as new in the middle of a page, so that its history stays small whatever happens. */
const MOST_VISITS = 150;

/** How often a repository is visited without getting any further before it counts as failing. */
const MOST_UNMOVED = 5;

/**
 * Further attempts that a lane makes at repositories in all. Where very many fail, it is not for their sake, and the
 * pauses would make hours of it.
 */
const MOST_RETRIES = 50;

/** Starts the orchestration of each registry, and waits until all have ended. */
export function* retention({ df }: OrchestrationContext): Steps<unknown> {
  const { start, errands } = df.getInput<StartMany>();
  return yield df.Task.all(
    errands.map((errand) => ended(df, 'registry', { start, errand } satisfies Begin, errand.instanceId)),
  );
}

/** One run on one registry. How it ended stands in the run's record. */
export function* registry({ df }: OrchestrationContext): Steps<Ended> {
  const { start, errand } = df.getInput<Begin>();
  const begun = yield* begin(df, { start, errand });
  if (begun.state !== 'begun') return { state: begun.state };
  const { run } = begun;
  df.setCustomStatus({ runId: run.runId });
  const listed = yield* list(df, run);
  if (typeof listed === 'object') return yield* end(df, { run, ...listed });

  let lanes = Array.from({ length: run.parallelism }, (_, nth): Lane => ({
    nth,
    ...(nth === 0 ? begun.far : NOTHING_DONE),
    matched: begun.matched,
    retries: MOST_RETRIES,
  }));
  const far = (): Pick<End, 'matched'> => ({
    matched: lanes.reduce<Matched>((all, { matched }) => union(all, matched), []),
  });
  for (const pass of begun.passes) {
    const stretches = lanes.map((lane): Stretch => ({ run, pass, of: listed, page: lane.nth, lane }));
    const back = (yield df.Task.all(stretches.map((stretch) => ended(df, 'lane', stretch)))) as Attempted<Lane>[];
    // All of them are back, those that broke off as well: while one is at work the run must not be closed.
    lanes = lanes.map((before, nth) => {
      const one = back[nth];
      if (one?.state === 'done') return one.result;
      return { ...before, isOver: true, error: one?.error ?? { message: 'a lane did not come back' } };
    });
    const error = lanes.find((lane) => lane.error !== undefined)?.error;
    if (error !== undefined) return yield* end(df, { run, ...far(), error });
    if (lanes.some(({ isOver }) => isOver)) return yield* end(df, { run, ...far(), isCutShort: true });
    if (pass !== 'plan-ahead') continue;
    const asked = yield* attempt<Asked>(df, 'breakers', run);
    if (asked.state === 'failed') return yield* end(df, { run, ...far(), error: asked.error });
    if (asked.result.state === 'over') return yield* end(df, { run, ...far(), isCutShort: true });
  }
  return yield* end(df, { run, ...far() });
}

/** Begins a run, or goes on with one. */
function* begin(df: Df, about: Begin): Steps<Begun> {
  for (let tries = 0; ; tries++) {
    const begun = yield* attempt<Begun>(df, 'begin', about);
    const isHeld = begun.state === 'done' && begun.result.state === 'held';
    if (begun.state === 'done' && !isHeld) return begun.result;
    const pause = HELD_PAUSES[tries];
    if (isHeld && pause !== undefined) {
      yield df.createTimer(later(df, pause));
      continue;
    }
    const error =
      begun.state === 'failed'
        ? begun.error
        : begun.result.state === 'held'
          ? { message: begun.result.message }
          : { message: begun.result.state };
    yield* attempt(df, 'refuse', { ...about, error } satisfies Refuse);
    return { state: 'held', message: error.message };
  }
}

/** Finds out how many repositories a run is about; or why it ends. */
function* list(df: Df, run: Run): Steps<number | Pick<End, 'error' | 'isCutShort'>> {
  for (let unmoved = 0; ; unmoved++) {
    const listed = yield* attempt<Listed>(df, 'select', run);
    if (listed.state === 'failed') return { error: listed.error };
    if (listed.result.state === 'listed') return listed.result.of;
    if (listed.result.state === 'over') return { isCutShort: true };
    if (unmoved === MOST_UNMOVED)
      return { error: { message: 'the repositories could not be listed within RUN_TIME_BUDGET' } };
  }
}

function* end(df: Df, about: End): Steps<Ended> {
  const ended = yield* attempt<Ended>(df, 'end', about, END_PAUSES);
  // Its record stays as it is, and the next run finds it.
  return ended.state === 'done' ? ended.result : { runId: about.run.runId, state: 'unknown' };
}

/** A repository that is not done yet. */
interface Open {
  readonly repository: string;
  readonly failures: number;
  readonly unmoved: number;
}

/** Goes through every so manieth page of the repositories, one after the other. */
export function* lane({ df }: OrchestrationContext): Steps<Lane | undefined> {
  const stretch = df.getInput<Stretch>();
  const { run, pass, of } = stretch;
  let { lane } = stretch;
  const page = yield* attempt<Page>(df, 'page', { run, pass, page: stretch.page, lane } satisfies TurnPage);
  // Without its names nothing of it can be done; the run says so, for these repositories have no record.
  if (page.state === 'failed') return { ...lane, isOver: true, error: page.error };
  if (page.result.state === 'over') return { ...lane, isOver: true };
  const { names, size } = page.result;
  // What was done meanwhile by a visit that was not heard of.
  lane = counted(lane, pass, Math.max(0, (stretch.left ?? names.length) - names.length));
  const next = stretch.page + run.parallelism;
  const isLastPage = next * size >= of;

  const visits = { left: MOST_VISITS };
  let open: readonly Open[] = names.map((repository) => ({ repository, failures: 0, unmoved: 0 }));
  for (let round = 0; open.length > 0; round++) {
    const pauses = open.some(({ failures }) => failures > 0) ? PAUSES : BUSY_PAUSES;
    if (round > 0) yield df.createTimer(later(df, pauses[Math.min(round, pauses.length) - 1] ?? 0));
    const others: Open[] = [];
    for (const one of open) {
      if (visits.left <= 0) {
        const left = others.length + open.length - open.indexOf(one);
        df.continueAsNew({ ...stretch, left, lane } satisfies Stretch);
        return undefined;
      }
      const { nth, done, planned } = lane;
      const isLast = isLastPage && others.length === 0 && one === open.at(-1);
      const about: Visit = { run, pass, repository: one.repository, lane: { nth, done, planned }, isLast };
      const visited = yield* visit(df, about, one, visits);
      if (visited.state === 'over') return { ...lane, isOver: true };
      if (visited.state === 'hopeless') return { ...lane, isOver: true, error: { message: visited.why } };
      if ('matched' in visited) lane = { ...lane, matched: union(lane.matched, visited.matched) };
      if (visited.state === 'busy') {
        others.push(one);
        continue;
      }
      if (visited.state === 'failed' && visited.again && one.failures < PAUSES.length && lane.retries > 0) {
        lane = { ...lane, retries: lane.retries - 1 };
        others.push({ ...one, failures: one.failures + 1 });
        continue;
      }
      if (visited.state === 'failed') {
        const given = yield* attempt<GivenUp>(df, 'giveUp', { ...about, error: visited.error } satisfies GiveUp);
        if (given.state === 'failed')
          lane = {
            ...lane,
            error: {
              ...given.error,
              message: `${one.repository} could not be recorded as failed: ${given.error.message}`,
            },
          };
        else if (given.result.state === 'over') return { ...lane, isOver: true };
        else if (given.result.state === 'busy') {
          others.push(one);
          continue;
        }
      }
      lane = counted(lane, visited.state === 'planned' ? 'plan-ahead' : pass, 1);
    }
    open = others;
  }
  if (isLastPage) return lane;
  // Nothing of this page is under way any more, and its history is not needed.
  const { left, ...others } = stretch;
  df.continueAsNew({ ...others, page: next, lane } satisfies Stretch);
  return undefined;
}

const NOTHING_DONE: Share = { done: 0, planned: 0 };

/** Visits a repository, slice after slice, for as long as it gets further. `busy` where there is no visit left. */
function* visit(
  df: Df,
  about: Visit,
  { unmoved: before }: Open,
  visits: { left: number },
): Steps<Exclude<Visited, { readonly state: 'left' }>> {
  let matched: Matched = [];
  for (let unmoved = before; visits.left > 0;) {
    visits.left -= 1;
    const visited = yield* once<Visited>(df, 'visit', about);
    if (visited.state === 'failed') return { ...visited, matched };
    const { result } = visited;
    if (!('matched' in result)) return result;
    matched = union(matched, result.matched);
    if (result.state !== 'left') return { ...result, matched };
    unmoved = result.moved ? 0 : unmoved + 1;
    if (unmoved > MOST_UNMOVED)
      return { state: 'failed', again: true, error: { message: 'it gets no further within RUN_TIME_BUDGET' }, matched };
  }
  return { state: 'busy' };
}

function union(some: Matched, others: Matched): Matched {
  return Array.from({ length: Math.max(some.length, others.length) }, (_, command) =>
    [...new Set([...(some[command] ?? []), ...(others[command] ?? [])])].sort((a, b) => a - b),
  );
}

export { ACTIVITIES, type Activity, shielded } from './attempt.ts';
