import { app } from '@azure/functions';
import { log } from '../src/doors/app.ts';
import { handler } from '../src/doors/http/handler.ts';
import { openapi } from '../src/doors/http/openapi.ts';
import { jsonResponse } from '../src/doors/http/responses.ts';

app.http('openapi', {
  route: 'api/openapi.json',
  methods: ['GET'],
  authLevel: 'function',
  handler: handler(log, () => Promise.resolve(jsonResponse(openapi()))),
});
