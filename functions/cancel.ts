import { app } from '@azure/functions';
import { ledger, log } from '../src/doors/app.ts';
import { handler } from '../src/doors/http/handler.ts';
import { cancelledParentResponse, cancelledResponse } from '../src/doors/http/runs.ts';
import { cancel } from '../src/index.ts';

app.http('cancel', {
  route: 'api/runs/{id}/cancel',
  methods: ['POST'],
  authLevel: 'admin',
  handler: handler(log, async (request, _, { invocationId }) => {
    const cancelled = await cancel(ledger, request.params['id'] ?? '', {
      now: new Date(),
      askedBy: 'request',
      by: invocationId,
    });
    return 'parent' in cancelled ? cancelledParentResponse(cancelled.parent) : cancelledResponse(cancelled.run);
  }),
});
