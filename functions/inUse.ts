import { app } from '@azure/functions';
import { configuration, ledger, log } from '../src/doors/app.ts';
import { handler } from '../src/doors/http/handler.ts';
import { IN_USE_QUERY, readQuery } from '../src/doors/http/query.ts';
import { jsonResponse } from '../src/doors/http/responses.ts';
import { requestedInUse } from '../src/index.ts';

app.http('inUse', {
  route: 'in-use',
  methods: ['GET'],
  authLevel: 'function',
  handler: handler(log, async (request, { signal }) => {
    const { registry } = readQuery(request.query, IN_USE_QUERY);
    return jsonResponse(await requestedInUse(configuration, registry, ledger, signal));
  }),
});
