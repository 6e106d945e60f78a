import type { DefenderFindings, DefenderSource } from '../evidence/defender.ts';
import type { PullEvidence, PullSource, TriedEvidence, TriedSource } from '../evidence/pulls.ts';
import type { Evidence, Source } from '../evidence/types.ts';
import type { Clock } from '../registry/clock.ts';

/** Some minutes, for a source that asks hundreds of clusters. What takes longer is not known. */
const DEADLINE_MINUTES = 5;

/** A log whose answer is too large is asked for in parts, each of which may take minutes. */
const PULLS_MINUTES = 30;

/** Findings come in pages of some MB, and the service takes three queries a second. */
const DEFENDER_MINUTES = 10;

/** What a source says, or that it did not say it in time. Never throws. */
export function observe(
  source: Source,
  registry: string,
  clock: Clock,
  signal: AbortSignal | undefined,
  minutes = DEADLINE_MINUTES,
): Promise<Evidence> {
  const unsaid = (problem: string): Evidence => {
    const observedAt = new Date(clock.now()).toISOString();
    const about = { source: source.name, scope: 'what it would have said', observedAt };
    return { ...about, complete: false, problems: [problem], facts: [] };
  };
  return inTime((until) => source.read(registry, until), unsaid, { clock, signal, minutes });
}

/** The same for the log of pulls. */
export function observedPulls(source: PullSource, clock: Clock): PullSource {
  const { name } = source;
  return {
    name,
    read: (registry, from, signal) =>
      inTime(
        (until) => source.read(registry, from, until),
        (problem): PullEvidence => ({ ...unread(name, problem, clock), pulls: [] }),
        { clock, signal, minutes: PULLS_MINUTES },
      ),
  };
}

/** The same for what was asked for. */
export function observedTries(source: TriedSource, clock: Clock): TriedSource {
  const { name } = source;
  return {
    name,
    tried: (registry, from, signal) =>
      inTime(
        (until) => source.tried(registry, from, until),
        (problem): TriedEvidence => ({ ...unread(name, problem, clock), tried: [] }),
        { clock, signal, minutes: PULLS_MINUTES },
      ),
  };
}

/** The same for what Defender for Cloud found. */
export function observedDefender(source: DefenderSource, clock: Clock): DefenderSource {
  return {
    ...source,
    read: (registry, signal) =>
      inTime(
        (until) => source.read(registry, until),
        (problem): DefenderFindings => ({
          ...unread('defender', problem, clock),
          images: 0,
          scanOf: () => undefined,
          isInDoubt: () => true,
        }),
        { clock, signal, minutes: DEFENDER_MINUTES },
      ),
  };
}

function unread(source: string, problem: string, clock: Clock) {
  return { source, observedAt: new Date(clock.now()).toISOString(), complete: false, problems: [problem] };
}

interface Ends {
  readonly clock: Clock;
  readonly minutes: number;
  readonly signal: AbortSignal | undefined;
}

/** Waits for no more than that: some of what is waited for, a credential say, cannot be told to stop. */
async function inTime<T>(
  read: (until: AbortSignal) => Promise<T>,
  unsaid: (problem: string) => T,
  { clock, minutes, signal }: Ends,
): Promise<T> {
  const late = new AbortController();
  const until = AbortSignal.any([late.signal, ...(signal ? [signal] : [])]);
  let cancel = (): void => undefined;
  const ended = new Promise<T>((resolve) => {
    const timer = clock.after(minutes * 60_000, () => {
      late.abort();
      resolve(unsaid(`it did not say so within ${minutes} minutes`));
    });
    const stop = (): void => resolve(unsaid('it was stopped'));
    if (signal?.aborted) stop();
    signal?.addEventListener('abort', stop, { once: true });
    cancel = () => {
      timer.cancel();
      signal?.removeEventListener('abort', stop);
    };
  });
  try {
    return await Promise.race([read(until).catch((error: unknown) => unsaid((error as Error).message)), ended]);
  } finally {
    cancel();
  }
}
