import { join as quoteWords, split } from 'shlex';
import type { PolicyRecord, RunRecord } from './records.ts';

/** A policy as a run that deletes has it: a plan that is applied was made by commands with `--dry-run`. */
export function withoutDryRun(policy: PolicyRecord): PolicyRecord {
  if (!policy.commands.some(({ given }) => given.includes(FLAG))) return policy;
  return { ...policy, commands: policy.commands.map((one) => ({ ...one, given: carriedOut(one.given) })) };
}

const FLAG = '--dry-run';

function carriedOut(given: string): string {
  try {
    // A value that begins with a hyphen is recorded as `--filter=--dry-run`.
    return quoteWords(split(given).filter((word) => word !== FLAG));
  } catch {
    // Written by another version: shown as it is.
    return given;
  }
}

/** A record of an older version, as this one would have written it. */
export function asWrittenNow(record: RunRecord): RunRecord {
  const { dryRun, policy, state, plan } = record;
  const commands = dryRun ? policy : withoutDryRun(policy);
  const isApplied = state === 'waiting' && plan?.state === 'applied';
  return commands === policy && !isApplied
    ? record
    : { ...record, policy: commands, ...(isApplied && { state: 'done' as const }) };
}
