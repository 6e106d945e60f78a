import { findingsOfDecision } from '../finding-words.ts';
import { titleOf } from '../title.ts';
import type { Difference } from '../../ledger/plan-diff.ts';
import type { RunRecord } from '../../ledger/records.ts';
import { nameOf } from '../../ledger/summary.ts';
import { ruleInWords, shortDigests } from '../text.ts';
import { render } from './document.tsx';
import { bytes, count, name, words } from './format.ts';
import { Crumbs, Pager, type Setting } from './navigation.tsx';
import { Badge, Digest, Notice, RunTitle, StateBadge, Table } from './parts.tsx';

export interface DiffOfOneView {
  readonly run: RunRecord;
  readonly before: RunRecord;
  readonly repository: string;
  readonly differences: readonly Difference[];
  readonly page: number;
  /** Differences on the pages before. */
  readonly skipped: number;
  readonly more: boolean;
}

/** What differs between two runs in one repository. */
export function renderDiffOfOne(setting: Setting, view: DiffOfOneView): string {
  const { run, before, repository, differences, page, skipped, more } = view;
  const here = { run: run.id, view: 'diff', with: before.id };
  const to = (wanted: number): string => setting.link({ ...here, repository, page: wanted > 1 ? wanted : undefined });
  return render({
    setting,
    title: `What changed in ${name(repository)}: ${titleOf(run, setting.now)}`,
    children: (
      <>
        <Crumbs setting={setting} run={run} />
        <h1>What changed in {name(repository)}</h1>
        <Compared setting={setting} run={run} before={before} />
        {differences.length === 0 ? (
          <p class="card">
            {page > 1
              ? 'There are no more differences.'
              : 'In this repository both delete the same tags and manifests.'}
          </p>
        ) : (
          <DifferenceTable
            setting={setting}
            caption={`Differences ${count(skipped + 1)} to ${count(skipped + differences.length)}`}
            differences={differences}
          />
        )}
        <Pager
          label="Pages of differences"
          back={page > 1 && { href: to(page - 1), text: 'Previous differences' }}
          next={more && { href: to(page + 1), text: 'Next differences' }}
        />
        <p>
          <a href={setting.link(here)}>All repositories</a>
        </p>
      </>
    ),
  });
}

interface ComparedProps {
  readonly setting: Setting;
  readonly run: RunRecord;
  readonly before: RunRecord;
}

/** Which runs are compared, and what speaks against it. */
export function Compared({ setting: { link, now }, run, before }: ComparedProps) {
  const both = [run, before];
  return (
    <>
      <div class="lede">
        <span>
          <RunTitle run={run} now={now} />, compared with{' '}
          <a href={link({ run: before.id })}>
            <RunTitle run={before} now={now} />
          </a>
        </span>
      </div>
      {run.registry !== before.registry && (
        <Notice tone="wait" title="Two registries">
          <p>
            The runs are about {name(run.registry)} and {name(before.registry)}.
          </p>
        </Notice>
      )}
      {run.registry === before.registry && run.policy.hash !== before.policy.hash && (
        <p class="small">The two runs have different policies.</p>
      )}
      {both
        .filter(({ state }) => state === 'running' || state === 'stopped' || state === 'interrupted')
        .map((one) => (
          <p class="small">
            <RunTitle run={one} now={now} /> is not complete: <StateBadge state={one.state} />
          </p>
        ))}
    </>
  );
}

interface DifferenceTableProps {
  readonly setting: Setting;
  readonly caption: string;
  readonly differences: readonly Difference[];
}

export function DifferenceTable({ setting: { link }, caption, differences }: DifferenceTableProps) {
  return (
    <Table
      caption={caption}
      rows={differences}
      columns={[
        {
          head: 'Artifact',
          cell: ({ goes }) => (
            <>
              <a class="name" href={link({ image: nameOf(goes) })}>
                {shortDigests(name(nameOf(goes)))}
              </a>
              <p class="detail">
                {goes.kind} {goes.digest !== undefined && <Digest digest={goes.digest} />}
                {findingsOfDecision(goes)}
              </p>
            </>
          ),
        },
        { head: 'Later run', cell: ({ change, goes, other }) => <Side decision={change === 'added' ? goes : other} /> },
        {
          head: 'Earlier run',
          cell: ({ change, goes, other }) => <Side decision={change === 'added' ? other : goes} />,
        },
        { head: 'Size', number: true, cell: ({ goes: { size } }) => (size === undefined ? '–' : bytes(size)) },
      ]}
    />
  );
}

/** What one of the runs decided. */
function Side({ decision }: { readonly decision: Difference['other'] }) {
  if (!decision) return <span class="quiet">not there, or not selected</span>;
  const { action, reason, detail } = decision;
  return (
    <>
      <Badge tone={action === 'delete' ? 'delete' : 'calm'}>{action}</Badge>{' '}
      {words(`${reason}${ruleInWords(decision)}`)}
      <p class="detail">{shortDigests(words(detail))}</p>
    </>
  );
}
