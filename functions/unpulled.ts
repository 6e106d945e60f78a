import { app } from '@azure/functions';
import { configuration, ledger, log } from '../src/doors/app.ts';
import { handler } from '../src/doors/http/handler.ts';
import { answerUnpulled } from '../src/doors/http/unpulled.ts';

app.http('unpulled', {
  route: 'api/unpulled',
  methods: ['GET'],
  authLevel: 'function',
  handler: handler(log, (request, { signal }) => answerUnpulled(configuration, ledger, request.query, signal)),
});
