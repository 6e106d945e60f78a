import { app } from '@azure/functions';
import { ledger, log } from '../src/app.ts';
import { handler } from '../src/http/handler.ts';
import { jsonResponse } from '../src/http/json.ts';
import { oneRun } from '../src/http/runs.ts';

app.http('run', {
  route: 'runs/{id}',
  methods: ['GET'],
  authLevel: 'function',
  handler: handler(log, async (request) => jsonResponse(await oneRun(ledger, request.params['id'] ?? ''))),
});
