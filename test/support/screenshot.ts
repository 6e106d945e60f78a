import { reviewPage } from '../../src/doors/http/review/review.ts';
import { openBrowser } from './browser.ts';
import { NOW } from './review.ts';
import { PLAN, samplePlan } from './sample-plan.ts';

/* `npm run docs:picture`: takes the picture of a plan's page for the README, of a registry that is made up. */

const ADDRESS = 'https://retention.contoso.com/api/review';

/** An approver: the forms are part of the picture. */
const VIEWER = { name: 'Ada Lovelace', forms: { token: 'of the picture', typedAbove: 100 } };

const ledger = samplePlan();
const browser = await openBrowser();
try {
  const page = await browser.newPage({ viewport: { width: 1200, height: 1040 }, colorScheme: 'light' });
  await page.route(`${ADDRESS}*`, async (route) => {
    const query = new URL(route.request().url()).searchParams;
    const { status = 200, headers, body } = await reviewPage(ledger, query, NOW, undefined, undefined, VIEWER);
    await route.fulfill({ status, headers: headers as Record<string, string>, body: body as string });
  });
  await page.goto(`${ADDRESS}?run=${PLAN}`);
  await page.screenshot({ path: 'docs/review.png' });
} finally {
  await browser.close();
}
