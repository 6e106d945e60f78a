import { app } from '@azure/functions';
import { ledger, log } from '../src/app.ts';
import { handler } from '../src/http/handler.ts';
import { reviewPage } from '../src/http/review.ts';

app.http('review', {
  route: 'review',
  methods: ['GET'],
  authLevel: 'function',
  handler: handler(log, (request) => reviewPage(ledger, new URL(request.url).searchParams, new Date())),
});
