import type { Decision, Deleted } from '../planner/decision.ts';
import type { RestoreOutcome } from '../planner/restore.ts';
import {
  countedFindings,
  type FindingsListed,
  type FindingSums,
  NO_FINDINGS,
  plusFindings,
} from '../planner/findings.ts';
import type { Counts } from './summary.ts';

/* What the decisions on a repository come to, in more than one figure. */

export interface InQuarantine {
  /** Artifacts that wait since an earlier run, and how many of them are tags. */
  readonly waiting: number;
  readonly tagsWaiting: number;
  /** Those that are released, or would be. */
  readonly released: number;
  /** Of these, how many because a client asked for them, or a workload came to use them. Absent: none. */
  readonly needed?: number;
  /** Of what this run puts there, or would: when the last of it may be deleted, and what its manifests hold. */
  readonly until?: string;
  readonly bytes?: number;
}

/** Counts the manifests of which every tag is deleted. A run that is resumed finds fewer tags than it did before. */
export function newUntagging() {
  const manifests = new Map<string, { deleted: number; tags: number; readonly bytes: number }>();
  return {
    deleted({ digest = '', leavesUntagged }: Deleted): void {
      if (!leavesUntagged) return;
      const { tags, bytes } = leavesUntagged;
      const known = manifests.get(digest) ?? { deleted: 0, tags, bytes };
      known.deleted += 1;
      known.tags = Math.max(known.tags, tags);
      manifests.set(digest, known);
    },
    left() {
      const left = [...manifests.values()].filter(({ deleted, tags }) => deleted >= tags);
      return { manifests: left.length, bytes: left.reduce((sum, { bytes }) => sum + bytes, 0) };
    },
  };
}

/** What waits in quarantine, what is put there, and what is released. */
export function newQuarantine() {
  let [waiting, tagsWaiting, released, needed, bytes] = [0, 0, 0, 0, 0];
  let until = '';
  return {
    count(decision: Decision, outcome: keyof Counts): void {
      if (outcome === 'quarantined' && decision.quarantine) {
        if (decision.quarantine.until > until) until = decision.quarantine.until;
        if (decision.kind === 'manifest') bytes += decision.size ?? 0;
      }
      if (decision.reason === 'quarantined') {
        waiting += 1;
        if (decision.kind === 'tag') tagsWaiting += 1;
      }
      if (decision.action !== 'keep') return;
      if (decision.release?.outcome !== 'released' && decision.release?.outcome !== 'planned') return;
      released += 1;
      if (decision.release.needed) needed += 1;
    },
    found(): { readonly quarantine?: InQuarantine } {
      if (waiting + released === 0 && until === '') return {};
      return {
        quarantine: {
          waiting,
          tagsWaiting,
          released,
          ...(needed > 0 && { needed }),
          ...(until !== '' && { until, bytes }),
        },
      };
    },
  };
}

/** What of the findings in a repository is removed, and what is left. */
export function newFindings(listed: FindingsListed | undefined) {
  let removed = NO_FINDINGS;
  let gone = NO_FINDINGS;
  return {
    /** Takes what is not there any more. */
    gone(decision: Deleted, outcome: keyof Counts): void {
      if (!decision.findings) return;
      const found = countedFindings(decision);
      gone = plusFindings(gone, found);
      if (outcome === 'deleted') removed = plusFindings(removed, found);
    },
    found(): { readonly findings?: FindingSums } {
      if (!listed) return {};
      const { all, inUse } = listed;
      return { findings: { removed, kept: plusFindings(all, gone, -1), ...(inUse && { inUse }) } };
    },
  };
}

/** What could be brought back and was not counts as failed, and so does what there is no copy of: the registry is not what it was. */
const RESTORED: Readonly<Record<RestoreOutcome, keyof Counts>> = {
  planned: 'restored',
  restored: 'restored',
  'already-there': 'kept',
  impossible: 'failed',
  refused: 'failed',
  failed: 'failed',
  'not-attempted': 'notAttempted',
};

/** The outcome of an artifact, in the words of a summary. */
export function outcomeOf(decision: Decision): keyof Counts {
  if (decision.action === 'keep') {
    const released = decision.release?.outcome;
    return released === 'refused' || released === 'failed' ? 'failed' : 'kept';
  }
  if (decision.action === 'restore') return RESTORED[decision.outcome];
  if (decision.outcome === 'planned') return decision.quarantine ? 'quarantined' : 'deleted';
  const outcomes = {
    held: 'notAttempted',
    deleted: 'deleted',
    quarantined: 'quarantined',
    'already-gone': 'alreadyGone',
    refused: 'failed',
    failed: 'failed',
    'not-attempted': 'notAttempted',
  } as const;
  return outcomes[decision.outcome];
}
