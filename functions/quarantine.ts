import { app } from '@azure/functions';
import { configuration, ledger, log } from '../src/doors/app.ts';
import { handler } from '../src/doors/http/handler.ts';
import { answerQuarantine, answerRelease } from '../src/doors/http/quarantine.ts';
import { untilShutdown } from '../src/doors/lifecycle.ts';

app.http('quarantine', {
  route: 'api/quarantine',
  methods: ['GET'],
  authLevel: 'function',
  handler: handler(log, (request) => answerQuarantine(configuration, ledger, request.query)),
});

app.http('release', {
  route: 'api/quarantine/release',
  methods: ['POST'],
  authLevel: 'admin',
  // Whether the client stays or leaves: what was asked for is released.
  handler: handler(log, (request, _, { invocationId: by }) =>
    untilShutdown((signal) =>
      answerRelease(configuration, request.query, {
        now: new Date(),
        ledger,
        startedBy: 'request',
        by,
        signal,
        onDecisions: () => undefined,
        log,
      }),
    ),
  ),
});
