import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NO_BROWSER, openBrowser } from '../../support/browser.ts';
import { openPage, SCREENS, violationsOf } from '../../support/pages.ts';
import { hostileLedger, ledgerOf, recordOf, withPage } from '../../support/review.ts';
import { HELD, PLAN, planOf, samplePlan } from '../../support/sample-plan.ts';

/** What an approver must see without scrolling. */
const FIRST = ['h1', '.verdict .badge', '.verdict h2', '.verdict .amounts', '.verdict ul', '.verdict p:has(strong)'];

/** A plan in each state that its page shows otherwise. */
const plan = planOf('2026-11-24T01:00:00.000Z');
const approver = { kind: 'person', name: 'Ada Lovelace' } as const;
const review = { verdict: 'rejected', at: '2026-11-24T09:30:00.000Z', by: approver, hash: 'a3f09bc4', comment: 'shop/web is in use' } as const; // prettier-ignore
const PLANS = {
  'held back in part': samplePlan(),
  'let through': samplePlan({}),
  'held back, and large': samplePlan({ breakers: [{ breaker: 'max-deletions', found: 344, limit: 100, detail: '344 artifacts would be deleted, and 100 are allowed in one run' }] }, 4),
  rejected: samplePlan({ plan: { hash: 'a3f09bc4', deletions: 86, state: 'rejected', reviews: [review] } }),
  failed: samplePlan({ state: 'failed', error: { message: 'the registry answered 503', status: 503 } }),
  'without a guard or a source': ledgerOf([{ ...plan, run: { ...plan.run, guards: {}, evidence: [] } }]),
  running: ledgerOf([recordOf('2026-11-24T01:00:00.000Z', plan.decisions, { state: 'running', progress: { done: 3, of: 7 } })]),
}; // prettier-ignore

describe.skipIf(NO_BROWSER !== undefined)(`a plan${NO_BROWSER === undefined ? '' : ` (${NO_BROWSER})`}`, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser.close());

  const widthOf = (page: Page): Promise<number> => page.evaluate(() => document.documentElement.scrollWidth);

  test.each(SCREENS)('has no violation that axe finds ($colorScheme, $viewport.width px)', async (screen) => {
    for (const [state, reader] of Object.entries({ ...PLANS, hostile: hostileLedger() })) {
      await withPage(reader, async (url) => {
        const { page, complaints } = await openPage(browser, screen);
        // The page of a run that is running is loaded anew every few seconds.
        await page.addInitScript(() => sessionStorage.setItem('paused', 'yes'));
        const run = state === 'hostile' ? '20261124T110000Z-3f9a0c' : PLAN;
        await page.goto(`${url}?run=${run}&open=shop%2Fcatalog&sort=percent`);
        expect(await violationsOf(page), state).toEqual([]);
        expect(await widthOf(page), state).toBeLessThanOrEqual(screen.viewport.width);
        expect(complaints, state).toEqual([]);
        await page.context().close();
      });
    }
  });

  test.each(SCREENS)('says on its first screen what, how much, whether it is safe and what to do ($viewport.width px)', async ({ viewport }) => {
    for (const [state, reader] of Object.entries(PLANS)) {
      if (state === 'running') continue;
      await withPage(reader, async (url) => {
        const { page } = await openPage(browser, { viewport });
        await page.goto(`${url}?run=${PLAN}`);
        for (const one of FIRST) {
          const box = await page.locator(one).first().boundingBox();
          expect((box?.y ?? Infinity) + (box?.height ?? 0), `${state}: ${one}`).toBeLessThanOrEqual(viewport.height);
        }
        await page.context().close();
      });
    }
  }); // prettier-ignore

  test('is worked through without JavaScript; each view is an address that can be sent', async () => {
    await withPage(samplePlan(HELD, 4), async (url) => {
      const { page, complaints } = await openPage(browser, { javaScriptEnabled: false });
      const rows = page.locator('table.sortable tbody tr:not(.below) th');
      await page.goto(`${url}?run=${PLAN}&code=the-key`);
      await page.getByLabel('Repository, or part of its name').fill('SHOP');
      await page.getByLabel('Show').selectOption('with deletions');
      await page.getByRole('button', { name: 'Find' }).click();
      expect(await rows.count()).toBe(3);
      await page.getByRole('columnheader', { name: 'Keep' }).getByRole('link').click();
      expect(await rows.first().textContent()).toContain('shop/web');
      await page.getByRole('columnheader', { name: 'Keep' }).getByRole('link').click();
      expect(await rows.first().textContent()).toContain('shop/checkout');
      await page.getByRole('table').getByRole('link', { name: 'shop/catalog' }).click();
      expect(await page.locator('#open li').count()).toBe(50);
      expect(await page.locator('#open li').first().textContent()).toContain('would delete');
      const sent = page.url();
      expect(Object.fromEntries(new URL(sent).searchParams)).toEqual({
        run: PLAN, find: 'SHOP', only: 'delete', sort: 'keep', reverse: 'yes', open: 'shop/catalog', code: 'the-key',
      }); // prettier-ignore
      await page.getByRole('table').getByRole('link', { name: 'shop/catalog', exact: true }).click();
      expect(await page.locator('#open').count()).toBe(0);
      await page.goto(sent);
      await page.getByRole('link', { name: 'Search all 512 decisions in shop/catalog' }).click();
      expect(await page.locator('h1').textContent()).toBe('Decisions');
      expect(new URL(page.url()).searchParams.get('code')).toBe('the-key');
      expect(complaints).toEqual([]);
      await page.context().close();
    });
  });

  test('is reached and read by the keyboard alone, from the list of runs to the decisions on a repository', async () => {
    await withPage(samplePlan(), async (url) => {
      const { page, complaints } = await openPage(browser);
      /** Presses Tab until the focus is on what has this text, and shows where it is. */
      const tabTo = async (text: string): Promise<void> => {
        for (let presses = 0; presses < 200; presses += 1) {
          await page.keyboard.press('Tab');
          const now = await page.evaluate(() => ({
            text: document.activeElement?.textContent.trim() ?? '',
            outline: getComputedStyle(document.activeElement ?? document.body).outlineStyle,
          }));
          if (now.text !== text) continue;
          expect(now.outline).not.toBe('none');
          return;
        }
        throw new Error(`the keyboard does not reach ${text}`);
      };
      await page.goto(url);
      await tabTo('Scheduled dry run, contoso, 24 Nov 01:00');
      await page.keyboard.press('Enter');
      await page.waitForURL(/run=/);
      await tabTo('Approve it on the command line, or over HTTP');
      await page.keyboard.press('Enter');
      expect(await page.locator('details.review pre').first().isVisible()).toBe(true);
      await tabTo('Percent');
      await page.keyboard.press('Enter');
      await page.waitForURL(/sort=percent/);
      await tabTo('shop/checkout');
      await page.keyboard.press('Enter');
      await page.waitForURL(/open=shop/);
      expect(await page.locator('#open').isVisible()).toBe(true);
      expect(complaints).toEqual([]);
      await page.context().close();
    });
  });
});
