import type { Decision } from '../../planner/decision.ts';
import type { RunRecord } from '../../ledger/records.ts';
import { printable } from '../escape.ts';
import { nameOf } from '../text.ts';
import { render } from './document.tsx';
import { bytes, count, name, shorten, words } from './format.ts';
import { Carried, Digest, OutcomeBadge, Pager, type Setting, Table, Time } from './parts.tsx';
import { Failed } from './repositories.tsx';
import { GOES, meaningOf, STAYS } from './words.ts';

/** What is searched for, as it was given. */
export interface DecisionFilter {
  readonly repository?: string | undefined;
  readonly tag?: string | undefined;
  readonly digest?: string | undefined;
  readonly text?: string | undefined;
  readonly action?: string | undefined;
  readonly reason?: string | undefined;
}

export interface DecisionsView {
  readonly run: RunRecord;
  readonly filter: DecisionFilter;
  readonly decisions: readonly Decision[];
  readonly page: number;
  /** Decisions on the pages before. */
  readonly skipped: number;
  readonly more: boolean;
}

export function renderDecisions(setting: Setting, view: DecisionsView): string {
  const { run, filter, decisions, page, skipped, more } = view;
  const { link } = setting;
  const here = { run: run.id, view: 'decisions', ...filter };
  const to = (wanted: number): string => link({ ...here, page: wanted > 1 ? wanted : undefined });
  const pager = (
    <Pager
      named="Pages of decisions"
      back={page > 1 ? { href: to(page - 1), text: 'Previous decisions' } : undefined}
      next={more ? { href: to(page + 1), text: 'Next decisions' } : undefined}
    />
  );
  return render({
    setting,
    title: `Decisions of the run ${run.id}`,
    children: (
      <>
        <p class="crumbs">
          <a href={link()}>Runs</a> / <a href={link({ run: run.id })}>Run {words(run.id)}</a>
        </p>
        <h1>Decisions</h1>
        <p class="lede">
          <span>
            What was decided in the run of <Time iso={run.started} />, and why.
          </span>
        </p>
        <Search setting={setting} run={run} filter={filter} />
        {decisions.length === 0 ? (
          <p class="card">{page > 1 ? 'There are no more decisions.' : 'No decision matches.'}</p>
        ) : (
          <DecisionTable
            setting={setting}
            caption={`Decisions ${count(skipped + 1)} to ${count(skipped + decisions.length)}, by repository`}
            decisions={decisions}
          />
        )}
        {pager}
        <p class="small">
          Download all that match:{' '}
          <a href={link({ ...here, format: 'csv' })} download>
            CSV
          </a>
          ,{' '}
          <a href={link({ ...here, format: 'ndjson' })} download>
            NDJSON
          </a>
        </p>
      </>
    ),
  });
}

type SearchProps = Pick<DecisionsView, 'run' | 'filter'> & { readonly setting: Setting };

function Search({ setting, run, filter }: SearchProps) {
  const field = (label: string, named: keyof DecisionFilter) => (
    <label>
      {label}
      <input
        type="search"
        name={named}
        value={printable(filter[named] ?? '')}
        autocomplete="off"
        autocapitalize="none"
        spellcheck={false}
      />
    </label>
  );
  const option = (value: string, text: string, chosen: string | undefined) => (
    <option value={value} selected={value === (chosen ?? '')}>
      {text}
    </option>
  );
  return (
    <form class="card search" method="get" role="search" aria-label="Search decisions">
      <Carried setting={setting} fields={{ run: run.id, view: 'decisions' }} />
      {field('Text in name or detail', 'text')}
      {field('Repository, whole name', 'repository')}
      {field('Tag, whole name', 'tag')}
      {field('Digest, whole', 'digest')}
      <label>
        Action
        <select name="action">
          {option('', 'any', filter.action)}
          {option('delete', 'goes', filter.action)}
          {option('keep', 'stays', filter.action)}
        </select>
      </label>
      <label>
        Reason
        <select name="reason">
          {option('', 'any', filter.reason)}
          <optgroup label="goes">{Object.keys(GOES).map((reason) => option(reason, reason, filter.reason))}</optgroup>
          <optgroup label="stays">{Object.keys(STAYS).map((reason) => option(reason, reason, filter.reason))}</optgroup>
        </select>
      </label>
      <div class="go">
        <button type="submit">Search</button>
        {Object.values(filter).some((value) => value !== undefined) && (
          <a href={setting.link({ run: run.id, view: 'decisions' })}>All decisions</a>
        )}
      </div>
    </form>
  );
}

interface TableProps {
  readonly setting: Setting;
  readonly caption: string;
  readonly decisions: readonly Decision[];
}

function DecisionTable({ setting, caption, decisions }: TableProps) {
  return (
    <Table
      caption={caption}
      rows={decisions}
      columns={[
        { head: 'Artifact', cell: (decision) => <ArtifactName setting={setting} decision={decision} /> },
        { head: 'Outcome', cell: (decision) => <OutcomeBadge decision={decision} /> },
        { head: 'Why', cell: (decision) => <Why decision={decision} /> },
        { head: 'Size', number: true, cell: ({ size }) => (size === undefined ? '–' : bytes(size)) },
        {
          head: 'Last updated',
          cell: ({ lastUpdateTime }) => (lastUpdateTime === undefined ? '–' : <Time iso={lastUpdateTime} />),
        },
      ]}
    />
  );
}

function ArtifactName({ setting, decision }: { readonly setting: Setting; readonly decision: Decision }) {
  const { kind, digest } = decision;
  return (
    <>
      <a class="name" href={setting.link({ image: nameOf(decision) })}>
        {shorten(name(nameOf(decision)))}
      </a>
      <p class="detail">
        {kind}
        {digest !== undefined && (
          <>
            {' '}
            <Digest digest={digest} />
          </>
        )}
      </p>
    </>
  );
}

/** The reason, and in words: of what, and what went wrong. */
export function Why({ decision }: { readonly decision: Decision }) {
  const { reason, detail, beyondAcrPurge } = decision;
  return (
    <>
      <span title={meaningOf(reason)}>{words(reason)}</span>
      <p class="detail">
        {shorten(words(detail))}
        {beyondAcrPurge && '; acr purge would have deleted it'}
      </p>
      {decision.action === 'delete' && <Failed error={decision.error} />}
    </>
  );
}
