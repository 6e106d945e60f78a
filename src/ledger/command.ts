import { quote } from 'shlex';
import type { EvidenceRecord } from './records.ts';

/** A run, and what it rests on. */
interface Resting {
  readonly id: string;
  readonly evidence?: readonly EvidenceRecord[] | undefined;
}

/**
 * The command that resumes a run or applies its plan, with each source that it rests on: without them it is refused.
 * @param approval the beginning of the hash of the plan
 */
export function commandFor(verb: 'apply' | 'resume', { id, evidence = [] }: Resting, approval?: string): string {
  const sources = evidence.map(({ source, within }) =>
    within === undefined ? `--in-use ${quote(source)}` : `--keep-pulled-within ${quote(within)}`,
  );
  const approve = approval === undefined ? [] : [`--approve ${quote(approval)}`];
  return [`acr-retention ${verb} ${quote(id)}`, ...approve, ...sources].join(' ');
}

/** What a person has to put into that command; `undefined`: it is complete. */
export function leftOutOf({ evidence = [] }: Pick<Resting, 'evidence'>): string | undefined {
  // An address is shown without what may be a key.
  return evidence.some(({ source }) => source.endsWith('?…'))
    ? 'what follows the ? of an address is not shown: write it in place of …'
    : undefined;
}

/** The command within a sentence, at its end. */
export function commandInWords(verb: 'apply' | 'resume', run: Resting, approval?: string): string {
  const leftOut = leftOutOf(run);
  return commandFor(verb, run, approval) + (leftOut === undefined ? '' : ` (${leftOut})`);
}
