import { spawnSync } from 'node:child_process';
import { HttpRequest } from '@azure/functions';
import { describe, expect, test } from 'vitest';
import { answerReview, type ReviewOptions, reviewPage } from '../../../src/doors/http/review/review.ts';
import { processIdentity } from '../../../src/ledger/store/system.ts';
import { LedgerError } from '../../../src/ledger/store/store.ts';
import type { RunRecord } from '../../../src/ledger/records.ts';
import { parentStatus } from '../../../src/engine/parent-status.ts';
import type { Decision } from '../../../src/planner/decision.ts';
import type { UnpulledView } from '../../../src/doors/http/unpulled.ts';
import { HOSTILE, hostileLedger, ledgerOf, NOW, parentOf, recordOf, totalsOf, viewsOf } from '../../support/review.ts';
import { signedIn } from '../../support/principal.ts';
import { hostileUnpulled, viewOf } from '../../support/unpulled.ts';

const DIGEST = `sha256:${'ab12'.repeat(16)}`;
const RUN = '20261124T110000Z-3f9a0c';

/** An element's tag, written as the page writes them. */
const TAG = /<!doctype html>|<\/?[a-z]\w*(?:\s+[\w-]+(?:="[^"]*")?)*\s*\/?>/gi;

function tag(number: number, over: Partial<Decision> = {}): Decision {
  return {
    repository: 'app', kind: 'tag', tag: `dev-${number}`, digest: DIGEST, action: 'delete', outcome: 'deleted',
    reason: 'matched-and-expired', detail: 'older than 30 days', beyondAcrPurge: false, size: 1_000, ...over,
  } as Decision; // prettier-ignore
}

async function ask(
  reader: ReturnType<typeof ledgerOf>,
  query: string,
  unpulled?: UnpulledView,
): Promise<{ status: number; html: string }> {
  const { status = 200, body } = await reviewPage(reader, new URLSearchParams(query), NOW, unpulled);
  return { status, html: body as string };
}

test('every view of every hostile name is text: no element, address, control character or direction mark of theirs', async () => {
  const ledger = hostileLedger();
  const images = HOSTILE.map((text) => `image=${encodeURIComponent(`${text.slice(0, 900)}:${text.slice(0, 90)}`)}`);
  for (const query of [...Object.values(viewsOf(RUN, `${HOSTILE[0] ?? ''}:b`)), ...images]) {
    const { html } = await ask(ledger, query, viewOf(hostileUnpulled()));
    const own = html.replace(/<style>.*?<\/style>|<script>.*?<\/script>/gs, '');
    // Every `<` begins an element of the page's own, and no element has an attribute that is a script.
    const [tags, rest] = [own.match(TAG) ?? [], own.replace(TAG, '')];
    expect(rest).not.toContain('<');
    for (const tag of tags) {
      expect(tag).not.toMatch(/^<(script|img|style|b)\b/i);
      expect(tag.replaceAll(/"[^"]*"/g, '')).not.toMatch(/\s(on\w+|style|src)\b/i);
    }
    expect(own).not.toMatch(/(href|src|action)="\s*javascript:/i);
    // eslint-disable-next-line no-control-regex -- control characters are what must not be there
    expect(html).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
    for (const href of own.matchAll(/href="([^"]*)"/g)) expect(href[1]).toMatch(/^(\?|#|\/review(\?|#|$))/);
  }
});

test('the headers keep the key to itself and everything else out', async () => {
  const { headers, body } = await reviewPage(ledgerOf([]), new URLSearchParams(), NOW);
  expect(headers).toMatchObject({
    'Content-Type': 'text/html; charset=utf-8',
    'Referrer-Policy': 'no-referrer',
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    'Content-Security-Policy': expect.stringMatching(
      /^default-src 'none'; style-src 'sha256-\S+'; script-src 'sha256-\S+'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'$/,
    ) as string,
  });
  expect(body).toContain('There has been no run yet.');
});

test('links and forms carry the key on that the page was opened with, and only that', async () => {
  const ledger = ledgerOf([
    recordOf('2026-11-24T11:00:00.000Z', [tag(1)], { plan: { hash: '0123456789abcdef', deletions: 1, state: 'open' } }),
  ]);
  for (const query of Object.values(viewsOf(RUN, 'app:dev-1'))) {
    const { html } = await ask(ledger, `${query}&code=a%2Bb%3D%3D`);
    const links = [...html.matchAll(/href="([^"#][^"]*)"/g)].map(([, href = '']) => href);
    expect(links.length).toBeGreaterThan(1);
    for (const href of links) {
      if (href.startsWith('/review')) expect(href).not.toContain('code');
      else expect(href).toContain('code=a%2Bb%3D%3D');
    }
    const shared = /href="(\/review[^"]*)"[^>]*>Link to share/.exec(html)?.[1]?.replaceAll('&amp;', '&') ?? '';
    const view = (text: string) => [...new URLSearchParams(text.replace('/review', ''))].toSorted();
    expect(view(shared)).toEqual(view(query));
    // The key stands in links and fields alone: not in a title, a command, a name of a download, or a word of the page.
    const rest = html.replaceAll(/ href="\?[^"]*"/g, '').replaceAll(/<input type="hidden" name="code"[^>]*>/g, '');
    expect(rest).not.toMatch(/a(%2B|\+)b(%3D|=)/i);
    expect(html.match(/<form/g)?.length ?? 0).toBe(html.match(/name="code" value="a\+b=="/g)?.length ?? 0);
    expect((await ask(ledger, query)).html).not.toContain('code=');
  }
});

test('with sign-in no page holds a key, whatever stands in its address', async () => {
  const ledger = ledgerOf([recordOf('2026-11-24T11:00:00.000Z', [tag(1)])]);
  for (const forms of [undefined, { token: 'x'.repeat(43), typedAbove: 100 }])
    for (const query of Object.values(viewsOf(RUN, 'app:dev-1'))) {
      const asked = new URLSearchParams(`${query}&code=a%2Bb%3D%3D`);
      const { body } = await reviewPage(ledger, asked, NOW, undefined, undefined, { name: 'Ada Lovelace', forms });
      expect(body).not.toMatch(/a(%2B|\+)b(%3D|=)/i);
      expect(body).not.toContain('code=');
      expect(body).not.toContain('name="code"');
    }
});

test('a plan that waits stands first, with the commands that approve it', async () => {
  const hash = 'a3f09bc4d17e55aa'.repeat(4);
  const waiting = recordOf('2026-11-24T11:00:00.000Z', [tag(1, { outcome: 'held' })], {
    state: 'waiting',
    plan: { hash, deletions: 1_204, state: 'waiting' },
    breakers: [{ breaker: 'max-deletions', found: 1_204, limit: 100, detail: 'too many' }],
  });
  const ledger = ledgerOf([waiting, recordOf('2026-11-23T11:00:00.000Z', [tag(1)])]);
  for (const query of ['', `run=${RUN}`]) {
    const { html } = await ask(ledger, query);
    expect(html).toContain('1,204');
    expect(html).toContain(`acr-retention apply ${RUN} --approve a3f09bc4d17e<`);
    expect(html).toContain(`/api/plans/${RUN}/apply?approve=a3f09bc4d17e&quot;`);
  }
  const open = recordOf('2026-11-24T11:00:00.000Z', [], { plan: { hash, deletions: 3, state: 'open' } });
  const { html } = await ask(ledgerOf([open]), `run=${RUN}`);
  expect(html).toContain(`acr-retention apply ${RUN}<`);
  expect(html).not.toContain('approve=');
});

test('decisions are searched, and read no further than the page', async () => {
  const decisions = Array.from({ length: 1_000 }, (_, index) => tag(index));
  const ledger = ledgerOf([recordOf('2026-11-24T11:00:00.000Z', decisions)]);
  const second = await ask(ledger, `run=${RUN}&view=decisions&page=2`);
  expect(ledger.read.decisions).toBe(201);
  expect(second.html).toContain('Decisions 101 to 200');
  expect(second.html).toContain('app:dev-100<');
  expect(second.html).not.toContain('app:dev-99<');
  expect(second.html).toMatch(/rel="next" href="\?run=[^"]*page=3"/);
  const found = await ask(ledger, `run=${RUN}&view=decisions&tag=dev-7&action=delete&reason=matched-and-expired`);
  expect(found.html).toContain('Decisions 1 to 1,');
  expect(found.html).toContain('value="dev-7"');
  expect(found.html).toMatch(/href="\?run=[^"]*&amp;tag=dev-7&amp;action=delete[^"]*&amp;format=csv" download/);
  const none = await ask(ledger, `run=${RUN}&view=decisions&text=nothing`);
  expect(none.html).toContain('No decision matches.');
});

test('runs are filtered by state, kind and whole days, and paged', async () => {
  const days = Array.from({ length: 30 }, (_, day) => `2026-10-${String(day + 1).padStart(2, '0')}T23:30:00.000Z`);
  const ledger = ledgerOf(days.map((day) => recordOf(day, [tag(1)])));
  const first = await ask(ledger, '');
  expect(first.html).toContain('25 runs, the newest first');
  const next = /rel="next" href="([^"]*)"/.exec(first.html)?.[1]?.replaceAll('&amp;', '&').slice(1);
  const older = await ask(ledger, next ?? '');
  expect(older.html).toContain('5 runs, the newest first');
  expect(older.html).not.toContain('rel="next"');
  expect((await ask(ledger, 'from=2026-10-05&to=2026-10-06')).html).toContain('2 runs, the newest first');
  expect((await ask(ledger, 'state=failed&kind=')).html).toContain('No run matches.');
  // One registry needs no choice.
  expect(first.html).not.toContain('name="registry"');
});

test('runs are filtered by registry, and the charts are of that one', async () => {
  const of = (day: string, registry: string, tags: number) =>
    recordOf(
      `2026-11-${day}T11:00:00.000Z`,
      Array.from({ length: tags }, (_, n) => tag(n, { kind: 'manifest' })),
      { registry },
    );
  const ledger = ledgerOf([of('20', 'contoso.azurecr.io', 3), of('21', 'fabrikam.azurecr.io', 4)]);
  const all = await ask(ledger, '');
  expect(all.html).toMatch(/name="registry">.*<option>contoso\.azurecr\.io<\/option><option>fabrikam\.azurecr\.io</);
  expect(all.html).toContain('7 in all');
  const one = await ask(ledger, 'registry=fabrikam.azurecr.io');
  expect(one.html).toContain('1 run, the newest first');
  expect(one.html).toContain('4 in all');
  expect(one.html).toMatch(/<option>contoso\.azurecr\.io<\/option><option selected>fabrikam\.azurecr\.io</);
});

test('of many repositories those with most deletions come first, and every failure is named', async () => {
  const repositories = Array.from({ length: 700 }, (_, index) => ({
    summary: {
      repository: `team/r${String(index).padStart(3, '0')}`,
      ...totalsOf([]),
      tags: { deleted: index, kept: 0, failed: 0, notAttempted: 0, alreadyGone: 0 },
      ...(index === 5
        ? { state: 'failed' as const, error: { message: 'DENIED', status: 403, correlationId: 'c0ffee' } }
        : { state: 'done' as const }),
    },
    planned: { deletions: 0, hash: '' },
  }));
  const refused = tag(1, { repository: 'zoo', outcome: 'refused', error: { message: 'it is locked' } });
  const ledger = ledgerOf([recordOf('2026-11-24T11:00:00.000Z', [tag(2), refused], {}, repositories)]);
  const named = (html: string): readonly string[] =>
    [...html.matchAll(/>(team\/r\d+)<\/a><\/th>/g)].map(([, one = '']) => one);
  const first = await ask(ledger, `run=${RUN}`);
  expect(named(first.html)).toHaveLength(200);
  expect(named(first.html)[0]).toBe('team/r699');
  expect(first.html).toContain('702 repositories');
  expect(first.html).toContain('DENIED (HTTP 403, correlation id c0ffee)');
  expect(first.html).toContain('it is locked');
  const last = await ask(ledger, `run=${RUN}&page=4`);
  expect(named(last.html).at(-1)).toBe('team/r000');
  expect(last.html).not.toContain('rel="next"');
});

test('the history of an image, by tag and by digest, with the name of the registry or without', async () => {
  const ledger = ledgerOf([
    recordOf('2026-11-24T11:00:00.000Z', [tag(1)]),
    recordOf('2026-11-23T11:00:00.000Z', [tag(1, { action: 'keep', reason: 'too-young' })]),
  ]);
  for (const image of ['app:dev-1', 'contoso.azurecr.io/app:dev-1', `app@${DIGEST}`]) {
    const { html } = await ask(ledger, `image=${image}`);
    expect(html.match(/Scheduled run, contoso, <time[^>]*>2[34] Nov 11:00/g)).toHaveLength(2);
    expect(html.indexOf('matched-and-expired')).toBeLessThan(html.indexOf('too-young'));
  }
  expect((await ask(ledger, 'image=app:other')).html).toContain('No run has decided on it.');
  expect((await ask(ledger, 'image=')).html).toContain('Show its history');
});

test.for([
  ['run=../../secrets', 'run'],
  ['before=%2e%2e', 'before'],
  ['state=odd', 'state'],
  ['kind=odd', 'kind'],
  ['from=2026-02-31', 'from'],
  ['to=yesterday', 'to'],
  ['image=app', 'image'],
  [`image=app@sha256:12`, 'image'],
  [`run=${RUN}&page=0`, 'page'],
  [`run=${RUN}&page=10001`, 'page'],
  [`run=${RUN}&sort=odd`, 'sort'],
  [`run=${RUN}&only=odd`, 'only'],
  [`run=${RUN}&reverse=odd`, 'reverse'],
  [`run=${RUN}&open=${'x'.repeat(1_001)}`, 'open'],
  [`run=${RUN}&view=odd`, 'view'],
  [`run=${RUN}&view=decisions&page=1e3`, 'page'],
  [`run=${RUN}&view=decisions&action=odd`, 'action'],
  [`run=${RUN}&view=decisions&reason=constructor`, 'reason'],
  [`run=${RUN}&view=decisions&text=${'x'.repeat(1_001)}`, 'text'],
])('%s is answered with a page that names the parameter', async ([query, parameter]) => {
  const { status, html } = await ask(ledgerOf([recordOf('2026-11-24T11:00:00.000Z', [tag(1)])]), query ?? '');
  expect(status).toBe(400);
  expect(html).toContain(`The parameter ${parameter ?? ''} is`);
});

test('a run that there is not, and a ledger that cannot be read, are told as such', async () => {
  expect(await ask(ledgerOf([]), 'run=20200101T000000Z-000000')).toMatchObject({ status: 404 });
  const broken = { ...ledgerOf([]), run: () => Promise.reject(new LedgerError('no answer from Basic c2VjcmV0MTIz')) };
  const { status, html } = await ask(broken, `run=${RUN}`);
  expect(status).toBe(503);
  expect(html).toContain('no answer from');
  expect(html).not.toContain('c2VjcmV0MTIz');
});

test('a fault is a page with a way on, and only the log says more; a download of it is a problem as elsewhere', async () => {
  const broken = { ...ledgerOf([]), run: () => Promise.reject(new TypeError('the secret of the fault')) };
  const logged: unknown[] = [];
  const log = { error: (record: unknown) => logged.push(record) } as unknown as ReviewOptions['log'];
  const answer = (query: string, isSignInOn: boolean) => {
    const request = new HttpRequest({
      method: 'GET',
      url: `http://localhost/api/review?${query}`,
      headers: signedIn('Ada Lovelace', 'Retention.Reader'),
    });
    const client = { signal: new AbortController().signal, ready: () => Promise.resolve() };
    return answerReview(broken, request, client, {
      now: NOW,
      isSignInOn,
      configuration: { state: 'invalid', mistakes: [], given: {} },
      log,
    });
  };
  for (const isSignInOn of [false, true]) {
    const { status, body } = await answer(`run=${RUN}&code=key`, isSignInOn);
    expect(status).toBe(500);
    expect(body).toContain('A fault of this app');
    expect(body).not.toContain('the secret of the fault');
    expect(body).toContain(isSignInOn ? 'href="?"' : 'href="?code=key"');
  }
  expect(logged).toEqual([0, 1].map(() => expect.objectContaining({ event: 'fault' }) as unknown));
  await expect(answer(`run=${RUN}&format=csv`, false)).rejects.toThrow('the secret of the fault');
});

test('a run that works says what it is at; one that was stopped what is left, why, and what resumes it', async () => {
  const working = [{ repository: 'huge/app', listed: 120_000, read: 3_400, deleted: 12 }];
  const progress = { done: 40, of: 60, planned: 5, working };
  const running = recordOf('2026-11-24T11:00:00.000Z', [], { state: 'running', progress });
  const { html } = await ask(ledgerOf([running]), `run=${running.run.id}`);
  expect(html).toContain('40 of 60 repositories done, 5 planned, 20 left');
  expect(html.replaceAll(/<[^>]*>/g, '')).toMatch(
    /huge\/app: 120,000 tags and manifests listed, 3,400 manifests read, 12 deletions/,
  );

  const detail = 'the time budget of 25m was used up';
  const over = { state: 'stopped', stopped: { by: 'budget', detail }, progress: { done: 40, of: 60 } } as const;
  const resumed = [{ at: '2026-11-24T10:30:00.000Z', startedBy: 'schedule' }];
  const stopped = recordOf('2026-11-24T10:00:00.000Z', [], { ...over, resumed });
  const old = recordOf('2026-10-24T10:00:00.000Z', [], over);
  const page = await ask(ledgerOf([stopped, old]), `run=${stopped.run.id}`);
  for (const part of [
    '40 of 60 repositories done, 20 left',
    detail,
    `acr-retention resume ${stopped.run.id}`,
    'Resumed',
    'The next scheduled run resumes it.',
  ])
    expect(page.html).toContain(part);
  const late = await ask(ledgerOf([stopped, old]), `run=${old.run.id}`);
  expect(late.html).toContain('31 days ago');
  expect(late.html).not.toContain('acr-retention resume');
});

describe('the runs of several registries', () => {
  const PARENT = '20261124T100000Z-000001';
  const of = (hour: string, registry: string, tags: number, over: Partial<RunRecord> = {}) =>
    recordOf(
      `2026-11-24T${hour}:00:00.000Z`,
      Array.from({ length: tags }, (_, n) => tag(n)),
      { parent: PARENT, registry, ...over },
    );
  const first = of('10', 'contoso.azurecr.io', 2);
  const second = of('11', 'fabrikam.azurecr.io', 3);
  const alone = recordOf('2026-11-24T10:30:00.000Z', [tag(7)], { registry: 'alone.azurecr.io' });
  const refused = { registry: 'tailspin.azurecr.io', error: { message: 'another run is at work' } };
  const parent = parentOf(PARENT, [first, second], [refused]);
  const rows = (html: string): readonly string[] =>
    [...html.matchAll(/<tr role="row"><th role="rowheader"[^]*?<\/tr>/g)].map(([row]) =>
      row.replaceAll(/<[^>]*>/g, ' '),
    );

  test('stand together under a line with their sums, and link to a page of their own', async () => {
    const { html } = await ask(ledgerOf([first, alone, second], [parent]), '');
    const [heading = '', ...others] = rows(html).filter((row) => row.includes('Scheduled'));
    expect(heading).toMatch(/Scheduled run, 3 registries,\s+24 Nov 10:00\s+failed\s+5\s+0\s+5 kB/);
    expect(heading).toContain('failed');
    expect(others.map((row) => /Scheduled run, (\w+),/.exec(row)?.[1])).toEqual(['fabrikam', 'contoso', 'alone']);
    expect(html).toContain(`href="?run=${PARENT}"`);

    const page = await ask(ledgerOf([first, alone, second], [parent]), `run=${PARENT}`);
    expect(page.status).toBe(200);
    expect(page.html).toMatch(/<h1>Scheduled run, 3 registries, <time[^>]*>24 Nov 10:00<\/time><\/h1>/);
    expect(rows(page.html).map((row) => row.replaceAll(/\s+/g, ' ').trim())).toEqual([
      'contoso.azurecr.io done 2 0 2 kB –',
      'fabrikam.azurecr.io done 3 0 3 kB –',
      'tailspin.azurecr.io failed – – – another run is at work',
    ]);
    expect(page.html).toContain(`href="?run=${first.run.id}"`);
  });

  test.each([
    [
      'running while one of them is',
      [first, of('11', 'fabrikam.azurecr.io', 0, { state: 'running' })],
      [refused],
      'running',
    ],
    ['running while one is not begun, and nothing says why', [first], [{ registry: 'tailspin.azurecr.io' }], 'running'],
    ['failed where one is', [first, of('11', 'fabrikam.azurecr.io', 0, { state: 'failed' })], [], 'failed'],
    [
      'failed where one could not begin',
      [of('11', 'fabrikam.azurecr.io', 0, { state: 'stopped' })],
      [refused],
      'failed',
    ],
    ['stopped where one was', [first, of('11', 'fabrikam.azurecr.io', 0, { state: 'stopped' })], [], 'stopped'],
    ['stopped where one was not begun', [first], [{ ...refused, notBegun: 'budget' as const }], 'stopped'],
    ['waiting where one is', [first, of('11', 'fabrikam.azurecr.io', 0, { state: 'waiting' })], [], 'waiting'],
    ['done where all are', [first, second], [], 'done'],
  ] as const)('are %s', async (_, runs, others, state) => {
    const reader = ledgerOf(runs, [parentOf(PARENT, runs, others)]);
    expect((await parentStatus(reader, PARENT))?.state).toBe(state);
  });

  test('of which the process has died are interrupted, and not begun any more', async () => {
    const ended = spawnSync(process.execPath, ['-e', '']).pid;
    const dead = { ...parent.record.holder, runId: PARENT, startedBy: 'schedule', host: 'here', since: '', pid: ended };
    const known = processIdentity(process.pid);
    const record = { ...parent.record, holder: { ...dead, ...(known !== undefined && { process: known }) } };
    const reader = ledgerOf(
      [first],
      [{ record: { ...record, registries: ['contoso.azurecr.io', 'x'] }, children: [] }],
    );
    expect((await parentStatus(reader, PARENT))?.state).toBe(known === undefined ? 'running' : 'interrupted');
  });
});

test('what is kept is all that is there afterwards, also what no filter matched; it is not known where a repository was not begun', async () => {
  const totals = {
    ...totalsOf([tag(1)]),
    listed: { tags: 1_234, manifests: 2_345 },
    afterwards: { tags: 1_233, manifests: 2_344 },
  };
  const nothing = { ...totalsOf([]), listed: {}, afterwards: {} };
  const planned = { deletions: 0, hash: '0'.repeat(64) };
  const recorded = recordOf('2026-11-24T11:00:00.000Z', [], { totals }, [
    { summary: { repository: 'app', state: 'done', ...totals }, planned },
    { summary: { repository: 'later', state: 'stopped', ...nothing }, planned },
  ]);
  const { html } = await ask(ledgerOf([recorded]), `run=${RUN}`);
  const text = html.replaceAll(/<[^>]+>/g, ' ').replaceAll(/\s+/g, ' ');
  expect(text).toContain('Tags kept 1,233 Manifests kept 2,344');
  expect(text).toContain('app 1 tag 0 manifests 1,233 tags 2,344 manifests &lt;1 % 1 kB – ');
  expect(text).toContain('later stopped 0 tags 0 manifests – – 0 B – ');
});

test('a run says what it rests on, and first what could not be read; an image where it runs', async () => {
  const at = '2026-11-24T11:00:00.000Z';
  const problem = 'pods cannot be listed: the identity may not list them (403)';
  const evidence = [
    { source: 'kube:prod', scope: 'all namespaces', observedAt: at, complete: false, problems: [problem], images: 4 },
    { source: 'list:edge.txt', scope: 'the images of the list', observedAt: at, complete: true, images: 1_200 },
  ];
  const warning = `what is in use is not known, so nothing was deleted that it may be about: kube:prod: ${problem}`;
  const use = {
    repository: 'app', tag: 'dev-1', source: 'kube:prod', where: 'namespace shop, deployment api',
    first: '2026-10-01T11:00:00.000Z', last: at,
  }; // prettier-ignore
  const known = evidence.slice(1);
  const reader = ledgerOf(
    [
      recordOf(at, [tag(1)], { state: 'failed', warnings: [warning], evidence }),
      recordOf('2026-11-23T11:00:00.000Z', [tag(1)], { evidence: known }),
    ],
    [],
    [use],
  );
  const { html } = await ask(reader, `run=${RUN}`);
  const text = textOf(html);
  expect(text).toMatch(/failed[^]*What is in use is not known[^]*kube:prod: pods cannot be listed[^]*Result/);
  expect(text).toContain('acr-retention in-use -r contoso.azurecr.io');
  // Once, and not among the warnings as well.
  expect(text.split(problem)).toHaveLength(2);
  expect(text).toMatch(/list:edge\.txt the images of the list completely 2026-11-24 11:00 1,200/);

  const other = textOf((await ask(reader, `run=${RUN.replace('24T', '23T')}`)).html);
  expect(other).not.toContain('not known');
  expect(other).toContain('list:edge.txt');

  const image = textOf((await ask(reader, 'image=app:dev-1')).html);
  expect(image).toMatch(
    /In use .*namespace shop, deployment api kube:prod, contoso\.azurecr\.io dev-1 2026-10-01 11:00 2026-11-24 11:00/,
  );
  expect(textOf((await ask(reader, 'image=app:dev-2')).html)).not.toContain('In use');
});

/** What stands on a page. */
const textOf = (html: string): string =>
  html
    .replace(/<(style|script)>.*?<\/\1>/gs, '')
    .replace(/<\/(?:strong|a|code)>/g, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ');
