import { reviewPage } from '../../src/doors/http/review/review.ts';
import { openBrowser } from './browser.ts';
import { NOW } from './review.ts';
import { PLAN, samplePlan } from './sample-plan.ts';

/* `npm run docs:picture`: takes the picture of a plan's page for the README, of a registry that is made up. */

const ADDRESS = 'https://retention.contoso.com/api/review';

const ledger = samplePlan();
const browser = await openBrowser();
try {
  const page = await browser.newPage({ viewport: { width: 1200, height: 960 }, colorScheme: 'light' });
  await page.route(`${ADDRESS}*`, async (route) => {
    const { status = 200, headers, body } = await reviewPage(ledger, new URL(route.request().url()).searchParams, NOW);
    await route.fulfill({ status, headers: headers as Record<string, string>, body: body as string });
  });
  await page.goto(`${ADDRESS}?run=${PLAN}`);
  await page.screenshot({ path: 'docs/review.png' });
} finally {
  await browser.close();
}
