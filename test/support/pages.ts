import { AxeBuilder } from '@axe-core/playwright';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';

/**
 * How each page is looked at: on a telephone by day, and on a large screen at night. A page on each of the four costs a second
 * and more, and shows nothing else: `test/report/page-colours.test.ts` holds each pair of colours in both schemes.
 */
export const SCREENS = [
  { colorScheme: 'light', viewport: { width: 390, height: 844 } },
  { colorScheme: 'dark', viewport: { width: 1440, height: 900 } },
] as const;

/** A page, and what the browser complained of: what the policy forbids, errors of scripts, dialogs, requests of its own. */
export async function openPage(
  browser: Browser,
  options: BrowserContextOptions = {},
): Promise<{ readonly page: Page; readonly complaints: readonly string[] }> {
  const page = await (await browser.newContext(options)).newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    // A status of 400 or 404 is what was asked for.
    if (!message.text().startsWith('Failed to load resource')) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('dialog', (dialog) => {
    complaints.push(dialog.message());
    void dialog.dismiss();
  });
  page.on('request', (request) => {
    if (!request.isNavigationRequest() && !request.url().endsWith('/favicon.ico')) complaints.push(request.url());
  });
  return { page, complaints };
}

/** What axe finds wrong with a page that has no frames: each rule, with the elements that break it. */
export async function violationsOf(page: Page): Promise<readonly string[]> {
  // Its legacy mode leaves frames out, and takes a tenth of the time.
  const { violations } = await new AxeBuilder({ page })
    .setLegacyMode()
    .options({ resultTypes: ['violations'] })
    .analyze();
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary ?? ''}`),
  );
}
