import type { Outcome, Reason } from '../../planner/decision.ts';
import type { RestoreOutcome } from '../../planner/restore.ts';
import type { RunKind, RunState } from '../../ledger/records.ts';
import type { RepositorySummary } from '../../ledger/summary.ts';

/** Why an artifact is deleted, kept or brought back, for a person. */
export const MEANINGS: Readonly<Record<Reason, string>> = {
  'matched-and-expired': 'a filter matches, and it is older than --ago',
  'rule-matched': 'a rule of the policy deletes it',
  'untagged-and-expired': 'without a tag, and nothing kept needs it',
  'referrer-of-deleted': 'deleted along with the manifest that it refers to',
  'too-young': 'not old enough to be deleted',
  locked: 'locked against deletion',
  'newest-kept': 'among the newest --keep',
  'has-tags': 'has a tag that is kept',
  'child-of-kept-index': 'an index that is kept needs it',
  'child-of-referrer': 'an index needed it that is deleted with its subject; the next run may delete it',
  'referrer-of-kept': 'refers to a manifest that is kept',
  'referrer-of-unlisted': 'refers to a manifest that is not listed',
  'subject-of-kept': 'deleting it would also delete what refers to it, and is kept',
  'signature-of-kept': 'signature of an image that is kept',
  'not-selected': 'no filter selects it; acr purge would have deleted it',
  'unknown-time': 'the registry gives no time for it',
  'unknown-media-type': 'of a kind that is not known',
  unreadable: 'it cannot be read, or what may need it cannot',
  'in-use': 'a workload uses it, or did so lately',
  'in-use-unknown': 'what is in use could not be found out',
  'pulled-recently': 'pulled within the time that is asked for',
  'pull-history-too-short': 'it is not known whether it was pulled within the time that is asked for',
  protected: 'named among what is never deleted',
  'kept-newest': 'among the newest, which are kept whatever their age',
  'kept-daily': 'the newest of a day that its rule keeps',
  'kept-weekly': 'the newest of a week that its rule keeps',
  'kept-monthly': 'the newest of a month that its rule keeps',
  'kept-yearly': 'the newest of a year that its rule keeps',
  'kept-within': 'younger than what its rule keeps in any case',
  'no-rule': 'no rule of the policy owns it',
  'below-count': 'there are too few of its rule to delete any',
  'not-scanned': 'no scan of it is known that is up to date, and its rule asks for findings',
  'no-findings': 'no scan names a finding that its rule asks for',
  'end-of-life-unknown': 'its rule asks for the end of life, and none is known for sure',
  supported: 'its end of life is not past',
  'changed-since-plan': 'changed after it was planned',
  'not-in-plan': 'not in the plan that is applied',
  quarantined: 'waits in quarantine, and is deleted once its time is over',
  released: 'was in quarantine or restored, and can be pulled again',
  'is-there': 'it is there',
  'manifest-is-there': 'its manifest is there, and is tagged again',
  'soft-deleted': 'the registry keeps what is deleted for a while, and has it',
  archived: 'the archive has it',
  'pushed-since': 'the tag names another manifest, which was pushed since',
  'no-copy': 'there is no copy of it',
};

/** A class of the style sheet. */
export type Tone = 'good' | 'wait' | 'bad' | 'busy' | 'calm' | 'delete';

/** The colour of a badge for the result of a deletion. */
export const OUTCOME_TONES: Readonly<Record<Outcome, Tone>> = {
  planned: 'delete',
  deleted: 'delete',
  quarantined: 'wait',
  'already-gone': 'calm',
  refused: 'bad',
  failed: 'bad',
  'not-attempted': 'wait',
  held: 'wait',
};

/** The same for what is brought back. */
export const RESTORE_TONES: Readonly<Record<RestoreOutcome, Tone>> = {
  planned: 'good',
  restored: 'good',
  'already-there': 'calm',
  impossible: 'bad',
  refused: 'bad',
  failed: 'bad',
  'not-attempted': 'wait',
};

export const STATES: Readonly<Record<RunState, { readonly tone: Tone; readonly means: string }>> = {
  running: { tone: 'busy', means: 'It has not ended yet.' },
  done: { tone: 'good', means: 'Everything that was to be done was done.' },
  waiting: { tone: 'wait', means: 'A guard held something back, which waits for approval.' },
  failed: { tone: 'bad', means: 'Something failed or was refused.' },
  stopped: { tone: 'calm', means: 'It ended before it was done: it was told to, or its time was up.' },
  interrupted: { tone: 'bad', means: 'Its process ended before it was done.' },
};

export const REPOSITORY_TONES: Readonly<Record<RepositorySummary['state'], Tone>> = {
  done: 'good',
  failed: 'bad',
  stopped: 'calm',
  held: 'wait',
};

export function kindInWords(kind: RunKind): string {
  return kind.replace('-', ' ');
}
