import { app } from '@azure/functions';
import { configuration, ledger, log } from '../src/doors/app.ts';
import { answerCheck, answerLastCheck } from '../src/doors/http/check.ts';
import { handler } from '../src/doors/http/handler.ts';
import { untilShutdown } from '../src/doors/lifecycle.ts';

app.http('check', {
  route: 'api/check',
  methods: ['GET', 'POST'],
  authLevel: 'function',
  // Whether the client stays or leaves: the result is kept.
  handler: handler(log, (request) =>
    request.method === 'POST'
      ? untilShutdown((signal) => answerCheck(configuration, ledger, request.query, signal))
      : answerLastCheck(configuration, ledger, request.query),
  ),
});
