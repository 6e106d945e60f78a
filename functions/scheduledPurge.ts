import { setTimeout } from 'node:timers/promises';
import { app, type InvocationContext, type Timer } from '@azure/functions';
import { configuration, log } from '../src/app.ts';
import { inInvocation } from '../src/report/log.ts';
import { scheduledPurge } from '../src/retention.ts';

const shutdown = new AbortController();
const running = new Set<Promise<unknown>>();

app.timer('scheduledPurge', {
  schedule: '%PURGE_SCHEDULE%',
  handler: (timer: Timer, context: InvocationContext) =>
    inInvocation(context, async () => {
      const purge = scheduledPurge(configuration, {
        now: new Date(),
        startedBy: 'schedule',
        pastDue: timer.isPastDue,
        signal: shutdown.signal,
        onDecisions: () => undefined,
        log,
      });
      running.add(purge);
      const { succeeded, runId } = await purge.finally(() => running.delete(purge));
      // The host takes a run for failed when its function throws.
      if (!succeeded) throw new Error(`the run ${runId} ended with failures; its log names each`);
    }),
});

/**
 * The worker exits the moment that its hooks are done, whatever of the log is still on its way, and the host waits five
 * seconds for it in all. A call that the registry keeps waiting is not waited for.
 */
const STOP_MS = 4_000;
const LOG_FLUSH_MS = 500;

// The run stops between deletions, and says how far it came.
app.hook.appTerminate(async () => {
  shutdown.abort();
  if (running.size === 0) return;
  await Promise.race([Promise.allSettled(running), setTimeout(STOP_MS)]);
  await setTimeout(LOG_FLUSH_MS);
});
