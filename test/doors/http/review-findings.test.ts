import { expect, test } from 'vitest';
import { reviewPage } from '../../../src/doors/http/review/review.ts';
import { summarize } from '../../../src/ledger/summary.ts';
import { total } from '../../../src/ledger/total.ts';
import type { RunRecord } from '../../../src/ledger/records.ts';
import type { Decision } from '../../../src/planner/decision.ts';
import { ledgerOf, NOW, recordOf, type Recorded } from '../../support/review.ts';
import { keptImage, listedOf, SCAN, SCANNED } from '../../support/scanned.ts';

const RUN = '20261124T010000Z-3f9a0c';
const CRITICAL = [keptImage(20, { scan: SCAN, part: true }), keptImage(21, { scan: { ...SCAN, by: 'trivy' } })];

function recorded(findings: RunRecord['findings'], started = '2026-11-24T01:00:00.000Z'): Recorded {
  const asked = (decisions: readonly Decision[]): readonly Decision[] =>
    findings ? decisions : decisions.map(({ findings: _, ...decision }) => decision as Decision);
  const contents = { app: SCANNED, api: CRITICAL, web: [keptImage(30, {})], none: [] };
  const repositories = Object.entries(contents).map(([repository, some]) => ({
    summary: summarize(repository, asked(some), { tags: 0, manifests: some.length, ...(findings && listedOf(some)) }),
    planned: { deletions: 0, hash: '0'.repeat(64) },
  }));
  const totals = total(repositories.map(({ summary }) => summary));
  const { run } = recordOf(started, [], { totals, ...(findings && { findings }) });
  const decisions = Object.entries(contents).flatMap(([repository, some]) =>
    asked(some).map((decision) => ({ ...decision, repository })),
  );
  return { run, repositories, decisions };
}

const SOURCES = [
  { source: 'referrers', observedAt: '2026-11-24T01:00:00.000Z', complete: false, problems: ['no answer'], images: 4 },
] as const;
const ledger = ledgerOf([recorded(SOURCES), recorded(SOURCES, '2026-11-23T01:00:00.000Z')]);

async function ask(query: string, reader = ledger): Promise<string> {
  const { body } = await reviewPage(reader, new URLSearchParams(query), NOW);
  return (body as string).replaceAll(/<style>[^]*?<\/style>|<script>[^]*?<\/script>/g, '');
}

/** The names of repositories in the order of the table. */
const namesIn = (html: string): readonly string[] =>
  [...html.matchAll(/<th role="rowheader"[^]*?class="name"[^>]*>([^<]*)</g)].map(([, name = '']) => name);

test('the verdict says which findings are removed and which are kept, and so do the figures and each row', async () => {
  const html = await ask(`run=${RUN}`);
  expect(html).toContain(
    '<p>Findings: 41 removed (3 critical, 12 high), 99 kept (6 critical, 25 high), of these 4 in use; 4 images not scanned.</p>',
  );
  expect(html).toContain('<dd>41 of 140</dd>');
  expect(html).toContain('<dt>Critical findings kept</dt><dd>6</dd>');
  expect(html).toContain('data-head="Findings removed"><div><span class="pair"><span>41</span>');
  expect(html).toContain('What this run knew of the vulnerabilities of its images');
  expect(html).toContain('no answer');
});

test('its repositories are sorted by findings, the worst severity first, and those with critical ones are found', async () => {
  const section = (html: string): string => /id="repositories"[^]*?<\/section>/.exec(html)?.[0] ?? '';
  const sorted = async (sort: string) => namesIn(section(await ask(`run=${RUN}&sort=${sort}`)));
  expect((await sorted('findings')).slice(0, 2)).toEqual(['app', 'api']);
  // What was not scanned comes last, either way round.
  expect(await sorted('findings-kept')).toEqual(['api', 'app', 'none', 'web']);
  expect(await sorted('findings-kept&reverse=yes')).toEqual(['app', 'api', 'none', 'web']);
  expect(namesIn(section(await ask(`run=${RUN}&only=critical`)))).toEqual(['api']);
});

test('an opened repository has the findings of each image, with the names of vulnerabilities', async () => {
  const html = await ask(`run=${RUN}&open=app`);
  expect(html).toContain(
    'Findings: 3 critical, 12 high, 20 medium, 6 low; 3 have a fix. By grype, 2026-11-23 02:00 UTC.',
  );
  expect(html).toContain('94 packages; end of life 2026-11-10; built on mcr.microsoft.com/dotnet/aspnet:8.0.');
  expect(html).toMatch(/<details class="ids"><summary>Which<\/summary>CVE-2026-1001, CVE-2026-1002<\/details>/);
  expect(html).toContain('Not scanned, so its findings are not known.');
  expect(await ask(`image=app@${SCANNED[0]?.digest ?? ''}`)).toContain('CVE-2026-1001');
});

test('what was removed over time, by severity, and what differs between two runs', async () => {
  const trends = await ask('view=trends');
  expect(trends).toContain('Findings removed, by severity');
  expect(trends).toMatch(/critical<\/li>[^]*high<\/li>[^]*medium<\/li>[^]*low<\/li>/);
  const before = recorded(SOURCES, '2026-11-23T01:00:00.000Z');
  const nothing = { ...before, decisions: [], repositories: [] };
  const diff = await ask(`run=${RUN}&view=diff`, ledgerOf([recorded(SOURCES), nothing]));
  expect(diff).toContain('<dt>With</dt><dd>41 findings (3 critical, 12 high)</dd>');
  expect(diff).toContain('; findings: 3 critical, 12 high, 26 more');
});

test('without a source nothing is said of them anywhere', async () => {
  const bare = ledgerOf([recorded(undefined), recorded(undefined, '2026-11-23T01:00:00.000Z')]);
  const digest = SCANNED[0]?.digest ?? '';
  // The form names every reason that there is.
  const shown = async (view: string) => (await ask(view, bare)).replaceAll(/<option>[^<]*<\/option>/g, '');
  for (const view of ['', '&open=app', '&view=decisions', '&view=diff'].map((more) => `run=${RUN}${more}`))
    expect(await shown(view)).not.toMatch(/finding|scanned|critical/i);
  for (const view of ['', 'view=trends', `image=app@${digest}`])
    expect(await shown(view)).not.toMatch(/finding|scanned|critical/i);
});

test('of tags to be deleted it is said once that most were not scanned, and of each where few were not', async () => {
  const tagOf = (tag: string, isScanned: boolean): Decision => ({
    repository: 'app', kind: 'tag', tag, digest: `sha256:${'0'.repeat(64)}`, action: 'delete', reason: 'matched-and-expired',
    detail: '', beyondAcrPurge: false, outcome: 'planned', findings: isScanned ? { scan: SCAN } : {},
  }); // prettier-ignore
  const said = async (scanned: readonly boolean[]): Promise<string> => {
    const decisions = scanned.map((one, n) => tagOf(`pr-${n}`, one));
    const summary = summarize('app', decisions, { tags: scanned.length, manifests: 0 });
    const { run } = recordOf('2026-11-24T01:00:00.000Z', [], { dryRun: true, totals: total([summary]) });
    const repositories = [{ summary, planned: { deletions: scanned.length, hash: '0'.repeat(64) } }];
    const html = await ask(`run=${RUN}`, ledgerOf([{ run, repositories, decisions }]));
    return /id="deletions"[^]*?<\/section>/.exec(html)?.[0] ?? '';
  };
  const few = await said([true, false, false]);
  expect(few).toContain('Most of these images were not scanned');
  expect(few).toContain('3 critical, 12 high');
  expect(few).not.toContain('> not scanned<');
  expect((await said([true, true, false])).split('> not scanned<')).toHaveLength(2);
});
