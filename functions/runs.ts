import { app } from '@azure/functions';
import { ledger, log } from '../src/app.ts';
import { handler } from '../src/http/handler.ts';
import { jsonResponse } from '../src/http/json.ts';
import { pageOfRuns } from '../src/http/runs.ts';

app.http('runs', {
  route: 'runs',
  methods: ['GET'],
  authLevel: 'function',
  handler: handler(log, async (request) => jsonResponse(await pageOfRuns(ledger, request.query))),
});
