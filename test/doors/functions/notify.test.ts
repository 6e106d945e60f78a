import { expect, test } from 'vitest';
import { DELETING, withApp } from '../../support/app.ts';
import { newFolder } from '../../support/ledger.ts';
import { answering, SECRET, startReceiver } from '../../support/receiver.ts';
import { withServedEmulator } from '../../support/registry.ts';
import { several } from '../../support/slices.ts';

/* The app as it is deployed: what it tells, and that nothing of it shows an address. */

test('the app tells of its run, once; no address is in its log, its status or its answers', async () => {
  const receiver = await startReceiver();
  try {
    await withServedEmulator({ repositories: several(2, 1) }, async (emulator) => {
      const address = (form: string): string => `${form}:http://127.0.0.1:${receiver.port}/${form}/${SECRET}`;
      const settings = {
        ...DELETING,
        PURGE_COMMAND: "--filter '.*:^dev' --ago 30d --untagged",
        PURGE_SCHEDULE: '0 1 * * Sun',
        RETENTION_STORAGE: newFolder(),
        NOTIFY: `${address('slack')}\n${address('teams')}\n${address('teams')}2`,
        NOTIFY_ON: 'deletion-done run-failed',
        REVIEW_URL: 'https://retention.example',
      };
      await withApp(emulator, settings, async (app) => {
        // One of them takes nothing, and repeats what it was sent to.
        receiver.answers.push(answering(403, {}, `no right to ${SECRET}`));
        await app.fireTimer();
        expect(receiver.received).toHaveLength(3);
        expect(receiver.wrong).toEqual([]);
        await app.fireTimer('watch');
        expect(receiver.received).toHaveLength(3);
        const events = app.log().map(({ event }) => event);
        expect(events.filter((event) => event === 'notification-sent')).toHaveLength(2);
        expect(events.filter((event) => event === 'notification-failed')).toHaveLength(1);
        // After the run has ended, and not before.
        expect(events.indexOf('run-ended')).toBeLessThan(
          events.findIndex((event) => String(event).startsWith('notification')),
        );

        const status = await (await app.ask('/api/status')).text();
        expect(JSON.parse(status)).toMatchObject({
          settings: { NOTIFY: '(set)' },
          notify: {
            receivers: { slack: 1, teams: 2 },
            kinds: ['run-failed', 'deletion-done'],
            reviewUrl: 'https://retention.example',
          },
        });
        const page = await (await app.ask('/api/review')).text();
        for (const text of [status, page, JSON.stringify(app.log())]) expect(text).not.toContain(SECRET);
      });
    });
  } finally {
    await receiver.close();
  }
});
