import { setTimeout } from 'node:timers/promises';
import { app } from '@azure/functions';
import { StopReason } from '../index.ts';

/*
 * How work ends when the host ends this worker. The worker exits as soon as its hooks are done, even while log records
 * are still being sent, and the host waits five seconds in all. So a call that the registry does not answer in time is
 * abandoned.
 */
const STOP_MS = 4_000;
const LOG_FLUSH_MS = 500;

const shutdown = new AbortController();
const running = new Set<Promise<unknown>>();

/** Aborts the signal of the work when the host shuts down, so that it ends between deletions with its record closed. */
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
