import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { answerInUse, MOST_IMAGES } from '../../../src/doors/http/in-use.ts';
import { problemResponse } from '../../../src/doors/http/problem.ts';
import { readSettings } from '../../../src/policy/settings.ts';
import type { UsedImages } from '../../../src/ledger/in-use.ts';
import type { InUseReport } from '../../../src/report/in-use.ts';
import { newFolder, newLedger } from '../../support/ledger.ts';

const folder = newFolder();
mkdirSync(folder, { recursive: true });
const configured = (sources: string) =>
  readSettings({ ACR_REGISTRY: 'contoso', PURGE_COMMAND: "--filter '.*:^dev' --ago 30d", PURGE_SCHEDULE: '0 1 * * Sun', IN_USE: sources }, () => '', folder); // prettier-ignore

const ask = (
  sources: string,
  query = '',
  ledger: Parameters<typeof answerInUse>[1] = newLedger(),
  signal?: AbortSignal,
) => answerInUse(configured(sources), ledger, new URLSearchParams(query), signal);
function reportIn({ body }: Awaited<ReturnType<typeof answerInUse>>): InUseReport {
  if (typeof body !== 'string') throw new Error('it has no text');
  return JSON.parse(body) as InUseReport;
}
const reportOf = async (answer: ReturnType<typeof answerInUse>) => reportIn(await answer);

test('a long list is answered in part, with its number, and without what could drive a terminal', async () => {
  const lines = Array.from({ length: MOST_IMAGES + 5 }, (_, n) => `contoso.azurecr.io/app:v${n} \u001b[31m<b>=cmd()`);
  writeFileSync(join(folder, 'many.txt'), `${lines.join('\n')}\n`);
  const answer = await ask('list:many.txt');
  expect(answer).toMatchObject({ status: 200, headers: { 'X-Content-Type-Options': 'nosniff', 'Cache-Control': 'no-store' } }); // prettier-ignore
  // eslint-disable-next-line no-control-regex -- it is looked for
  expect(answer.body).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
  const { state, sources } = reportIn(answer);
  expect(state).toBe('complete');
  expect(sources[0]?.images).toBe(MOST_IMAGES + 5);
  expect(sources[0]?.uses).toHaveLength(MOST_IMAGES);
});

test('what cannot be asked is refused', async () => {
  for (const [query, words] of [
    ['registry=fabrikam', 'serves contoso.azurecr.io only'],
    [`registry=${'x'.repeat(1_001)}`, '1000 characters long at most'],
    ['registry=not a registry', '--registry'],
  ] as const) {
    const error = await ask('list:many.txt', query).catch((error: unknown) => error);
    expect(problemResponse(error)).toMatchObject({ status: 400 });
    expect((error as Error).message).toContain(words);
  }
});

test('two requests at a time; a client that leaves gives its place back', async () => {
  let answer: (used: UsedImages) => void = () => undefined;
  const used = new Promise<UsedImages>((resolve) => (answer = resolve));
  const slow = { system: newLedger().system, used: () => used };
  const first = [ask('list:gone.txt', '', slow), ask('list:gone.txt', '', slow)];
  const third = await ask('list:gone.txt').catch((error: unknown) => error);
  expect(problemResponse(third)).toMatchObject({ status: 429 });
  answer({ images: [] });
  for (const one of first) expect(await reportOf(one)).toMatchObject({ state: 'incomplete' });
  const left = new AbortController();
  left.abort();
  const report = await reportOf(ask('list:gone.txt', '', newLedger(), left.signal));
  expect(report.sources).toMatchObject([{ complete: false, images: 0 }]);
  expect(await reportOf(ask('list:many.txt'))).toMatchObject({ state: 'complete' });
});
