import { app } from '@azure/functions';
import { ledger, log } from '../src/doors/app.ts';
import { handler } from '../src/doors/http/handler.ts';
import { jsonResponse } from '../src/doors/http/responses.ts';
import { oneRun } from '../src/doors/http/runs.ts';

app.http('run', {
  route: 'api/runs/{id}',
  methods: ['GET'],
  authLevel: 'function',
  handler: handler(log, async (request) => jsonResponse(await oneRun(ledger, request.params['id'] ?? ''))),
});
