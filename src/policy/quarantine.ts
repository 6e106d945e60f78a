import { parseDuration } from './duration.ts';
import { PolicyError } from './errors.ts';
import type { PurgePolicy } from './purge-policy.ts';

/** How long what would be deleted is unreadable before it is deleted. */
export interface Quarantine {
  /** As it was given. */
  readonly text: string;
  /** 0 for `off`: it is deleted at once. */
  readonly milliseconds: number;
}

const OFF = 'off';
/** A time that no rule asks for. It is what a slip such as 14000d is told by. */
const LONGEST_DAYS = 365;
const DAY_MS = 86_400_000;

/**
 * Reads a duration as `--ago` takes it, or `off`.
 * @param name the flag, setting or key that it is the value of
 * @throws {PolicyError}
 */
export function readQuarantine(text: string, name: string): Quarantine {
  const trimmed = text.trim();
  if (trimmed === OFF) return { text: OFF, milliseconds: 0 };
  if (trimmed === '' || /^(?:false|no|none|never)$/i.test(trimmed) || trimmed.toLowerCase() === OFF)
    throw new PolicyError(name, text, 'must be a duration, e.g. 14d, or off');
  const { milliseconds } = parseDuration(text, name);
  if (milliseconds === 0) throw new PolicyError(name, text, 'must be longer than 0; write e.g. 14d, or off');
  if (milliseconds > LONGEST_DAYS * DAY_MS) throw new PolicyError(name, text, `must be at most ${LONGEST_DAYS}d`);
  return { text: trimmed, milliseconds };
}

/**
 * How long what a rule deletes waits in quarantine: the rule's own word counts before that of the whole policy.
 * @param rule the name of a rule of the policy file, or `untagged`
 * @returns undefined where it is deleted at once
 */
export function quarantineOf({ quarantine, retention }: PurgePolicy, rule?: string): Quarantine | undefined {
  const own =
    rule === 'untagged'
      ? retention?.untagged?.quarantine
      : retention?.rules.find(({ name }) => name === rule)?.quarantine;
  const found = own ?? quarantine;
  return found && found.milliseconds > 0 ? found : undefined;
}

/** The policy with the quarantine of the settings, where neither its flags nor its file say one for the whole. */
export function withQuarantine(policy: PurgePolicy, standard: Quarantine | undefined): PurgePolicy {
  if (!standard || policy.quarantine) return policy;
  // In the text as well: what is recorded is read again.
  return { ...policy, quarantine: standard, text: `${policy.text} --quarantine ${standard.text}`.trim() };
}
