import { app } from '@azure/functions';
import pLimit from 'p-limit';
import { configuration, log } from '../src/app.ts';
import { answer, negotiate, type Write } from '../src/http/answer.ts';
import { handler } from '../src/http/handler.ts';
import { readCommands } from '../src/http/request.ts';
import type { Output } from '../src/report/output.ts';
import { requestedDryRun } from '../src/retention.ts';

// An answer of any size is sent as it is read, instead of being gathered in memory first.
app.setup({ enableHttpStream: true });

/** Dry runs at once: each may take the memory of a large repository, and the schedule shares the process. */
const inTurn = pLimit(2);

app.http('dryRun', {
  route: 'dry-run',
  methods: ['GET', 'POST'],
  authLevel: 'function',
  handler: handler(log, async (request, client) => {
    const negotiated = negotiate(request);
    const commands = await readCommands(request);
    const work = async (output: Output, write: Write): Promise<void> => {
      const summary = await requestedDryRun(configuration, commands, {
        now: new Date(),
        startedBy: 'request',
        signal: client.signal,
        onDecisions: async (decisions) => {
          for (const piece of output.decisions(decisions)) await write(piece);
        },
        log,
      });
      await write(output.end(summary));
    };
    return inTurn(() => answer(negotiated, client, work));
  }),
});
