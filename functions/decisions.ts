import { app } from '@azure/functions';
import { ledger, log } from '../src/app.ts';
import { handler } from '../src/http/handler.ts';
import { answerDecisions } from '../src/http/runs.ts';

app.http('decisions', {
  route: 'runs/{id}/decisions',
  methods: ['GET'],
  authLevel: 'function',
  handler: handler(log, (request, client) => answerDecisions(ledger, request.params['id'] ?? '', request, client)),
});
