import { request } from 'node:http';
import { describe, expect, test } from 'vitest';
import { sampleRegistry } from '../../../src/dev/emulator/index.ts';
import { type App, KEY, withApp } from '../../support/app.ts';
import { signedIn } from '../../support/principal.ts';
import { withServedEmulator } from '../../support/registry.ts';

const SETTINGS = { PURGE_COMMAND: "--filter '.*:^dev-' --ago 30d --untagged", PURGE_SCHEDULE: '0 1 * * Sun' };

const NO_KEY = '';
const READER = signedIn('Ada Lovelace', 'Retention.Reader');

const withRecordedRun = (
  settings: Readonly<Record<string, string>>,
  action: (app: App, run: string) => Promise<void>,
) =>
  withServedEmulator({ repositories: sampleRegistry() }, (emulator) =>
    withApp(emulator, { ...SETTINGS, ...settings }, async (app) => {
      const response = await app.ask('/api/dry-run');
      const { summary } = (await response.json()) as { readonly summary: { readonly runId: string } };
      await action(app, summary.runId);
    }),
  );

describe('the review page', () => {
  test('is found from the root, and from a link without a key, which a form there adds', () =>
    withRecordedRun({}, async (app, run) => {
      for (const path of ['/', `/review?run=${run}&view=decisions`]) {
        const page = await app.ask(path, { key: NO_KEY });
        expect(page.status).toBe(200);
        expect(page.headers.get('referrer-policy')).toBe('no-referrer');
        const text = await page.text();
        const hidden = [...text.matchAll(/<input type="hidden" name="(\w+)" value="([^"]*)"/g)];
        const query = new URLSearchParams([...hidden.map(([, name = '', value = '']) => [name, value]), ['code', KEY]]);
        expect(/<form [^>]*method="get" action="([^"]*)"/.exec(text)?.[1]).toBe('/api/review');
        const answer = await fetch(`${app.url}/api/review?${query.toString()}`);
        expect(answer.status).toBe(200);
        expect((await answer.text()).includes(run)).toBe(true);
      }
    }));

  test('is where the root and links lead people who sign in', () =>
    withRecordedRun({ WEBSITE_AUTH_ENABLED: 'true' }, async (app, run) => {
      for (const [path, address] of [
        ['/', '/api/review'],
        [`/review?run=${run}&view=decisions&code=x`, `/api/review?run=${run}&view=decisions`],
      ] as const) {
        const answer = await app.ask(path, { key: NO_KEY, redirect: 'manual' });
        expect([answer.status, answer.headers.get('location')]).toEqual([302, address]);
      }
    }));

  test('takes the function key; what is downloaded from it is under the same address', () =>
    withRecordedRun({}, async (app, run) => {
      expect((await app.ask('/api/review', { key: NO_KEY, headers: READER })).status).toBe(401);
      const page = await (await app.ask(`/api/review?run=${run}&view=decisions&action=delete`)).text();
      const link = /href="(\?[^"]*format=csv[^"]*)" download/.exec(page)?.[1]?.replaceAll('&amp;', '&') ?? '';
      const download = await app.ask(`/api/review${link}`);
      expect(download.status).toBe(200);
      expect(download.headers.get('content-type')).toMatch(/^text\/csv/);
      expect(download.headers.get('content-disposition')).toBe(`attachment; filename="${run}.csv"`);
      const lines = (await download.text()).trim().split('\n');
      expect(lines.length).toBeGreaterThan(10);
      expect(lines.slice(1).every((line) => line.includes(',delete,'))).toBe(true);
      expect((await app.ask('/api/review?format=csv')).status).toBe(404);
      expect((await app.ask(`/api/review?run=..%2f..&format=csv`)).status).toBe(400);
    }));

  test('behind App Service Authentication it takes people with a role, and no key; machines keep their keys', () =>
    withRecordedRun({ WEBSITE_AUTH_ENABLED: 'True' }, async (app, run) => {
      const path = `/api/review?run=${run}&view=decisions`;
      expect((await app.ask(path, { key: NO_KEY, headers: READER })).status).toBe(200);
      expect((await app.ask(`${path}&format=ndjson`, { key: NO_KEY, headers: READER })).status).toBe(200);
      for (const refused of [path, `${path}&format=ndjson`]) {
        expect((await app.ask(refused, { key: NO_KEY })).status).toBe(401);
        // A key is for machines, which have the API.
        expect((await app.ask(refused)).status).toBe(401);
      }
      // Signing in is not enough.
      const stranger = { key: NO_KEY, headers: signedIn('Mallory <b>', 'Retention') };
      const refused = await app.ask(path, stranger);
      expect(refused.status).toBe(403);
      const page = await refused.text();
      expect(page).toContain('Mallory &lt;b>');
      expect(page).toMatch(/Retention\.Reader.*az rest --method POST/s);
      // Where it repeats the address, to lead back there, that is the client's own.
      expect(await (await app.ask('/api/review', stranger)).text()).not.toContain(run);
      expect(page).not.toContain('Ledger in');
      expect((await app.ask(`${path}&format=ndjson`, stranger)).status).toBe(403);
      // Only an approver's page has forms, and so a value for them.
      expect((await app.ask(path, { key: NO_KEY, headers: READER })).headers.get('set-cookie')).toBeNull();
      const approver = { key: NO_KEY, headers: signedIn('Ada', 'Retention.Approver') };
      expect((await app.ask(path, approver)).headers.get('set-cookie')).toMatch(/HttpOnly; SameSite=Strict$/);
      expect((await app.ask(`/api/runs/${run}`, { key: NO_KEY, headers: READER })).status).toBe(401);
      expect((await app.ask(`/api/runs/${run}`)).status).toBe(200);
      // A run that is begun with a key is that of the person, where one has signed in besides.
      const begun = await app.ask('/api/dry-run', { headers: READER });
      const { summary } = (await begun.json()) as { readonly summary: { readonly runId: string } };
      expect(await (await app.ask(`/api/runs/${summary.runId}`)).json()).toMatchObject({
        actor: { kind: 'person', name: 'Ada Lovelace' },
      });
      // No address approves anything: asking for a page changes nothing.
      const { plan } = (await (await app.ask(`/api/runs/${run}`)).json()) as {
        readonly plan: { readonly hash: string };
      };
      const asked = `/api/review?action=approve&run=${run}&hash=${plan.hash}`;
      expect((await app.ask(asked, approver)).status).toBe(200);
      expect(await (await app.ask(`/api/runs/${run}`)).json()).toMatchObject({ plan: { ...plan, state: 'open' } });
      // Nothing but the variable says that the platform's sign-in is there.
      const { warnings } = (await (await app.ask('/api/status')).json()) as { readonly warnings: readonly string[] };
      expect(warnings).toContainEqual(expect.stringContaining('WEBSITE_AUTH_ENABLED'));
    }));

  test('npm start signs a person in who does not exist, by the key that it prints; it answers to its own names alone', () =>
    withServedEmulator({ repositories: {} }, (emulator) =>
      withApp(
        emulator,
        SETTINGS,
        async (app) => {
          const opened = await fetch(`${app.url}/api/review?code=${KEY}`, { redirect: 'manual' });
          expect(opened.status).toBe(302);
          const cookie = opened.headers.get('set-cookie')?.split(';')[0] ?? '';
          const headers = { cookie, ...signedIn('Mallory', 'Retention.Approver') };
          const page = await fetch(`${app.url}/api/review`, { headers });
          expect(page.status).toBe(200);
          // A reader: no value for forms.
          expect(page.headers.get('set-cookie')).toBeNull();
          expect((await fetch(`${app.url}/api/review`, { redirect: 'manual' })).status).toBe(302);
          const { warnings } = (await (await app.ask('/api/status')).json()) as {
            readonly warnings: readonly string[];
          };
          expect(warnings.join()).not.toContain('WEBSITE_AUTH_ENABLED');
          const rebound = await new Promise<number | undefined>((resolve, reject) => {
            const asked = request(`${app.url}/api/health`, { headers: { host: 'evil.example' } }, (answer) => {
              answer.resume();
              resolve(answer.statusCode);
            });
            asked.on('error', reject).end();
          });
          expect(rebound).toBe(421);
        },
        ['--as', 'reader'],
      ),
    ));
});
