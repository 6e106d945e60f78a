import { app, type InvocationContext, type Timer } from '@azure/functions';
import { configuration, isDurable, ledger, log } from '../src/doors/app.ts';
import { untilShutdown } from '../src/doors/lifecycle.ts';
import {
  configured,
  durableSdk,
  inInvocation,
  type DurableClient,
  type RegistryOutcome,
  scheduledPurge,
  startScheduled,
  tellMisconfigured,
} from '../src/index.ts';

const durable = isDurable ? await durableSdk() : undefined;

app.timer('scheduledPurge', {
  schedule: '%PURGE_SCHEDULE%',
  ...(durable && { extraInputs: [durable.input.durableClient()] }),
  handler: (timer: Timer, context: InvocationContext) =>
    inInvocation(context, async () => {
      await untilShutdown((signal) => tellMisconfigured(configuration, { ledger, log, signal }));
      if (durable) {
        const client = durable.getClient(context);
        const tick = { client, ledger, log, now: new Date(), by: context.invocationId, pastDue: timer.isPastDue };
        await startScheduled(configured(configuration, log), tick);
        await forgetOld(client);
        return;
      }
      const outcomes = await untilShutdown((signal) =>
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
      const wrong = outcomes.flatMap((outcome) => {
        const what = wrongWith(outcome);
        return what === undefined ? [] : [outcomes.length === 1 ? what : `${outcome.registry}: ${what}`];
      });
      // The host takes a run for failed when its function throws.
      if (wrong.length > 0) throw new Error(wrong.join('; '));
    }),
});

/** How long the histories of orchestrations are kept that have ended: what they did stands in the record of runs. */
const HISTORY_MS = 30 * 86_400_000;

/** Nothing else removes them. What is too old can go the next time as well. */
async function forgetOld(client: DurableClient): Promise<void> {
  if (!durable) return;
  const { Completed, Failed, Terminated } = durable.OrchestrationRuntimeStatus;
  try {
    await client.purgeInstanceHistoryBy({
      createdTimeFrom: new Date('2020-01-01'),
      createdTimeTo: new Date(Date.now() - HISTORY_MS),
      runtimeStatus: [Completed, Failed, Terminated],
    });
  } catch (error) {
    log.warn({ event: 'warning' }, (error as Error).message);
  }
}

/** Nothing is wrong with a run that takes several ticks, nor with one that was cancelled. */
const MEANT: readonly (string | undefined)[] = ['budget', 'cancel'];

function wrongWith(outcome: RegistryOutcome): string | undefined {
  if ('error' in outcome) return MEANT.includes(outcome.notBegun) ? undefined : outcome.error.message;
  const { succeeded, runId, breakers, stopped, totals } = outcome.summary;
  const isWell = MEANT.includes(stopped?.by) && totals.tags.failed + totals.manifests.failed === 0;
  if (succeeded || isWell) return undefined;
  const how = stopped
    ? `was stopped: ${stopped.detail}`
    : breakers.length > 0
      ? 'waits for approval; its log says why'
      : 'ended with failures; its log says why';
  return `the run ${runId} ${how}`;
}
