import { app, type InvocationContext, type Timer } from '@azure/functions';
import { configuration, ledger, log } from '../src/app.ts';
import { untilShutdown } from '../src/lifecycle.ts';
import { inInvocation } from '../src/report/log.ts';
import { scheduledPurge } from '../src/retention.ts';

app.timer('scheduledPurge', {
  schedule: '%PURGE_SCHEDULE%',
  handler: (timer: Timer, context: InvocationContext) =>
    inInvocation(context, async () => {
      const { succeeded, runId, breakers } = await untilShutdown((signal) =>
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
      // The host takes a run for failed when its function throws.
      if (!succeeded)
        throw new Error(
          `the run ${runId} ${breakers.length > 0 ? 'waits for approval' : 'ended with failures'}; its log says why`,
        );
    }),
});
