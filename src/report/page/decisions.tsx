import { type Decision, DELETE_REASONS, errorOf, KEEP_REASONS } from '../../planner/decision.ts';
import { RESTORE_REASONS } from '../../planner/restore.ts';
import type { RunRecord } from '../../ledger/records.ts';
import { nameOf } from '../../ledger/summary.ts';
import { quarantineOfDecision } from '../quarantine-words.ts';
import { ruleInWords, shortDigests } from '../text.ts';
import { titleOf } from '../title.ts';
import { render } from './document.tsx';
import { FindingsOf } from './findings.tsx';
import { bytes, count, name, words } from './format.ts';
import { Crumbs, Downloads, Form, Pager, Search, Select, type Setting } from './navigation.tsx';
import { Digest, Failed, OutcomeBadge, RunTitle, Table, Time } from './parts.tsx';
import { MEANINGS } from './words.ts';

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
  /** Names of repositories to pick one from. */
  readonly names: readonly string[];
  readonly page: number;
  /** Decisions on the pages before. */
  readonly skipped: number;
  readonly more: boolean;
}

export function renderDecisions(setting: Setting, view: DecisionsView): string {
  const { run, filter, decisions, names, page, skipped, more } = view;
  const all = { run: run.id, view: 'decisions' };
  const here = { ...all, ...filter };
  const to = (wanted: number): string => setting.link({ ...here, page: wanted > 1 ? wanted : undefined });
  const isFiltered = Object.values(filter).some((value) => value !== undefined);
  return render({
    setting,
    title: `Decisions: ${titleOf(run, setting.now)}`,
    children: (
      <>
        <Crumbs setting={setting} run={run} />
        <h1>Decisions</h1>
        <p class="lede">
          <span>
            What this run decided, and why: <RunTitle run={run} now={setting.now} />
          </span>
        </p>
        <Form
          setting={setting}
          label="Search decisions"
          hidden={all}
          button="Search"
          clear={isFiltered ? { href: setting.link(all), text: 'All decisions' } : undefined}
        >
          <Search label="Text in name or detail" name="text" value={filter.text} />
          <Search label="Repository, whole name" name="repository" value={filter.repository} names={names} />
          <Search label="Tag, whole name" name="tag" value={filter.tag} />
          <Search label="Digest, whole" name="digest" value={filter.digest} />
          <Select label="Action" name="action" value={filter.action} groups={{ '': ['delete', 'keep', 'restore'] }} />
          <Select
            label="Reason"
            name="reason"
            value={filter.reason}
            groups={{ delete: DELETE_REASONS, keep: KEEP_REASONS, restore: RESTORE_REASONS }}
          />
        </Form>
        {decisions.length === 0 ? (
          <p class="card">{page > 1 ? 'There are no more decisions.' : 'No decision matches.'}</p>
        ) : (
          <Table
            caption={`Decisions ${count(skipped + 1)} to ${count(skipped + decisions.length)}, by repository`}
            rows={decisions}
            columns={[
              { head: 'Artifact', cell: (decision) => <ArtifactName setting={setting} decision={decision} /> },
              { head: 'Outcome', cell: (decision) => <OutcomeBadge decision={decision} /> },
              { head: 'Why', cell: (decision) => <Why decision={decision} /> },
              { head: 'Size', number: true, cell: ({ size }) => (size === undefined ? '–' : bytes(size)) },
              {
                head: 'Last updated',
                cell: ({ lastUpdateTime: iso }) => (iso === undefined ? '–' : <Time iso={iso} />),
              },
            ]}
          />
        )}
        <Pager
          label="Pages of decisions"
          back={page > 1 && { href: to(page - 1), text: 'Previous decisions' }}
          next={more && { href: to(page + 1), text: 'Next decisions' }}
        />
        <Downloads setting={setting} what="all that match" parameters={here} />
      </>
    ),
  });
}

function ArtifactName({ setting, decision }: { readonly setting: Setting; readonly decision: Decision }) {
  const { kind, digest } = decision;
  return (
    <>
      <a class="name" href={setting.link({ image: nameOf(decision) })}>
        {shortDigests(name(nameOf(decision)))}
      </a>
      <p class="detail">
        {kind} {digest !== undefined && <Digest digest={digest} />}
      </p>
    </>
  );
}

/** The reason, the detail, and the error if there was one. */
export function Why({ decision }: { readonly decision: Decision }) {
  const { reason, detail, beyondAcrPurge } = decision;
  return (
    <>
      <span title={MEANINGS[reason]}>{words(`${reason}${ruleInWords(decision)}`)}</span>
      <p class="detail">
        {shortDigests(words(detail))}
        {quarantineOfDecision(decision)}
        {beyondAcrPurge && '; acr purge would have deleted it'}
      </p>
      <FindingsOf decision={decision} />
      <Failed error={errorOf(decision)} />
    </>
  );
}
