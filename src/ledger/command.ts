import { quote } from 'shlex';
import type { FindingsRecord } from './findings.ts';
import type { AskedSource, EvidenceRecord } from './records.ts';

/** A run, and what it rests on. */
interface Resting {
  readonly id: string;
  /** Absent where only what it has found out is known. */
  readonly sources?: readonly AskedSource[] | undefined;
  readonly evidence?: readonly EvidenceRecord[] | undefined;
  /** What it knew of the vulnerabilities of its images. */
  readonly findings?: readonly Pick<FindingsRecord, 'source'>[] | undefined;
  /** Where what it deletes is archived first. */
  readonly archive?: string | undefined;
}

/** What records call the log of pulls. */
const PULLS = 'ContainerRegistryRepositoryEvents';

/** The same, asked for what is in quarantine. It is asked wherever it is found, and no run is to name it. */
export const QUARANTINE_PULLS = 'ContainerRegistryRepositoryEvents (quarantine)';

/** Each source that a run asks or has asked, once. */
export function sourcesOf({ sources = [], evidence = [] }: Omit<Resting, 'id'>): readonly AskedSource[] {
  const asked = [...evidence, ...sources].filter(({ source }) => source !== QUARANTINE_PULLS);
  return [...new Map(asked.map((one) => [one.source, one])).values()];
}

/** The sources that a run asks what is in use. */
export function useSourcesOf(run: Omit<Resting, 'id'>): readonly string[] {
  return sourcesOf(run).flatMap(({ source }) => (source === PULLS ? [] : source));
}

/**
 * The command that resumes a run or applies its plan, with each source that it rests on: without them it is refused.
 * @param approval the beginning of the hash of the plan
 */
export function commandFor(verb: 'apply' | 'resume', run: Resting, approval?: string): string {
  const sources = sourcesOf(run).flatMap(({ source, within }) => {
    if (within !== undefined) return [`--keep-pulled-within ${quote(within)}`];
    // Rules of a policy file ask for the log by themselves.
    return source === PULLS ? [] : [`--in-use ${quote(source)}`];
  });
  const approve = approval === undefined ? [] : [`--approve ${quote(approval)}`];
  const archive = run.archive === undefined ? [] : [`--archive ${quote(run.archive)}`];
  const named = (run.findings ?? []).map(({ source }) => source).join(',');
  const findings = named === '' ? [] : [`--findings ${quote(named)}`];
  return [`acr-retention ${verb} ${quote(run.id)}`, ...approve, ...sources, ...findings, ...archive].join(' ');
}

/** What a person has to put into that command; `undefined`: it is complete. */
export function leftOutOf(run: Omit<Resting, 'id'>): string | undefined {
  // An address is shown without what may be a key.
  return sourcesOf(run).some(({ source }) => source.endsWith('?…'))
    ? 'what follows the ? of an address is not shown: write it in place of …'
    : undefined;
}

/** The command within a sentence, at its end. */
export function commandInWords(verb: 'apply' | 'resume', run: Resting, approval?: string): string {
  const leftOut = leftOutOf(run);
  return commandFor(verb, run, approval) + (leftOut === undefined ? '' : ` (${leftOut})`);
}
