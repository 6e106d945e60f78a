import { app } from '@azure/functions';
import { configuration, ledger, log } from '../src/app.ts';
import { handler } from '../src/http/handler.ts';
import { jsonResponse } from '../src/http/json.ts';
import { given } from '../src/http/query.ts';
import { untilShutdown } from '../src/lifecycle.ts';
import { requestedApply } from '../src/retention.ts';

app.http('apply', {
  route: 'plans/{id}/apply',
  methods: ['POST'],
  authLevel: 'admin',
  // Whether the client goes or stays: what was approved is carried out.
  handler: handler(log, async (request, _, { invocationId }) => {
    const applied = await untilShutdown((signal) =>
      requestedApply(configuration, request.params['id'] ?? '', given(request.query, 'approve'), {
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
