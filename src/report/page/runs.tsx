import { RUN_KINDS, RUN_STATES, type RunRecord } from '../../ledger/types.ts';
import type { Counts } from '../summary.ts';
import { DeletedOverTime } from './charts.tsx';
import { render } from './document.tsx';
import { bytes, count, duration, name, plural } from './format.ts';
import { Badge, Carried, Pager, type Setting, StateBadge, Table, Time } from './parts.tsx';
import { WaitingPlan } from './plan.tsx';
import { KINDS, STATES } from './words.ts';

/** What the form of the page asks for, as it was given. */
export interface RunFilter {
  readonly state?: string | undefined;
  readonly kind?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

export interface RunsView {
  readonly filter: RunFilter;
  /** The page, newest first. */
  readonly runs: readonly RunRecord[];
  /** Where the page begins, if not with the newest. */
  readonly before?: string | undefined;
  /** There are older ones. */
  readonly more: boolean;
  /** The last runs, for the charts and the plans that wait; absent on pages of older runs. */
  readonly recent?: readonly RunRecord[] | undefined;
}

/** Plans that are shown with their commands: an older one is most likely contained in a newer one. */
const MAX_WAITING = 3;

export function renderRuns(setting: Setting, { filter, runs, before, more, recent }: RunsView): string {
  const filtered = Object.values(filter).some((value) => value !== undefined);
  const waiting = (recent ?? []).filter(({ plan }) => plan?.state === 'waiting');
  const last = runs.at(-1);
  const running = runs.filter(({ state }) => state === 'running');
  const live =
    running.length > 0
      ? running
          .map(({ progress }) => `${plural(progress.done, 'repository')} of ${count(progress.of)} done`)
          .slice(0, 3)
          .join('; ')
      : undefined;
  return render({
    setting,
    title: before === undefined ? 'Runs' : 'Older runs',
    here: 'runs',
    live,
    children: (
      <>
        <h1>{before === undefined ? 'Runs' : 'Older runs'}</h1>
        {waiting.slice(0, MAX_WAITING).map((run) => (
          <WaitingPlan setting={setting} run={run} />
        ))}
        {waiting.length > MAX_WAITING && (
          <p>
            <a href={setting.link({ state: 'waiting' })}>
              {plural(waiting.length - MAX_WAITING, 'more plan')} of older runs
            </a>{' '}
            waiting for approval.
          </p>
        )}
        {recent && recent.length > 0 && (
          <section aria-labelledby="time">
            <h2 id="time">{recent.length === 1 ? 'The last run' : `The last ${count(recent.length)} runs`}</h2>
            <DeletedOverTime runs={recent} now={setting.now} />
          </section>
        )}
        <section aria-labelledby="runs">
          <h2 id="runs">{filtered ? 'Runs that match' : 'All runs'}</h2>
          <Filter setting={setting} filter={filter} />
          {runs.length === 0 ? (
            <p class="card">{filtered || before !== undefined ? 'No run matches.' : 'There has been no run yet.'}</p>
          ) : (
            <RunTable setting={setting} runs={runs} />
          )}
          <Pager
            named="Pages of runs"
            back={before === undefined ? undefined : { href: setting.link({ ...filter }), text: 'Newest runs' }}
            next={more && last ? { href: setting.link({ ...filter, before: last.id }), text: 'Older runs' } : undefined}
          />
        </section>
      </>
    ),
  });
}

function Filter({ setting, filter }: { readonly setting: Setting; readonly filter: RunFilter }) {
  const option = (value: string, text: string, chosen: string | undefined) => (
    <option value={value} selected={value === (chosen ?? '')}>
      {text}
    </option>
  );
  return (
    <form class="card search" method="get" action="#runs" aria-label="Choose runs">
      <Carried setting={setting} fields={{}} />
      <label>
        State
        <select name="state">
          {option('', 'any', filter.state)}
          {RUN_STATES.map((state) => option(state, STATES[state].words, filter.state))}
        </select>
      </label>
      <label>
        Kind
        <select name="kind">
          {option('', 'any', filter.kind)}
          {RUN_KINDS.map((kind) => option(kind, KINDS[kind], filter.kind))}
        </select>
      </label>
      <label>
        From (UTC day)
        <input type="date" name="from" value={filter.from ?? ''} />
      </label>
      <label>
        To, inclusive
        <input type="date" name="to" value={filter.to ?? ''} />
      </label>
      <div class="go">
        <button type="submit">Show</button>
        {Object.values(filter).some((value) => value !== undefined) && <a href={setting.link()}>All runs</a>}
      </div>
    </form>
  );
}

function RunTable({ setting, runs }: { readonly setting: Setting; readonly runs: readonly RunRecord[] }) {
  const deleted = (run: RunRecord, of: 'tags' | 'manifests') => <Went run={run} counts={run.totals?.[of]} />;
  return (
    <Table
      caption={`${plural(runs.length, 'run')}, the newest first`}
      rows={runs}
      columns={[
        {
          head: 'Started',
          cell: (run) => (
            <a class="name" href={setting.link({ run: run.id })}>
              <Time iso={run.started} />
            </a>
          ),
        },
        {
          head: 'Kind',
          cell: ({ kind, dryRun }) => (
            <>
              <span class="nowrap">{KINDS[kind]}</span>
              {dryRun && kind !== 'dry-run' && <span class="quiet">, dry run</span>}
            </>
          ),
        },
        {
          head: 'State',
          cell: ({ state, plan, progress, cancelled }) => (
            <>
              <StateBadge state={state} />{' '}
              {(state === 'running' || (state === 'stopped' && progress.of > 0)) && (
                <span class="quiet nowrap">{`${count(progress.done)} of ${count(progress.of)}`}</span>
              )}
              {cancelled && <span class="quiet nowrap">cancelled</span>}
              {plan?.state === 'waiting' && <span class="quiet nowrap">{`${count(plan.deletions)} held back`}</span>}
            </>
          ),
        },
        { head: 'Registry', cell: ({ registry }) => name(registry) },
        { head: 'Tags deleted', number: true, cell: (run) => deleted(run, 'tags') },
        { head: 'Manifests deleted', number: true, cell: (run) => deleted(run, 'manifests') },
        { head: 'Size, at most', number: true, cell: ({ totals }) => (totals ? bytes(totals.bytes) : '–') },
        { head: 'Duration', number: true, cell: (run) => lasted(run, setting.now) },
      ]}
    />
  );
}

function Went({ run, counts }: { readonly run: RunRecord; readonly counts: Counts | undefined }) {
  if (!counts) return <>–</>;
  if (!run.dryRun) return <>{count(counts.deleted)}</>;
  return (
    <>
      {count(counts.deleted)} <span class="quiet">would go</span>
    </>
  );
}

/** How long a run took, or has taken. */
export function lasted({ started, ended, state }: RunRecord, now: Date) {
  const until = ended ?? (state === 'running' ? now.toISOString() : undefined);
  return until === undefined ? '–' : duration(Date.parse(until) - Date.parse(started));
}

/** That nothing was deleted, where it could be overlooked. */
export function DryRunBadge({ run: { dryRun, kind } }: { readonly run: RunRecord }) {
  return dryRun && kind !== 'dry-run' ? <Badge tone="calm">dry run</Badge> : null;
}
