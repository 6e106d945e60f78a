import { app } from '@azure/functions';
import { configuration } from '../src/doors/app.ts';

app.http('health', {
  route: 'api/health',
  methods: ['GET', 'HEAD'],
  authLevel: 'anonymous',
  handler: () => {
    const healthy = configuration.state === 'valid';
    return {
      status: healthy ? 200 : 503,
      headers: { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' },
      body: healthy ? 'healthy' : 'misconfigured',
    };
  },
});
