import { describe, expect, test } from 'vitest';
import { reviewPage } from '../../../src/doors/http/review/review.ts';
import type { LedgerReader } from '../../../src/ledger/reader.ts';
import { realSystem } from '../../../src/ledger/store/system.ts';
import type { Decision } from '../../../src/planner/decision.ts';
import { ledgerOf, NOW, recordOf } from '../../support/review.ts';

const [RUN, BEFORE] = ['20261124T110000Z-3f9a0c', '20261123T110000Z-3f9a0c'];

const tag = (repository: string, name: string, over: object = {}) =>
  ({
    repository, kind: 'tag', tag: name, action: 'delete', reason: 'matched-and-expired', detail: 'older than 30 days',
    beyondAcrPurge: false, outcome: 'deleted', ...over,
  }) as Decision; // prettier-ignore
const kept = (repository: string, name: string) =>
  tag(repository, name, { action: 'keep', reason: 'too-young', detail: '3 days old' });

async function ask(reader: LedgerReader, query: string): Promise<{ status: number; html: string; text: string }> {
  const { status = 200, body } = await reviewPage(reader, new URLSearchParams(query), NOW);
  const html = body as string;
  const text = html.replace(/<(style|script|title)>.*?<\/\1>/gs, '').replace(/<[^>]*>/g, ' ');
  return { status, html, text: text.replace(/\s+/g, ' ') };
}

describe('the difference of two runs', () => {
  const ledger = ledgerOf([
    recordOf('2026-11-23T11:00:00.000Z', [tag('app', 'a'), tag('app', 'b'), kept('web', 'x')]),
    recordOf('2026-11-24T11:00:00.000Z', [tag('app', 'a'), tag('web', 'x'), tag('web', 'y')]),
  ]);

  test('is asked for from the page of a run, and is with the last one that can be compared', async () => {
    const page = await ask(ledger, `run=${RUN}`);
    const link = /href="\?([^"]*view=diff[^"]*)"/.exec(page.html)?.[1]?.replaceAll('&amp;', '&') ?? '';
    const { text, html } = await ask(ledger, link);
    expect(html).toContain('<title>What changed: Scheduled run, contoso, 24 Nov 11:00');
    expect(text).toContain('Scheduled run, contoso, 24 Nov 11:00 , compared with Scheduled run, contoso, 23 Nov 11:00');
    expect(text).toMatch(/Deleted in the later run only 2 tags, 0 manifests/);
    expect(text).toMatch(/Deleted in the earlier run only 1 tag, 0 manifests/);
    expect(text).toMatch(/2 repositories in which the runs differ.* web 2 0 0 B 0 0 0 B app 0 0 0 B 1 0 0 B/);
    // So few are shown, each with what the other run decided.
    expect(text).toMatch(/web:x tag delete matched-and-expired older than 30 days keep too-young 3 days old/);
    expect(text).toMatch(/app:b tag not there, or not selected delete matched-and-expired/);
  });

  test('of one repository, by the page', async () => {
    const many = Array.from({ length: 130 }, (_, n) => tag('app', `dev-${String(n).padStart(3, '0')}`));
    const reader = ledgerOf([
      recordOf('2026-11-23T11:00:00.000Z', [tag('app', 'a')]),
      recordOf('2026-11-24T11:00:00.000Z', many),
    ]);
    const all = await ask(reader, `run=${RUN}&view=diff`);
    expect(all.text).toContain('130 tags');
    expect(all.text).not.toContain('dev-000');
    const link = /href="\?([^"]*repository=app[^"]*)"/.exec(all.html)?.[1]?.replaceAll('&amp;', '&') ?? '';
    const first = await ask(reader, link);
    expect(first.text).toContain('Differences 1 to 100');
    const next = /rel="next" href="\?([^"]*)"/.exec(first.html)?.[1]?.replaceAll('&amp;', '&') ?? '';
    const second = await ask(reader, next);
    expect(second.text).toContain('Differences 101 to 131');
    expect(second.text).toMatch(/app:a tag not there, or not selected delete/);
    expect(second.html).not.toContain('rel="next"');
  });

  test('none, and none to compare with', async () => {
    const alike = [tag('app', 'a')];
    const reader = ledgerOf([recordOf('2026-11-23T11:00:00.000Z', alike), recordOf('2026-11-24T11:00:00.000Z', alike)]);
    expect((await ask(reader, `run=${RUN}&view=diff&with=${BEFORE}`)).text).toContain(
      'Both delete the same tags and manifests.',
    );
    expect((await ask(reader, `run=${BEFORE}&view=diff`)).text).toContain('No run before this one can be compared');
  });

  test('an earlier run that there is not, and what is no id', async () => {
    expect(await ask(ledger, `run=${RUN}&view=diff&with=20200101T000000Z-000000`)).toMatchObject({ status: 404 });
    expect(await ask(ledger, `run=${RUN}&view=diff&with=..`)).toMatchObject({ status: 400 });
  });

  test('is told in parts where it takes long', async () => {
    const names = ['a', 'b', 'c'];
    const recorded = ledgerOf([
      recordOf('2026-11-23T11:00:00.000Z', []),
      recordOf(
        '2026-11-24T11:00:00.000Z',
        names.map((name) => tag(name, 'x')),
      ),
    ]);
    let now = 0;
    const clock = { ...realSystem.clock, now: () => now };
    const slow: LedgerReader = {
      ...recorded,
      system: { ...realSystem, clock },
      decisions: (id, query) => {
        if (query?.repository === 'b') now += 20_000;
        return recorded.decisions(id, query);
      },
    };
    const first = await ask(slow, `run=${RUN}&view=diff&with=${BEFORE}`);
    expect(first.text).toContain('This part is about the repositories up to a.');
    const next = /rel="next" href="\?([^"]*)"/.exec(first.html)?.[1]?.replaceAll('&amp;', '&') ?? '';
    const second = await ask(slow, next);
    expect(second.text).toContain('behind a');
    expect(second.text).not.toContain(' a:x ');
    expect(second.text).toMatch(/b 1 0 /);
  });

  test('of two registries, and of runs that are not complete, it says so', async () => {
    const reader = ledgerOf([
      recordOf('2026-11-23T11:00:00.000Z', [tag('app', 'b')], { registry: 'fabrikam.azurecr.io', state: 'stopped' }),
      recordOf('2026-11-24T11:00:00.000Z', [tag('app', 'a')]),
    ]);
    const { text } = await ask(reader, `run=${RUN}&view=diff&with=${BEFORE}`);
    expect(text).toContain('The runs are about contoso.azurecr.io and fabrikam.azurecr.io.');
    expect(text).toContain('is not complete: stopped');
  });
});
