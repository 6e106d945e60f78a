import type { Summed } from '../../ledger/sums.ts';
import type { RunRecord } from '../../ledger/records.ts';
import { findingsBySeverity, largest, lastOfEach, type OverTime, type Series, sumOf, totalOf } from '../over-time.ts';
import { whereOf } from '../title.ts';
import { BarChart } from './charts.tsx';
import { render } from './document.tsx';
import { bytes, count, name, plural } from './format.ts';
import { Crumbs, Form, Select, type Setting } from './navigation.tsx';
import { Numbers, Planned, sizeTitle } from './over-time.tsx';
import { Section, Table } from './parts.tsx';

export interface TrendsView {
  /** The one that is asked for. */
  readonly registry: string | undefined;
  /** Those that can be asked for. */
  readonly registries: readonly string[];
  /** The newest first. */
  readonly runs: readonly RunRecord[];
  readonly time: OverTime;
  readonly summed: Summed;
}

/** Repositories that are named. */
const MAX_REPOSITORIES = 20;

/** What was deleted over time by repository, and what is there. */
export function renderTrends(setting: Setting, view: TrendsView): string {
  const { registry, registries, runs, time, summed } = view;
  const { now } = setting;
  const title = registry === undefined ? 'Over time' : `Over time, ${whereOf({ registry })}`;
  return render({
    setting,
    title: name(title),
    children: (
      <>
        <Crumbs setting={setting} />
        <h1>{name(title)}</h1>
        {(registries.length > 1 || registry !== undefined) && (
          <Form setting={setting} label="Choose a registry" hidden={{ view: 'trends' }} button="Show">
            <Select label="Registry" name="registry" value={registry} groups={{ '': registries }} />
          </Form>
        )}
        <p>
          {runs.length === 0 ? 'There has been no run yet.' : `Of the last ${plural(runs.length, 'run')}.`}
          {summed.damaged > 0 && ` The records of ${plural(summed.damaged, 'run')} cannot be read, and are left out.`}
          {summed.read + summed.damaged < time.counted.length &&
            ` There are too many repositories to show all: the ${plural(time.counted.length - summed.read - summed.damaged, 'oldest run')} is left out.`}
        </p>
        <Planned time={time} />
        <ByRepository setting={setting} view={view} />
        <FindingsRemoved time={time} now={now} />
        <WhatIsThere time={time} runs={runs} now={now} />
      </>
    ),
  });
}

interface ByRepositoryProps {
  readonly setting: Setting;
  readonly view: TrendsView;
}

function ByRepository({ setting: { link, now }, view: { time, summed, runs } }: ByRepositoryProps) {
  const all = [...summed.repositories].map(([repository, sums]) => ({
    artifacts: { name: repository, values: [...sums.artifacts] } satisfies Series,
    bytes: { name: repository, values: [...sums.bytes] } satisfies Series,
  }));
  const artifacts = largest(
    all.map((one) => one.artifacts),
    'other repositories',
  );
  const size = largest(
    all.map((one) => one.bytes),
    'other repositories',
  );
  if (artifacts.length === 0) return <p class="card">No run has found anything to delete.</p>;
  const rows = all
    .map((one) => ({ name: one.artifacts.name, artifacts: totalOf(one.artifacts), bytes: totalOf(one.bytes) }))
    .toSorted((a, b) => b.bytes - a.bytes || b.artifacts - a.artifacts);
  const [newest] = runs;
  return (
    <Section id="by-repository" title="By repository">
      <div class="charts">
        <BarChart title="Tags and manifests" spans={time.spans} series={artifacts} format={count} now={now} />
        <BarChart title={sizeTitle(time)} spans={time.spans} series={size} format={bytes} now={now} />
      </div>
      <Numbers
        of="the first chart"
        spans={time.spans}
        columns={artifacts.map((series) => ({ series, format: count }))}
        now={now}
      />
      <Numbers
        of="the second chart"
        spans={time.spans}
        columns={size.map((series) => ({ series, format: bytes }))}
        now={now}
      />
      <Table
        caption={`The ${plural(Math.min(rows.length, MAX_REPOSITORIES), 'repository')} with most, of ${count(rows.length)}`}
        narrow
        rows={rows.slice(0, MAX_REPOSITORIES)}
        columns={[
          {
            head: 'Repository',
            cell: (row) =>
              newest ? (
                <a class="name" href={link({ run: newest.id, view: 'decisions', repository: row.name })}>
                  {name(row.name)}
                </a>
              ) : (
                name(row.name)
              ),
          },
          { head: 'Tags and manifests', number: true, cell: (row) => count(row.artifacts) },
          { head: 'Size, at most', number: true, cell: (row) => bytes(row.bytes) },
        ]}
      />
    </Section>
  );
}

/** Findings of what runs deleted, by severity; nothing where no run asked for them. */
function FindingsRemoved({ time, now }: Pick<WhatIsThereProps, 'time' | 'now'>) {
  const series = findingsBySeverity(time);
  if (series.length === 0) return null;
  const title = time.of === 'deleted' ? 'Findings removed' : 'Findings to remove';
  return (
    <Section id="findings" title={title}>
      <div class="charts">
        <BarChart title={`${title}, by severity`} spans={time.spans} series={series} format={count} now={now} />
      </div>
      <Numbers
        of="the chart"
        spans={time.spans}
        columns={series.map((one) => ({ series: one, format: count }))}
        now={now}
      />
    </Section>
  );
}

interface WhatIsThereProps {
  readonly time: OverTime;
  readonly runs: readonly RunRecord[];
  readonly now: Date;
}

/** How much runs found in a registry before they deleted anything, as long as it is one registry. */
function WhatIsThere({ time, runs, now }: WhatIsThereProps) {
  if (new Set(runs.map(({ registry }) => registry)).size !== 1) return null;
  // What a plan is applied to is looked at in part.
  const looked = { ...time, counted: lastOfEach(time.all.filter(({ run }) => run.kind === 'scheduled')) };
  const manifests = sumOf(looked, 'Manifests', ({ listed }) => listed.manifests ?? 0);
  const size = sumOf(looked, 'Size, at most', ({ listed }) => listed.bytes ?? 0);
  if (totalOf(manifests) === 0) return null;
  return (
    <Section id="there" title="What is there">
      <p class="small quiet">
        What the last scheduled run in each bar found, in the repositories that it looked at, before it deleted
        anything. Layers are shared, so the registry holds less than the sizes say.
      </p>
      <div class="charts">
        <BarChart title="Manifests" spans={time.spans} series={[manifests]} format={count} now={now} sum="last" />
        <BarChart title="Size, at most" spans={time.spans} series={[size]} format={bytes} now={now} sum="last" />
      </div>
      <Numbers
        spans={time.spans}
        columns={[
          { series: manifests, format: count },
          { series: size, format: bytes },
        ]}
        now={now}
      />
    </Section>
  );
}
