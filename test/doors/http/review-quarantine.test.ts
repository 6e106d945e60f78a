import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { QuarantineView } from '../../../src/doors/http/quarantine.ts';
import { reviewPage } from '../../../src/doors/http/review/review.ts';
import type { Decision } from '../../../src/planner/decision.ts';
import type { Viewer } from '../../../src/report/page/index.ts';
import { renderQuarantine } from '../../../src/report/quarantine.ts';
import { NO_BROWSER, openBrowser } from '../../support/browser.ts';
import { digestOf, entryOf, quarantineViewOf, REGISTRY, SAMPLE } from '../../support/in-quarantine.ts';
import { openPage, SCREENS, violationsOf } from '../../support/pages.ts';
import { HOSTILE, ledgerOf, NOW, recordOf, withPage } from '../../support/review.ts';

const APPROVER: Viewer = { name: 'Ada Lovelace', forms: { token: 'x'.repeat(43), typedAbove: 100 } };
const READER: Viewer = { name: 'Grace Hopper' };
const VIEW = 'view=quarantine';

async function page(view: QuarantineView | undefined, viewer?: Viewer, query = VIEW) {
  const asked = new URLSearchParams(query);
  const { status = 200, body } = await reviewPage(
    ledgerOf([]),
    asked,
    NOW,
    undefined,
    undefined,
    viewer,
    undefined,
    view,
  );
  if (typeof body !== 'string') throw new Error('no page');
  return { status, body };
}

/** What the page says, without what every page has. */
const inText = (html: string): string => {
  const [main = ''] = /<main[\s\S]*<\/main>/.exec(html) ?? [];
  return main.replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ');
};

test('what waits is listed image by image: since when, until when, how much, why, and what belongs to it', async () => {
  const { body } = await page(await quarantineViewOf(SAMPLE));
  const text = inText(body);
  expect(text).toContain('4 images in quarantine in contoso.azurecr.io: 3 tags and 6 manifests, at most 450 MB.');
  expect(text).toContain(
    'The time of 1 artifact is over: the next run deletes it, unless it finds a reason to keep it.',
  );
  expect(text).toMatch(
    /shop\/web:pr-17 .*also pr-17-hotfix; with 3 manifests that belong to it .*rule-matched \(pull requests\)/,
  );
  expect(text).toMatch(
    /shop\/web:dev-3 .*the tag alone: its manifest is kept .*not certain a run was about to make it unreadable/,
  );
  expect(text).toContain('over the next run deletes it');
  expect(text).toContain('1 artifact was released, and is kept for a while.');
  expect(text).toContain('released by Ada Lovelace');
  // The first that may be deleted stands first.
  const places = ['sha256:eeeeeeeeeeee', 'sha256:999999999999', 'pr-17', 'dev-3'].map((name) => text.indexOf(name));
  expect(places).toEqual(places.toSorted((a, b) => a - b));
  expect(body).toMatch(/<a href="\?view=quarantine" aria-current="page">\s*Quarantine/);
});

test('one repository, and a registry without any', async () => {
  const view = await quarantineViewOf(SAMPLE, [REGISTRY, 'fabrikam.azurecr.io']);
  const one = inText((await page(view, undefined, `${VIEW}&repository=shop/api`)).body);
  expect(one).toContain('1 image in quarantine');
  expect(one).not.toContain('pr-17');
  const none = await page(view, APPROVER, `${VIEW}&registry=fabrikam.azurecr.io`);
  expect(inText(none.body)).toContain('Nothing is in quarantine.');
  expect(none.body).not.toContain('method="post"');
});

test('only approvers are offered to release', async () => {
  const view = await quarantineViewOf(SAMPLE);
  const approver = (await page(view, APPROVER)).body;
  expect([...approver.matchAll(/name="action" value="release"/g)]).toHaveLength(5);
  expect(approver).toContain(`name="csrf" value="${'x'.repeat(43)}"`);
  expect(approver).toMatch(
    new RegExp(`name="repository" value="shop/web"/><input type="hidden" name="reference" value="${digestOf('a')}"`),
  );
  expect(approver).toContain('name="all" value="yes"');
  for (const viewer of [READER, undefined]) {
    const { body } = await page(view, viewer);
    expect(body).not.toContain('method="post"');
    expect(body.includes('Retention.Approver')).toBe(viewer === READER);
    expect(inText(body)).toContain('acr-retention release shop/web@sha256:eeee');
  }
});

test('a hundred images stand on a page, and a link leads to the next', async () => {
  const many = Array.from({ length: 250 }, (_, index) => digestOf(index.toString(16).padStart(64, '0')));
  const view = await quarantineViewOf({ 'shop/web': { entries: many.map((digest) => entryOf(digest)) } });
  const seen: string[] = [];
  for (const [number, said] of [
    [1, '1 to 100 of 250 images'],
    [2, '101 to 200 of 250 images'],
    [3, '201 to 250 of 250 images'],
    [4, 'There are no more: 250 images in all'],
  ] as const) {
    const { body } = await page(view, APPROVER, `${VIEW}&page=${number}`);
    expect(inText(body)).toContain(said);
    seen.push(...[...body.matchAll(/name="reference" value="([^"]+)"/g)].map(([, digest]) => digest ?? ''));
    expect(body.includes('Next images')).toBe(number < 3);
    expect(body.includes('Previous images')).toBe(number > 1);
    if (number === 1)
      expect(body).toContain('href="?view=quarantine&amp;registry=contoso.azurecr.io&amp;page=2#images"');
  }
  expect(seen.toSorted()).toEqual(many.toSorted());
  expect((await page(view, APPROVER, `${VIEW}&page=x`)).status).toBe(400);
});

describe('the page of the run that put something there', () => {
  const ID = entryOf('').runId;
  const decisions: readonly Decision[] = [digestOf('a'), digestOf('e')].map((digest) => ({
    repository: 'shop/web',
    kind: 'manifest',
    digest,
    action: 'delete',
    reason: 'untagged-and-expired',
    detail: 'has no tag',
    beyondAcrPurge: false,
    outcome: 'quarantined',
    quarantine: { until: '2026-12-01T12:00:00.000Z' },
  }));
  const recorded = recordOf('2026-11-20T01:00:00.000Z', decisions, { kind: 'purge' });
  async function of(viewer?: Viewer, view?: QuarantineView): Promise<string> {
    const [query, held] = [new URLSearchParams({ run: ID }), view ?? (await quarantineViewOf(SAMPLE))];
    const { body } = await reviewPage(ledgerOf([recorded]), query, NOW, undefined, undefined, viewer, undefined, held);
    if (typeof body !== 'string') throw new Error('no page');
    return body;
  }

  test('says how much of it waits still, and offers approvers alone to release it', async () => {
    const approver = await of(APPROVER);
    expect(inText(approver)).toMatch(
      /3 images of this run are in quarantine : unreadable. The time of 1 artifact is over: the next run deletes it\. Release them so that they can be pulled again, as Ada Lovelace/,
    );
    expect(approver).toMatch(
      new RegExp(
        `name="action" value="release"/><input type="hidden" name="registry" value="${REGISTRY}"/><input type="hidden" name="csrf" value="x{43}"/><input type="hidden" name="run" value="${ID}"`,
      ),
    );
    expect(inText(approver)).toContain('Repositories, by what is deleted or quarantined');
    const reader = await of(READER);
    expect(reader).not.toContain('method="post"');
    expect(inText(reader)).toContain('Releasing takes the app role Retention.Approver');
    expect(await of()).not.toContain('method="post"');
  });

  test('says nothing where all is released or deleted, and where the app does not serve the registry', async () => {
    for (const view of [await quarantineViewOf({}), await quarantineViewOf(SAMPLE, ['fabrikam.azurecr.io'])]) {
      const body = await of(APPROVER, view);
      expect(body).not.toContain('value="release"');
      expect(body).not.toContain('of this run');
    }
  });
});

test('where the settings are wrong, the page says so, and no menu leads to it', async () => {
  const { status, body } = await page(undefined);
  expect(status).toBe(400);
  expect(body).toContain('It is not known which registries the app serves');
  expect(body).not.toContain('>Quarantine</a>');
});

test('the text of the command line says the same, and is safe on a terminal', async () => {
  const read = async (held: Parameters<typeof quarantineViewOf>[0]) =>
    renderQuarantine(await (await quarantineViewOf(held)).read(new URLSearchParams()));
  const text = (await read(SAMPLE)).replace(/ +/g, ' ');
  expect(text).toContain('shop/web@sha256:aaaaaaaaaaaa pr-17 pr-17-hotfix 2026-11-20 01:00 2026-12-01 12:00 100 MB');
  expect(text).toMatch(/shop\/web@sha256:bbbbbbbbbbbb 2026-11-20 01:00 2026-12-01 12:00 100 MB sha256:aaaaaaaaaaaa/);
  expect(text).toMatch(/shop\/web@sha256:eeeeeeeeeeee 2026-11-20 01:00 over 100 MB/);
  expect(await read({})).toBe('Nothing is in quarantine in contoso.azurecr.io.\n');
  const hostile = Object.fromEntries(HOSTILE.map((name) => [name, { entries: [entryOf(name, { tags: HOSTILE })] }]));
  // eslint-disable-next-line no-control-regex -- control characters are what must not be there
  expect(await read(hostile)).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
});

describe.skipIf(NO_BROWSER !== undefined)('in Chromium', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser.close());

  test.for(SCREENS)('the page is sound ($colorScheme, $viewport.width px)', { timeout: 120_000 }, async (screen) => {
    const hostile = Object.fromEntries(
      HOSTILE.map((name) => [
        name,
        {
          entries: [entryOf(digestOf('a'), { tags: HOSTILE, detail: name, rule: name, reason: name }), entryOf(name)],
        },
      ]),
    );
    for (const [kind, held] of Object.entries({ sample: SAMPLE, hostile, empty: {} })) {
      await withPage(
        ledgerOf([]),
        async (url) => {
          const { page: shown, complaints } = await openPage(browser, screen);
          await shown.goto(`${url}?${VIEW}`);
          const needed = await shown.evaluate(() => document.documentElement.scrollWidth);
          expect(needed, kind).toBeLessThanOrEqual(screen.viewport.width);
          expect(await violationsOf(shown), kind).toEqual([]);
          expect(complaints).toEqual([]);
          await shown.context().close();
        },
        undefined,
        APPROVER,
        await quarantineViewOf(held),
      );
    }
  });
});
