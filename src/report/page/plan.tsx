import { commandFor, leftOutOf } from '../../ledger/command.ts';
import { approvalOf, type RunRecord } from '../../ledger/records.ts';
import { GUARD_NAMES } from '../../planner/decision.ts';
import { printable } from '../escape.ts';
import { name, plural, words } from './format.ts';
import type { Setting } from './navigation.tsx';
import { Command, FirstOf, Notice, RunTitle } from './parts.tsx';

interface PlanProps {
  readonly setting: Setting;
  readonly run: RunRecord;
}

/** The two ways to apply a plan. */
export function PlanCommands({ run }: { readonly run: RunRecord }) {
  const { id, plan, breakers } = run;
  if (!plan) return null;
  // Without an approval, the guards would hold back what they would have held back in a purge.
  const approval = plan.state === 'waiting' || breakers.length > 0 ? approvalOf(plan) : undefined;
  const query = approval === undefined ? '' : `?approve=${encodeURIComponent(approval)}`;
  const request = `curl -X POST "$APP/api/plans/${encodeURIComponent(id)}/apply${query}" -H "x-functions-key: $KEY"`;
  const verb = approval === undefined ? 'apply' : 'approve';
  return (
    <>
      <p class="small quiet">On the command line, or over HTTP with the app's master key in $KEY:</p>
      <Command text={printable(commandFor('apply', run, approval))} label={`command to ${verb} the plan`} />
      <LeftOut run={run} />
      <Command text={printable(request)} label={`request to ${verb} the plan`} />
    </>
  );
}

/** What a person has to put into a command. */
export function LeftOut({ run }: { readonly run: RunRecord }) {
  const leftOut = leftOutOf(run);
  return leftOut === undefined ? null : <p class="small quiet">In the command, {leftOut}</p>;
}

/** A plan that waits for approval: the way to its page, where it is decided; the commands for those who want them. */
export function WaitingPlan({ setting, run }: PlanProps) {
  const { id, plan } = run;
  if (!plan) return null;
  const refused = setting.whyNotApplied?.(run);
  const page = setting.link({ run: id });
  return (
    <Notice
      tone="wait"
      title={`${plural(plan.deletions, 'deletion')} ${refused === undefined ? 'waiting for approval' : 'of a plan that is out of date'}`}
    >
      <p>
        {plan.state === 'waiting' ? 'Held back in this run:' : 'Planned by this run:'}{' '}
        <a href={page}>
          <RunTitle run={run} now={setting.now} />
        </a>
      </p>
      <Guards run={run} />
      {refused === undefined ? (
        <>
          <p>
            <a class="button" href={page}>
              Look at it, then approve or reject it
            </a>
          </p>
          <details class="review">
            <summary>Approve it on the command line, or over HTTP</summary>
            <PlanCommands run={run} />
          </details>
        </>
      ) : (
        <p>The app refuses it: {words(refused)}. Start a new dry run.</p>
      )}
    </Notice>
  );
}

const MAX_GUARDS = 20;

/** What guards hold back, and why. */
function Guards({ run: { breakers } }: { readonly run: RunRecord }) {
  if (breakers.length === 0) return null;
  return (
    <FirstOf items={breakers.slice(0, MAX_GUARDS)} of={breakers.length}>
      {({ breaker, repository, detail }) => (
        <>
          {repository === undefined ? 'everything' : name(repository)}: {words(detail)}{' '}
          <span class="quiet nowrap">
            (guard <code>{GUARD_NAMES[breaker]}</code>)
          </span>
        </>
      )}
    </FirstOf>
  );
}
