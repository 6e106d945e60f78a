import type { InvocationContext } from '@azure/functions';
import { configuration, isDurable, ledger, log } from '../src/app.ts';
import { untilShutdown } from '../src/lifecycle.ts';
import { activitiesOf } from '../src/orchestration/activities.ts';
import { newConnections } from '../src/orchestration/connections.ts';
import { ACTIVITIES, lane, registry, retention, shielded } from '../src/orchestration/orchestrators.ts';
import { inInvocation } from '../src/report/log.ts';
import { configured } from '../src/retention.ts';

// With the inline engine there are none of these: the host would load the extension, which needs queues and tables.
if (isDurable) {
  const { app } = await import('../src/orchestration/sdk.ts');
  const connections = newConnections();
  const settings = () => configured(configuration, log);
  for (const name of ACTIVITIES)
    app.activity(name, {
      handler: (about: unknown, context: InvocationContext) =>
        inInvocation(context, () =>
          untilShutdown((signal) => {
            const activities = activitiesOf({ settings, ledger, log, connections, signal });
            return activities[name](about as never);
          }),
        ),
    });
  app.orchestration('retention', retention);
  app.orchestration('registry', registry);
  app.orchestration('lane', lane);
  app.orchestration('shielded', shielded);
}
