import { reviewPage } from '../../src/doors/http/review/review.ts';
import type { RunRecord } from '../../src/ledger/records.ts';
import type { Totals } from '../../src/ledger/summary.ts';
import { openBrowser } from './browser.ts';
import { ledgerOf, NOW, recordOf, type Recorded, totalsOf } from './review.ts';

/* `npm run docs:picture`: takes the picture of the review page for the README, of a registry that is made up. */

const ADDRESS = 'https://retention.contoso.com/api/review';
const DAYS = 42;
const DAY_MS = 86_400_000;

/** About as much on each day, and more on a Monday. */
function totalsOn(day: number, isHeld: boolean): Totals {
  const share = (1 + Math.sin(day * 1.7) * 0.35) * (day % 7 === 1 ? 2.4 : 1);
  const [tags, manifests] = [Math.round(38 * share), Math.round(64 * share)];
  const counts = { failed: 0, alreadyGone: 0 };
  const ofKind = (deleted: number, kept: number) =>
    isHeld ? { ...counts, deleted: 0, kept, notAttempted: deleted } : { ...counts, deleted, kept, notAttempted: 0 };
  return {
    ...totalsOf([]),
    tags: ofKind(tags, 412),
    manifests: ofKind(manifests, 1_034),
    bytes: isHeld ? 0 : manifests * (60 + 45 * Math.cos(day)) * 1_000_000,
  };
}

function runOn(day: number): Recorded {
  const started = new Date(Date.parse('2026-11-24T01:00:00Z') - day * DAY_MS).toISOString();
  const isHeld = day === 0;
  const totals = totalsOn(day, isHeld);
  const held: Partial<RunRecord> = {
    state: 'waiting',
    plan: { hash: 'a3f09bc4d17e55aa'.repeat(4), deletions: 1_204, state: 'waiting' },
    breakers: [
      {
        breaker: 'far-above-median', found: 1_204, limit: 510,
        detail: '1204 artifacts would be deleted, more than 5 times the median of the last 10 runs (102)',
      },
      {
        breaker: 'no-tag-left', repository: 'shop/checkout', found: 31, limit: 30,
        detail: 'all 31 tags would be deleted, and a repository must keep one',
      },
    ],
  }; // prettier-ignore
  return recordOf(started, [], { totals, ...(isHeld && held) });
}

const ledger = ledgerOf(Array.from({ length: DAYS }, (_, day) => runOn(day)));
const browser = await openBrowser();
try {
  const page = await browser.newPage({ viewport: { width: 1200, height: 1130 }, colorScheme: 'light' });
  await page.route(`${ADDRESS}*`, async (route) => {
    const { status = 200, headers, body } = await reviewPage(ledger, new URL(route.request().url()).searchParams, NOW);
    await route.fulfill({ status, headers: headers as Record<string, string>, body: body as string });
  });
  await page.goto(ADDRESS);
  await page.screenshot({ path: 'docs/review.png' });
} finally {
  await browser.close();
}
