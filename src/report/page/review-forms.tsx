import type { ComponentChildren } from 'preact';
import type { RunRecord } from '../../ledger/records.ts';
import type { Actor, PlanReview } from '../../ledger/reviews.ts';
import { registryNames } from '../registry-names.ts';
import { whenOfId } from '../title.ts';
import { count, lines, name, plural, words } from './format.ts';
import type { FormSetting, Setting } from './navigation.tsx';
import { Time } from './parts.tsx';
import { PlanCommands } from './plan.tsx';

/* How a person approves, rejects and cancels. Every form works without a script. */

/** The id of the form that approves: boxes beside repositories belong to it. */
export const APPROVE_FORM = 'approve';

const LONGEST_COMMENT = 1_000;
const MOST_NAMES = 20;

interface Props {
  readonly setting: Setting;
  readonly run: RunRecord;
}

/** Whether the reader may approve or reject the plan of a run, as it is now. */
export function canDecide(setting: Setting, run: RunRecord): boolean {
  return setting.viewer?.forms !== undefined && isOpen(setting, run) && run.state !== 'running';
}

interface PostProps {
  readonly forms: FormSetting;
  readonly run: Pick<RunRecord, 'id' | 'plan'>;
  readonly action: 'approve' | 'reject' | 'cancel';
  readonly label: string;
  readonly children: ComponentChildren;
}

/** A form that changes something. It goes to the page itself, whatever its address is. */
function Post({ forms, run: { id, plan }, action, label, children }: PostProps) {
  return (
    <form class="decide" method="post" action="?" id={action} aria-label={label}>
      <input type="hidden" name="action" value={action} />
      <input type="hidden" name="run" value={id} />
      {action !== 'cancel' && <input type="hidden" name="hash" value={plan?.hash ?? ''} />}
      <input type="hidden" name="csrf" value={forms.token} />
      {children}
    </form>
  );
}

/** Where a person approves, rejects or cancels, right below the verdict; and who did. */
export function ReviewForms({ setting, run }: Props) {
  return (
    <>
      <Reviews setting={setting} run={run} />
      <Decide setting={setting} run={run} />
      <OnlyReading setting={setting} run={run} />
      <CancelForm setting={setting} of={run} label="Cancel this run" />
      {isOpen(setting, run) && <ByCommand run={run} />}
    </>
  );
}

/** Whether the plan of a run can still be decided about. */
function isOpen({ whyNotApplied }: Setting, run: RunRecord): boolean {
  const { plan } = run;
  return (plan?.state === 'open' || plan?.state === 'waiting') && whyNotApplied?.(run) === undefined;
}

/** The other ways, for machines, and for people where there is no sign-in. */
function ByCommand({ run }: Pick<Props, 'run'>) {
  const { deletions = 0, hash = '' } = run.plan ?? {};
  return (
    <details class="review">
      <summary>Approve it on the command line, or over HTTP</summary>
      <p>
        An approval is for exactly these {plural(deletions, 'deletion')}, and each is checked again before it is made.
      </p>
      <PlanCommands run={run} />
      <p>
        <span class="quiet">Hash of the plan:</span> <code>{words(hash)}</code>
      </p>
    </details>
  );
}

/** Approves and rejects; for those who may. */
function Decide({ setting, run }: Props) {
  const { viewer } = setting;
  const { plan } = run;
  if (!viewer?.forms || !plan || !canDecide(setting, run)) return null;
  const { forms } = viewer;
  return (
    <>
      <Post forms={forms} run={run} action="approve" label="Approve">
        {/* Enter, in a field or on a tick, presses the first button of a form. This one does nothing outside a dialog. */}
        <button type="submit" formMethod="dialog" hidden>
          Nothing
        </button>
        <fieldset>
          <legend>Approve, and delete</legend>
          <label class="choice">
            <input type="radio" name="part" value="all" checked /> {allInWords(plan)}
          </label>
          <label class="choice">
            <input type="radio" name="part" value="selected" /> only in the{' '}
            <a href="#repositories">repositories that you tick</a>
          </label>
        </fieldset>
        <Comment label="Comment, if you like" />
        {plan.deletions > forms.typedAbove && (
          <label>
            For more than {plural(forms.typedAbove, 'deletion')}, type the name of the registry:{' '}
            <code>{name(registryNames(run.registry)[0] ?? '')}</code>
            <input type="text" name="registry" autocomplete="off" autocapitalize="none" spellcheck={false} />
          </label>
        )}
        <p>
          <button type="submit" class="main">
            Approve
          </button>{' '}
          <span class="small quiet">as {name(viewer.name)}, which is recorded</span>
        </p>
      </Post>
      <details class="review">
        <summary>Reject it</summary>
        <Post forms={forms} run={run} action="reject" label="Reject">
          <Comment label="Reason" required />
          <p>
            <button type="submit">Reject</button>{' '}
            <span class="small quiet">Nothing more of this plan is ever deleted. The next run plans anew.</span>
          </p>
        </Post>
      </details>
    </>
  );
}

/** What an approval of all deletes: where parts were approved before, what is left. */
function allInWords({ deletions, reviews = [] }: NonNullable<RunRecord['plan']>): string {
  const planned = plural(deletions, 'deletion');
  const isBegun = reviews.some(({ verdict, runId }) => verdict === 'approved' && runId !== undefined);
  return isBegun ? `all that is left of the ${planned} in the plan` : `all of the plan: ${planned}`;
}

function Comment({ label, required = false }: { readonly label: string; readonly required?: boolean }) {
  return (
    <label>
      {label}
      <textarea name="comment" rows={2} maxLength={LONGEST_COMMENT} required={required} />
    </label>
  );
}

interface CancelProps {
  readonly setting: Setting;
  /** A run, or what began the runs of several registries. */
  readonly of: Pick<RunRecord, 'id' | 'state' | 'cancelled'>;
  readonly label: string;
}

/** Cancels what is under way; for those who may. */
export function CancelForm({ setting, of, label }: CancelProps) {
  const forms = setting.viewer?.forms;
  if (!forms || of.state !== 'running' || of.cancelled) return null;
  return (
    <Post forms={forms} run={of} action="cancel" label={label}>
      <p>
        <button type="submit">{label}</button>{' '}
        <span class="small quiet">What is in flight is finished, and nothing else begins.</span>
      </p>
    </Post>
  );
}

/** Why a reader who has signed in is offered no forms. */
function OnlyReading({ setting, run }: Props) {
  if (!setting.viewer || setting.viewer.forms || !isOpen(setting, run)) return null;
  return (
    <p class="small quiet">
      You have signed in as {name(setting.viewer.name)}, and may read. Approving takes the app role{' '}
      <code>Retention.Approver</code>.
    </p>
  );
}

/** Who approved and rejected a plan, when, and why. */
function Reviews({ setting, run: { plan } }: Props) {
  const reviews = plan?.reviews ?? [];
  if (reviews.length === 0) return null;
  return (
    <>
      <h3>Who decided</h3>
      <ul>
        {reviews.map((review) => (
          <li>
            <Review setting={setting} review={review} />
          </li>
        ))}
      </ul>
    </>
  );
}

function Review({ setting, review }: { readonly setting: Setting; readonly review: PlanReview }) {
  const { verdict, at, by, comment, repositories, runId } = review;
  return (
    <>
      <p>
        <strong>{verdict === 'approved' ? 'Approved' : 'Rejected'}</strong> by <Who actor={by} />, <Time iso={at} />
        {runId !== undefined && (
          <>
            {'; carried out by '}
            <a href={setting.link({ run: runId })}>the run of {words(whenOfId(runId, setting.now))}</a>
          </>
        )}
      </p>
      {repositories && (
        <p class="small">
          Only {repositories.slice(0, MOST_NAMES).map(name).join(', ')}
          {repositories.length > MOST_NAMES && `, and ${count(repositories.length - MOST_NAMES)} more`}
        </p>
      )}
      {comment !== undefined && <blockquote>{lines(comment.slice(0, LONGEST_COMMENT))}</blockquote>}
    </>
  );
}

/** A person by name, and by object id: names are not unique. */
function Who({ actor: { name: who, id } }: { readonly actor: Actor }) {
  return (
    <>
      {name(who)}
      {id !== undefined && (
        <>
          {' '}
          <span class="small quiet">
            (object id <code>{name(id)}</code>)
          </span>
        </>
      )}
    </>
  );
}
