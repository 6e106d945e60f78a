import { createHash } from 'node:crypto';
import { join as quoteWords, split } from 'shlex';
import { parsePolicyFile } from '../policy/file/parse.ts';
import { parsePurgeCommand } from '../policy/purge-command.ts';
import { InvalidPolicy } from '../policy/errors.ts';
import type { PurgePolicy } from '../policy/purge-policy.ts';
import { meaningOf } from '../policy/rules.ts';
import type { PolicyRecord, RunRecord } from './records.ts';

/** Raised when the same flags come to mean something else: plans that were made before are not carried out then. */
const RULES = 1;

/** A policy as a run records it. */
export function recordPolicy(policies: readonly PurgePolicy[], from: PolicyRecord['from']): PolicyRecord {
  const commands = policies.map((policy) => ({
    given: policy.text,
    ...(policy.retention && { file: policy.retention.text }),
    understood: {
      filters: policy.filters.map(({ text }) => text),
      agoMilliseconds: policy.agoMilliseconds,
      keep: policy.keep,
      tags: policy.tags,
      untagged: policy.untagged,
      includeLocked: policy.includeLocked,
      // Only where they are given: plans that were made before there were these flags keep their hash.
      ...(policy.protect.length > 0 && { protect: policy.protect.map(({ text }) => text) }),
      ...(policy.keepAtLeast > 0 && { keepAtLeast: policy.keepAtLeast }),
      ...(policy.quarantine && { quarantineMilliseconds: policy.quarantine.milliseconds }),
      ...(policy.retention && { policy: meaningOf(policy.retention) }),
    },
  }));
  return { commands, hash: hashOf(commands), from };
}

function hashOf(commands: PolicyRecord['commands']): string {
  return createHash('sha256')
    .update(JSON.stringify([RULES, commands.map(({ understood }) => understood)]))
    .digest('hex');
}

/**
 * The policies of a record; `undefined` where this version does not understand them as the one that recorded them, or
 * where what they mean was changed since: people read that, and approve it.
 */
export function policiesOf(record: PolicyRecord): readonly PurgePolicy[] | undefined {
  const text = JSON.stringify(record);
  if (lastRead?.text !== text) lastRead = { text, policies: readPolicies(record) };
  return lastRead.policies;
}

/** What was read last: each activity of a run reads the same. */
let lastRead: { readonly text: string; readonly policies: readonly PurgePolicy[] | undefined } | undefined;

function readPolicies({ commands, from, hash }: PolicyRecord): readonly PurgePolicy[] | undefined {
  try {
    if (hashOf(commands) !== hash) return undefined;
    const policies = commands.map(({ given, file }) => policyOf(given, file));
    return recordPolicy(policies, from).hash === hash ? policies : undefined;
  } catch (error) {
    if (error instanceof InvalidPolicy) return undefined;
    throw error;
  }
}

/** @param file the text of the policy file that the command names */
function policyOf(given: string, file: string | undefined): PurgePolicy {
  return parsePurgeCommand(
    given,
    file === undefined ? {} : { policyFile: (name) => ({ name, retention: parsePolicyFile(file) }) },
  ).policy;
}

/** A policy as a run that deletes has it: a plan that is applied was made by commands with `--dry-run`. */
export function withoutDryRun(policy: PolicyRecord): PolicyRecord {
  if (!policy.commands.some(({ given }) => given.includes(DRY_RUN))) return policy;
  return { ...policy, commands: policy.commands.map((one) => ({ ...one, given: commandWithoutDryRun(one.given) })) };
}

const DRY_RUN = '--dry-run';

function commandWithoutDryRun(given: string): string {
  try {
    // A value that begins with a hyphen is recorded as `--filter=--dry-run`.
    return quoteWords(split(given).filter((word) => word !== DRY_RUN));
  } catch {
    // Written by another version: shown as it is.
    return given;
  }
}

/** Brings a record of an older version into the form that this version writes. */
export function upToDate(record: RunRecord): RunRecord {
  const { dryRun, policy, state, plan } = record;
  const commands = dryRun ? policy : withoutDryRun(policy);
  const isApplied = state === 'waiting' && plan?.state === 'applied';
  return commands === policy && !isApplied
    ? record
    : { ...record, policy: commands, ...(isApplied && { state: 'done' as const }) };
}
