import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Decision } from '../../../src/planner/decision.ts';
import { NO_BROWSER, openBrowser } from '../../support/browser.ts';
import { openPage, SCREENS, violationsOf } from '../../support/pages.ts';
import { HOSTILE, hostileLedger, ledgerOf, parentOf, recordOf, viewsOf, withPage } from '../../support/review.ts';
import { hostileUnpulled, unpulledOf, viewOf } from '../../support/unpulled.ts';

const RUN = '20261124T110000Z-3f9a0c';
const TITLE = 'Scheduled run, contoso, 24 Nov 11:00';
const DIGEST = `sha256:${'ab12'.repeat(16)}`;
const CODE = 'key of the tests';

const decisions = Array.from(
  { length: 250 },
  (_, index): Decision => ({
    repository: index < 120 ? 'app' : 'team/worker', kind: 'tag', tag: `dev-${index}`, digest: DIGEST, action: 'delete',
    reason: 'matched-and-expired', detail: 'older than 30 days', beyondAcrPurge: false, outcome: 'deleted', size: 1_000,
  }),
); // prettier-ignore

const ledger = ledgerOf([
  recordOf('2026-11-24T11:00:00.000Z', decisions, {
    state: 'waiting',
    plan: { hash: 'a3f09bc4d17e55aa'.repeat(4), deletions: 12, state: 'waiting' },
  }),
  ...Array.from({ length: 30 }, (_, day) =>
    recordOf(`2026-10-${String(day + 1).padStart(2, '0')}T11:00:00.000Z`, decisions.slice(day)),
  ),
]);

describe.skipIf(NO_BROWSER !== undefined)(`in Chromium${NO_BROWSER === undefined ? '' : ` (${NO_BROWSER})`}`, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser.close());

  /** Every page, by name: those of a ledger, and those that lead to them. */
  const pagesOf = (url: string, image: string): Readonly<Record<string, string>> => ({
    ...Object.fromEntries(Object.entries(viewsOf(RUN, image)).map(([view, query]) => [view, `${url}?${query}`])),
    home: new URL('/', url).href,
    link: new URL(`/review?run=${RUN}&view=decisions&text=${encodeURIComponent(image.slice(0, 900))}`, url).href,
  });

  test.for(SCREENS)('every page is sound ($colorScheme, $viewport.width px)', { timeout: 300_000 }, async (screen) => {
    const ledgers = { plain: ledger, hostile: hostileLedger() };
    for (const [kind, reader] of Object.entries(ledgers)) {
      await withPage(
        reader,
        async (url) => {
          const { page, complaints } = await openPage(browser, screen);
          const image = kind === 'plain' ? 'app:dev-7' : `${HOSTILE[1] ?? ''}:${HOSTILE[6] ?? ''}`;
          for (const [view, address] of Object.entries(pagesOf(url, image))) {
            await page.goto(address);
            const where = `${kind} ${view}`;
            const needed = await page.evaluate(() => document.documentElement.scrollWidth);
            expect(needed, where).toBeLessThanOrEqual(screen.viewport.width);
            expect(await violationsOf(page), where).toEqual([]);
            // The style sheet took hold: it is not what the policy forbids.
            expect(await page.evaluate(() => getComputedStyle(document.body).marginTop), where).toBe('0px');
            expect(await page.locator('[style]').count(), where).toBe(0);
          }
          expect(complaints).toEqual([]);
          await page.context().close();
        },
        viewOf(kind === 'plain' ? unpulledOf() : hostileUnpulled()),
      );
    }
  });

  test('without JavaScript a link to share leads back to its view, after the key is given', async () => {
    await withPage(ledger, async (url) => {
      const { page, complaints } = await openPage(browser, { javaScriptEnabled: false });
      await page.goto(`${url}?run=${RUN}&view=decisions&text=dev-24&code=${encodeURIComponent(CODE)}`);
      const before = await page.locator('caption').textContent();
      await page.getByRole('link', { name: 'Link to share' }).click();
      expect(page.url()).not.toContain(encodeURIComponent(CODE));
      expect(await page.locator('h1').textContent()).toBe('Open the review page');
      await page.getByLabel('Function key').fill(CODE);
      await page.keyboard.press('Enter');
      await page.waitForURL(/api\/review/);
      expect(await page.locator('caption').textContent()).toBe(before);
      expect(new URL(page.url()).searchParams.get('code')).toBe(CODE);
      expect(complaints).toEqual([]);
      await page.context().close();
    });
  });

  test('without JavaScript every link and form works, and carries the key', async () => {
    await withPage(ledger, async (url) => {
      const { page, complaints } = await openPage(browser, { javaScriptEnabled: false });
      const heading = () => page.locator('h1').textContent();
      await page.goto(`${url}?code=${encodeURIComponent(CODE)}`);
      await page.getByLabel('State').selectOption('waiting');
      await page.getByRole('button', { name: 'Show' }).click();
      await page.waitForURL(/state=waiting/);
      expect(await page.locator('table.cards tbody tr').count()).toBe(1);
      await page.locator('table.cards').getByRole('link', { name: TITLE }).click();
      expect(await heading()).toBe(TITLE);
      expect(await page.title()).toBe(`${TITLE} · acr-retention`);
      await page.getByRole('link', { name: 'Search the decisions' }).click();
      await page.getByLabel('Repository, whole name').fill('team/worker');
      await page.getByRole('button', { name: 'Search' }).click();
      expect(await page.locator('caption').textContent()).toContain('Decisions 1 to 100');
      await page.getByRole('link', { name: 'Next decisions' }).click();
      expect(await page.locator('caption').textContent()).toContain('Decisions 101 to 130');
      expect(await page.getByLabel('Repository, whole name').inputValue()).toBe('team/worker');
      await page.getByRole('link', { name: 'team/worker:dev-249' }).click();
      expect(await heading()).toBe('Image history');
      expect(await page.locator('.timeline > li').count()).toBe(31);
      await page.getByLabel('Image: repository:tag').fill('app:dev-3');
      await page.getByRole('button', { name: 'Show its history' }).click();
      expect(await page.locator('.timeline > li').count()).toBe(5);
      expect(new URL(page.url()).searchParams.get('code')).toBe(CODE);
      expect(complaints).toEqual([]);
      await page.context().close();
    });
  });

  test('without JavaScript a run is compared with the one before it, and with another one', async () => {
    await withPage(ledger, async (url) => {
      const { page, complaints } = await openPage(browser, { javaScriptEnabled: false });
      await page.goto(`${url}?run=${RUN}&code=${encodeURIComponent(CODE)}`);
      await page.getByRole('link', { name: 'Each change since the run before' }).click();
      expect(await page.locator('h1').textContent()).toBe('What changed');
      // The run of 30 October lacks the first 29.
      expect(await page.locator('.figures').textContent()).toContain('29 tags');
      await page.getByLabel('Compare with').selectOption('Scheduled run, contoso, 11 Oct 11:00');
      await page.getByRole('button', { name: 'Compare' }).click();
      await page.waitForURL(/with=20261011/);
      expect(await page.locator('.figures').textContent()).toContain('10 tags');
      await page.getByRole('link', { name: 'app', exact: true }).click();
      expect(await page.locator('h1').textContent()).toBe('What changed in app');
      expect(await page.locator('caption').textContent()).toBe('Differences 1 to 10');
      await page.getByRole('link', { name: 'All repositories' }).click();
      await page.getByRole('link', { name: 'Runs', exact: true }).first().click();
      await page.getByRole('link', { name: 'Over time by repository' }).click();
      expect(await page.locator('h1').textContent()).toBe('Over time');
      expect(await page.locator('#by-repository ~ .region').last().textContent()).toContain('team/worker');
      expect(new URL(page.url()).searchParams.get('code')).toBe(CODE);
      expect(complaints).toEqual([]);
      await page.context().close();
    });
  });

  test('without JavaScript what was not pulled is asked for by the form, and by parts', async () => {
    const part = unpulledOf({ looked: { repositories: 3, of: 9 }, next: 'team-2/worker' });
    const asked: string[] = [];
    const read = (query: URLSearchParams) => {
      asked.push(query.toString());
      return Promise.resolve(query.has('after') ? unpulledOf() : part);
    };
    const unpulled = { registries: ['contoso.azurecr.io', 'fabrikam.azurecr.io'], read };
    await withPage(
      ledger,
      async (url) => {
        const { page, complaints } = await openPage(browser, { javaScriptEnabled: false });
        await page.goto(`${url}?code=${encodeURIComponent(CODE)}`);
        await page.getByRole('link', { name: 'Not pulled' }).click();
        expect(asked).toEqual([]);
        await page.getByLabel('Not pulled for').fill('60d');
        await page.getByRole('button', { name: 'List' }).click();
        await page.getByRole('link', { name: 'Next repositories' }).click();
        const code = new URLSearchParams({ code: CODE }).toString();
        const common = 'view=unpulled&registry=contoso.azurecr.io&for=60d';
        expect(asked.map((one) => one.split('&').toSorted().join('&'))).toEqual(
          [`${common}&${code}`, `${common}&after=team-2%2Fworker&${code}`].map((one) =>
            one.split('&').toSorted().join('&'),
          ),
        );
        await page.getByRole('link', { name: 'team-1/worker:v1.1.0' }).click();
        expect(await page.locator('h1').textContent()).toBe('Image history');
        expect(complaints).toEqual([]);
        await page.context().close();
      },
      unpulled,
    );
  });

  test('the keyboard reaches the content, the regions that scroll, and every link, and shows where it is', async () => {
    await withPage(ledger, async (url) => {
      const { page } = await openPage(browser);
      await page.goto(url);
      await page.keyboard.press('Tab');
      const focused = (): Promise<string> => page.evaluate(() => document.activeElement?.textContent ?? '');
      expect(await focused()).toBe('Skip to content');
      expect(await page.locator('.skip').boundingBox()).toMatchObject({ x: 0 });
      await page.keyboard.press('Enter');
      expect(await page.evaluate(() => document.activeElement?.id)).toBe('main');
      const reached = new Set<string>();
      for (let presses = 0; presses < 60; presses += 1) {
        await page.keyboard.press('Tab');
        reached.add(await focused());
        const outline = await page.evaluate(() =>
          document.activeElement && document.activeElement !== document.body
            ? getComputedStyle(document.activeElement).outlineStyle
            : 'solid',
        );
        expect(outline, await page.evaluate(() => document.activeElement?.outerHTML.slice(0, 200))).not.toBe('none');
      }
      for (const name of ['Copy', 'The numbers of both charts', 'Show', 'Link to share', TITLE, 'Older runs'])
        expect([...reached]).toContain(name);
      await page.context().close();
    });
  });

  test('the runs of several registries are found from what began them together, and that from each of them', async () => {
    const id = '20261124T100000Z-000001';
    const runs = ['contoso', 'fabrikam'].map((name, n) =>
      recordOf(`2026-11-24T1${n}:00:00.000Z`, decisions, { parent: id, registry: `${name}.azurecr.io` }),
    );
    const refused = { registry: 'tailspin.azurecr.io', error: { message: 'another run is at work' } };
    await withPage(ledgerOf(runs, [parentOf(id, runs, [refused])]), async (url) => {
      const { page, complaints } = await openPage(browser);
      await page.goto(`${url}?code=${encodeURIComponent(CODE)}`);
      const heading = page.locator('table.cards tbody tr', { hasText: '3 registries' });
      expect(await heading.getByText('500', { exact: true }).count()).toBe(1);
      await heading.getByRole('link').click();
      expect(await page.locator('h1').textContent()).toBe('Scheduled run, 3 registries, 24 Nov 10:00');
      expect(await violationsOf(page)).toEqual([]);
      expect(await page.locator('tr', { hasText: 'tailspin.azurecr.io' }).textContent()).toContain(
        'another run is at work',
      );
      await page.getByRole('link', { name: 'fabrikam.azurecr.io' }).click();
      expect(await page.locator('h1').textContent()).toBe('Scheduled run, fabrikam, 24 Nov 11:00');
      await page.getByRole('link', { name: '24 Nov 10:00' }).click();
      expect(await page.locator('h1').textContent()).toBe('Scheduled run, 3 registries, 24 Nov 10:00');
      expect(new URL(page.url()).searchParams.get('code')).toBe(CODE);
      expect(complaints).toEqual([]);
      await page.context().close();
    });
  });

  test('with JavaScript a command is copied, rows are narrowed down, and times are told in words', async () => {
    await withPage(ledger, async (url) => {
      const { page, complaints } = await openPage(browser, { permissions: ['clipboard-read', 'clipboard-write'] });
      await page.goto(`${url}?code=${encodeURIComponent(CODE)}`);
      await page.getByText('Approve it on the command line, or over HTTP').click();
      await page.getByRole('button', { name: 'Copy request to approve the plan' }).click();
      await expect.poll(() => page.locator('#status').textContent()).toBe('Copied request to approve the plan');
      const copied = await page.evaluate(() => navigator.clipboard.readText());
      expect(copied).toBe(
        `curl -X POST "${new URL('.', url).href}plans/${RUN}/apply?approve=a3f09bc4d17e" -H "x-functions-key: $KEY"`,
      );
      await page.getByRole('button', { name: 'Copy link to share' }).click();
      await expect.poll(() => page.locator('#status').textContent()).toBe('Copied link to share');
      expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(new URL('/review', url).href);
      await page.getByLabel('Narrow down these rows').last().fill('contoso, 1');
      expect(await page.locator('table.cards tbody tr:visible').count()).toBe(10);
      await expect.poll(() => page.locator('#status').textContent()).toBe('10 of 25 rows');
      expect(await page.locator('time').first().getAttribute('title')).toContain('2026');
      expect(complaints).toEqual([]);
      await page.context().close();
    });
  });

  test('while a run is running the page is asked for again, until that is paused', async () => {
    let asked = 0;
    const running = recordOf('2026-11-24T11:00:00.000Z', [], { state: 'running', progress: { done: 3, of: 10 } });
    const counted = { ...ledgerOf([running]), run: () => Promise.resolve(((asked += 1), running.run)) };
    await withPage(counted, async (url) => {
      const { page, complaints } = await openPage(browser);
      await page.clock.install();
      await page.goto(`${url}?run=${RUN}`);
      await page.clock.runFor(100);
      expect(await page.locator('#status').textContent()).toBe('3 of 10 repositories done');
      const before = asked;
      await page.clock.runFor(5_100);
      await expect.poll(() => asked).toBeGreaterThan(before);
      await page.getByRole('button', { name: 'Pause refreshing' }).click();
      const paused = asked;
      await page.clock.runFor(30_000);
      expect(asked).toBe(paused);
      expect(complaints).toEqual([]);
      await page.context().close();
    });
  });
});
