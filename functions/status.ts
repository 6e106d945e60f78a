import { app } from '@azure/functions';
import { configuration, log, version } from '../src/app.ts';
import { handler } from '../src/http/handler.ts';
import { jsonResponse } from '../src/http/json.ts';
import { status } from '../src/retention.ts';

app.http('status', {
  route: 'status',
  methods: ['GET'],
  authLevel: 'function',
  handler: handler(log, async () => jsonResponse(await status(configuration, version, new Date()))),
});
