import { app } from '@azure/functions';
import { configuration, ledger, log } from '../src/doors/app.ts';
import { handler } from '../src/doors/http/handler.ts';
import { answerReview } from '../src/doors/http/review/review.ts';
import { isSignInOn } from '../src/doors/http/sign-in.ts';
import { unpulledView } from '../src/doors/http/unpulled.ts';

app.http('review', {
  route: 'api/review',
  methods: ['GET'],
  // A person who signs in has no key.
  authLevel: isSignInOn ? 'anonymous' : 'function',
  handler: handler(log, (request, client) =>
    answerReview(ledger, request, client, {
      now: new Date(),
      isSignInOn,
      log,
      unpulled: unpulledView(configuration, ledger),
    }),
  ),
});
