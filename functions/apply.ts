import { app } from '@azure/functions';
import { configuration, ledger, log } from '../src/doors/app.ts';
import { handler } from '../src/doors/http/handler.ts';
import { jsonResponse } from '../src/doors/http/responses.ts';
import { approvalAsked, readQuery, REJECT_QUERY } from '../src/doors/http/query.ts';
import { untilShutdown } from '../src/doors/lifecycle.ts';
import { rejectPlan, requestedApply } from '../src/index.ts';

app.http('apply', {
  route: 'api/plans/{id}/apply',
  methods: ['POST'],
  authLevel: 'admin',
  // Whether the client goes or stays: what was approved is carried out.
  handler: handler(log, async (request, _, { invocationId }) => {
    const applied = await untilShutdown((signal) =>
      requestedApply(configuration, request.params['id'] ?? '', approvalAsked(request.query), {
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

app.http('reject', {
  route: 'api/plans/{id}/reject',
  methods: ['POST'],
  authLevel: 'admin',
  handler: handler(log, async (request, _, { invocationId }) => {
    const { id, registry, plan } = await rejectPlan(ledger, request.params['id'] ?? '', {
      ...readQuery(request.query, REJECT_QUERY),
      now: new Date(),
      startedBy: 'request',
      by: invocationId,
      log,
    });
    return jsonResponse({ id, registry, plan });
  }),
});
