import { type ParentStatus, RUN_KINDS, RUN_STATES, type RunRecord } from '../../ledger/records.ts';
import type { Counts } from '../../ledger/summary.ts';
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
  /** Only the runs of this parent. */
  readonly parent?: string | undefined;
}

export interface RunsView {
  readonly filter: RunFilter;
  /** The page, newest first. */
  readonly runs: readonly RunRecord[];
  /** What began some of these together. */
  readonly parents: readonly ParentStatus[];
  /** Where the page begins, if not with the newest. */
  readonly before?: string | undefined;
  /** There are older ones. */
  readonly more: boolean;
  /** The last runs, for the charts and the plans that wait; absent on pages of older runs. */
  readonly recent?: readonly RunRecord[] | undefined;
}

/** Plans that are shown with their commands: an older one is most likely contained in a newer one. */
const MAX_WAITING = 3;

export function renderRuns(setting: Setting, { filter, runs, parents, before, more, recent }: RunsView): string {
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
            <RunTable setting={setting} runs={runs} parents={parents} />
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
      <Carried setting={setting} fields={filter.parent === undefined ? {} : { parent: filter.parent }} />
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

/** A line of the table: a run, or what began those below it together. */
type Row = { readonly run: RunRecord; readonly parent?: ParentStatus | undefined } | { readonly parent: ParentStatus };

/** Runs of one parent are brought together where the newest of them stands. */
function rowsOf(runs: readonly RunRecord[], parents: readonly ParentStatus[]): readonly Row[] {
  const rows: Row[] = [];
  const seen = new Set<ParentStatus>();
  for (const run of runs) {
    const parent = parents.find(({ record }) => record.id === run.parent);
    if (!parent) rows.push({ run });
    else if (!seen.has(parent)) {
      seen.add(parent);
      rows.push({ parent });
      for (const one of runs) if (one.parent === run.parent) rows.push({ run: one, parent });
    }
  }
  return rows;
}

interface RunTableProps extends Pick<RunsView, 'runs' | 'parents'> {
  readonly setting: Setting;
}

function RunTable({ setting, runs, parents }: RunTableProps) {
  const { link, now } = setting;
  const deleted = (row: Row, of: 'tags' | 'manifests') =>
    'run' in row ? (
      <Went run={row.run} counts={row.run.totals?.[of]} />
    ) : (
      <Went run={{ dryRun: isDry(row.parent) }} counts={row.parent.totals[of]} />
    );
  return (
    <Table
      caption={`${plural(runs.length, 'run')}, the newest first`}
      rows={rowsOf(runs, parents)}
      columns={[
        {
          head: 'Started',
          cell: (row) => (
            <a
              class={'run' in row && row.parent ? 'name under' : 'name'}
              href={link({ run: 'run' in row ? row.run.id : row.parent.record.id })}
            >
              <Time iso={'run' in row ? row.run.started : row.parent.record.started} />
            </a>
          ),
        },
        {
          head: 'Kind',
          cell: (row) => {
            const { kind, dryRun } = 'run' in row ? row.run : { ...row.parent.record, dryRun: isDry(row.parent) };
            return (
              <>
                <span class="nowrap">{KINDS[kind]}</span>
                {dryRun && kind !== 'dry-run' && <span class="quiet">, dry run</span>}
              </>
            );
          },
        },
        { head: 'State', cell: (row) => <State of={'run' in row ? row.run : row.parent} /> },
        {
          head: 'Registry',
          cell: (row) =>
            'run' in row ? (
              <span class="registry">{name(row.run.registry)}</span>
            ) : (
              <>
                <span class="name">{plural(row.parent.record.registries.length, 'registry')}</span>{' '}
                <code class="quiet nowrap">{name(row.parent.record.id)}</code>
              </>
            ),
        },
        { head: 'Tags deleted', number: true, cell: (row) => deleted(row, 'tags') },
        { head: 'Manifests deleted', number: true, cell: (row) => deleted(row, 'manifests') },
        {
          head: 'Size, at most',
          number: true,
          cell: (row) => {
            const { totals } = 'run' in row ? row.run : row.parent;
            return totals ? bytes(totals.bytes) : '–';
          },
        },
        {
          head: 'Duration',
          number: true,
          cell: (row) => ('run' in row ? lasted(row.run, now) : together(row.parent, now)),
        },
      ]}
    />
  );
}

type StateProps = Pick<RunRecord, 'state' | 'plan' | 'progress' | 'cancelled'> &
  Partial<Pick<RunRecord, 'breakers' | 'dryRun'>>;

/** The state of a run or of a parent, and what there is to add. */
export function State({ of: { state, plan, progress, cancelled, ...guarded } }: { readonly of: StateProps }) {
  const isForeseen = guarded.dryRun && plan?.state === 'open' && (guarded.breakers?.length ?? 0) > 0;
  return (
    <>
      <StateBadge state={state} />{' '}
      {(state === 'running' || (state === 'stopped' && progress.of > 0)) && (
        <span class="quiet nowrap">{`${count(progress.done)} of ${count(progress.of)}`}</span>
      )}{' '}
      {cancelled && <span class="quiet nowrap">cancelled</span>}
      {plan?.state === 'waiting' && <span class="quiet nowrap">{`${count(plan.deletions)} held back`}</span>}
      {isForeseen && <span class="quiet nowrap">guards would hold back</span>}
    </>
  );
}

/** Whether no run of a parent could delete anything. */
export function isDry({ record, children }: ParentStatus): boolean {
  const runs = children.flatMap(({ run }) => (run ? [run] : []));
  return record.kind === 'dry-run' || (runs.length > 0 && runs.every(({ dryRun }) => dryRun));
}

/** How long the runs of a parent took, from its beginning to the end of the last one. */
export function together({ record, state, children }: ParentStatus, now: Date) {
  const ends = children.flatMap(({ run }) => (run?.ended === undefined ? [] : [run.ended]));
  const ended = ends.toSorted().at(-1);
  return lasted({ started: record.started, state, ...(state !== 'running' && ended !== undefined && { ended }) }, now);
}

interface WentProps {
  readonly run: Pick<RunRecord, 'dryRun'>;
  readonly counts: Counts | undefined;
}

export function Went({ run, counts }: WentProps) {
  if (!counts) return <>–</>;
  if (!run.dryRun) return <>{count(counts.deleted)}</>;
  return (
    <>
      {count(counts.deleted)} <span class="quiet">would go</span>
    </>
  );
}

/** How long a run took, or has taken. */
export function lasted({ started, ended, state }: Pick<RunRecord, 'started' | 'ended' | 'state'>, now: Date) {
  const until = ended ?? (state === 'running' ? now.toISOString() : undefined);
  return until === undefined ? '–' : duration(Date.parse(until) - Date.parse(started));
}

/** That nothing was deleted, where it could be overlooked. */
export function DryRunBadge({ run: { dryRun, kind } }: { readonly run: RunRecord }) {
  return dryRun && kind !== 'dry-run' ? <Badge tone="calm">dry run</Badge> : null;
}
