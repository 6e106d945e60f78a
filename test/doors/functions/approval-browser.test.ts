import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Emulator } from '../../../src/dev/emulator/index.ts';
import type { RunRecord } from '../../../src/ledger/records.ts';
import { type App, KEY, withApp } from '../../support/app.ts';
import { NO_BROWSER, openBrowser } from '../../support/browser.ts';
import { images, repositoryOf } from '../../support/contents.ts';
import { withServedEmulator } from '../../support/registry.ts';

const SETTINGS = { PURGE_COMMAND: "--filter '.*:^dev' --ago 30d", PURGE_SCHEDULE: '0 1 * * Sun', APPROVAL_TYPED: '4' };

/** Three tags to delete in each repository, and one that stays. */
const repositories = Object.fromEntries(
  ['shop/api', 'shop/web'].map((name) => [
    name,
    repositoryOf(...images(`${name}-dev`, 3, 'dev'), ...images(`${name}-v`, 1, 'v')),
  ]),
);

const withPlan = (who: string, act: (app: App, emulator: Emulator, plan: string) => Promise<void>): Promise<void> =>
  withServedEmulator({ repositories }, (emulator) =>
    withApp(
      emulator,
      SETTINGS,
      async (app) => {
        const answer = (await (await app.ask('/api/dry-run')).json()) as {
          readonly summary: { readonly runId: string };
        };
        await act(app, emulator, answer.summary.runId);
      },
      ['--as', who],
    ),
  );

const record = async (app: App, id: string): Promise<RunRecord> =>
  (await (await app.ask(`/api/runs/${id}`)).json()) as RunRecord;

/** Presses Tab until what is focused is this: an element with its text, its own label, and the texts of its labels. */
async function tabTo(page: Page, wanted: RegExp, key: 'Tab' | 'Shift+Tab' = 'Tab'): Promise<void> {
  const seen: string[] = [];
  for (let presses = 0; presses < 150; presses += 1) {
    await page.keyboard.press(key);
    const focus = page.locator(':focus');
    if ((await focus.count()) === 0) continue;
    const text = await focus.evaluate((element) =>
      [
        element.tagName,
        element.textContent.trim(),
        element.getAttribute('aria-label'),
        ...[...((element as HTMLInputElement).labels ?? [])].map((label) => label.textContent),
      ].join(' '),
    );
    if (wanted.test(text)) return;
    seen.push(text.slice(0, 40));
  }
  throw new Error(`Tab does not reach ${String(wanted)}: ${seen.join(' | ')}`);
}

describe.skipIf(NO_BROWSER !== undefined)('approving in Chromium, without JavaScript', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser.close());

  const open = async (app: App): Promise<Page> => {
    const page = await (await browser.newContext({ javaScriptEnabled: false })).newPage();
    await page.goto(`${app.url}/api/review?code=${KEY}`);
    return page;
  };

  test('by keyboard alone, from the list of runs to the run that deletes', () =>
    withPlan('approver', async (app, emulator, plan) => {
      const page = await open(app);
      // The key that signed the person in has left the address.
      expect(new URL(page.url()).search).not.toContain(KEY);
      await tabTo(page, /^A .*dry run/i);
      await page.keyboard.press('Enter');
      await page.waitForURL(/run=/);
      await tabTo(page, /all of the plan: \d+ deletions/);
      await page.keyboard.press('ArrowDown');
      await tabTo(page, /Comment/);
      await page.keyboard.type('only <b>this</b> one');
      await tabTo(page, /^BUTTON Approve/);
      // Asked for some, and none is ticked: nothing is done.
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'The plan was not approved' }).waitFor();
      expect(emulator.tagsLeft()).toHaveLength(8);
      await tabTo(page, /^A The page of the run/);
      await page.keyboard.press('Enter');
      await tabTo(page, /all of the plan/);
      await page.keyboard.press('ArrowDown');
      await tabTo(page, /Comment/);
      await page.keyboard.type('only <b>this</b> one');
      await tabTo(page, /Approve shop\/web/);
      await page.keyboard.press('Space');
      // On a tick, or in a field, Enter approves nothing.
      await page.keyboard.press('Enter');
      await tabTo(page, /^BUTTON Approve/, 'Shift+Tab');
      expect(new URL(page.url()).searchParams.get('run')).toBe(plan);
      await page.keyboard.press('Enter');
      await page.waitForURL((url) => url.searchParams.get('run') !== plan && url.searchParams.has('run'));
      const run = new URL(page.url()).searchParams.get('run') ?? '';
      while ((await record(app, run)).state === 'running');
      expect(emulator.tagsLeft().filter((one) => one.startsWith('shop/web'))).toHaveLength(1);
      expect(emulator.tagsLeft().filter((one) => one.startsWith('shop/api'))).toHaveLength(4);
      await page.goto(`${app.url}/api/review?run=${plan}`);
      expect(await page.locator('blockquote').textContent()).toBe('only <b>this</b> one');
      expect(await page.getByText(/^Approved by Ada Lovelace/).count()).toBe(1);
      await page.context().close();
    }));

  test('the whole plan, with the name of the registry typed; then a plan is rejected', () =>
    withPlan('approver', async (app, emulator, plan) => {
      const page = await open(app);
      await page.goto(`${app.url}/api/review?run=${plan}`);
      const approve = page.getByRole('button', { name: 'Approve', exact: true });
      await approve.click();
      await page.getByText('wants the name of the registry typed').waitFor();
      await page.goto(`${app.url}/api/review?run=${plan}`);
      await page.getByLabel(/type the name of the registry/).fill(emulator.loginServer);
      await approve.click();
      await page.waitForURL((url) => url.searchParams.has('run') && url.searchParams.get('run') !== plan);
      const run = new URL(page.url()).searchParams.get('run') ?? '';
      while ((await record(app, run)).state === 'running');
      expect(emulator.tagsLeft()).toHaveLength(2);
      expect(await record(app, run)).toMatchObject({ kind: 'apply', actor: { kind: 'person', name: 'Ada Lovelace' } });

      const other = (await (await app.ask('/api/dry-run?filter=shop/api:^v&ago=30d')).json()) as {
        readonly summary: { readonly runId: string };
      };
      await page.goto(`${app.url}/api/review?run=${other.summary.runId}`);
      await page.getByText('Reject it', { exact: true }).click();
      await page.getByRole('textbox', { name: 'Reason' }).fill('v is what runs');
      await page.getByRole('button', { name: 'Reject', exact: true }).click();
      await page.getByText(/^Rejected by Ada Lovelace/).waitFor();
      expect(await page.getByRole('button', { name: 'Approve', exact: true }).count()).toBe(0);
      await page.context().close();
    }));

  test('a run that is under way is cancelled, and the record says by whom', () =>
    withPlan('another', async (app, emulator) => {
      const page = await open(app);
      emulator.faults({ latencyMs: 400 });
      const begun = await app.ask('/api/dry-run', { method: 'POST', headers: { prefer: 'respond-async' } });
      const { runId } = (await begun.json()) as { readonly runId: string };
      await page.goto(`${app.url}/api/review?run=${runId}`);
      await page.getByRole('button', { name: 'Cancel this run' }).click();
      await page
        .getByText(/cancelled by Charles Babbage/)
        .first()
        .waitFor();
      expect(await page.getByRole('button', { name: 'Cancel this run' }).count()).toBe(0);
      expect(await record(app, runId)).toMatchObject({
        cancelled: { actor: { kind: 'person', name: 'Charles Babbage' } },
      });
      await page.context().close();
    }));

  test('a reader is offered no button, and told which role has one', () =>
    withPlan('reader', async (app, _, plan) => {
      const page = await open(app);
      await page.goto(`${app.url}/api/review?run=${plan}`);
      expect(await page.getByRole('button', { name: /Approve|Reject|Cancel/ }).count()).toBe(0);
      expect(await page.getByRole('checkbox').count()).toBe(0);
      expect(await page.getByText('Approving takes the app role Retention.Approver').count()).toBe(1);
      await page.context().close();
    }));
});
