import { setImmediate as nextTurn } from 'node:timers/promises';
import { app, type HttpRequest, type HttpResponseInit, type InvocationContext } from '@azure/functions';
import pLimit from 'p-limit';
import { configuration, isDurable, ledger, log } from '../src/doors/app.ts';
import { JSON_FORMS, negotiate } from '../src/doors/http/answer.ts';
import { type Client, handler } from '../src/doors/http/handler.ts';
import { answerInTime, newPlaces } from '../src/doors/http/in-time.ts';
import { RequestError } from '../src/doors/http/problem.ts';
import { patienceOf } from '../src/doors/http/prefer.ts';
import { readRequested } from '../src/doors/http/request.ts';
import { isSignInOn, signedInActor } from '../src/doors/http/sign-in.ts';
import { untilShutdown } from '../src/doors/lifecycle.ts';
import { answerOf, type Decisions, durableSdk, type RegistryOutcome, requestedDryRun } from '../src/index.ts';

const durable = isDurable ? await durableSdk() : undefined;

// An answer of any size is sent as it is read, instead of being gathered in memory first.
app.setup({ enableHttpStream: true });

/** Dry runs at once: each may take the memory of a large repository, and the schedule shares the process. */
const AT_ONCE = 2;
const inTurn = pLimit(AT_ONCE);
/** Dry runs that wait for their turn. More would come to theirs when their clients have long left. */
const MOST_WAITING = 20;
const places = newPlaces(AT_ONCE + MOST_WAITING);

app.http('dryRun', {
  route: 'api/dry-run',
  methods: ['GET', 'POST'],
  authLevel: 'function',
  ...(durable && { extraInputs: [durable.input.durableClient()] }),
  handler: handler(log, async (request, client, context) => {
    const leave = places.take();
    if (!leave)
      throw new RequestError(429, `${MOST_WAITING} dry runs wait for their turn already; ask again when some are done`);
    // It is kept until the work has ended, which may be after the answer.
    const held = { byWork: false };
    try {
      return await answerDryRun(request, client, context, (work) => {
        held.byWork = true;
        return work().finally(leave);
      });
    } finally {
      if (!held.byWork) leave();
    }
  }),
});

/** @param inPlace does the work, which keeps its place until it has ended */
async function answerDryRun(
  request: HttpRequest,
  client: Client,
  context: InvocationContext,
  inPlace: (work: () => Promise<void>) => Promise<void>,
): Promise<HttpResponseInit> {
  const negotiated = negotiate(request, { ...JSON_FORMS, 'text/plain': 'text' });
  const patience = patienceOf(request.method, request.headers.get('prefer'));
  const { registries, start, startDurable } = requestedDryRun(configuration, await readRequested(request));
  const actor = signedInActor(request, isSignInOn);
  const output = answerOf(negotiated.form, registries.length === 1);
  const late = new AbortController();
  const onLate = (): void => late.abort();
  return answerInTime({ negotiated, client, patience, log, onLate }, (waiting) =>
    inPlace(() =>
      untilShutdown(async (shutdown) => {
        const write = async (pieces: Iterable<string>): Promise<void> => {
          for (const piece of pieces) {
            await waiting.write(piece);
            // A piece that no client waits for is dropped at once: others get their turn.
            await nextTurn();
          }
        };
        const asked = {
          now: new Date(),
          ledger,
          by: context.invocationId,
          ...(actor && { actor }),
          startedBy: 'request',
          onBegin: (id: string) => {
            output.begun(id);
            waiting.onBegin(id);
          },
          onDecisions: (decisions: Decisions, registry: string) => write(output.decisions(decisions, registry)),
          onOutcome: (outcome: RegistryOutcome) => write(output.outcome(outcome)),
          log,
        } as const;
        const abandoned = waiting.signal;
        if (durable)
          await startDurable({
            ...asked,
            client: durable.getClient(context),
            signal: AbortSignal.any([shutdown, abandoned, late.signal]),
            abandoned,
          });
        else await start({ ...asked, inTurn, signal: AbortSignal.any([shutdown, abandoned]) });
        await write(output.end());
      }),
    ),
  );
}
