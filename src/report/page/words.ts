import type { DeleteReason, KeepReason, Outcome, Reason } from '../../planner/decision.ts';
import type { RunKind, RunState } from '../../ledger/records.ts';
import type { RepositorySummary } from '../../ledger/summary.ts';

/** Why an artifact is deleted, for a person. */
export const DELETE_MEANINGS: Readonly<Record<DeleteReason, string>> = {
  'matched-and-expired': 'a filter matches, and it is older than --ago',
  'untagged-and-expired': 'without a tag, and nothing kept needs it',
  'referrer-of-deleted': 'deleted along with the manifest that it refers to',
};

/** Why an artifact is kept, for a person. */
export const KEEP_MEANINGS: Readonly<Record<KeepReason, string>> = {
  'too-young': 'not older than --ago',
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
  'changed-since-plan': 'changed after it was planned',
  'not-in-plan': 'not in the plan that is applied',
};

const MEANINGS: Readonly<Record<Reason, string>> = { ...DELETE_MEANINGS, ...KEEP_MEANINGS };

export function meaningOf(reason: Reason): string {
  return MEANINGS[reason];
}

/** A class of the style sheet. */
export type Tone = 'good' | 'wait' | 'bad' | 'busy' | 'calm' | 'delete';

export interface Wording {
  readonly words: string;
  readonly tone: Tone;
}

/** The result of a deletion. */
export const OUTCOMES: Readonly<Record<Outcome, Wording>> = {
  planned: { words: 'would delete', tone: 'delete' },
  deleted: { words: 'deleted', tone: 'delete' },
  'already-gone': { words: 'already deleted', tone: 'calm' },
  refused: { words: 'refused', tone: 'bad' },
  failed: { words: 'failed', tone: 'bad' },
  'not-attempted': { words: 'not attempted', tone: 'wait' },
  held: { words: 'held back', tone: 'wait' },
};

export const STATES: Readonly<Record<RunState, Wording & { readonly means: string }>> = {
  running: { words: 'running', tone: 'busy', means: 'It has not ended yet.' },
  done: { words: 'done', tone: 'good', means: 'Everything that was to be done was done.' },
  waiting: { words: 'waiting', tone: 'wait', means: 'A guard held something back, which waits for approval.' },
  failed: { words: 'failed', tone: 'bad', means: 'Something failed or was refused.' },
  stopped: {
    words: 'stopped',
    tone: 'calm',
    means: 'It ended before it was done: it was told to, or its time was up.',
  },
  interrupted: { words: 'interrupted', tone: 'bad', means: 'Its process ended before it was done.' },
};

export const REPOSITORY_STATES: Readonly<Record<RepositorySummary['state'], Wording>> = {
  done: { words: 'done', tone: 'good' },
  failed: { words: 'failed', tone: 'bad' },
  stopped: { words: 'stopped', tone: 'calm' },
  held: { words: 'held back', tone: 'wait' },
};

export const KINDS: Readonly<Record<RunKind, string>> = {
  scheduled: 'scheduled',
  'dry-run': 'dry run',
  purge: 'purge',
  apply: 'apply',
};
