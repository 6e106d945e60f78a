import { app } from '@azure/functions';
import { ledger, log } from '../src/doors/app.ts';
import { handler } from '../src/doors/http/handler.ts';
import { jsonResponse } from '../src/doors/http/responses.ts';
import { pageOfRuns } from '../src/doors/http/runs.ts';

app.http('runs', {
  route: 'api/runs',
  methods: ['GET'],
  authLevel: 'function',
  handler: handler(log, async (request) => jsonResponse(await pageOfRuns(ledger, request.query))),
});
