import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { reviewPage } from '../../../src/doors/http/review/review.ts';
import type { RunRecord } from '../../../src/ledger/records.ts';
import type { Decision } from '../../../src/planner/decision.ts';
import type { Viewer } from '../../../src/report/page/index.ts';
import { isNameOf } from '../../../src/report/registry-names.ts';
import { NO_BROWSER, openBrowser } from '../../support/browser.ts';
import { openPage, SCREENS, violationsOf } from '../../support/pages.ts';
import { HOSTILE, ledgerOf, NOW, parentOf, recordOf, withPage } from '../../support/review.ts';

const RUN = '20261124T110000Z-3f9a0c';
const HASH = 'a3f09bc4d17e55aa'.repeat(4);
const APPROVER: Viewer = { name: 'Ada Lovelace', forms: { token: 'x'.repeat(43), typedAbove: 100 } };
const READER: Viewer = { name: 'Grace Hopper' };

const decisions = (names: readonly string[]): readonly Decision[] =>
  names.map((repository) => ({
    repository, kind: 'tag', tag: 'dev-1', digest: `sha256:${'ab12'.repeat(16)}`, action: 'delete',
    reason: 'matched-and-expired', detail: 'older than 30 days', beyondAcrPurge: false, outcome: 'not-attempted', size: 1_000,
  })); // prettier-ignore

type Plan = RunRecord['plan'] & object;

const ledgerWith = (
  plan: Partial<Plan> = {},
  over: Partial<RunRecord> = {},
  names: readonly string[] = ['app', 'team/worker'],
) => {
  const recorded = recordOf('2026-11-24T11:00:00.000Z', decisions(names), {
    kind: 'dry-run', dryRun: true, ...over, plan: { hash: HASH, deletions: 2, state: 'open', ...plan },
  }); // prettier-ignore
  const repositories = recorded.repositories.map((one) => ({
    ...one,
    planned: { deletions: 1, hash: '0'.repeat(64) },
  }));
  return ledgerOf([{ ...recorded, repositories }]);
};

const page = async (reader: ReturnType<typeof ledgerOf>, viewer?: Viewer, query = `run=${RUN}`): Promise<string> => {
  const { body } = await reviewPage(reader, new URLSearchParams(query), NOW, undefined, undefined, viewer);
  if (typeof body !== 'string') throw new Error('no page');
  return body;
};

const actionsOn = (html: string): readonly string[] =>
  [...html.matchAll(/name="action" value="(\w+)"/g)].map(([, action = '']) => action);

test('forms are for approvers, and for what can be decided now', async () => {
  expect(actionsOn(await page(ledgerWith(), APPROVER))).toEqual(['approve', 'reject']);
  expect(actionsOn(await page(ledgerWith({ state: 'waiting' }, { state: 'waiting' }), APPROVER))).toEqual([
    'approve',
    'reject',
  ]);
  for (const state of ['applied', 'rejected'] as const)
    expect(actionsOn(await page(ledgerWith({ state }), APPROVER))).toEqual([]);
  for (const viewer of [READER, undefined]) {
    const html = await page(ledgerWith(), viewer);
    expect(html).not.toContain('method="post"');
    expect(html).not.toContain('type="checkbox"');
    expect(html.includes('Retention.Approver')).toBe(viewer === READER);
  }
  const running = ledgerOf([recordOf('2026-11-24T11:00:00.000Z', [], { state: 'running' })]);
  expect(actionsOn(await page(running, APPROVER))).toEqual(['cancel']);
  expect(actionsOn(await page(running, READER))).toEqual([]);
  const cancelled = { at: NOW.toISOString(), askedBy: 'request' } as const;
  const ending = ledgerOf([recordOf('2026-11-24T11:00:00.000Z', [], { state: 'running', cancelled })]);
  expect(actionsOn(await page(ending, APPROVER))).toEqual([]);
});

test('the runs of several registries are cancelled together', async () => {
  const id = '20261124T105959Z-000001';
  const child = recordOf('2026-11-24T11:00:00.000Z', [], { state: 'running', parent: id });
  const ledger = ledgerOf([child], [parentOf(id, [child])]);
  expect(actionsOn(await page(ledger, APPROVER, `run=${id}`))).toEqual(['cancel']);
  expect(actionsOn(await page(ledger, READER, `run=${id}`))).toEqual([]);
});

test('an approval covers the plan that is shown, and each repository has its box; the name is typed above the limit', async () => {
  const html = await page(ledgerWith(), APPROVER);
  expect(html).toContain(`name="hash" value="${HASH}"`);
  expect(html).toContain(`name="csrf" value="${'x'.repeat(43)}"`);
  expect([...html.matchAll(/type="checkbox"[^>]*name="repository" value="([^"]+)" form="approve"/g)].map(([, name]) => name)).toEqual(['app', 'team/worker']); // prettier-ignore
  expect(html).not.toContain('name="registry"');
  const strict = { ...APPROVER, forms: { token: 'x'.repeat(43), typedAbove: 1 } };
  expect(await page(ledgerWith(), strict)).toMatch(
    /type the name of the registry: <code>contoso<\/code>.*name="registry"/s,
  );
});

test('a registry has its name, and its login server', () => {
  for (const typed of ['contoso', ' CONTOSO ', 'contoso.azurecr.io']) expect(isNameOf(typed, 'contoso.azurecr.io')).toBe(true);
  for (const typed of ['', 'contos', 'contoso.azurecr', 'fabrikam', 'azurecr.io']) expect(isNameOf(typed, 'contoso.azurecr.io')).toBe(false);
  expect(isNameOf('registry', 'registry.example.com')).toBe(false);
  expect(isNameOf('127', '127.0.0.1:5443')).toBe(false);
  expect(isNameOf('127.0.0.1:5443', '127.0.0.1:5443')).toBe(true);
}); // prettier-ignore

/** Who decided, and on what, to do harm. */
const hostile = (): ReturnType<typeof ledgerOf> =>
  ledgerWith(
    {
      state: 'waiting',
      reviews: HOSTILE.map((text, index) => ({
        verdict: index % 2 === 0 ? 'approved' : 'rejected',
        at: text,
        by: { kind: 'person', name: text, id: text },
        comment: `${text}\n${text}`,
        hash: text,
        repositories: HOSTILE,
        runId: text,
      })),
    },
    { state: 'waiting', registry: HOSTILE.join(' ') },
    HOSTILE.map((text) => text.slice(0, 900)),
  );

test('who decided is said with name, id and reason, as text', async () => {
  const by = { kind: 'person', name: 'Ada Lovelace', id: '11111111-2222-4333-8444-555555555555' } as const;
  const at = '2026-11-24T11:30:00.000Z';
  const reviews = [{ verdict: 'rejected', at, by, comment: 'v is\nwhat runs', hash: HASH }] as const;
  const html = await page(ledgerWith({ state: 'rejected', reviews }), READER);
  expect(html).toMatch(
    /<strong>Rejected<\/strong> by Ada Lovelace.*11111111-2222.*<blockquote>v is\nwhat runs<\/blockquote>/s,
  );
  const strange = await page(hostile(), { ...APPROVER, name: HOSTILE[0] ?? '' });
  expect(strange).not.toMatch(/<script>alert|<img|<style>\*/);
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  expect(strange).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u202e]/);
});

describe.skipIf(NO_BROWSER !== undefined)('in Chromium', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser.close());

  test.for(SCREENS)('the forms are sound ($colorScheme, $viewport.width px)', async (screen) => {
    const strict = { ...APPROVER, forms: { token: 'x'.repeat(43), typedAbove: 1 } };
    for (const [kind, reader] of Object.entries({ plain: ledgerWith(), hostile: hostile() }))
      await withPage(
        reader,
        async (url) => {
          const { page: shown, complaints } = await openPage(browser, screen);
          await shown.goto(`${url}?run=${RUN}`);
          await shown.getByText('Reject it', { exact: true }).click();
          expect(await violationsOf(shown), kind).toEqual([]);
          const needed = await shown.evaluate(() => document.documentElement.scrollWidth);
          expect(needed, kind).toBeLessThanOrEqual(screen.viewport.width);
          expect(complaints).toEqual([]);
          await shown.context().close();
        },
        undefined,
        strict,
      );
  });
});
