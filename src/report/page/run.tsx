import type { ComponentChildren } from 'preact';
import { commandFor } from '../../ledger/command.ts';
import type { Decision } from '../../planner/decision.ts';
import type { RepositoryRecord, RunProgress, RunRecord } from '../../ledger/records.ts';
import { printable } from '../escape.ts';
import { reasonsIn } from '../totals.ts';
import { isEvidenceWarning } from '../warnings.ts';
import { titleOf, whenOfId } from '../title.ts';
import { isUnfinished, type Resumer, starterOf, whyStopped } from '../runs.ts';
import { Share } from './charts.tsx';
import { render } from './document.tsx';
import { EvidenceSection, UnknownUse } from './evidence.tsx';
import { Figures } from './figures.tsx';
import { FindingSources } from './findings.tsx';
import { count, name, plural, words } from './format.ts';
import { Crumbs, Downloads, type Setting } from './navigation.tsx';
import {
  Badge,
  Cancelled,
  Command,
  doneInWords,
  type Fact,
  Facts,
  Failed,
  Notice,
  Progress,
  RunTitle,
  Section,
  StateBadge,
  Table,
  Time,
} from './parts.tsx';
import { PolicyFileText } from './policy-file.tsx';
import { LeftOut } from './plan.tsx';
import type { Verdict } from '../verdict.ts';
import { type Deletions, DeletionsSection } from './deletions.tsx';
import { Failures } from './failures.tsx';
import { ReleaseRun, type WaitingOfRun } from './quarantine-forms.tsx';
import { Repositories, type RepositoriesView } from './repositories.tsx';
import { APPROVE_FORM, canDecide, ReviewForms } from './review-forms.tsx';
import { type Entry, lasted } from './runs.tsx';
import { ChangesSection, VerdictSection } from './verdict.tsx';
import { kindInWords, MEANINGS, STATES } from './words.ts';

export interface RunView {
  readonly run: RunRecord;
  readonly verdict: Verdict;
  readonly deletions: Deletions;
  /** What resumes it, where it was stopped. */
  readonly resumer?: Resumer | undefined;
  readonly repositories: RepositoriesView;
  /** The first of those that failed, and how many there are. */
  readonly failed: { readonly first: readonly RepositoryRecord[]; readonly count: number };
  /** The first single artifacts that failed. */
  readonly failures: readonly Decision[];
  /** What it has put into quarantine and waits there still, where there is something. */
  readonly waiting?: WaitingOfRun | undefined;
}

export function renderRun(setting: Setting, view: RunView): string {
  const { run, verdict, deletions, resumer, waiting } = view;
  const { id, state, dryRun, progress, error, totals, cancelled } = run;
  const warnings = run.warnings.filter((warning) => !isEvidenceWarning(warning));
  const isRunning = state === 'running';
  return render({
    setting,
    title: titleOf(run, setting.now),
    live: isRunning ? doneInWords(progress) : undefined,
    children: (
      <>
        <Crumbs setting={setting} />
        <h1>
          <RunTitle run={run} now={setting.now} />
        </h1>
        <Downloads setting={setting} what="all decisions" parameters={{ run: id }} />
        <VerdictSection setting={setting} run={run} verdict={verdict}>
          <ReviewForms setting={setting} run={run} />
          {waiting && <ReleaseRun setting={setting} run={run} waiting={waiting} />}
        </VerdictSection>
        <ChangesSection setting={setting} run={run} verdict={verdict} />
        <UnknownUse run={run} />
        {isUnfinished(run) && <Progress progress={progress} />}
        {isRunning && (
          <Cancelled title="It was cancelled" cancelled={cancelled}>
            what is in flight is finished, and nothing else begins.
          </Cancelled>
        )}
        {isRunning && <Working progress={progress} />}
        {resumer && <Resume run={run} resumer={resumer} />}
        {error && (
          <Notice tone="bad" title="It broke off">
            <Failed error={error} />
          </Notice>
        )}
        {warnings.length > 0 && (
          <Notice tone="wait" title={plural(warnings.length, 'warning')}>
            <ul>
              {warnings.map((warning) => (
                <li>{words(warning)}</li>
              ))}
            </ul>
          </Notice>
        )}
        <Failures setting={setting} view={view} />
        {!run.restores && <DeletionsSection setting={setting} run={run} deletions={deletions} />}
        <Repositories
          setting={setting}
          run={run}
          view={view.repositories}
          approving={
            canDecide(setting, run) ? { form: APPROVE_FORM, can: ({ planned }) => planned.deletions > 0 } : undefined
          }
        />
        {totals && (
          <Section id="totals" title={isRunning ? 'So far' : 'Result'}>
            <Figures totals={totals} isDry={dryRun} held={heldIn(run)} />
            <p>
              <a class="button" href={setting.link({ run: id, view: 'decisions' })}>
                Search the decisions
              </a>
            </p>
          </Section>
        )}
        <Reasons setting={setting} run={run} />
        <EvidenceSection run={run} />
        <FindingSources run={run} />
        <About setting={setting} run={run} />
      </>
    ),
  });
}

interface LedeProps {
  readonly entry: Entry;
  readonly children?: ComponentChildren;
}

/** What a run is, in a line. */
export function Lede({ entry: { state, dryRun }, children }: LedeProps) {
  return (
    <div class="lede">
      <StateBadge state={state} />
      {dryRun && <Badge tone="calm">dry run</Badge>}
      {children}
      <span>{STATES[state].means}</span>
      {dryRun && <span>Nothing was deleted.</span>}
    </div>
  );
}

/** Artifacts that guards held back in a run that deletes. */
export function heldIn({ dryRun, plan }: RunRecord): number {
  return dryRun ? 0 : (plan?.deletions ?? 0);
}

/** What is done in the repositories under way, so that a large one is seen to move. */
function Working({ progress: { working = [] } }: { readonly progress: RunProgress }) {
  if (working.length === 0) return null;
  return (
    <ul aria-label="Repositories under way">
      {working.map(({ repository, listed, read, deleted }) => (
        <li>
          {name(repository)}: {count(listed)} tags and manifests listed, {plural(read, 'manifest')} read,{' '}
          {plural(deleted, 'deletion')}
        </li>
      ))}
    </ul>
  );
}

/** Why a run was stopped, and what resumes it. */
function Resume({ run, resumer }: { readonly run: RunRecord; readonly resumer: Resumer }) {
  const { stopped, cancelled } = run;
  const { by } = resumer;
  const title = by === 'nothing' ? 'It cannot be resumed' : cancelled ? 'It was cancelled' : 'It can be resumed';
  return (
    <Notice tone="wait" title={title}>
      {stopped && <p>{words(whyStopped(stopped))}.</p>}
      {by === 'nothing' && <p>Now, {words(resumer.why)}.</p>}
      {by === 'schedule' && <p>The next scheduled run resumes it. To resume it before:</p>}
      {by !== 'nothing' && (
        <>
          <Command text={printable(commandFor('resume', run))} label="command to resume the run" />
          <LeftOut run={run} />
        </>
      )}
    </Notice>
  );
}

/** Why artifacts are deleted or kept: the deleted ones first, the most frequent reason first. */
function Reasons({ setting, run: { id, totals } }: { readonly setting: Setting; readonly run: RunRecord }) {
  const found = totals ? reasonsIn(totals) : [];
  if (found.length === 0) return null;
  const largest = found.reduce((most, one) => Math.max(most, one.count), 1);
  return (
    <Section id="reasons" title="Reasons">
      <Table
        caption="Tags and manifests by the reason for which they are deleted, kept or brought back"
        rows={found}
        columns={[
          {
            head: 'Reason',
            cell: ({ reason }) => (
              <>
                <a class="name" href={setting.link({ run: id, view: 'decisions', reason })}>
                  {words(reason)}
                </a>
                <p class="detail">{MEANINGS[reason]}</p>
              </>
            ),
          },
          {
            head: 'Decision',
            cell: ({ action }) => <Badge tone={action === 'delete' ? 'delete' : 'calm'}>{action}</Badge>,
          },
          { head: 'Artifacts', number: true, cell: (one) => count(one.count) },
          { head: 'Share', cell: (one) => <Share value={one.count / largest} isDelete={one.action === 'delete'} /> },
        ]}
      />
    </Section>
  );
}

interface Started {
  readonly startedBy: string;
  readonly by?: string;
}

/** Who started a run or a parent, when, and how long it took. */
export function startFacts(started: Started, entry: Entry, now: Date): readonly Fact[] {
  const [what = '', by] = starterOf(started) ?? [];
  return [
    ['Kind', kindInWords(entry.kind)],
    ['Started by', words(started.startedBy)],
    [what, by && words(by)],
    ['Started', <Time iso={entry.started} />],
    ['Duration', lasted(entry, now)],
  ];
}

function About({ setting, run }: { readonly setting: Setting; readonly run: RunRecord }) {
  const { policy, parent, applies, restores, ended, resumed = [], agesFrom } = run;
  const runLink = (id: string | undefined) =>
    id !== undefined && <a href={setting.link({ run: id })}>{words(whenOfId(id, setting.now))}</a>;
  return (
    <Section id="about" title="About this run">
      <div class="card">
        <Facts
          facts={[
            ['Run', <code>{words(run.id)}</code>],
            ['State', <StateBadge state={run.state} />],
            ['Registry', words(run.registry)],
            ['Together with other registries, begun', runLink(parent) || undefined],
            ...startFacts(run, run, setting.now),
            ...resumed.map(({ at, startedBy }): Fact => [
              'Resumed',
              <>
                <Time iso={at} /> by {words(startedBy)}
              </>,
            ]),
            ['Ended', ended && <Time iso={ended} />],
            ['Ages counted from', agesFrom === run.started ? undefined : <Time iso={agesFrom} />],
            ['Machine', words(run.holder.host)],
            ['Tool version', words(run.toolVersion)],
            ['Applies the plan of the run of', runLink(applies) || undefined],
            ['Brings back what was deleted by the run of', runLink(restores?.run) || undefined],
            ['Brings back the image', restores?.image && words(restores.image)],
            ['Sets back what was pushed since', restores?.force && 'yes (--force)'],
            ['What it deletes is archived first in', run.archive && words(run.archive)],
            ['Policy from', policy.from],
            ['Hash of the policy', <code>{words(policy.hash)}</code>],
          ]}
        />
      </div>
      {policy.commands.map(({ given, file, understood }, index) => (
        <div class="card">
          <h3>{policy.commands.length === 1 ? 'Command' : `Command ${index + 1}`}</h3>
          <pre class="command">
            <code>{words(given)}</code>
          </pre>
          {file === undefined ? (
            <details>
              <summary>As it was understood</summary>
              <Facts facts={Object.entries(understood).map(([field, value]): Fact => [words(field), meaning(value)])} />
            </details>
          ) : (
            <PolicyFileText text={file} />
          )}
        </div>
      ))}
    </Section>
  );
}

function meaning(value: unknown) {
  return <code>{words(typeof value === 'string' ? value : JSON.stringify(value))}</code>;
}
