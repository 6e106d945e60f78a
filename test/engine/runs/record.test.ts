import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Emulator } from '../../../src/dev/emulator/index.ts';
import { image, referrer } from '../../../src/dev/emulator/manifests.ts';
import { folderStore } from '../../../src/ledger/store/folder.ts';
import { memoryStore } from '../../../src/ledger/store/memory.ts';
import { openLedger } from '../../../src/ledger/ledger.ts';
import { pathsOf } from '../../../src/ledger/paths.ts';
import type { Store } from '../../../src/ledger/store/store.ts';
import type { Decision } from '../../../src/planner/decision.ts';
import { type Ledger, purge, type Registry, type RunOptions } from '../../../src/index.ts';
import { images, repositoryOf } from '../../support/contents.ts';
import { newFolder, newLedger } from '../../support/ledger.ts';
import { dying } from '../../support/dying.ts';
import { behindProxy } from '../../support/proxy.ts';
import { connectTo, policyOf, withEmulator, withServedEmulator } from '../../support/registry.ts';

const PURGE = ['-f', '.*:^dev', '--ago', '30d', '--untagged'];
const some = () => repositoryOf(...images('app', 3, 'dev'), ...images('kept', 6, 'v'));

function purgeWith(emulator: Emulator, ledger: Ledger, more: Partial<RunOptions> = {}, registry?: Registry) {
  return purge(registry ?? connectTo(emulator), {
    policies: [policyOf(PURGE)],
    now: new Date(emulator.start.getTime() + 1),
    ledger,
    onDecisions: () => undefined,
    ...more,
  });
}

async function deletionsIn(ledger: Ledger, id: string): Promise<readonly Decision[]> {
  const found: Decision[] = [];
  for await (const decision of ledger.decisions(id, { action: 'delete' })) found.push(decision);
  return found;
}

const outcomes = (decisions: readonly Decision[]): ReadonlySet<string> =>
  new Set(decisions.map((decision) => (decision.action === 'delete' ? decision.outcome : 'kept')));

describe('a deletion is recorded as what it was', () => {
  test.each([1, 99])('when its answer is lost %i times', async (times) => {
    await withServedEmulator({ repositories: { app: some() } }, async (emulator) => {
      const tries = new Map<string, number>();
      const cut = ({ method, path }: { readonly method: string; readonly path: string }) => {
        if (method !== 'DELETE') return undefined;
        tries.set(path, (tries.get(path) ?? 0) + 1);
        return (tries.get(path) ?? 0) <= times ? 'cut off' : undefined;
      };
      await behindProxy(emulator, cut, async (behind) => {
        const ledger = newLedger();
        const summary = await purgeWith(behind, ledger);
        expect(emulator.tagsLeft()).toHaveLength(6);
        expect(outcomes(await deletionsIn(ledger, summary.runId))).toEqual(new Set(['deleted']));
        expect(summary).toMatchObject({ succeeded: true, totals: { tags: { deleted: 3 }, manifests: { deleted: 3 } } });
      });
    });
  });

  test('and announced before, also of referrers whose subject had gone by itself', async () => {
    const subject = image('subject');
    const sbom = referrer(subject, 'application/spdx+json', 'sbom');
    const contents = repositoryOf(
      { built: subject, days: 40, tags: ['dev-1'] },
      { built: sbom, days: 40 },
      ...images('kept', 6, 'v'),
    );
    await withEmulator({ repositories: { app: contents } }, async (emulator) => {
      const real = connectTo(emulator);
      // The look finds the subject gone, the referrer still there.
      const registry: Registry = {
        ...real,
        look: async (...asked) => {
          const look = await real.look(...asked);
          return { ...look, present: new Map([...look.present].filter(([digest]) => digest !== subject.digest)) };
        },
      };
      const store = memoryStore();
      const announced: string[] = [];
      const spied: Store = {
        ...store,
        append: (path, bytes, length) => {
          announced.push(Buffer.from(bytes).toString());
          return store.append(path, bytes, length);
        },
      };
      await purgeWith(emulator, openLedger(spied), {}, registry);
      expect(emulator.manifestsLeft()).not.toContain(`app@${sbom.digest}`);
      expect(announced.join('')).toContain(`@${sbom.digest}`);
    });
  });
});

const isAppended = (operation: string): boolean => operation === 'append';

describe('what a run left that broke off', () => {
  test('is completed by the next one, and said', async () => {
    await withEmulator({ repositories: { app: some() } }, async (emulator) => {
      const store = memoryStore();
      await expect(purgeWith(emulator, openLedger(dying(store, isAppended)))).rejects.toThrow('the disk is gone');
      expect(emulator.tagsLeft()).toHaveLength(6);
      const ledger = openLedger(store);
      const [id = ''] = await ledger.unfinished(emulator.loginServer);
      // Until then nobody says that they are gone, or that they are not.
      expect((await deletionsIn(ledger, id)).every((one) => one.action === 'delete' && one.error)).toBe(true);
      const { warnings, runId } = await purgeWith(emulator, ledger);
      expect(warnings[0]).toContain(`the run ${id} had ended before it was done`);
      expect((await ledger.run(runId))?.warnings).toEqual(warnings);
      expect(outcomes(await deletionsIn(ledger, id))).toEqual(new Set(['deleted']));
      expect(await ledger.run(id)).toMatchObject({
        totals: { tags: { deleted: 3 }, manifests: { deleted: 3 }, listed: { tags: 9, manifests: 9 } },
      });
      expect(await ledger.unfinished(emulator.loginServer)).toEqual([]);
    });
  });

  test('keeps no later run from beginning where its repository may not be read any more', async () => {
    await withEmulator({ repositories: { app: some(), other: some() } }, async (emulator) => {
      const store = memoryStore();
      const alone = { policies: [policyOf(['-f', 'app:^dev', '--ago', '30d', '--untagged'])] };
      await expect(purgeWith(emulator, openLedger(dying(store, isAppended)), alone)).rejects.toThrow();
      emulator.faults({ forbiddenRepositories: ['app'] });
      const ledger = openLedger(store);
      const summary = await purgeWith(emulator, ledger);
      expect(summary.repositories.find(({ repository }) => repository === 'other')).toMatchObject({ state: 'done' });
      const [before] = await ledger.unfinished(emulator.loginServer);
      expect(before).toBeUndefined();
    });
  });

  test.each<[string, (folder: string, id: string) => string]>([
    ['its record', (folder, id) => join(folder, pathsOf(id).run)],
    ['its decisions', (folder, id) => join(folder, pathsOf(id).decisions('app'))],
    ['its journal', (folder, id) => join(folder, pathsOf(id).journal('app'))],
  ])('nor where %s is damaged', async (_, pathIn) => {
    await withEmulator({ repositories: { app: some(), other: some() } }, async (emulator) => {
      const folder = newFolder();
      const store = folderStore(folder);
      const alone = { policies: [policyOf(['-f', 'app:^dev', '--ago', '30d', '--untagged'])] };
      await expect(purgeWith(emulator, openLedger(dying(store, isAppended)), alone)).rejects.toThrow();
      const ledger = openLedger(store);
      const [id = ''] = await ledger.unfinished(emulator.loginServer);
      await writeFile(pathIn(folder, id), '{"damaged"\n{');
      const guards = { maxMedianFactor: 10 };
      const { warnings, repositories } = await purgeWith(emulator, ledger, { guards });
      expect(warnings).toEqual([expect.stringMatching(new RegExp(`${id}.* cannot be completed: .*${id}`))]);
      expect(repositories.find(({ repository }) => repository === 'other')).toMatchObject({ state: 'done' });
      expect(await ledger.unfinished(emulator.loginServer)).toEqual([]);
    });
  });
});
