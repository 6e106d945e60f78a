import { quote } from 'shlex';
import { approvalOf, type RunRecord } from '../../ledger/records.ts';
import { printable } from '../escape.ts';
import { name, plural, words } from './format.ts';
import { Command, type Setting, Time } from './parts.tsx';

interface PlanProps {
  readonly setting: Setting;
  readonly run: RunRecord;
}

/** How to carry out a plan: the same two commands wherever it is shown. */
function PlanCommands({ run }: Pick<PlanProps, 'run'>) {
  const { id, plan } = run;
  if (!plan) return null;
  // Without it, the guards would hold back what they would have held back in a purge.
  const approval = plan.state === 'waiting' || run.breakers.length > 0 ? approvalOf(plan) : undefined;
  const command = `acr-retention apply ${quote(id)}${approval === undefined ? '' : ` --approve ${quote(approval)}`}`;
  const query = approval === undefined ? '' : `?approve=${encodeURIComponent(approval)}`;
  const request = `curl -X POST "$APP/api/plans/${encodeURIComponent(id)}/apply${query}" -H "x-functions-key: $KEY"`;
  const verb = approval === undefined ? 'apply' : 'approve';
  return (
    <>
      <p class="small quiet">On the command line, or over HTTP with the app's master key in $KEY:</p>
      <Command text={printable(command)} named={`command to ${verb} the plan`} />
      <Command text={printable(request)} named={`request to ${verb} the plan`} />
    </>
  );
}

/** A plan that waits, where nobody overlooks it. */
export function WaitingPlan({ setting, run }: PlanProps) {
  const { plan } = run;
  if (!plan) return null;
  return (
    <section class="card wait" aria-label={`Waiting plan of the run ${words(run.id)}`}>
      <h2>{plural(plan.deletions, 'deletion')} waiting for approval</h2>
      <p>
        Held back in the run <a href={setting.link({ run: run.id })}>{words(run.id)}</a> of <Time iso={run.started} />{' '}
        on <span class="wrap">{name(run.registry)}</span>:
      </p>
      {run.breakers.length > 0 && <Trips run={run} />}
      <PlanCommands run={run} />
    </section>
  );
}

const MAX_TRIPS = 20;

/** The breakers that tripped. */
export function Trips({ run: { breakers } }: Pick<PlanProps, 'run'>) {
  return (
    <>
      <ul>
        {breakers.slice(0, MAX_TRIPS).map(({ breaker, repository, detail, found, limit }) => (
          <li>
            <code>{breaker}</code>
            {repository !== undefined && ` in ${name(repository)}`}: {words(detail)}{' '}
            <span class="quiet small nowrap">{`(found ${found.toLocaleString('en')}, allowed ${limit.toLocaleString('en')})`}</span>
          </li>
        ))}
      </ul>
      {breakers.length > MAX_TRIPS && <p class="quiet">… and {plural(breakers.length - MAX_TRIPS, 'more')}.</p>}
    </>
  );
}

/** What a run would delete, as a plan of its own. */
export function PlanSection({ setting, run }: PlanProps) {
  const { plan } = run;
  if (!plan) return null;
  return (
    <section aria-labelledby="plan">
      <h2 id="plan">Plan</h2>
      <div class={plan.state === 'waiting' ? 'card wait' : 'card'}>
        {plan.state === 'applied' ? (
          <p>
            {plural(plan.deletions, 'artifact')} would go.{' '}
            {plan.appliedBy === undefined ? (
              'The plan was carried out.'
            ) : (
              <>
                The plan was carried out by the run{' '}
                <a href={setting.link({ run: plan.appliedBy })}>{words(plan.appliedBy)}</a>.
              </>
            )}
          </p>
        ) : (
          <p>
            {plural(plan.deletions, 'artifact')} would go
            {plan.state === 'waiting'
              ? ', and a breaker holds them back. An approval is for exactly these: each is checked again before it goes.'
              : run.breakers.length > 0
                ? ', and guards would hold back all or some of them. An approval is for exactly these: each is checked again before it is deleted.'
                : '. Applying the plan deletes exactly these: each is checked again before it goes.'}
          </p>
        )}
        <p>
          <span class="quiet">Hash of the plan:</span> <code>{words(plan.hash)}</code>
        </p>
        {plan.state !== 'applied' && <PlanCommands run={run} />}
      </div>
    </section>
  );
}
