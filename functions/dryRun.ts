import { app } from '@azure/functions';
import pLimit from 'p-limit';
import { configuration, ledger, log } from '../src/app.ts';
import { JSON_FORMS, negotiate } from '../src/http/answer.ts';
import { handler } from '../src/http/handler.ts';
import { answerInTime } from '../src/http/in-time.ts';
import { RequestError } from '../src/http/problem.ts';
import { patienceOf } from '../src/http/prefer.ts';
import { readCommands } from '../src/http/request.ts';
import { untilShutdown } from '../src/lifecycle.ts';
import { answerOf } from '../src/report/output.ts';
import { requestedDryRun } from '../src/retention.ts';

// An answer of any size is sent as it is read, instead of being gathered in memory first.
app.setup({ enableHttpStream: true });

/** Dry runs at once: each may take the memory of a large repository, and the schedule shares the process. */
const inTurn = pLimit(2);
/** Dry runs that wait for their turn. More would come to theirs when nobody wants them any more. */
const MOST_WAITING = 20;

app.http('dryRun', {
  route: 'dry-run',
  methods: ['GET', 'POST'],
  authLevel: 'function',
  handler: handler(log, async (request, client, { invocationId }) => {
    if (inTurn.pendingCount >= MOST_WAITING)
      throw new RequestError(429, `${MOST_WAITING} dry runs wait for their turn already; ask again when some are done`);
    const negotiated = negotiate(request, { ...JSON_FORMS, 'text/plain': 'text' });
    const patience = patienceOf(request.method, request.headers.get('prefer'));
    const { registries, start } = requestedDryRun(configuration, await readCommands(request));
    const output = answerOf(negotiated.form, registries.length === 1);
    return answerInTime({ negotiated, client, patience, log }, (waiting) =>
      untilShutdown(async (shutdown) => {
        const write = async (pieces: Iterable<string>): Promise<void> => {
          for (const piece of pieces) await waiting.write(piece);
        };
        await start({
          now: new Date(),
          ledger,
          startedBy: 'request',
          by: invocationId,
          signal: AbortSignal.any([shutdown, waiting.signal]),
          onBegin: (id) => {
            output.begun(id);
            waiting.onBegin(id);
          },
          inTurn,
          onDecisions: (decisions, registry) => write(output.decisions(decisions, registry)),
          onOutcome: (outcome) => write(output.outcome(outcome)),
          log,
        });
        await write(output.end());
      }),
    );
  }),
});
