import { app } from '@azure/functions';
import { ledger, log } from '../src/app.ts';
import { handler } from '../src/http/handler.ts';
import { answerExplain } from '../src/http/runs.ts';

app.http('explain', {
  route: 'explain',
  methods: ['GET'],
  authLevel: 'function',
  handler: handler(log, (request, client) => answerExplain(ledger, request, client)),
});
