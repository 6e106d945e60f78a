import { app, type InvocationContext, type Timer } from '@azure/functions';
import { configuration, ledger, log } from '../src/app.ts';
import { untilShutdown } from '../src/lifecycle.ts';
import { inInvocation } from '../src/report/log.ts';
import { scheduledPurge } from '../src/retention.ts';

app.timer('scheduledPurge', {
  schedule: '%PURGE_SCHEDULE%',
  handler: (timer: Timer, context: InvocationContext) =>
    inInvocation(context, async () => {
      const { succeeded, runId, breakers, stopped, totals } = await untilShutdown((signal) =>
        scheduledPurge(configuration, {
          now: new Date(),
          ledger,
          startedBy: 'schedule',
          by: context.invocationId,
          pastDue: timer.isPastDue,
          signal,
          onDecisions: () => undefined,
          log,
        }),
      );
      // Nothing is wrong with a run that takes several ticks, nor with one that somebody did not want any more.
      const isMeant = stopped?.by === 'budget' || stopped?.by === 'cancel';
      const isWell = isMeant && totals.tags.failed + totals.manifests.failed === 0;
      // The host takes a run for failed when its function throws.
      if (succeeded || isWell) return;
      const how = stopped
        ? `was stopped: ${stopped.detail}`
        : breakers.length > 0
          ? 'waits for approval; its log says why'
          : 'ended with failures; its log says why';
      throw new Error(`the run ${runId} ${how}`);
    }),
});
