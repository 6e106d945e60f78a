import type { Decision, Deleted } from '../planner/decision.ts';
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
