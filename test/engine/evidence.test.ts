import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { apply } from '../../src/index.ts';
import type { Evidence, Source, Use } from '../../src/evidence/types.ts';
import { image, index } from '../../src/dev/emulator/manifests.ts';
import { images, repositoryOf } from '../support/contents.ts';
import { openLedger } from '../../src/ledger/ledger.ts';
import { memoryStore, newMemory } from '../../src/ledger/store/memory.ts';
import { calm } from '../support/durable.ts';
import { newFolder, newLedger } from '../support/ledger.ts';
import { hall, scheduled } from '../support/orchestration.ts';
import { run, USER, withEmulator, withServedEmulator } from '../support/registry.ts';

const DAY_MS = 86_400_000;
const PURGE = ['--filter', 'app:^dev', '--ago', '30d', '--untagged'];

/** A source that says what it is told to say. */
function saying(says: () => Partial<Evidence>): Source & { readonly asked: () => number } {
  let asked = 0;
  return {
    name: 'kube prod',
    asked: () => asked,
    read: () => {
      asked += 1;
      const observedAt = new Date().toISOString();
      return Promise.resolve({
        source: 'kube prod',
        observedAt,
        scope: 'all namespaces',
        complete: true,
        problems: [],
        facts: [],
        ...says(),
      });
    },
  };
}

const running = (use: Partial<Use>): Use => ({ repository: 'app', where: 'namespace shop, deployment api', ...use });

const platforms = ['amd64', 'arm64'].map((architecture) => ({ ...image(architecture), architecture, os: 'linux' }));
const build = index(platforms);
const repositories = {
  app: repositoryOf(
    { built: build, days: 40, tags: ['dev-multi'] },
    ...platforms.map((built) => ({ built, days: 40 })),
    ...images('app', 2, 'dev'),
    ...images('kept', 3, 'v'),
  ),
};

/** A tag goes by itself, and then manifests. */
const twoBatches = {
  app: repositoryOf(
    { built: image('shared'), days: 40, tags: ['v-0', 'dev-0'] },
    { built: build, days: 40, tags: ['dev-multi'] },
    ...platforms.map((built) => ({ built, days: 40 })),
  ),
};

describe('a purge that is told what is in use', () => {
  test('keeps it, says where it runs, and remembers it', async () => {
    await withEmulator({ repositories }, async (emulator) => {
      const ledger = newLedger();
      const amd64 = platforms[0]?.digest ?? '';
      let facts: readonly Use[] = [running({ digest: amd64 })];
      const source = saying(() => ({ facts }));
      const evidence = { sources: [source], rememberMilliseconds: 14 * DAY_MS };
      const { summary, decisions } = await run(emulator, PURGE, undefined, ledger, { evidence });
      expect(summary).toMatchObject({ succeeded: true });
      expect(emulator.tagsLeft()).toContain('app:dev-multi');
      expect(emulator.manifestsLeft()).toEqual(expect.arrayContaining([`app@${build.digest}`, `app@${amd64}`]));
      expect(decisions.find(({ tag }) => tag === 'dev-multi')).toMatchObject({
        action: 'keep',
        reason: 'in-use',
        detail: `its part ${amd64}: runs in kube prod, namespace shop, deployment api, seen just now`,
        beyondAcrPurge: true,
      });
      expect((await ledger.run(summary.runId))?.evidence).toMatchObject([
        { source: 'kube prod', scope: 'all namespaces', complete: true, images: 1 },
      ]);

      // It has been scaled down since.
      facts = [];
      const again = await run(emulator, PURGE, undefined, ledger, { evidence });
      expect(again.decisions.find(({ tag }) => tag === 'dev-multi')).toMatchObject({
        reason: 'in-use',
        detail: expect.stringContaining(
          'ran in kube prod, namespace shop, deployment api, last seen just now',
        ) as string,
      });
      const forgotten = { sources: [source], rememberMilliseconds: 0 };
      await new Promise((resolve) => setTimeout(resolve, 2));
      await run(emulator, PURGE, undefined, ledger, { evidence: forgotten });
      expect(emulator.tagsLeft()).not.toContain('app:dev-multi');
      expect(source.asked()).toBe(3);
    });
  });

  test('records for each repository how many images are in use, and when something was pushed last', async () => {
    const young = { built: image('young'), days: 3, tags: ['v-young'] };
    const contents = { app: repositoryOf(...images('app', 2, 'dev'), young, { built: build, days: 40 }) };
    await withEmulator({ repositories: contents }, async (emulator) => {
      const facts = [running({ tag: 'dev-0' }), running({ tag: 'no-such-tag' }), running({ digest: build.digest })];
      const listedWith = async (says: Partial<Evidence> | undefined, args = PURGE) => {
        const evidence = says && { sources: [saying(() => says)], rememberMilliseconds: DAY_MS };
        const { summary } = await run(
          emulator,
          [...args, '--dry-run'],
          undefined,
          newLedger(),
          evidence && { evidence },
        );
        return summary.repositories[0]?.listed;
      };
      const lastPush = `${new Date(emulator.start.getTime() - 3 * DAY_MS).toISOString().slice(0, 19)}Z`;
      const listed = await listedWith({ facts });
      expect(listed).toMatchObject({ tags: 3, manifests: 4, lastPush, inUse: 2 });
      // Without --untagged.
      expect(await listedWith({ facts }, PURGE.slice(0, -1))).toMatchObject({ lastPush, inUse: 2 });
      expect(await listedWith({ facts: [] })).toMatchObject({ inUse: 0 });
      expect(await listedWith({ facts, complete: false })).not.toHaveProperty('inUse');
      expect(await listedWith(undefined)).not.toHaveProperty('inUse');
    });
  });

  test('deletes no more of a repository once something in it came into use since it was planned', async () => {
    await withEmulator({ repositories: twoBatches }, async (emulator) => {
      let facts: readonly Use[] = [];
      const source = saying(() => ({ facts }));
      const memory = memoryStore(newMemory());
      // A clock that tells of eleven minutes once something was deleted.
      const late = (): number => (emulator.counts()['delete-tag'] > 0 ? 11 * 60_000 : 0);
      const clock = { ...memory.system.clock, ticks: () => memory.system.clock.ticks() + late() };
      const ledger = openLedger({ ...memory, system: { ...memory.system, clock } });
      emulator.faults({
        failing({ method }) {
          if (method === 'DELETE') facts = [running({ tag: 'v-0' }), running({ tag: 'dev-multi' })];
          return undefined;
        },
      });
      const evidence = { sources: [source], rememberMilliseconds: 14 * DAY_MS };
      const { decisions } = await run(emulator, PURGE, undefined, ledger, { evidence });
      expect(source.asked()).toBe(2);
      const manifest = decisions.find(({ kind, digest }) => kind === 'manifest' && digest === build.digest);
      expect(manifest).toMatchObject({ action: 'keep', reason: 'changed-since-plan' });
      expect(manifest?.detail).toContain('But since: v-0 came into use: runs in kube prod, namespace shop');
      expect(emulator.manifestsLeft()).toContain(`app@${build.digest}`);
    });
  });

  test('deletes nothing where a source could not be read completely, and fails', async () => {
    await withEmulator({ repositories }, async (emulator) => {
      const source = saying(() => ({ complete: false, problems: ['pods: page 2 was answered with 500'] }));
      const before = [...emulator.tagsLeft(), ...emulator.manifestsLeft()];
      const evidence = { sources: [source, saying(() => ({ source: 'a list' }))], rememberMilliseconds: DAY_MS };
      const ledger = newLedger();
      const { summary, decisions } = await run(emulator, PURGE, undefined, ledger, { evidence });
      expect([...emulator.tagsLeft(), ...emulator.manifestsLeft()]).toEqual(before);
      expect(decisions.filter(({ action }) => action === 'delete')).toEqual([]);
      expect(decisions.find(({ tag }) => tag === 'dev-multi')).toMatchObject({
        reason: 'in-use-unknown',
        detail: 'it may be in use: kube prod could not be read completely: pods: page 2 was answered with 500',
      });
      expect(summary.succeeded).toBe(false);
      expect(summary.warnings).toEqual([
        'what is in use is not known, so nothing was deleted that it may be about: kube prod: pods: page 2 was answered with 500',
      ]);
      expect((await ledger.run(summary.runId))?.state).toBe('failed');
    });
  });

  test.each<[string, () => Promise<Evidence>, string]>([
    ['fails', () => Promise.reject(new Error('a fault of it')), 'a fault of it'],
    ['never answers', () => new Promise<never>(() => undefined), 'it did not say so within 5 minutes'],
  ])('a source that %s keeps everything', async (_, read, problem) => {
    await withEmulator({ repositories }, async (emulator) => {
      const memory = memoryStore(newMemory());
      const { clock } = memory.system;
      // Minutes are over at once.
      const after: typeof clock.after = (milliseconds, call, use) =>
        clock.after(milliseconds >= 60_000 ? 1 : milliseconds, call, use);
      const ledger = openLedger({ ...memory, system: { ...memory.system, clock: { ...clock, after } } });
      const evidence = { sources: [{ name: 'kube prod', read }], rememberMilliseconds: DAY_MS };
      const { summary, decisions } = await run(emulator, PURGE, undefined, ledger, { evidence });
      expect(decisions.filter(({ action }) => action === 'delete')).toEqual([]);
      expect(summary).toMatchObject({ succeeded: false, warnings: [expect.stringContaining(`kube prod: ${problem}`)] });
    });
  });

  test('asks again when a plan is carried out: what came into use since stays', async () => {
    await withEmulator({ repositories }, async (emulator) => {
      const ledger = newLedger();
      let facts: readonly Use[] = [];
      const evidence = { sources: [saying(() => ({ facts }))], rememberMilliseconds: DAY_MS };
      const { summary } = await run(emulator, [...PURGE, '--dry-run'], undefined, ledger, { evidence });
      expect((await ledger.run(summary.runId))?.evidence).toMatchObject([{ source: 'kube prod', images: 0 }]);
      facts = [running({ tag: 'dev-multi' })];
      const target = { endpoint: new URL(emulator.url), certificate: emulator.certificate, ...USER };
      const about = { ledger, now: new Date(), planAgeMilliseconds: DAY_MS, guards: {}, onDecisions: () => undefined };
      // Without a source it could not be known.
      await expect(apply(summary.runId, () => target, about)).rejects.toThrow(/rests on .* by kube prod/);
      const applied = await apply(summary.runId, () => target, { ...about, evidence });
      if (applied.state === 'applied-before') throw new Error('it was not applied before');
      expect(emulator.tagsLeft()).toContain('app:dev-multi');
      const made = await Array.fromAsync(ledger.decisions(applied.summary.runId));
      const kept = made.find(({ tag }) => tag === 'dev-multi');
      expect(kept).toMatchObject({ action: 'keep', reason: 'changed-since-plan' });
      expect(kept?.detail).toContain('But since: runs in kube prod, namespace shop, deployment api, seen just now');
    });
  });

  test('is told so by the durable engine as well, by its settings', async () => {
    await withServedEmulator({ repositories }, async (emulator) => {
      const folder = newFolder();
      await mkdir(folder, { recursive: true });
      const list = join(folder, 'edge.txt');
      await writeFile(list, `${emulator.loginServer}/app:dev-multi shelf 7\n`);
      const ledger = newLedger();
      const purging = async (by: string, more: Record<string, string> = {}) => {
        const settings = { PURGE_COMMAND: PURGE.join(' '), PURGE_DRY_RUN: 'false', IN_USE: `list:${list}`, ...more };
        const durable = hall({ emulators: [emulator], ledger, options: { choices: calm }, settings });
        durable.start('retention', { instanceId: by, input: scheduled([emulator], by) });
        await durable.run();
        const [newest] = await Array.fromAsync(ledger.runs());
        return newest;
      };
      // A list that is too old keeps everything.
      const before = emulator.tagsLeft();
      expect(await purging('one', { IN_USE_LIST_MAX_AGE: '0s' })).toMatchObject({
        state: 'failed',
        evidence: [{ source: `list:${list}`, complete: false }],
      });
      expect(emulator.tagsLeft()).toEqual(before);
      expect(await purging('two')).toMatchObject({ state: 'done', evidence: [{ complete: true, images: 1 }] });
      expect(emulator.tagsLeft()).toContain('app:dev-multi');
      expect(emulator.tagsLeft().length).toBeLessThan(before.length);
    });
  });
});
