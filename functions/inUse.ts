import { app } from '@azure/functions';
import { configuration, ledger, log } from '../src/doors/app.ts';
import { handler } from '../src/doors/http/handler.ts';
import { answerInUse } from '../src/doors/http/in-use.ts';

app.http('inUse', {
  route: 'api/in-use',
  methods: ['GET'],
  authLevel: 'function',
  handler: handler(log, (request, { signal }) => answerInUse(configuration, ledger, request.query, signal)),
});
