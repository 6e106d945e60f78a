import type { RunRecord } from './records.ts';
import { rejectionOf, reviewInWords } from './reviews.ts';

/** How long after it was stopped a run can be resumed: what it decided by is as old. */
const RESUMABLE_DAYS = 7;
const DAY_MS = 86_400_000;

/** Why a run cannot be resumed; `undefined` where it can. */
export function whyNotResumed(
  record: Pick<RunRecord, 'kind' | 'state' | 'started' | 'ended' | 'plan'> & { readonly format: number },
  now: Date,
): string | undefined {
  const { kind, state, format, ended, started, plan } = record;
  if (kind === 'restore') return 'a restore is not resumed: the same command again brings back what is left';
  if (kind === 'release') return 'a release is not resumed: the same command again makes readable what is left';
  if (format !== 1) return `its record has the format ${format}, which this version does not know`;
  if (state === 'running') return 'it has not ended';
  if (state !== 'stopped' && state !== 'interrupted') return `it has ended, and is ${state}`;
  const days = (now.getTime() - Date.parse(ended ?? started)) / DAY_MS;
  if (days > RESUMABLE_DAYS)
    return `it was stopped ${Math.floor(days)} days ago, and can be resumed for ${RESUMABLE_DAYS}`;
  // What people decided is about this plan. Resumed, the run could have another one, or delete what they rejected.
  if (plan?.state === 'rejected') {
    const rejection = rejectionOf(plan);
    return `its plan was ${rejection ? reviewInWords(rejection) : 'rejected'}`;
  }
  if (plan?.appliedBy !== undefined) return `its plan has been carried out by the run ${plan.appliedBy}`;
  return undefined;
}
