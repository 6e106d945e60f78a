import { app } from '@azure/functions';
import { configuration, ledger, log } from '../src/doors/app.ts';
import { handler } from '../src/doors/http/handler.ts';
import { jsonResponse } from '../src/doors/http/responses.ts';
import { APPLY_QUERY, readQuery } from '../src/doors/http/query.ts';
import { untilShutdown } from '../src/doors/lifecycle.ts';
import { requestedApply } from '../src/index.ts';

app.http('apply', {
  route: 'api/plans/{id}/apply',
  methods: ['POST'],
  authLevel: 'admin',
  // Whether the client goes or stays: what was approved is carried out.
  handler: handler(log, async (request, _, { invocationId }) => {
    const applied = await untilShutdown((signal) =>
      requestedApply(configuration, request.params['id'] ?? '', readQuery(request.query, APPLY_QUERY).approve, {
        now: new Date(),
        ledger,
        startedBy: 'request',
        by: invocationId,
        signal,
        onDecisions: () => undefined,
        log,
      }),
    );
    return jsonResponse(applied);
  }),
});
