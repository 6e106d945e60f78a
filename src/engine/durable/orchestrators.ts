import type { OrchestrationContext } from 'durable-functions';
import type { Pass } from '../repository.ts';
import type {
  Attempted,
  Begin,
  Begun,
  Checked,
  Finish,
  Finished,
  GetPage,
  GivenUp,
  GiveUp,
  Listed,
  Matched,
  Page,
  ProcessRepository,
  Refuse,
  Run,
  Share,
  StartMany,
  WorkerInput,
  WorkerState,
} from './messages.ts';
import { counted } from './progress.ts';
import { type Df, later, once, PAUSES, retried, settledTask, type Steps, type Tried } from './retry.ts';

/*
 * The orchestrators: who does what when, and nothing of it themselves. They are replayed from their history each time
 * that something happens, so they know no clock, no settings, no chance and no ledger: all of that is in activities.
 *
 *     retention                       one start
 *       └ registry                    one registry, under an instance id of its own: the schedule never has a second one
 *         │ begin, list               its run, and the repositories that it is about
 *         ├ worker                    worker n of N takes the pages n, n+N, n+2N…
 *         │   page, processRepository a page, and then its repositories one after the other; then it continues as new
 *         │ checkGuards               where everything is planned before the first deletion; then the workers carry it out
 *         └ finish
 *
 * A worker for each repository that is processed at a time, and no window of tasks over Task.any: the SDK hands a task
 * that was given to Task.any before to the host once more, which runs it again (azure-functions-durable-js, issue 574).
 */

/** Seconds before each further attempt to begin: also after a worker was killed at it twice, and each time held a lock. */
const HELD_PAUSES: readonly number[] = [...PAUSES, 60, 60];

/**
 * Seconds before each further attempt to finish a run. Each may have to wait for the lock of a worker that was killed in a
 * repository, then for that of an attempt that was killed itself; where it gives up, the record says `running` until the next
 * run on the registry completes it.
 */
const FINISH_PAUSES: readonly number[] = [...PAUSES, 45, 45, 45, 45];

/** Seconds between looks at what another worker has: a lock outlives a worker that was killed by a minute at most. */
const BUSY_PAUSES: readonly number[] = [5, 10, 20, 30];

/** Attempts after which a worker continues as new in the middle of a page, so that its history stays small whatever happens. */
const MOST_ATTEMPTS = 150;

/** How often a repository is attempted without getting any further before it counts as failing. */
const MOST_UNMOVED = 5;

/**
 * Further attempts that a worker makes at repositories in all. Where very many fail, it is not for their sake, and the
 * pauses would make hours of it.
 */
const MOST_RETRIES = 50;

const NOTHING_DONE: Share = { done: 0, planned: 0 };

/** Starts the orchestration of each registry, and waits until all have ended. */
export function* retention({ df }: OrchestrationContext): Steps<unknown> {
  const { start, jobs } = df.getInput<StartMany>();
  return yield df.Task.all(
    jobs.map((job) => settledTask(df, 'registry', { start, job } satisfies Begin, job.instanceId)),
  );
}

/** One run on one registry, as `run` in `run.ts` does it in one process. How it ended stands in the run's record. */
export function* registry({ df }: OrchestrationContext): Steps<Finished> {
  const { start, job } = df.getInput<Begin>();
  const begun = yield* begin(df, { start, job });
  if (begun.state !== 'begun') return { state: begun.state };
  const { run } = begun;
  df.setCustomStatus({ runId: run.runId });
  const listed = yield* list(df, run);
  if (typeof listed === 'object') return yield* finish(df, { run, ...listed });

  let workers = Array.from({ length: run.parallelism }, (_, nth): WorkerState => ({
    nth,
    ...(nth === 0 ? begun.before : NOTHING_DONE),
    matched: begun.matched,
    retries: MOST_RETRIES,
  }));
  for (const pass of begun.passes) {
    workers = yield* drive(df, { run, pass, of: listed }, workers);
    const matched = workers.reduce<Matched>((all, worker) => union(all, worker.matched), []);
    const error = workers.find((worker) => worker.error !== undefined)?.error;
    if (error !== undefined) return yield* finish(df, { run, matched, error });
    if (workers.some(({ isOver }) => isOver)) return yield* finish(df, { run, matched, isCutShort: true });
    if (pass === begun.passes.at(-1)) return yield* finish(df, { run, matched });
    const checked = yield* retried<Checked>(df, 'checkGuards', run);
    if (checked.state === 'failed') return yield* finish(df, { run, matched, error: checked.error });
    if (checked.result.state === 'over') return yield* finish(df, { run, matched, isCutShort: true });
  }
  return yield* finish(df, { run, matched: begun.matched });
}

/** Begins a run, or resumes one. */
function* begin(df: Df, about: Begin): Steps<Begun> {
  for (let tries = 0; ; tries++) {
    const begun = yield* retried<Begun>(df, 'begin', about);
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
        : { message: begun.result.state === 'held' ? begun.result.message : begun.result.state };
    yield* retried(df, 'refuse', { ...about, error } satisfies Refuse);
    return { state: 'held', message: error.message };
  }
}

/** Finds out how many repositories a run is about; or why it ends. */
function* list(df: Df, run: Run): Steps<number | Pick<Finish, 'error' | 'isCutShort'>> {
  for (let unmoved = 0; ; unmoved++) {
    const listed = yield* retried<Listed>(df, 'list', run);
    if (listed.state === 'failed') return { error: listed.error };
    if (listed.result.state === 'listed') return listed.result.of;
    if (listed.result.state === 'over') return { isCutShort: true };
    if (unmoved === MOST_UNMOVED)
      return { error: { message: 'the repositories could not be listed within RUN_TIME_BUDGET' } };
  }
}

/**
 * One pass through the repositories. Comes back when all workers have ended, those that broke off as well: while one is at
 * work the run must not be closed.
 */
function* drive(
  df: Df,
  about: { readonly run: Run; readonly pass: Pass; readonly of: number },
  workers: readonly WorkerState[],
): Steps<WorkerState[]> {
  const inputs = workers.map((worker): WorkerInput => ({ ...about, page: worker.nth, worker }));
  const ended = (yield df.Task.all(inputs.map((input) => settledTask(df, 'worker', input)))) as Tried<WorkerState>[];
  return workers.map((before, nth) => {
    const one = ended[nth];
    if (one?.state === 'done') return one.result;
    return { ...before, isOver: true, error: one?.error ?? { message: 'a worker did not come back' } };
  });
}

function* finish(df: Df, about: Finish): Steps<Finished> {
  const finished = yield* retried<Finished>(df, 'finish', about, FINISH_PAUSES);
  // Its record stays as it is, and the next run finds it.
  return finished.state === 'done' ? finished.result : { runId: about.run.runId, state: 'unknown' };
}

/** A repository that is not done yet. */
interface Open {
  readonly repository: string;
  readonly failures: number;
  readonly unmoved: number;
}

/** Worker n of N takes the pages n, n+N, n+2N… of the repositories, one after the other. */
export function* worker({ df }: OrchestrationContext): Steps<WorkerState | undefined> {
  const input = df.getInput<WorkerInput>();
  const { run, pass, of } = input;
  let state = input.worker;
  const page = yield* retried<Page>(df, 'page', { run, pass, page: input.page, worker: state } satisfies GetPage);
  // Without its names nothing of it can be done; the run says so, for these repositories have no record.
  if (page.state === 'failed') return { ...state, isOver: true, error: page.error };
  if (page.result.state === 'over') return { ...state, isOver: true };
  const { names, size } = page.result;
  // Counts repositories that an attempt finished whose answer was lost.
  const isAhead = pass === 'plan' && !run.dryRun;
  state = counted(state, isAhead ? 'planned' : pass, Math.max(0, (input.left ?? names.length) - names.length));
  const next = input.page + run.parallelism;
  const isLastPage = next * size >= of;

  const attempts = { left: MOST_ATTEMPTS };
  let open: readonly Open[] = names.map((repository) => ({ repository, failures: 0, unmoved: 0 }));
  for (let round = 0; open.length > 0; round++) {
    const pauses = open.some(({ failures }) => failures > 0) ? PAUSES : BUSY_PAUSES;
    if (round > 0) yield df.createTimer(later(df, pauses[Math.min(round, pauses.length) - 1] ?? 0));
    const others: Open[] = [];
    for (const one of open) {
      if (attempts.left <= 0) {
        const left = others.length + open.length - open.indexOf(one);
        df.continueAsNew({ ...input, left, worker: state } satisfies WorkerInput);
        return undefined;
      }
      const { nth, done, planned } = state;
      const isLast = isLastPage && others.length === 0 && one === open.at(-1);
      const about = { run, pass, repository: one.repository, worker: { nth, done, planned }, isLast };
      const attempted = yield* attempt(df, about, one, attempts);
      if (attempted.state === 'over') return { ...state, isOver: true };
      if (attempted.state === 'hopeless') return { ...state, isOver: true, error: { message: attempted.why } };
      if ('matched' in attempted) state = { ...state, matched: union(state.matched, attempted.matched) };
      if (attempted.state === 'busy') {
        others.push(one);
        continue;
      }
      if (attempted.state === 'failed' && attempted.again && one.failures < PAUSES.length && state.retries > 0) {
        state = { ...state, retries: state.retries - 1 };
        others.push({ ...one, failures: one.failures + 1 });
        continue;
      }
      if (attempted.state === 'failed') {
        const given = yield* retried<GivenUp>(df, 'giveUp', { ...about, error: attempted.error } satisfies GiveUp);
        if (given.state === 'failed') {
          const message = `${one.repository} could not be recorded as failed: ${given.error.message}`;
          state = { ...state, error: { ...given.error, message } };
        } else if (given.result.state === 'over') return { ...state, isOver: true };
        else if (given.result.state === 'busy') {
          others.push(one);
          continue;
        }
      }
      state = counted(state, attempted.state === 'planned' ? 'planned' : pass, 1);
    }
    open = others;
  }
  if (isLastPage) return state;
  // Nothing of this page is under way any more, and its history is not needed.
  const { left, ...others } = input;
  df.continueAsNew({ ...others, page: next, worker: state } satisfies WorkerInput);
  return undefined;
}

/** Attempts a repository, slice after slice, for as long as it gets further. `busy` where there is no attempt left. */
function* attempt(
  df: Df,
  about: ProcessRepository,
  { unmoved: before }: Open,
  attempts: { left: number },
): Steps<Exclude<Attempted, { readonly state: 'left' }>> {
  let matched: Matched = [];
  for (let unmoved = before; attempts.left > 0;) {
    attempts.left -= 1;
    const tried = yield* once<Attempted>(df, 'processRepository', about);
    if (tried.state === 'failed') return { ...tried, matched };
    const { result } = tried;
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

export { ACTIVITIES, settled } from './retry.ts';
