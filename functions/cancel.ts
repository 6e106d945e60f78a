import { app } from '@azure/functions';
import { ledger, log } from '../src/app.ts';
import { handler } from '../src/http/handler.ts';
import { cancelledResponse } from '../src/http/accepted.ts';
import { cancelRun } from '../src/retention.ts';

app.http('cancel', {
  route: 'runs/{id}/cancel',
  methods: ['POST'],
  authLevel: 'admin',
  handler: handler(log, async (request, _, { invocationId }) =>
    cancelledResponse(
      await cancelRun(ledger, request.params['id'] ?? '', {
        now: new Date(),
        askedBy: 'request',
        by: invocationId,
      }),
    ),
  ),
});
