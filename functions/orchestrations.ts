import type { InvocationContext } from '@azure/functions';
import { configuration, isDurable, ledger, log } from '../src/doors/app.ts';
import { untilShutdown } from '../src/doors/lifecycle.ts';
import {
  ACTIVITIES,
  activitiesOf,
  configured,
  type DefenderOf,
  durableSdk,
  inInvocation,
  newConnections,
  newFresh,
  newUseOf,
  registry,
  retention,
  settled,
  worker,
} from '../src/index.ts';

// With the inline engine there are none of these: the host would load the extension, which needs queues and tables.
if (isDurable) {
  const { app } = await durableSdk();
  const connections = newConnections();
  const useOf = newUseOf(ledger);
  const defenderOf: DefenderOf = newFresh(ledger.system.clock);
  const settings = () => configured(configuration, log);
  for (const name of ACTIVITIES)
    app.activity(name, {
      handler: (about: unknown, context: InvocationContext) =>
        inInvocation(context, () =>
          untilShutdown((signal) => {
            const activities = activitiesOf({ settings, ledger, log, connections, useOf, defenderOf, signal });
            return activities[name](about as never);
          }),
        ),
    });
  app.orchestration('retention', retention);
  app.orchestration('registry', registry);
  app.orchestration('worker', worker);
  app.orchestration('settled', settled);
}
