import { quote } from 'shlex';
import type { Decision } from '../../planner/decision.ts';
import { cancelledInWords, type RepositoryRecord, type RunRecord, whyNotResumed } from '../../ledger/records.ts';
import { printable } from '../escape.ts';
import { whoBegan } from '../who.ts';
import { render } from './document.tsx';
import { count, name, plural, words } from './format.ts';
import { Command, Facts, Figures, type Setting, StateBadge, Time } from './parts.tsx';
import { PlanSection, Trips } from './plan.tsx';
import { Reasons } from './reasons.tsx';
import { Failures, Repositories } from './repositories.tsx';
import { DryRunBadge, lasted } from './runs.tsx';
import { KINDS, STATES } from './words.ts';

export interface RunView {
  readonly run: RunRecord;
  /** One page of them, those with most deletions first. */
  readonly repositories: readonly RepositoryRecord[];
  readonly page: number;
  /** There are more pages, and they can be asked for. */
  readonly more: boolean;
  /** How many there are in all. */
  readonly count: number;
  /** The first of those that failed, and how many there are. */
  readonly failed: { readonly first: readonly RepositoryRecord[]; readonly count: number };
  /** The first single artifacts that failed. */
  readonly failures: readonly Decision[];
}

export function renderRun(setting: Setting, view: RunView): string {
  const { run } = view;
  const { link } = setting;
  const { id, state, progress, error, warnings, breakers } = run;
  const waits = run.plan?.state === 'waiting';
  // A dry run waits only where its plan was to be applied, and a guard held that back.
  const isForeseen = run.dryRun && !waits;
  const isUnfinished = state === 'running' || ((state === 'stopped' || state === 'interrupted') && progress.of > 0);
  const planned = progress.planned === undefined ? '' : `, ${count(progress.planned)} planned`;
  const done = `${count(progress.done)} of ${plural(progress.of, 'repository')} done${planned}`;
  return render({
    setting,
    title: `Run ${id}`,
    live: state === 'running' ? done : undefined,
    children: (
      <>
        <p class="crumbs">
          <a href={link()}>Runs</a>
        </p>
        <h1>Run {words(id)}</h1>
        <div class="lede">
          <StateBadge state={state} />
          <DryRunBadge run={run} />
          <span>{STATES[state].means}</span>
          {run.dryRun && <span>Nothing was to be deleted.</span>}
        </div>
        {isUnfinished && (
          <p>
            <progress value={progress.done} max={Math.max(progress.of, 1)} aria-label="Repositories done" /> {done}
            {`, ${count(progress.of - progress.done)} left`}
          </p>
        )}
        {state === 'running' && <Ending run={run} />}
        {state === 'running' && <Working run={run} />}
        {(state === 'stopped' || state === 'interrupted') && <Resume setting={setting} run={run} />}
        {error && (
          <section class="card bad" aria-label="Why the run broke off">
            <h2>It broke off</h2>
            <p>{words(error.message)}</p>
            {error.correlationId !== undefined && (
              <p class="small quiet">Correlation id {words(error.correlationId)}</p>
            )}
          </section>
        )}
        {breakers.length > 0 && (
          <section class="card wait" aria-label={isForeseen ? 'What guards would hold back' : 'Breakers that tripped'}>
            <h2>{isForeseen ? 'Guards would hold this back' : `${plural(breakers.length, 'breaker')} tripped`}</h2>
            {isForeseen && <p>A purge by the same commands would wait for approval before it deletes this:</p>}
            <Trips run={run} />
          </section>
        )}
        {waits && <PlanSection setting={setting} run={run} />}
        {warnings.length > 0 && (
          <section class="card wait" aria-label="Warnings">
            <h2>{plural(warnings.length, 'warning')}</h2>
            <ul>
              {warnings.map((warning) => (
                <li>{words(warning)}</li>
              ))}
            </ul>
          </section>
        )}
        <Failures setting={setting} view={view} />
        <Totals setting={setting} run={run} />
        {!waits && <PlanSection setting={setting} run={run} />}
        {run.totals && <Reasons setting={setting} run={run} totals={run.totals} />}
        <Repositories setting={setting} view={view} />
        <About setting={setting} run={run} />
      </>
    ),
  });
}

/** That it works only until what is in flight is finished. */
function Ending({ run: { cancelled } }: { readonly run: RunRecord }) {
  if (!cancelled) return null;
  return (
    <section class="card wait" aria-label="Whether the run was cancelled">
      <h2>It was cancelled</h2>
      <p>{words(cancelledInWords(cancelled))}: what is in flight is finished, and nothing else is begun</p>
    </section>
  );
}

/** What is done in the repositories under way, so that one that takes long is seen to move. */
function Working({ run: { progress } }: { readonly run: RunRecord }) {
  const { working = [] } = progress;
  if (working.length === 0) return null;
  return (
    <ul aria-label="Repositories under way">
      {working.map(({ repository, listed, read, deleted }) => (
        <li>
          <span class="wrap">{name(repository)}</span>: {count(listed)} tags and manifests listed,{' '}
          {plural(read, 'manifest')} read, {plural(deleted, 'deletion')}
        </li>
      ))}
    </ul>
  );
}

/** Why a run ended before it was done, and how to go on with it. */
function Resume({ setting, run }: { readonly setting: Setting; readonly run: RunRecord }) {
  const { id, stopped } = run;
  const why = whyNotResumed(run, setting.now);
  return (
    <section class="card wait" aria-label="Whether the run can go on">
      <h2>{why !== undefined ? 'It cannot go on any more' : run.cancelled ? 'It was cancelled' : 'It can go on'}</h2>
      {stopped && <p>{words(stopped.detail)}</p>}
      {why !== undefined && <p>Now, {words(why)}.</p>}
      {why === undefined && (
        <Command text={printable(`acr-retention resume ${quote(id)}`)} named="command to go on with the run" />
      )}
    </section>
  );
}

function Totals({ setting, run }: { readonly setting: Setting; readonly run: RunRecord }) {
  const { totals, dryRun } = run;
  if (!totals) return null;
  return (
    <section aria-labelledby="totals">
      <h2 id="totals">{run.state === 'running' ? 'So far' : 'Result'}</h2>
      <Figures totals={totals} isDry={dryRun} />
      <p>
        <a class="button" href={setting.link({ run: run.id, view: 'decisions' })}>
          Search the decisions
        </a>
      </p>
    </section>
  );
}

function About({ setting, run }: { readonly setting: Setting; readonly run: RunRecord }) {
  const { policy, applies, ended } = run;
  return (
    <section aria-labelledby="about">
      <h2 id="about">About this run</h2>
      <div class="card">
        <Facts
          facts={[
            ['Registry', words(run.registry)],
            [
              'Together with other registries',
              run.parent === undefined ? undefined : (
                <a href={setting.link({ run: run.parent })}>{words(run.parent)}</a>
              ),
            ],
            ['Kind', KINDS[run.kind]],
            ['Started by', words(run.startedBy)],
            [whoBegan(run)?.[0] ?? '', run.by === undefined ? undefined : words(run.by)],
            ['Started', <Time iso={run.started} />],
            ...(run.resumed ?? []).map(
              ({ at, startedBy }) =>
                [
                  'Went on',
                  <>
                    <Time iso={at} /> by {words(startedBy)}
                  </>,
                ] as const,
            ),
            ['Ended', ended === undefined ? undefined : <Time iso={ended} />],
            ['Duration', lasted(run, setting.now)],
            ['Ages counted from', run.agesFrom === run.started ? undefined : <Time iso={run.agesFrom} />],
            ['Machine', words(run.holder.host)],
            ['Tool version', words(run.toolVersion)],
            [
              'Carries out the plan of',
              applies === undefined ? undefined : <a href={setting.link({ run: applies })}>{words(applies)}</a>,
            ],
            ['Policy from', policy.from],
            ['Hash of the policy', <code>{words(policy.hash)}</code>],
          ]}
        />
      </div>
      {policy.commands.map(({ given, understood }, index) => (
        <div class="card">
          <h3>{policy.commands.length === 1 ? 'Command' : `Command ${index + 1}`}</h3>
          <pre class="command">
            <code>{words(given)}</code>
          </pre>
          <details>
            <summary>As it was understood</summary>
            <Facts facts={Object.entries(understood).map(([name, value]) => [words(name), meaning(value)] as const)} />
          </details>
        </div>
      ))}
    </section>
  );
}

function meaning(value: unknown) {
  return <code>{words(typeof value === 'string' ? value : JSON.stringify(value))}</code>;
}
