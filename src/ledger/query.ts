import type { Decision } from '../planner/decision.ts';
import type { DecisionQuery, RunQuery } from './reader.ts';
import type { RunRecord } from './records.ts';

/** Whether a query asks for a run, but for its time. */
export function isWanted({ state, kind, registry, parent, plan }: RunRecord, query: RunQuery): boolean {
  const waits = plan?.state === 'waiting' && state !== 'running';
  return (
    (query.waits !== true || waits) &&
    (query.states?.includes(state) ?? true) &&
    (query.kinds?.includes(kind) ?? true) &&
    (query.registry === undefined || query.registry === registry) &&
    (query.parent === undefined || query.parent === parent)
  );
}

export interface Matcher {
  readonly line: (line: string) => boolean;
  readonly decision: (decision: Decision) => boolean;
}

/** A tag, and the manifest that it named: also where no filter matched the tag, and only its manifest was decided on. */
export function withItsManifest(tag: string): Matcher {
  const quoted = JSON.stringify(tag);
  // The decisions on tags stand before those on manifests.
  let named: string | undefined;
  return {
    line: (line) => line.includes(quoted) || (named !== undefined && line.includes(named)),
    decision: (decision) => {
      if (decision.kind === 'manifest') return decision.digest === named || (decision.tags?.includes(tag) ?? false);
      if (decision.tag !== tag) return false;
      named = decision.digest;
      return true;
    },
  };
}

/** What a query asks for: a line that may be asked for is parsed, most others need not be, and a decision tells. */
export function matcher({ tag, digest, action, reason, scanned, text }: DecisionQuery): Matcher {
  const parts = [
    ...(tag === undefined ? [] : [`"tag":${JSON.stringify(tag)}`]),
    ...(digest === undefined ? [] : [`"digest":${JSON.stringify(digest)}`]),
    ...(action === undefined ? [] : [`"action":"${action}"`]),
    ...(reason === undefined ? [] : [`"reason":"${reason}"`]),
    ...(scanned ? ['"bySeverity":'] : []),
  ];
  const wanted = text?.toLowerCase();
  return {
    line: (line: string) => parts.every((part) => line.includes(part)),
    decision: (decision: Decision) =>
      (tag === undefined || (decision.kind === 'tag' && decision.tag === tag)) &&
      (digest === undefined || decision.digest === digest) &&
      (action === undefined || decision.action === action) &&
      (reason === undefined || decision.reason === reason) &&
      (!scanned || decision.findings?.scan !== undefined) &&
      (wanted === undefined ||
        [decision.repository, decision.tag, decision.digest, decision.detail].some((part) =>
          part?.toLowerCase().includes(wanted),
        )),
  };
}
