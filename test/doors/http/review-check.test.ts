import { HttpRequest } from '@azure/functions';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CheckView } from '../../../src/doors/http/check.ts';
import { answerAction } from '../../../src/doors/http/review/actions.ts';
import { reviewPage } from '../../../src/doors/http/review/review.ts';
import type { RegistryCheck } from '../../../src/ledger/checks.ts';
import { readSettings } from '../../../src/policy/settings.ts';
import { createLog } from '../../../src/report/log.ts';
import type { Viewer } from '../../../src/report/page/index.ts';
import { NO_BROWSER, openBrowser } from '../../support/browser.ts';
import { newLedger } from '../../support/ledger.ts';
import { openPage, SCREENS, violationsOf } from '../../support/pages.ts';
import { principalOf } from '../../support/principal.ts';
import { HOSTILE, ledgerOf, NOW, withPage } from '../../support/review.ts';

const REGISTRY = 'contoso.azurecr.io';
const APPROVER: Viewer = { name: 'Ada Lovelace', forms: { token: 'x'.repeat(43), typedAbove: 100 } };
const READER: Viewer = { name: 'Grace Hopper' };

const checkOf = (names: readonly string[]): RegistryCheck => ({
  registry: REGISTRY,
  at: '2026-11-24T11:00:00.000Z',
  repositories: { checked: 2, of: 3 },
  counts: { 'platform-missing': names.length + 400, 'repository-locked': 1 },
  findings: [
    ...names.map((name) => ({
      kind: 'platform-missing' as const,
      state: 'broken' as const,
      repository: name,
      since: name,
      says: `${name} is an index, and one of its platforms is not there`,
      todo: `Push it again, or delete it: az acr repository delete --name contoso --image ${name}`,
    })),
    { kind: 'repository-locked', state: 'left over', repository: 'app', says: 'app is locked', todo: 'Ask its owner' },
  ],
});
const viewOf = (check?: RegistryCheck): CheckView => ({
  registries: [REGISTRY, 'fabrikam.azurecr.io'],
  last: () => Promise.resolve(check),
});

async function page(view?: CheckView, viewer?: Viewer) {
  const query = new URLSearchParams('view=check');
  const of = [undefined, undefined, viewer, undefined, undefined, view] as const;
  const { status = 200, body } = await reviewPage(ledgerOf([]), query, NOW, ...of);
  const html = body as string;
  const text = html.replace(/<(style|script)>.*?<\/\1>/gs, '').replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' '); // prettier-ignore
  return { status, html, text };
}

test('the last result stands there with its time, the worst first, and what to do', async () => {
  const { text, html } = await page(viewOf(checkOf(['shop/web', 'shop/api'])));
  expect(text).toContain('402 broken, 0 not known, 1 left over in 2 repositories. Checked on 2026-11-24 11:00');
  expect(text).toContain('1 repository of 3 could not be looked at completely');
  expect(text).toMatch(
    /A platform is missing: 402 broken 400 more are not shown here.*Locked repositories: 1 left over/,
  );
  expect(html).toContain('az acr repository delete --name contoso --image shop/web</code>');
  expect(text).toContain('Ask its owner.');
});

test('where nothing was checked it says so; only approvers are offered to check', async () => {
  const { text, html } = await page(viewOf(), APPROVER);
  expect(text).toContain('This registry was not checked yet.');
  expect(html).toMatch(
    /name="action" value="check"\/><input type="hidden" name="registry" value="contoso.azurecr.io"\/>/,
  );
  expect(html).toContain(`name="csrf" value="${'x'.repeat(43)}"`);
  for (const viewer of [READER, undefined]) {
    const { html: other } = await page(viewOf(), viewer);
    expect(other).not.toContain('method="post"');
    expect(other.includes('Retention.Approver')).toBe(viewer === READER);
  }
  expect((await page()).status).toBe(400);
});

test('what a registry may name to do harm is shown, and does nothing', async () => {
  const { html, text } = await page(viewOf(checkOf(HOSTILE)));
  for (const hostile of HOSTILE.slice(0, 2)) expect(html).not.toContain(hostile);
  expect(html).not.toContain('\u001b');
  expect(text).not.toContain('x'.repeat(2_001));
});

test.each([
  ['a reader', 'Retention.Reader', 'a'.repeat(43), 403],
  ['a form with another value', 'Retention.Approver', 'b'.repeat(43), 403],
  ['a registry that the app does not serve', 'Retention.Approver', 'a'.repeat(43), 400],
])('the form checks nothing for %s', async (_, role, csrf, status) => {
  const settings = { ACR_REGISTRY: 'contoso', PURGE_COMMAND: "--filter '.*:^dev' --ago 30d", PURGE_SCHEDULE: '0 1 * * Sun' }; // prettier-ignore
  const request = new HttpRequest({
    method: 'POST',
    url: 'https://func-retention.azurewebsites.net/api/review',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      'x-ms-client-principal': principalOf([['name', 'Ada'], ['oid', '11111111-2222-4333-8444-555555555555'], ['roles', role]]),
      cookie: `__Host-acr-retention-form=${'a'.repeat(43)}`,
      origin: 'https://func-retention.azurewebsites.net',
      'sec-fetch-site': 'same-origin',
    },
    body: { string: new URLSearchParams({ action: 'check', csrf, registry: 'fabrikam.azurecr.io' }).toString() },
  }); // prettier-ignore
  const configuration = readSettings(settings, () => '');
  const options = { configuration, ledger: newLedger(), now: NOW, by: 'a test', log: createLog('silent'), isSignInOn: true }; // prettier-ignore
  expect((await answerAction(request, options)).status).toBe(status);
});

describe.skipIf(NO_BROWSER !== undefined)('in Chromium', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser.close());

  test.for(SCREENS)('the page is sound ($colorScheme, $viewport.width px)', { timeout: 120_000 }, async (screen) => {
    for (const check of [checkOf(HOSTILE), undefined])
      await withPage(
        ledgerOf([]),
        async (url) => {
          const { page: shown, complaints } = await openPage(browser, screen);
          await shown.goto(`${url}?view=check`);
          const needed = await shown.evaluate(() => document.documentElement.scrollWidth);
          expect(needed).toBeLessThanOrEqual(screen.viewport.width);
          expect(await violationsOf(shown)).toEqual([]);
          expect(complaints).toEqual([]);
          await shown.context().close();
        },
        undefined,
        APPROVER,
        undefined,
        viewOf(check),
      );
  });
});
