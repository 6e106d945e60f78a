import { describe, expect, test } from 'vitest';
import { reviewPage } from '../../../src/doors/http/review/review.ts';
import type { LedgerReader } from '../../../src/ledger/reader.ts';
import { ledgerOf, NOW, recordOf } from '../../support/review.ts';
import { HELD, PLAN, planOf, samplePlan } from '../../support/sample-plan.ts';

/** A page without its style and script, and what stands on it. */
async function ask(reader: LedgerReader, query: string) {
  const { status = 200, body } = await reviewPage(reader, new URLSearchParams(query), NOW);
  const html = (body as string).replaceAll(/<(style|script)>.*?<\/\1>/gs, '');
  const text = html.replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ');
  const names = [...html.matchAll(/<a class="name" aria-expanded[^>]*>([^<]*)<\/a>/g)].map(([, name = '']) => name);
  return { status, html, text, names };
}

/** The address behind a link, as a query. */
function linkIn(html: string, text: string): string {
  const [, href = ''] = new RegExp(`href="\\?([^"#]*)[^"]*"[^>]*>${text}<`).exec(html) ?? [];
  return href.replaceAll('&amp;', '&');
}

test('a plan begins with what it would do, how much, whether it is safe, and what to do', async () => {
  const { text } = await ask(samplePlan(), `run=${PLAN}`);
  const parts = [
    'Scheduled dry run, contoso',
    'Download all decisions: CSV , NDJSON',
    'held back in part',
    'Would delete 43 of 276 tags (16 %) and 43 of 276 manifests (16 %), at most 2.34 GB, in 5 of 7 repositories.',
    'Delete 43 tags 43 manifests Keep 233 tags 233 manifests',
    'shop/checkout alone would be held back until it is approved, 18 deletions',
    'What now? Look at what is held back.',
    'acr-retention apply',
    'Since the last run',
    'New: shop/checkout and team/worker.',
    'Would lose most shop/checkout 100 %: 9 of 9 tags, held back shop/catalog 22 %: 14 of 64 tags',
    'Tags that would be deleted',
    '7 repositories, by “Delete”',
  ];
  const places = parts.map((part) => text.indexOf(part));
  expect(
    places.every((place) => place >= 0),
    parts[places.indexOf(-1)],
  ).toBe(true);
  expect(places).toEqual(places.toSorted((a, b) => a - b));
  expect(linkIn((await ask(samplePlan(), `run=${PLAN}`)).html, 'Each change since the run before')).toContain(
    'view=diff',
  );
  const safe = await ask(samplePlan({}), `run=${PLAN}`);
  expect(safe.text).toMatch(/safe Would delete 43 .* The guards let it through: at most 500 deletions in one run/);
});

test('what holds a plan back is opened where it is much; a first run has nothing to be compared with', async () => {
  const breakers = ['shop/web', 'shop/catalog', 'team/search', 'team/worker'].map((repository) => ({
    breaker: 'max-deletion-percent' as const, repository, found: 60, limit: 50, detail: `60 % of ${repository}`,
  })); // prettier-ignore
  const alone = ledgerOf([planOf('2026-11-24T01:00:00.000Z', { breakers })]);
  const { html, text } = await ask(alone, `run=${PLAN}`);
  expect(text).toContain('Why else: 4 more shop/catalog: 60 % of shop/catalog (guard max-deletion-percent).');
  expect(text).toContain('There is no earlier run that it can be compared with.');
  expect(html).not.toContain('view=diff');
});

test('a plan that the app refuses by now is out of date: why, and nothing to approve it with', async () => {
  const viewer = { name: 'Ada Lovelace', forms: { token: 'a-token', typedAbove: 100 } };
  const shown = async (refused: string | undefined) => {
    const query = new URLSearchParams(`run=${PLAN}`);
    const { body } = await reviewPage(samplePlan({}), query, NOW, undefined, undefined, viewer, () => refused);
    return body as string;
  };
  const fresh = await shown(undefined);
  expect(fresh).toContain('id="approve"');
  expect(fresh).toContain('acr-retention apply');
  const old = await shown('the plan is 50 hours old, and may be 24 (PLAN_MAX_AGE)');
  expect(old).toContain('out of date');
  expect(old).toContain('The app refuses it: the plan is 50 hours old');
  expect(old).not.toContain('method="post"');
  expect(old).not.toContain('acr-retention apply');
  expect(old).not.toContain('type="checkbox"');
});

test('once a part was approved and carried out, all is what is left', async () => {
  const viewer = { name: 'Ada Lovelace', forms: { token: 'a-token', typedAbove: 100 } };
  const by = { kind: 'person', name: 'Ada Lovelace' } as const;
  const review = { verdict: 'approved', at: '2026-11-24T09:30:00.000Z', by, hash: '', repositories: ['web'] } as const;
  const shown = async (runId?: string) => {
    const reviews = runId === undefined ? [] : [{ ...review, runId }];
    const reader = samplePlan({ plan: { hash: 'a'.repeat(64), deletions: 43, state: 'open', reviews } });
    const query = new URLSearchParams(`run=${PLAN}`);
    const { body } = await reviewPage(reader, query, NOW, undefined, undefined, viewer, () => undefined);
    return body as string;
  };
  expect(await shown()).toContain('all of the plan: 43 deletions');
  expect(await shown('20261124T093000Z-3f9a0c')).toContain('all that is left of the 43 deletions in the plan');
});

test('a plan that waits stands above the runs, with the way to its page; one that is refused, with why', async () => {
  const plan = { hash: 'a3f09bc4d17e55aa', deletions: 6, state: 'waiting' } as const;
  const ledger = ledgerOf([recordOf('2026-11-24T01:00:00.000Z', [], { plan })]);
  const shown = async (refused: string | undefined) => {
    const none = new URLSearchParams();
    const { body } = await reviewPage(ledger, none, NOW, undefined, undefined, undefined, () => refused);
    return body as string;
  };
  const fresh = await shown(undefined);
  expect(fresh).toContain('6 deletions waiting for approval');
  expect(fresh).toMatch(/<a class="button" href="\?run=[^"]*">Look at it, then approve or reject it</);
  expect(fresh).toContain('acr-retention apply');
  const old = await shown('the plan is 50 hours old, and may be 24 (PLAN_MAX_AGE)');
  expect(old).toContain('6 deletions of a plan that is out of date');
  expect(old).toContain('The app refuses it: the plan is 50 hours old, and may be 24 (PLAN_MAX_AGE). Start a new');
  expect(old).not.toContain('acr-retention apply');
});

test('of scheduled dry runs only the newest plan of a registry waits for a person', async () => {
  const planned = (day: number, registry: string) =>
    recordOf(`2026-11-${day}T01:00:00.000Z`, [], {
      registry,
      dryRun: true,
      plan: { hash: 'a3f09bc4d17e55aa', deletions: day, state: 'open' },
    });
  const ledger = ledgerOf([planned(22, 'a.io'), planned(23, 'a.io'), planned(24, 'b.io')]);
  const { body } = await reviewPage(ledger, new URLSearchParams(), NOW);
  const titles = (body as string).match(/\d+ deletions waiting for approval/g) ?? [];
  expect([...new Set(titles)]).toEqual(['24 deletions waiting for approval', '23 deletions waiting for approval']);
});

test('each tag that goes is named where they are few; else the repositories with how many', async () => {
  const few = samplePlan();
  const { text } = await ask(few, `run=${PLAN}`);
  expect(text).toMatch(/team\/worker 3 tags: dev-1400 , dev-1401 , dev-1402/);
  // Only what is deleted was read, of the tags alone.
  expect(few.read.decisions).toBe(43);
  const many = samplePlan(HELD, 4);
  const other = await ask(many, `run=${PLAN}`);
  expect(other.text).toContain('Repositories, by what is to be deleted shop/catalog : 56 tags, 56 manifests');
  expect(other.text).not.toContain('dev-1400');
  expect(many.read.decisions).toBe(0);
});

describe('the repositories', () => {
  test('are sorted by each column, the other way round as well, and by name where they are equal', async () => {
    const sorted = async (query: string) => (await ask(samplePlan(), `run=${PLAN}&${query}`)).names.map((name) => name.split('/')[1]);
    expect(await sorted('')).toEqual(['catalog', 'web', 'checkout', 'search', 'worker', 'dotnet-runtime', 'ci-runner']);
    expect(await sorted('sort=name')).toEqual(['dotnet-runtime', 'catalog', 'checkout', 'web', 'search', 'worker', 'ci-runner']);
    expect(await sorted('sort=name&reverse=yes')).toEqual(['ci-runner', 'worker', 'search', 'web', 'checkout', 'catalog', 'dotnet-runtime']);
    expect(await sorted('sort=percent')).toEqual(['checkout', 'catalog', 'search', 'worker', 'web', 'dotnet-runtime', 'ci-runner']);
    expect(await sorted('sort=keep')).toEqual(['web', 'catalog', 'search', 'dotnet-runtime', 'worker', 'ci-runner', 'checkout']);
    expect(await sorted('sort=last-push')).toEqual(['web', 'catalog', 'ci-runner', 'search', 'dotnet-runtime', 'worker', 'checkout']);
    expect(await sorted('sort=in-use')).toEqual(['dotnet-runtime', 'web', 'catalog', 'ci-runner', 'search', 'worker', 'checkout']);
    expect((await sorted('sort=size&reverse=yes')).at(-1)).toBe('catalog');
  }); // prettier-ignore

  test('that were approved say so, and are not held back any more', async () => {
    const by = { kind: 'person', name: 'Ada Lovelace' } as const;
    const reviews = [
      { verdict: 'approved', at: NOW.toISOString(), by, hash: '', repositories: ['shop/checkout'] },
    ] as const;
    const plan = { hash: 'a3f09bc4d17e55aa', deletions: 86, state: 'open', reviews } as const;
    const { text } = await ask(samplePlan({ ...HELD, plan }), `run=${PLAN}`);
    expect(text).toContain('shop/checkout approved 9 tags');
    expect(text).toMatch(/ safe Would delete .* shop\/checkout: approved by Ada Lovelace at 2026-11-24T12:00:00.000Z/);
    expect((await ask(samplePlan({ ...HELD, plan }), `run=${PLAN}&only=held`)).names).toEqual([]);
  });

  test('have links that sort them and keep what was asked for', async () => {
    const { html } = await ask(samplePlan(), `run=${PLAN}&find=SHOP&code=k`);
    expect(Object.fromEntries(new URLSearchParams(linkIn(html, 'Percent')))).toEqual({ run: PLAN, find: 'SHOP', sort: 'percent', code: 'k' });
    const again = await ask(samplePlan(), `run=${PLAN}&sort=percent`);
    expect(again.html).toMatch(/aria-sort="descending"><a [^>]*>Percent</);
    expect(linkIn(again.html, 'Percent')).toContain('reverse=yes');
  }); // prettier-ignore

  test('are found by a part of their name, and by their state', async () => {
    const named = async (query: string) => (await ask(samplePlan(), `run=${PLAN}&${query}`)).names;
    expect(await named('find=SHOP')).toEqual(['shop/catalog', 'shop/web', 'shop/checkout']);
    expect(await named('only=held')).toEqual(['shop/checkout']);
    expect(await named('only=delete&find=team')).toEqual(['team/search', 'team/worker']);
    expect(await named('only=failed')).toEqual([]);
    const { html, text } = await ask(samplePlan(), `run=${PLAN}&find=nothing`);
    expect(text).toContain('No repository matches.');
    expect(html).toContain('value="nothing"');
    expect(html).toContain('<option value="team/worker">');
    expect((await ask(samplePlan(), `run=${PLAN}&view=decisions`)).html).toMatch(
      /name="repository"[^>]* list="repository-names"[^>]*><\/label><datalist id="repository-names">.*<option value="shop\/web">/,
    );
  });

  test('say what is deleted, kept, the share, the size, the last push and what is in use', async () => {
    const { text } = await ask(samplePlan(), `run=${PLAN}&find=catalog`);
    expect(text).toContain('1 of 7 repositories, by “Delete”');
    expect(text).toMatch(
      /shop\/catalog 14 tags 14 manifests 50 tags 50 manifests 22 % 7\d\d MB 2026-11-22 23:58 4 images/,
    );
    // Without a source nothing is said of that.
    const { evidence: _, ...run } = planOf('2026-11-24T01:00:00.000Z').run;
    const plan = planOf('2026-11-24T01:00:00.000Z');
    expect((await ask(ledgerOf([{ ...plan, run }]), `run=${PLAN}`)).text).not.toContain('In use');
  });

  test('of an older version, which recorded less, are shown all the same, and come last where it is not known', async () => {
    const old = recordOf('2026-11-24T01:00:00.000Z', planOf('2026-11-24T01:00:00.000Z').decisions);
    const { status, names } = await ask(ledgerOf([old]), `run=${PLAN}&sort=last-push&reverse=yes`);
    expect(status).toBe(200);
    expect(names).toHaveLength(7);
  });

  test('are opened in their place, deletions first, by an address that can be sent', async () => {
    const reader = samplePlan();
    const { html } = await ask(reader, `run=${PLAN}&sort=name`);
    const link = linkIn(html, 'shop/catalog');
    expect(Object.fromEntries(new URLSearchParams(link))).toMatchObject({ open: 'shop/catalog' });
    const opened = await ask(samplePlan(HELD, 4), link);
    const own = opened.html.slice(opened.html.indexOf('id="open"'), opened.html.indexOf('>shop/checkout</a>', opened.html.indexOf('id="open"')));
    expect(own).toContain('would delete');
    expect(own.match(/<li>/g)).toHaveLength(50);
    expect(own).toContain('Search all 512 decisions in shop/catalog');
    expect(own).toMatch(/repository=shop%2Fcatalog&amp;format=csv/);

    const few = await ask(samplePlan(), `run=${PLAN}&open=team%2Fworker`);
    const text = few.text.slice(few.text.indexOf('team/worker 3 tags 3 manifests'));
    expect(text.indexOf('would delete dev-1400')).toBeLessThan(text.indexOf('keep dev-1403'));
    expect(few.html).toMatch(/aria-expanded="true" href="[^"]*"[^>]*>team\/worker/);
    expect(linkIn(few.html, 'team/worker')).toBe(`run=${PLAN}&open=team%2Fworker`);
  }); // prettier-ignore

  test('that is opened stands on the page whatever is looked for; one that there is not is said', async () => {
    expect((await ask(samplePlan(), `run=${PLAN}&find=shop&open=team%2Fworker`)).names).toContain('team/worker');
    const { text } = await ask(samplePlan(), `run=${PLAN}&open=no%2Fsuch`);
    expect(text).toContain('The run has no repository no/such.');
  });
});

test('what was held back of a run that deletes is counted apart from what was deleted', async () => {
  const plan = planOf('2026-11-24T01:00:00.000Z');
  const repositories = plan.repositories.map((one) => {
    const { summary, planned } = one;
    const done = { deletions: 0, hash: planned.hash };
    if (summary.repository !== 'shop/checkout') return { summary, planned: done };
    const back = (kind: 'tags' | 'manifests') => ({ ...summary[kind], deleted: 0, notAttempted: summary[kind].deleted });
    return { summary: { ...summary, state: 'held' as const, bytes: 0, tags: back('tags'), manifests: back('manifests') }, planned };
  });
  const run = { ...plan.run, ...HELD, dryRun: false, state: 'waiting' as const, plan: { hash: 'a3f09bc4d17e55aa', deletions: 18, state: 'waiting' as const } };
  const { text } = await ask(ledgerOf([{ ...plan, run, repositories }]), `run=${PLAN}`);
  expect(text).toContain('An approval would delete 9 tags and 9 manifests in 1 repository.');
  expect(text).toContain('shop/checkout held back 0 tags 0 manifests 18 held back');
  expect(text).toContain('Tags deleted or held back');
}); // prettier-ignore
