import { setTimeout } from 'node:timers/promises';
import { app } from '@azure/functions';
import { StopReason } from '../index.ts';

/*
 * What happens to work when the host ends this worker. The worker exits the moment that its hooks are done, whatever of
 * the log is still on its way, and the host waits five seconds for it in all. A call that the registry keeps waiting is
 * not waited for.
 */
const STOP_MS = 4_000;
const LOG_FLUSH_MS = 500;

const shutdown = new AbortController();
const running = new Set<Promise<unknown>>();

/** Lets work end by itself when the host does: between deletions, with its record closed. */
export async function untilShutdown<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const promise = work(shutdown.signal);
  running.add(promise);
  try {
    return await promise;
  } finally {
    running.delete(promise);
  }
}

app.hook.appTerminate(async () => {
  shutdown.abort(new StopReason('signal', 'the host shut down'));
  if (running.size === 0) return;
  await Promise.race([Promise.allSettled(running), setTimeout(STOP_MS)]);
  await setTimeout(LOG_FLUSH_MS);
});
