import type { DifferenceCounts, DifferenceTotals } from '../../ledger/diff-totals.ts';
import type { Difference } from '../../ledger/plan-diff.ts';
import type { RunRecord } from '../../ledger/records.ts';
import { findingSumInWords } from '../finding-words.ts';
import { titleOf } from '../title.ts';
import { render } from './document.tsx';
import { bytes, count, name, plural, words } from './format.ts';
import { Compared, DifferenceTable } from './diff-of-one.tsx';
import { Crumbs, Form, Pager, type Setting } from './navigation.tsx';
import { type Column, Facts, Section, Table } from './parts.tsx';

export interface DiffView {
  /** The later one. */
  readonly run: RunRecord;
  /** Runs of the same registry that it can be compared with, the newest first. */
  readonly others: readonly RunRecord[];
  /** Absent: there is no run before it that can be compared with it. */
  readonly found?: Found;
}

/** What differs between a run and one before it. */
interface Found {
  readonly before: RunRecord;
  readonly totals: DifferenceTotals;
  /** Each difference, where there are few; else none. */
  readonly first: readonly Difference[];
  /** Only repositories behind this one were compared. */
  readonly behind?: string | undefined;
  /** No further repository than this one was compared. */
  readonly next?: string | undefined;
}

/** Repositories that are shown. */
const MAX_REPOSITORIES = 200;

/** What differs between two runs: in all, by repository, and each, where there are few. */
export function renderDiff(setting: Setting, { run, others, found }: DiffView): string {
  const { link, now } = setting;
  return render({
    setting,
    title: found ? `What changed: ${titleOf(run, now)}` : `Compare: ${titleOf(run, now)}`,
    children: (
      <>
        <Crumbs setting={setting} run={run} />
        <h1>What changed</h1>
        {found ? (
          <Compared setting={setting} run={run} before={found.before} />
        ) : (
          <p class="card">
            No run before this one can be compared with it: of the same registry, and complete. Choose another one.
          </p>
        )}
        <Form setting={setting} label="Choose another run" hidden={{ run: run.id, view: 'diff' }} button="Compare">
          <label class="wide">
            Compare with
            <select name="with">
              {others.map((one) => (
                <option value={one.id} selected={one.id === found?.before.id}>
                  {words(titleOf(one, now))}
                </option>
              ))}
            </select>
          </label>
        </Form>
        {found && <Differences setting={setting} run={run} found={found} />}
        <p>
          <a href={link({ run: run.id })}>Back to the run</a>
        </p>
      </>
    ),
  });
}

interface DifferencesProps {
  readonly setting: Setting;
  readonly run: RunRecord;
  readonly found: Found;
}

function Differences({ setting, run, found }: DifferencesProps) {
  const { before, totals, first, behind, next } = found;
  const { link } = setting;
  const sizeOf = ({ added, removed }: (typeof totals.repositories)[number]): number =>
    artifactsIn(added) + artifactsIn(removed);
  const rows = totals.repositories.toSorted((a, b) => sizeOf(b) - sizeOf(a)).slice(0, MAX_REPOSITORIES);
  const here = { run: run.id, view: 'diff', with: before.id };
  const isPart = behind !== undefined || next !== undefined;
  if (rows.length === 0)
    return (
      <p class="card">{isPart ? 'There is nothing more that differs.' : 'Both delete the same tags and manifests.'}</p>
    );
  return (
    <>
      <div class="card figures">
        <Facts
          facts={[
            [`${verbOf(run)} in the later run only`, inWords(totals.added)],
            ['Size, at most', bytes(totals.added.bytes)],
            ['With', findingSumInWords(totals.added.findings)],
            [`${verbOf(before)} in the earlier run only`, inWords(totals.removed)],
            ['Size, at most', bytes(totals.removed.bytes)],
            ['With', findingSumInWords(totals.removed.findings)],
          ]}
        />
      </div>
      {isPart && (
        <p>
          The comparison takes long. This part is about the repositories
          {behind !== undefined && ` behind ${name(behind)}`}
          {next !== undefined && ` up to ${name(next)}`}.
        </p>
      )}
      <Section id="repositories" title="By repository">
        <Table
          caption={`${plural(totals.repositories.length, 'repository')} in which the runs differ, the largest difference first${totals.repositories.length > rows.length ? `; the first ${count(rows.length)}` : ''}`}
          rows={rows}
          columns={[
            {
              head: 'Repository',
              cell: ({ repository }) => (
                <a class="name" href={link({ ...here, repository })}>
                  {name(repository)}
                </a>
              ),
            },
            ...columnsOf('later run only', (row: (typeof rows)[number]) => row.added),
            ...columnsOf('earlier run only', (row: (typeof rows)[number]) => row.removed),
          ]}
        />
        <Pager
          label="Parts of the comparison"
          back={behind !== undefined && { href: link(here), text: 'First repositories' }}
          next={next !== undefined && { href: link({ ...here, after: next }), text: 'Next repositories' }}
        />
      </Section>
      {first.length > 0 && (
        <Section id="each" title="Each">
          <DifferenceTable setting={setting} caption={plural(first.length, 'difference')} differences={first} />
        </Section>
      )}
    </>
  );
}

function columnsOf<T>(which: string, countsOf: (row: T) => DifferenceCounts): readonly Column<T>[] {
  return [
    { head: `Tags, ${which}`, number: true, cell: (row) => count(countsOf(row).tags) },
    { head: `Manifests, ${which}`, number: true, cell: (row) => count(countsOf(row).manifests) },
    { head: `Size, ${which}`, number: true, cell: (row) => bytes(countsOf(row).bytes) },
  ];
}

function verbOf({ dryRun }: RunRecord): string {
  return dryRun ? 'To delete' : 'Deleted';
}

function artifactsIn({ tags, manifests }: DifferenceCounts): number {
  return tags + manifests;
}

function inWords({ tags, manifests }: DifferenceCounts): string {
  return `${plural(tags, 'tag')}, ${plural(manifests, 'manifest')}`;
}
