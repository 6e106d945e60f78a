import type { Evidence, Source } from '../evidence/types.ts';
import type { Clock } from '../registry/clock.ts';

/** Some minutes, for a source that asks hundreds of clusters. What takes longer is not known. */
const DEADLINE_MINUTES = 5;

/** What a source says, or that it did not say it in time. Never throws. */
export async function observe(
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
  const late = new AbortController();
  const until = AbortSignal.any([late.signal, ...(signal ? [signal] : [])]);
  const read = source.read(registry, until).catch((error: unknown) => unsaid((error as Error).message));
  let cancel = (): void => undefined;
  const tooLate = new Promise<Evidence>((resolve) => {
    const timer = clock.after(minutes * 60_000, () => {
      late.abort();
      resolve(unsaid(`it did not say so within ${minutes} minutes`));
    });
    // Some of what is waited for, the plug-in of a kubeconfig say, cannot be told to stop.
    const stop = (): void => resolve(unsaid('it was stopped'));
    if (signal?.aborted) stop();
    signal?.addEventListener('abort', stop, { once: true });
    cancel = () => {
      timer.cancel();
      signal?.removeEventListener('abort', stop);
    };
  });
  try {
    return await Promise.race([read, tooLate]);
  } finally {
    cancel();
  }
}
