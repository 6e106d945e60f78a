import { summarize } from '../../../src/ledger/summary.ts';
import { total } from '../../../src/ledger/total.ts';
import type { RepositoryRecord, RunRecord } from '../../../src/ledger/records.ts';
import { NOTHING_PLANNED } from '../../../src/ledger/plan-hash.ts';
import type { Decision, Deleted, Outcome } from '../../../src/planner/decision.ts';
import type { Told } from './told.ts';

/*
 * Records of runs, written by hand.
 */

const RECORD: RunRecord = {
  format: 1,
  id: 'run',
  kind: 'scheduled',
  dryRun: false,
  startedBy: 'schedule',
  registry: 'registry',
  policy: { commands: [], hash: '', from: 'settings' },
  toolVersion: '',
  started: '2026-03-01T00:00:00.000Z',
  agesFrom: '2026-03-01T00:00:00.000Z',
  holder: { runId: 'run', startedBy: 'schedule', host: '', pid: 1, since: '' },
  state: 'done',
  ended: '2026-03-01T01:00:00.000Z',
  progress: { done: 1, of: 1 },
  warnings: [],
  breakers: [],
};

/** A run in one repository. What is not given is as it is when all went well. */
export function aRun(
  decisions: readonly Decision[],
  about: Partial<RunRecord> = {},
  summary: Partial<RepositoryRecord['summary']> = {},
): Told {
  const own = { ...summarize('app', decisions, { tags: 4, manifests: 4 }), ...summary };
  return {
    run: { ...RECORD, totals: total([own]), ...about },
    repositories: [{ summary: own, planned: NOTHING_PLANNED }],
    decisions,
  };
}

export function deleted(
  what: { readonly tag?: string; readonly digest: string },
  outcome: Outcome = 'deleted',
  more: Partial<Deleted> = {},
): Decision {
  return {
    ...{ repository: 'app', kind: what.tag === undefined ? 'manifest' : 'tag', ...what },
    ...{ action: 'delete', reason: 'matched-and-expired', outcome, detail: '', beyondAcrPurge: false, ...more },
  };
}
