import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { image, index } from '../../src/dev/emulator/manifests.ts';
import { PlanRefused } from '../../src/engine/plans.ts';
import { cancelRun } from '../../src/engine/cancel.ts';
import { evidenceIn, newUseOf } from '../../src/engine/evidence.ts';
import { resumeRun } from '../../src/engine/resume.ts';
import type { Evidence, Source, Use } from '../../src/evidence/types.ts';
import { apply, purge } from '../../src/index.ts';
import { openLedger } from '../../src/ledger/ledger.ts';
import type { EvidenceRecord, RunRecord } from '../../src/ledger/records.ts';
import { StoppedError } from '../../src/registry/errors.ts';
import { memoryStore, newMemory } from '../../src/ledger/store/memory.ts';
import { LedgerError } from '../../src/ledger/store/store.ts';
import { realSystem } from '../../src/ledger/store/system.ts';
import { images, repositoryOf } from '../support/contents.ts';
import { calm } from '../support/durable.ts';
import { newFolder, newLedger } from '../support/ledger.ts';
import { hall, scheduled } from '../support/orchestration.ts';
import { connectTo, policyOf, run, USER, withEmulator, withServedEmulator } from '../support/registry.ts';

const DAY_MS = 86_400_000;
const PURGE = ['--filter', '.*:^dev', '--ago', '30d', '--untagged'];

/** A source that names what it is told to. */
function saying(name: string, read: () => readonly Use[] | Promise<readonly Use[]> = () => []): Source {
  return {
    name,
    async read(): Promise<Evidence> {
      const about = { source: name, scope: 'all namespaces', complete: true, problems: [] };
      return { ...about, observedAt: new Date().toISOString(), facts: await read() };
    },
  };
}

const asking = (...sources: readonly Source[]) => ({ sources, rememberMilliseconds: 14 * DAY_MS });

const repositories = { app: repositoryOf(...images('app', 3, 'dev'), ...images('kept', 2, 'v')) };

/** A tag goes by itself, and then manifests. */
const twoBatches = {
  app: repositoryOf(
    { built: image('shared'), days: 40, tags: ['v-0', 'dev-0'] },
    { built: index([{ ...image('amd64'), architecture: 'amd64', os: 'linux' }]), days: 40, tags: ['dev-multi'] },
    { built: image('amd64'), days: 40 },
  ),
};

describe('a source that is not asked any more', () => {
  test('a plan that rests on it is not carried out with the others alone', async () => {
    await withEmulator({ repositories }, async (emulator) => {
      const ledger = newLedger();
      const [kube, list] = [saying('kube prod'), saying('list:edge.txt')];
      const { summary } = await run(emulator, [...PURGE, '--dry-run'], undefined, ledger, { evidence: asking(kube, list) }); // prettier-ignore
      const target = { endpoint: new URL(emulator.url), certificate: emulator.certificate, ...USER };
      const about = { ledger, now: new Date(), planAgeMilliseconds: DAY_MS, guards: {}, onDecisions: () => undefined };
      const before = emulator.tagsLeft();
      const applied = apply(summary.runId, () => target, { ...about, evidence: asking(list) });
      await expect(applied).rejects.toThrow(PlanRefused);
      await expect(applied).rejects.toThrow(/it rests on .*, by kube prod, and that is not asked now/);
      expect(emulator.tagsLeft()).toEqual(before);
      await apply(summary.runId, () => target, { ...about, evidence: asking(list, kube, saying('aks:new')) });
      expect(emulator.tagsLeft().length).toBeLessThan(before.length);
    });
  });

  test('the durable engine ends a run that rests on it, and no tick resumes it', async () => {
    const many = repositoryOf(...images('app', 3, 'dev'), ...images('kept', 8, 'v'));
    const several = { app: many, web: many };
    await withServedEmulator({ repositories: several }, async (emulator) => {
      const ledger = newLedger();
      const folder = newFolder();
      await mkdir(folder, { recursive: true });
      const lists = ['one.txt', 'two.txt'].map((name) => join(folder, name));
      for (const list of lists) await writeFile(list, '# nothing runs there\n');
      const settings = {
        PURGE_COMMAND: PURGE.join(' '),
        PURGE_DRY_RUN: 'false',
        IN_USE: lists.map((list) => `list:${list}`).join(' '),
      };
      const tick = async (by: string) => {
        const durable = hall({
          emulators: [emulator],
          ledger,
          options: { choices: calm },
          settings,
          // An operator takes the second one out of the settings once something is deleted.
          adjust: ({ inUse, ...read }) =>
            emulator.tagsLeft().length < before || !inUse
              ? { ...read, inUse: inUse && { ...inUse, sources: inUse.sources.slice(0, 1) } }
              : { ...read, inUse },
        });
        durable.start('retention', { instanceId: by, input: scheduled([emulator], by) });
        await durable.run();
        return Array.fromAsync(ledger.runs());
      };
      const before = emulator.tagsLeft().length;
      const [first] = await tick('one');
      expect(first).toMatchObject({ state: 'stopped', stopped: { by: 'settings' }, evidence: [{}, {}] });
      expect(first?.stopped?.detail).toMatch(/it rests on .*, by list:.*two\.txt, and that is not asked now/);
      const left = emulator.tagsLeft();
      expect(left).toEqual(expect.arrayContaining(['web:dev-0', 'web:dev-1', 'web:dev-2']));
      expect(left).not.toContain('app:dev-0');
      const [second, before2] = await tick('two');
      expect(before2).toEqual(first);
      expect(second).toMatchObject({ state: 'done', evidence: [{ source: `list:${lists[0] ?? ''}` }] });
      expect(emulator.tagsLeft().filter((tag) => tag.includes(':dev'))).toEqual([]);
    });
  });
});

describe('a run that is stopped while a source is read', () => {
  test('does not wait for it, says nothing of it, and is done once it is resumed', async () => {
    await withEmulator({ repositories }, async (emulator) => {
      const ledger = newLedger();
      const stop = new AbortController();
      const hanging = saying('kube prod', () => {
        stop.abort();
        return new Promise<never>(() => undefined);
      });
      const before = emulator.tagsLeft();
      const { summary } = await run(emulator, PURGE, stop.signal, ledger, { evidence: asking(hanging) });
      expect(summary.stopped).toMatchObject({ by: 'signal' });
      const stopped = await ledger.run(summary.runId);
      expect(stopped?.evidence).toBeUndefined();
      expect(summary.warnings.filter((warning) => warning.includes('in use'))).toEqual([]);
      expect(emulator.tagsLeft()).toEqual(before);
      if (!stopped) throw new Error('it has no record');
      const open = { reader: () => Promise.reject(new Error('it deletes')), writer: () => Promise.resolve(connectTo(emulator)) }; // prettier-ignore
      const about = { ledger, now: new Date(), planAgeMilliseconds: DAY_MS, onDecisions: () => undefined };
      const resumed = await resumeRun(stopped, open, { ...about, evidence: asking(saying('kube prod')) });
      expect(resumed).toMatchObject({ succeeded: true, warnings: [] });
      expect(emulator.tagsLeft().length).toBeLessThan(before.length);
    });
  });
});

test('where it cannot be found out any more, what is left has failed, and so has the run', async () => {
  await withEmulator({ repositories: twoBatches }, async (emulator) => {
    const memory = memoryStore(newMemory());
    const isLate = (): boolean => emulator.counts()['delete-tag'] > 0;
    // A clock that tells of eleven minutes once something was deleted; by then the memory of uses cannot be written.
    const clock = { ...memory.system.clock, ticks: () => memory.system.clock.ticks() + (isLate() ? 11 * 60_000 : 0) };
    const ledger = openLedger({
      ...memory,
      system: { ...memory.system, clock },
      write: (path, ...rest) =>
        isLate() && path.startsWith('in-use/')
          ? Promise.reject(new Error('no space is left'))
          : memory.write(path, ...rest),
    });
    const { summary, decisions } = await run(emulator, PURGE, undefined, ledger, { evidence: asking(saying('kube prod')) }); // prettier-ignore
    const manifests = decisions.filter(({ kind, action }) => kind === 'manifest' && action === 'delete');
    expect(manifests.length).toBeGreaterThan(0);
    expect(manifests.filter((one) => one.action === 'delete' && one.outcome === 'deleted')).toEqual([]);
    expect(manifests).toContainEqual(
      expect.objectContaining({ outcome: 'failed', error: { message: 'no space is left' } }),
    );
    expect(summary.succeeded).toBe(false);
    expect((await ledger.run(summary.runId))?.state).toBe('failed');
    expect(emulator.counts()['delete-manifest']).toBe(0);
  });
});

test('a run that a guard holds back, and that could not find out what is in use, has failed', async () => {
  const several = { app: repositories.app, web: repositories.app };
  await withEmulator({ repositories: several }, async (emulator) => {
    let asked = 0;
    // A clock that tells of eleven minutes once the first repository is planned.
    const late = (): number => (ledgerHas() ? 11 * 60_000 : 0);
    const { clock: real } = realSystem;
    const clock = { ...real, ticks: () => real.ticks() + late() };
    const shared = newMemory();
    const store = memoryStore(shared);
    const ledgerHas = (): boolean => [...shared.files.keys()].some((path) => path.includes('/decisions/'));
    const ledger = openLedger({ ...store, system: { ...store.system, clock } });
    const source = saying('kube prod', () => {
      asked += 1;
      return asked === 1 ? [] : Promise.reject(new Error('the cluster cannot be reached'));
    });
    const policies = [policyOf([...PURGE, '--concurrency', '1'])];
    const guards = { maxDeletions: 1 };
    const log: object[] = [];
    const summary = await purge(connectTo(emulator), {
      ...{ policies, ledger, guards, now: new Date(emulator.start.getTime() + 1), onDecisions: () => undefined },
      evidence: asking(source),
      log: pino(
        { messageKey: 'message', formatters: { level: (level) => ({ level }) } },
        { write: (line: string) => void log.push(JSON.parse(line) as object) },
      ),
    });
    expect(summary.breakers.length).toBeGreaterThan(0);
    expect(summary).toMatchObject({ succeeded: false, evidence: [{ source: 'kube prod', complete: false }] });
    const run = await ledger.run(summary.runId);
    expect(run).toMatchObject({ state: 'failed', plan: { state: 'waiting' } });
    expect(log).toContainEqual(
      expect.objectContaining({ event: 'run-ended', level: 'error', message: 'ended with failures' }),
    );
  });
});

test('the durable engine does not wait for a source once its run is cancelled', async () => {
  await withServedEmulator({ repositories }, async (emulator) => {
    const ledger = newLedger();
    const hanging = saying('kube', async () => {
      const [run] = await Array.fromAsync(ledger.runs());
      await cancelRun(ledger, run?.id ?? '', { now: new Date(), askedBy: 'request' });
      return new Promise<never>(() => undefined);
    });
    const durable = hall({
      emulators: [emulator],
      ledger,
      options: { choices: calm },
      settings: { PURGE_COMMAND: PURGE.join(' '), PURGE_DRY_RUN: 'false', IN_USE: 'kube' },
      openSources: () => [hanging],
    });
    const before = emulator.tagsLeft();
    durable.start('retention', { instanceId: 'one', input: scheduled([emulator], 'one') });
    await durable.run();
    const [run] = await Array.fromAsync(ledger.runs());
    expect(run).toMatchObject({ state: 'stopped', stopped: { by: 'cancel' } });
    expect(run?.evidence).toBeUndefined();
    expect(emulator.tagsLeft()).toEqual(before);
  });
});

test('a worker that is stopped while it reads a source for two of them leaves the other one what is in use', async () => {
  const ledger = newLedger();
  const useOf = newUseOf(ledger);
  const stop = new AbortController();
  let asked = 0;
  const source = saying('kube prod', () => {
    asked += 1;
    return asked === 1 ? new Promise<never>(() => undefined) : [{ repository: 'app', tag: 'v1', where: 'pod api' }];
  });
  const records: (readonly EvidenceRecord[])[] = [];
  const worker = ({ signal }: AbortController) =>
    evidenceIn(asking(source), (options) => useOf('contoso.azurecr.io', options, signal), {
      signal,
      amend(change) {
        const { evidence } = change({} as RunRecord) ?? {};
        if (evidence) records.push(evidence);
        return Promise.resolve({} as RunRecord);
      },
    }).evidence?.('app');
  const [first, second] = [worker(stop), worker(new AbortController())];
  stop.abort();
  await expect(first).rejects.toThrow(StoppedError);
  const known = await second;
  expect(known?.everything).toBeUndefined();
  expect([...(known?.tags.keys() ?? [])]).toEqual(['v1']);
  expect(records).toMatchObject([[{ source: 'kube prod', complete: true }]]);
  expect(asked).toBe(2);
});

test('where it cannot be remembered what is in use, the run breaks off and deletes nothing', async () => {
  await withEmulator({ repositories }, async (emulator) => {
    const memory = memoryStore(newMemory());
    const ledger = openLedger({
      ...memory,
      write: (path, ...rest) =>
        path.startsWith('in-use/') ? Promise.reject(new LedgerError('the disk is full')) : memory.write(path, ...rest),
    });
    const before = [...emulator.tagsLeft(), ...emulator.manifestsLeft()];
    const running = run(emulator, PURGE, undefined, ledger, { evidence: asking(saying('kube prod')) });
    await expect(running).rejects.toThrow('the disk is full');
    expect([...emulator.tagsLeft(), ...emulator.manifestsLeft()]).toEqual(before);
    expect(await Array.fromAsync(ledger.runs())).toMatchObject([
      { state: 'failed', error: { message: expect.stringContaining('the disk is full') as string } },
    ]);
  });
});
