import { app } from '@azure/functions';
import { configuration, ledger, log } from '../src/doors/app.ts';
import { handler } from '../src/doors/http/handler.ts';
import { jsonResponse } from '../src/doors/http/responses.ts';
import { signInWarning } from '../src/doors/http/sign-in.ts';
import { status, version } from '../src/index.ts';

const warnings = [signInWarning(process.env)].filter((warning) => warning !== undefined);

app.http('status', {
  route: 'api/status',
  methods: ['GET'],
  authLevel: 'function',
  handler: handler(log, async () => jsonResponse(await status(configuration, version, ledger, new Date(), warnings))),
});
