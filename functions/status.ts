import { app } from '@azure/functions';
import { configuration, ledger, log } from '../src/app.ts';
import { handler } from '../src/http/handler.ts';
import { jsonResponse } from '../src/http/json.ts';
import { signInWarning } from '../src/http/sign-in.ts';
import { status } from '../src/retention.ts';
import { version } from '../src/version.ts';

const warnings = [signInWarning(process.env)].filter((warning) => warning !== undefined);

app.http('status', {
  route: 'status',
  methods: ['GET'],
  authLevel: 'function',
  handler: handler(log, async () => jsonResponse(await status(configuration, version, ledger, new Date(), warnings))),
});
