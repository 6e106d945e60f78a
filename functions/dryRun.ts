import { app } from '@azure/functions';
import { configuration, log } from '../src/app.ts';
import { answer, negotiate } from '../src/http/answer.ts';
import { handler } from '../src/http/handler.ts';
import { readCommands } from '../src/http/request.ts';
import { requestedDryRun } from '../src/retention.ts';

// An answer of any size is sent as it is read, instead of being gathered in memory first.
app.setup({ enableHttpStream: true });

app.http('dryRun', {
  route: 'dry-run',
  methods: ['GET', 'POST'],
  authLevel: 'function',
  handler: handler(log, async (request, client) => {
    const negotiated = negotiate(request);
    const commands = await readCommands(request);
    return answer(negotiated, client, async (output, write) => {
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
    });
  }),
});
