import {
  type Cancellation,
  type ParentStatus,
  type PlanRecord,
  RUN_KINDS,
  RUN_STATES,
  type RunKind,
  type RunProgress,
  type RunRecord,
  type RunState,
} from '../../ledger/records.ts';
import type { Totals } from '../../ledger/summary.ts';
import type { Hold } from '../../planner/decision.ts';
import type { Titled } from '../title.ts';
import { DeletedOverTime } from './over-time.tsx';
import { render } from './document.tsx';
import { bytes, count, duration, plural } from './format.ts';
import { Form, Pager, Select, type Setting } from './navigation.tsx';
import { type Column, doneInWords, RunTitle, Section, StateBadge, Table } from './parts.tsx';
import { WaitingPlan } from './plan.tsx';

/** What the form of the page asks for, as it was given. */
export interface RunFilter {
  readonly state?: string | undefined;
  readonly kind?: string | undefined;
  /** Its login server. */
  readonly registry?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** Only the runs of this parent. */
  readonly parent?: string | undefined;
}

export interface RunsView {
  readonly filter: RunFilter;
  /** The page, newest first. */
  readonly runs: readonly RunRecord[];
  /** The parents of some of these. */
  readonly parents: readonly ParentStatus[];
  /** Where the page begins, if not with the newest. */
  readonly before?: string | undefined;
  /** Those that can be asked for. */
  readonly registries: readonly string[];
  /** There are older ones. */
  readonly more: boolean;
  /** The last runs, for the charts and the plans that wait; absent on pages of older runs. */
  readonly recent?: readonly RunRecord[] | undefined;
}

/** Plans that are shown with their commands: an older one is most likely contained in a newer one. */
const MAX_WAITING = 3;

export function renderRuns(setting: Setting, view: RunsView): string {
  const { filter, runs, before, more, registries, recent = [] } = view;
  const { link } = setting;
  const isFiltered = Object.values(filter).some((value) => value !== undefined);
  const waiting = recent.filter((run) => waits(run, recent));
  const running = runs.filter(({ state }) => state === 'running').slice(0, 3);
  const last = runs.at(-1);
  const title = before === undefined ? 'Runs' : 'Older runs';
  return render({
    setting,
    title,
    here: 'runs',
    live: running.length > 0 ? running.map(({ progress }) => doneInWords(progress)).join('; ') : undefined,
    children: (
      <>
        <h1>{title}</h1>
        {waiting.slice(0, MAX_WAITING).map((run) => (
          <WaitingPlan setting={setting} run={run} />
        ))}
        {waiting.length > MAX_WAITING && (
          <p>
            <a href={link({ state: 'waiting' })}>{plural(waiting.length - MAX_WAITING, 'more plan')} of older runs</a>{' '}
            waiting for approval.
          </p>
        )}
        {recent.length > 0 && (
          <Section id="time" title={recent.length === 1 ? 'The last run' : `The last ${count(recent.length)} runs`}>
            <DeletedOverTime
              runs={recent}
              now={setting.now}
              more={link({ view: 'trends', registry: filter.registry })}
            />
          </Section>
        )}
        <Section id="runs" title={isFiltered ? 'Runs that match' : 'All runs'}>
          <Form
            setting={setting}
            label="Choose runs"
            hidden={{ parent: filter.parent }}
            action="#runs"
            button="Show"
            clear={isFiltered ? { href: link(), text: 'All runs' } : undefined}
          >
            <Select label="State" name="state" value={filter.state} groups={{ '': RUN_STATES }} />
            <Select label="Kind" name="kind" value={filter.kind} groups={{ '': RUN_KINDS }} />
            {(registries.length > 1 || filter.registry !== undefined) && (
              <Select label="Registry" name="registry" value={filter.registry} groups={{ '': registries }} />
            )}
            <label>
              From (UTC day)
              <input type="date" name="from" value={filter.from ?? ''} />
            </label>
            <label>
              To, inclusive
              <input type="date" name="to" value={filter.to ?? ''} />
            </label>
          </Form>
          {runs.length === 0 ? (
            <p class="card">{isFiltered || before !== undefined ? 'No run matches.' : 'There has been no run yet.'}</p>
          ) : (
            <RunTable setting={setting} view={view} />
          )}
          <Pager
            label="Pages of runs"
            back={before !== undefined && { href: link({ ...filter }), text: 'Newest runs' }}
            next={more && last && { href: link({ ...filter, before: last.id }), text: 'Older runs' }}
          />
        </Section>
      </>
    ),
  });
}

/** Whether a person is to decide about the plan of a run: a guard holds it back, or the newest schedule only planned it. */
function waits({ id, kind, dryRun, registry, plan }: RunRecord, recent: readonly RunRecord[]): boolean {
  if (plan?.state !== 'open') return plan?.state === 'waiting';
  const newest = recent.find((run) => run.kind === 'scheduled' && run.registry === registry);
  return dryRun && kind === 'scheduled' && newest?.id === id;
}

/** What the page shows alike of a run and of a parent. */
export interface Entry {
  readonly id: string;
  readonly kind: RunKind;
  readonly dryRun: boolean;
  readonly state: RunState;
  readonly started: string;
  readonly ended?: string | undefined;
  readonly progress: RunProgress;
  readonly cancelled?: Cancellation | undefined;
  readonly totals?: Totals | undefined;
  readonly plan?: PlanRecord | undefined;
  readonly breakers?: readonly Hold[];
}

/** A parent as one: a dry run where none of its runs could delete, and ended with the last of them. */
export function entryOf({ record, state, cancelled, children, totals, progress }: ParentStatus): Entry {
  const runs = children.flatMap(({ run }) => (run ? [run] : []));
  const dryRun = record.kind === 'dry-run' || (runs.length > 0 && runs.every((run) => run.dryRun));
  const ends = runs.flatMap(({ ended }) => (ended === undefined ? [] : [ended]));
  const ended = state === 'running' ? undefined : ends.toSorted().at(-1);
  return {
    id: record.id,
    kind: record.kind,
    dryRun,
    state,
    started: record.started,
    ended,
    progress,
    cancelled,
    totals,
  };
}

interface Row {
  readonly entry: Entry;
  readonly title: Titled;
  readonly isUnderParent: boolean;
}

/** Runs with the same parent stand below it, where the newest of them would stand. */
function rowsOf({ runs, parents }: RunsView): readonly Row[] {
  const rowOf = (entry: RunRecord, isUnderParent: boolean): Row => ({
    entry,
    title: entry,
    isUnderParent,
  });
  const seen = new Set<string>();
  return runs.flatMap((run) => {
    const parent = parents.find(({ record }) => record.id === run.parent);
    if (!parent) return [rowOf(run, false)];
    const { id, registries } = parent.record;
    if (seen.has(id)) return [];
    seen.add(id);
    const children = runs.filter((one) => one.parent === id).map((one) => rowOf(one, true));
    const entry = entryOf(parent);
    return [{ entry, title: { ...entry, registries }, isUnderParent: false }, ...children];
  });
}

function RunTable({ setting, view }: { readonly setting: Setting; readonly view: RunsView }) {
  return (
    <Table
      caption={`${plural(view.runs.length, 'run')}, the newest first`}
      rows={rowsOf(view)}
      columns={[
        {
          head: 'Run',
          cell: ({ entry: { id }, title, isUnderParent }) => (
            <a class={isUnderParent ? 'name under' : 'name'} href={setting.link({ run: id })}>
              <RunTitle run={title} now={setting.now} />
            </a>
          ),
        },
        { head: 'State', cell: ({ entry }) => <State entry={entry} /> },
        ...deletedColumns(({ entry }: Row) => entry),
        { head: 'Duration', number: true, cell: ({ entry }) => lasted(entry, setting.now) },
      ]}
    />
  );
}

/** What runs deleted, or would delete. */
export function deletedColumns<T>(entryOf: (row: T) => Entry | undefined): readonly Column<T>[] {
  const deleted = (row: T, kind: 'tags' | 'manifests') => {
    const { totals, dryRun } = entryOf(row) ?? {};
    if (!totals) return '–';
    return (
      <>
        {dryRun && <span class="quiet">would be</span>} {count(totals[kind].deleted)}
        {totals[kind].quarantined !== undefined && (
          <>
            {' '}
            <span class="quiet nowrap">and {count(totals[kind].quarantined)} quarantined</span>
          </>
        )}
      </>
    );
  };
  const size = (row: T) => {
    const { totals } = entryOf(row) ?? {};
    return totals ? bytes(totals.bytes) : '–';
  };
  return [
    { head: 'Tags deleted', number: true, cell: (row) => deleted(row, 'tags') },
    { head: 'Manifests deleted', number: true, cell: (row) => deleted(row, 'manifests') },
    { head: 'Size, at most', number: true, cell: size },
  ];
}

/** The state of a run, and what there is to add. */
export function State({
  entry: { state, plan, progress, cancelled, dryRun, breakers = [] },
}: {
  readonly entry: Entry;
}) {
  const notes = [
    (state === 'running' || (state === 'stopped' && progress.of > 0)) &&
      `${count(progress.done)} of ${count(progress.of)}`,
    cancelled && 'cancelled',
    plan?.state === 'waiting' && `${count(plan.deletions)} held back`,
    dryRun && plan?.state === 'open' && breakers.length > 0 && 'guards would hold back',
  ].filter((note) => typeof note === 'string');
  return (
    <>
      <StateBadge state={state} />
      {notes.map((note) => (
        <>
          {' '}
          <span class="quiet nowrap">{note}</span>
        </>
      ))}
    </>
  );
}

/** How long a run took, or has taken. */
export function lasted({ started, ended, state }: Entry, now: Date): string {
  const until = ended ?? (state === 'running' ? now.toISOString() : undefined);
  return until === undefined ? '–' : duration(Date.parse(until) - Date.parse(started));
}
