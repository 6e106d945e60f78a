import { app } from '@azure/functions';
import { ledger, log } from '../src/doors/app.ts';
import { handler } from '../src/doors/http/handler.ts';
import { answerExplain } from '../src/doors/http/runs.ts';

app.http('explain', {
  route: 'api/explain',
  methods: ['GET'],
  authLevel: 'function',
  handler: handler(log, (request, client) => answerExplain(ledger, request, client)),
});
