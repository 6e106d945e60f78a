import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { reviewPage } from '../../../src/doors/http/review/review.ts';
import type { LedgerReader } from '../../../src/ledger/reader.ts';
import { hostileAtRisk, ledgerAtRisk } from '../../support/at-risk.ts';
import { NO_BROWSER, openBrowser } from '../../support/browser.ts';
import { openPage, SCREENS, violationsOf } from '../../support/pages.ts';
import { HOSTILE, ledgerOf, NOW, withPage } from '../../support/review.ts';

async function page(reader: LedgerReader, query = 'view=risk') {
  const { status = 200, body } = await reviewPage(reader, new URLSearchParams(query), NOW);
  const html = body as string;
  const text = html
    .replace(/<(style|script)>.*?<\/\1>/gs, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ');
  return { status, html, text };
}

test('the page says how many findings there are, draws the line with its runs, and says where they are', async () => {
  const { text, html } = await page(ledgerAtRisk());
  expect(text).toContain('193 findings in 13 scanned images of contoso.azurecr.io, 112 fewer than when the line begins');
  expect(text).toContain('3 runs removed 114 findings: 38 critical, 76 high.');
  expect(text).toContain('1 image was not scanned: nothing is known of it, which is not the same as clean.');
  expect(text).toContain('of legacy since 2026-10-01 01:00');
  expect(html).toMatch(/<svg role="img" aria-labelledby="risk-0-title risk-0-text"><title id="risk-0-title">Critical and high/);
  expect(text).toContain('Critical: from 45 to 17; High: from 120 to 36. The table below has the numbers of each run.');
  expect(text).toContain('2026-10-08 01:00, run: 47 critical before, 27 after');
  // Two runs removed critical and high ones: a circle on each line.
  expect(html.match(/<circle/g)).toHaveLength(4);
  expect(text).toMatch(/build again.*1 image in use has 2 critical findings.*shop\/web:2\.0\.0.*all have a fix.*aspnet:8\.0.*CVE-2026-0001/);
  expect(text).toMatch(/5 images that nothing uses have 10 critical findings.*shop\/web:1\.0\.0.*none: it is locked/);
  expect(text).toMatch(/2 repositories with findings, the worst first.*shop\/web 12 critical, 36 high, 40 medium 9 1 legacy/);
  expect(html).toContain('href="?view=risk" aria-current="page"');
}); // prettier-ignore

test('since a day the line begins with what was known by then; another registry, and none', async () => {
  const { text } = await page(ledgerAtRisk(), 'view=risk&since=2026-10-10');
  expect(text).toContain('60 fewer');
  expect((await page(ledgerAtRisk(), 'view=risk&registry=other.azurecr.io')).text).toContain(
    'No run of other.azurecr.io has asked for findings yet, so nothing is known of them. With FINDINGS set',
  );
  expect((await page(ledgerOf([]))).text).toContain('There has been no run yet.');
  const wrong = await page(ledgerAtRisk(), 'view=risk&since=soon');
  expect([wrong.status, wrong.text.includes('That cannot be asked')]).toEqual([400, true]);
  expect((await page(ledgerAtRisk(), 'view=risk&since=2026-02-31')).status).toBe(400);
});

test('without a source that says what is in use nothing is called unused', async () => {
  const { text } = await page(ledgerAtRisk({ evidence: [] }));
  expect(text).toContain('No image that is known to be unused has a critical finding.');
  expect(text).toMatch(/Of 5 images with 10 critical findings it is not known whether they are in use.*Set IN_USE/);
});

test('what a registry may name to do harm is shown, and does nothing', async () => {
  const { html, text: shown } = await page(hostileAtRisk());
  for (const text of HOSTILE.slice(0, 2)) expect(html).not.toContain(text);
  expect(html).not.toContain('\u001b');
  expect(shown).not.toContain('x'.repeat(400));
});

describe.skipIf(NO_BROWSER !== undefined)(`in Chromium${NO_BROWSER === undefined ? '' : ` (${NO_BROWSER})`}`, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser.close());

  test.for(SCREENS)('it is sound ($colorScheme, $viewport.width px)', async (screen) => {
    for (const reader of [ledgerAtRisk(), hostileAtRisk()])
      await withPage(reader, async (url) => {
        const { page: opened, complaints } = await openPage(browser, screen);
        const { width } = screen.viewport;
        await opened.goto(`${url}?view=risk`);
        await opened.locator('summary').click();
        expect(await opened.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
        expect(await violationsOf(opened)).toEqual([]);
        const box = await opened.locator('.plot path').first().boundingBox();
        expect(box?.width ?? 0).toBeGreaterThan(width / 5);
        expect(complaints).toEqual([]);
        await opened.context().close();
      });
  });
});
