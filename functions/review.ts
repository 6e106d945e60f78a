import { app } from '@azure/functions';
import { configuration, ledger, log } from '../src/doors/app.ts';
import { checkView } from '../src/doors/http/check.ts';
import { handler } from '../src/doors/http/handler.ts';
import { answerAction } from '../src/doors/http/review/actions.ts';
import { answerReview } from '../src/doors/http/review/review.ts';
import { isSignInOn } from '../src/doors/http/sign-in.ts';
import { quarantineView } from '../src/doors/http/quarantine.ts';
import { unpulledView } from '../src/doors/http/unpulled.ts';

app.http('review', {
  route: 'api/review',
  methods: ['GET', 'POST'],
  // A person who signs in has no key.
  authLevel: isSignInOn ? 'anonymous' : 'function',
  handler: handler(log, (request, client, { invocationId: by }) => {
    const now = new Date();
    if (request.method === 'POST') return answerAction(request, { configuration, ledger, now, by, log, isSignInOn });
    return answerReview(ledger, request, client, {
      now,
      isSignInOn,
      log,
      configuration,
      unpulled: unpulledView(configuration, ledger),
      quarantine: quarantineView(configuration, ledger),
      checks: checkView(configuration, ledger),
    });
  }),
});
