import { app } from '@azure/functions';
import { configuration, ledger, log } from '../src/doors/app.ts';
import { handler } from '../src/doors/http/handler.ts';
import { answerRisk } from '../src/doors/http/risk.ts';

app.http('risk', {
  route: 'api/risk',
  methods: ['GET'],
  authLevel: 'function',
  handler: handler(log, (request, { signal }) => answerRisk(configuration, ledger, request.query, new Date(), signal)),
});
