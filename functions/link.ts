import { app } from '@azure/functions';
import { log } from '../src/doors/app.ts';
import { handler } from '../src/doors/http/handler.ts';
import { answerHome } from '../src/doors/http/review/home.ts';
import { isSignInOn } from '../src/doors/http/sign-in.ts';

app.http('link', {
  // What people send each other, and notifications: a view of the page, without a key.
  route: 'review',
  methods: ['GET'],
  authLevel: 'anonymous',
  handler: handler(log, (request) => Promise.resolve(answerHome(request, isSignInOn))),
});
