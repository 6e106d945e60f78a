import { expect, test } from 'vitest';
import type { Source } from '../../../src/evidence/types.ts';
import { resumeRun } from '../../../src/engine/resume.ts';
import { StopReason } from '../../../src/index.ts';
import { images, repositoryOf } from '../../support/contents.ts';
import { newLedger } from '../../support/ledger.ts';
import { connectTo, run, withEmulator } from '../../support/registry.ts';

const DAY_MS = 86_400_000;
const repositories = { app: repositoryOf(...images('app', 3, 'dev'), ...images('kept', 2, 'v')) };

const kube: Source = {
  name: 'kube:prod',
  read: () =>
    Promise.resolve({
      source: 'kube:prod',
      observedAt: new Date().toISOString(),
      scope: 'all namespaces',
      complete: true,
      problems: [],
      facts: [{ repository: 'app', tag: 'dev-0', where: 'namespace shop, deployment api' }],
    }),
};

test('a run that was stopped before it asked its sources is not resumed without them', async () => {
  await withEmulator({ repositories }, async (emulator) => {
    const ledger = newLedger();
    const evidence = { sources: [kube], rememberMilliseconds: DAY_MS };
    const stop = new AbortController();
    stop.abort(new StopReason('signal', 'it was told to stop'));
    const args = ['--filter', 'app:^dev', '--ago', '30d', '--untagged'];
    const { summary } = await run(emulator, args, stop.signal, ledger, { evidence });
    expect(summary.stopped?.detail).toMatch(/acr-retention resume \S+ --in-use kube:prod$/);
    const record = await ledger.run(summary.runId);
    if (!record) throw new Error('the run was recorded');
    expect(record).toMatchObject({ state: 'stopped', sources: [{ source: 'kube:prod' }] });
    expect(record).not.toHaveProperty('evidence');

    const open = { reader: () => Promise.reject(new Error('it deletes')), writer: () => Promise.resolve(connectTo(emulator)) }; // prettier-ignore
    const about = { ledger, now: new Date(), planAgeMilliseconds: DAY_MS, onDecisions: () => undefined };
    const before = emulator.tagsLeft();
    await expect(resumeRun(record, open, about)).rejects.toThrow(/by kube:prod, and that is not asked now/);
    expect(emulator.tagsLeft()).toEqual(before);
    await resumeRun(record, open, { ...about, evidence });
    expect(emulator.tagsLeft()).toEqual(['app:dev-0', 'app:v-0', 'app:v-1']);
    expect((await ledger.run(summary.runId))?.sources).toEqual([{ source: 'kube:prod' }]);
  });
});
