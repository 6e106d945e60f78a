import { app } from '@azure/functions';
import { ledger, log } from '../src/doors/app.ts';
import { handler } from '../src/doors/http/handler.ts';
import { answerDecisions } from '../src/doors/http/runs.ts';

app.http('decisions', {
  route: 'api/runs/{id}/decisions',
  methods: ['GET'],
  authLevel: 'function',
  handler: handler(log, (request, client) => answerDecisions(ledger, request.params['id'] ?? '', request, client)),
});
