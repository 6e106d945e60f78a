import type { DeleteReason, KeepReason, Outcome, Reason } from '../../planner/decision.ts';
import type { RunKind, RunState } from '../../ledger/records.ts';

/** Why an artifact goes, for a person. */
export const GOES: Readonly<Record<DeleteReason, string>> = {
  'matched-and-expired': 'a filter matches, and it is older than --ago',
  'untagged-and-expired': 'without a tag, and nothing kept needs it',
  'referrer-of-deleted': 'goes along with the manifest that it refers to',
};

/** Why an artifact stays, for a person. */
export const STAYS: Readonly<Record<KeepReason, string>> = {
  'too-young': 'not older than --ago',
  locked: 'locked',
  'newest-kept': 'among the newest --keep',
  'has-tags': 'has a tag that stays',
  'child-of-kept-index': 'an index that stays needs it',
  'child-of-referrer': 'an index that goes with its subject needed it',
  'referrer-of-kept': 'refers to a manifest that stays',
  'referrer-of-unlisted': 'refers to a manifest that is not listed',
  'subject-of-kept': 'deleting it would take along what stays',
  'signature-of-kept': 'signature of an image that stays',
  'not-selected': 'no filter selects it; acr purge would have removed it',
  'unknown-time': 'the registry gives no time for it',
  'unknown-media-type': 'of a kind that is not known',
  unreadable: 'it cannot be read, or what may need it cannot',
  'changed-since-plan': 'changed before it was to go',
  'not-in-plan': 'not in the plan that is carried out',
};

export function isReason(text: string): text is Reason {
  return Object.hasOwn(GOES, text) || Object.hasOwn(STAYS, text);
}

export function meaningOf(reason: Reason): string {
  return { ...GOES, ...STAYS }[reason];
}

export function isDeleteReason(reason: string): reason is DeleteReason {
  return Object.hasOwn(GOES, reason);
}

/** What became of a deletion. `tone` is a class of the style sheet. */
export const OUTCOMES: Readonly<Record<Outcome, { readonly words: string; readonly tone: Tone }>> = {
  planned: { words: 'would go', tone: 'goes' },
  deleted: { words: 'deleted', tone: 'goes' },
  'already-gone': { words: 'had gone already', tone: 'calm' },
  refused: { words: 'refused', tone: 'bad' },
  failed: { words: 'failed', tone: 'bad' },
  'not-attempted': { words: 'not attempted', tone: 'wait' },
  held: { words: 'held back', tone: 'wait' },
};

export type Tone = 'good' | 'wait' | 'bad' | 'busy' | 'calm' | 'goes';

export const STATES: Readonly<
  Record<RunState, { readonly words: string; readonly tone: Tone; readonly means: string }>
> = {
  running: { words: 'running', tone: 'busy', means: 'It has not ended yet.' },
  done: { words: 'done', tone: 'good', means: 'Everything that was to be done was done.' },
  waiting: { words: 'waiting', tone: 'wait', means: 'A breaker held something back, which waits for approval.' },
  failed: { words: 'failed', tone: 'bad', means: 'Something failed or was refused.' },
  stopped: {
    words: 'stopped',
    tone: 'calm',
    means: 'It ended before it was done: it was told to, or its time was up.',
  },
  interrupted: { words: 'interrupted', tone: 'bad', means: 'Its process ended before it was done.' },
};

export const KINDS: Readonly<Record<RunKind, string>> = {
  scheduled: 'scheduled',
  'dry-run': 'dry run',
  purge: 'purge',
  apply: 'apply',
};
