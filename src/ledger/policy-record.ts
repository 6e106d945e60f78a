import { createHash } from 'node:crypto';
import { parsePurgeCommand } from '../policy/purge-command.ts';
import { InvalidPolicy, type PurgePolicy } from '../policy/purge-policy.ts';
import type { PolicyRecord } from './records.ts';

/** Raised when the same flags come to mean something else: plans that were made before are not carried out then. */
const RULES = 1;

/** A policy as a run records it. */
export function recordPolicy(policies: readonly PurgePolicy[], from: PolicyRecord['from']): PolicyRecord {
  const commands = policies.map((policy) => ({
    given: policy.text,
    understood: {
      filters: policy.filters.map(({ text }) => text),
      agoMilliseconds: policy.agoMilliseconds,
      keep: policy.keep,
      tags: policy.tags,
      untagged: policy.untagged,
      includeLocked: policy.includeLocked,
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
export function policiesOf({ commands, from, hash }: PolicyRecord): readonly PurgePolicy[] | undefined {
  try {
    if (hashOf(commands) !== hash) return undefined;
    const policies = commands.map(({ given }) => parsePurgeCommand(given).policy);
    return recordPolicy(policies, from).hash === hash ? policies : undefined;
  } catch (error) {
    if (error instanceof InvalidPolicy) return undefined;
    throw error;
  }
}
