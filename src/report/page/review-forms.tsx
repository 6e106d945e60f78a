import type { RunRecord } from '../../ledger/records.ts';
import { plural, words } from './format.ts';
import type { Setting } from './navigation.tsx';
import { PlanCommands } from './plan.tsx';

interface Props {
  readonly setting: Setting;
  readonly run: RunRecord;
}

/** Where a person approves, rejects or cancels, right below the verdict. */
export function ReviewForms({ run }: Props) {
  const { plan } = run;
  if (!plan || (plan.state !== 'open' && plan.state !== 'waiting')) return null;
  return (
    <details class="review">
      <summary>Approve it on the command line, or over HTTP</summary>
      <p>
        An approval is for exactly these {plural(plan.deletions, 'deletion')}, and each is checked again before it is
        made.
      </p>
      <PlanCommands run={run} />
      <p>
        <span class="quiet">Hash of the plan:</span> <code>{words(plan.hash)}</code>
      </p>
    </details>
  );
}
