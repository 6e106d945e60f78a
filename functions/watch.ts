import { app, type InvocationContext, type Timer } from '@azure/functions';
import { configuration, ledger, log } from '../src/doors/app.ts';
import { untilShutdown } from '../src/doors/lifecycle.ts';
import { inInvocation, watchAndNotify } from '../src/index.ts';

app.timer('watch', {
  // Every hour, and not at its beginning, when most schedules begin their runs.
  schedule: '0 30 * * * *',
  handler: (_: Timer, context: InvocationContext) =>
    inInvocation(context, () =>
      untilShutdown((signal) => watchAndNotify(configuration, { ledger, now: new Date(), log, signal })),
    ),
});
