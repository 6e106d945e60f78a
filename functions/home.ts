import { app } from '@azure/functions';
import { log } from '../src/doors/app.ts';
import { handler } from '../src/doors/http/handler.ts';
import { answerHome } from '../src/doors/http/review/home.ts';
import { isSignInOn } from '../src/doors/http/sign-in.ts';

app.http('home', {
  // A parameter that no text fits stands for the root: the host takes an empty route for the name of the function.
  route: '{root:maxlength(0)?}',
  methods: ['GET'],
  authLevel: 'anonymous',
  handler: handler(log, (request) => Promise.resolve(answerHome(request, isSignInOn))),
});
