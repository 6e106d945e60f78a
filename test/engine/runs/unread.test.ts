import { describe, expect, test } from 'vitest';
import type { Call } from '../../../src/dev/emulator/index.ts';
import { image, index } from '../../../src/dev/emulator/manifests.ts';
import { renderSummary } from '../../../src/report/text.ts';
import { openLedger } from '../../../src/ledger/ledger.ts';
import { memoryStore } from '../../../src/ledger/store/memory.ts';
import type { RunSummary } from '../../../src/ledger/summary.ts';
import { beforeCall } from '../../support/between.ts';
import { images, repositoryOf, type Stored } from '../../support/contents.ts';
import { dying } from '../../support/dying.ts';
import { newLedger } from '../../support/ledger.ts';
import { begin, goOn, isDeletion, stopAfter } from '../../support/slices.ts';
import { run, withEmulator } from '../../support/registry.ts';

const ARGS = ['--filter', '.*:^dev', '--ago', '30d', '--untagged'];

const child = { ...image('child'), os: 'linux', architecture: 'amd64' };
const kept = index([child]);
const contents: readonly Stored[] = [
  { built: image('old'), days: 40, tags: ['dev'] },
  { built: child, days: 40 },
  { built: kept, days: 40, tags: ['v1'] },
];

const failing = (status: number) => ({
  failing: ({ kind }: Call) => (kind === 'read-manifest' || kind === 'referrers' ? status : undefined),
});

describe('a registry that lets delete, and not read', () => {
  test.each([401, 403])('fails the run, and names the role once: %i', async (status) => {
    const repositories = { a: repositoryOf(...contents), b: repositoryOf(...contents) };
    await withEmulator({ repositories }, async (emulator) => {
      emulator.faults(failing(status));
      for (const args of [[...ARGS, '--dry-run'], ARGS]) {
        const { summary, decisions } = await run(emulator, args);
        expect(summary.succeeded).toBe(false);
        // The rule of the tags needs no manifest.
        expect(summary.totals.tags.deleted).toBe(2);
        expect(summary.totals.manifests.deleted).toBe(0);
        expect(decisions.filter(({ reason }) => reason === 'unreadable').length).toBeGreaterThan(1);
        expect(summary.repositories[0]).toMatchObject({ state: 'done', error: { status } });
        expect(renderSummary(summary).match(/AcrPull/g)).toHaveLength(1);
        expect(JSON.stringify(summary).match(/AcrPull.*Container Registry Repository Reader/g)).toHaveLength(1);
        expect(renderSummary(summary)).toMatch(/FAILED: a and 1 other repository: manifests may not be read/);
      }
    });
  });

  test.each(['list-tags', 'list-manifests', 'repository-properties'] as const)(
    'names the role once where %s is refused',
    async (refused) => {
      const repositories = { a: repositoryOf(...contents), b: repositoryOf(...contents), c: repositoryOf(...contents) };
      await withEmulator({ repositories }, async (emulator) => {
        emulator.faults({
          failing: ({ kind, repository }) => (kind === refused && repository !== 'c' ? 403 : undefined),
        });
        const { summary } = await run(emulator, ARGS);
        const named = JSON.stringify(summary).match(/AcrPull/g);
        expect(summary.succeeded).toBe(false);
        expect(named).toHaveLength(1);
        expect(summary.warnings[0]).toMatch(/may not read.*a, b.*Repository Reader/);
        expect(emulator.manifestsLeft().filter((name) => !name.startsWith('c@'))).toHaveLength(6);
      });
    },
  );

  test('names the role where the repositories may not be listed', async () => {
    await withEmulator({ repositories: { a: repositoryOf(...contents) } }, async (emulator) => {
      emulator.faults({ failing: ({ kind }) => (kind === 'catalog' ? 403 : undefined) });
      await expect(run(emulator, ARGS)).rejects.toThrow(/403 DENIED.*AcrPull.*Repository Catalog Lister/);
    });
  });

  test('fails the run where the registry does not answer', async () => {
    await withEmulator({ repositories: { a: repositoryOf(...contents) } }, async (emulator) => {
      emulator.faults(failing(500));
      const { summary } = await run(emulator, ARGS);
      expect(summary).toMatchObject({ succeeded: false, totals: { tags: { deleted: 1 }, manifests: { deleted: 0 } } });
      expect(summary.repositories[0]?.error).toMatchObject({ status: 500 });
    });
  });

  test('does not fail it where nothing was to be deleted', async () => {
    await withEmulator(
      { repositories: { a: repositoryOf({ built: kept, days: 40, tags: ['v1'] }) } },
      async (emulator) => {
        emulator.faults(failing(403));
        expect((await run(emulator, ARGS)).summary.succeeded).toBe(true);
      },
    );
  });
});

describe('what could not be read when a repository was planned is said at the end', () => {
  const repositories = { a: repositoryOf(...contents, ...images('others', 3, 'dev')) };
  const said = { error: { status: 403, message: expect.stringContaining('manifests may not be read') as string } };
  const expectSaid = (summary: RunSummary): void => {
    expect(summary).toMatchObject({ succeeded: false, repositories: [{ state: 'done', ...said }] });
    expect(summary.totals.tags.deleted).toBe(4);
  };

  test('where the run is stopped, and resumed when they can be read', async () => {
    await withEmulator({ repositories }, async (emulator) => {
      emulator.faults(failing(403));
      const ledger = newLedger();
      const commands = [[...ARGS, '--concurrency', '1']];
      const options = { signal: stopAfter(emulator, 1, isDeletion) };
      const first = await begin(emulator, { way: 'purge', commands, ledger, options });
      expect(first).toMatchObject({ stopped: {}, repositories: [{ state: 'stopped', ...said }] });
      emulator.onRequest(undefined);
      emulator.faults({});
      expectSaid(await goOn(emulator, ledger, first.runId));
    });
  });

  test('where the plan is carried out later, when they can be read', async () => {
    await withEmulator({ repositories }, async (emulator) => {
      emulator.faults(failing(403));
      // Once the plan is made, tags are listed again.
      beforeCall(emulator, 'list-tags', 2, () => emulator.faults({}));
      const commands = [[...ARGS, '--include-locked']];
      expectSaid(await begin(emulator, { way: 'guarded purge', commands, ledger: newLedger() }));
    });
  });

  test.each(['the next run', 'the run itself, resumed'])('where the process ends, by %s', async (by) => {
    await withEmulator({ repositories }, async (emulator) => {
      emulator.faults(failing(403));
      const store = memoryStore();
      const broken = openLedger(dying(store, (operation) => operation === 'append'));
      const begun = begin(emulator, { way: 'purge', commands: [ARGS], ledger: broken });
      await expect(begun).rejects.toThrow('the disk is gone');
      emulator.faults({});
      const ledger = openLedger(store);
      const [id = ''] = await ledger.unfinished(emulator.loginServer);
      if (by === 'the next run') await run(emulator, ['--filter', 'a:nothing', '--ago', '30d'], undefined, ledger);
      else expectSaid(await goOn(emulator, ledger, id));
      const [record] = await Array.fromAsync(ledger.repositories(id));
      expect(record?.summary).toMatchObject({ state: 'done', ...said });
    });
  });
});

test('a warning about a repository is said though the run is resumed', async () => {
  const young = index([{ ...image('x'), os: 'linux', architecture: 'arm64' }]);
  const stored = [...contents, { built: young, days: 0.5 }, ...images('others', 3, 'dev')];
  await withEmulator({ repositories: { a: repositoryOf(...stored) } }, async (emulator) => {
    const isAboutIt = ({ path }: Call): boolean => decodeURIComponent(path).includes(young.digest);
    emulator.faults({ failing: (call) => (isAboutIt(call) ? 404 : undefined) });
    const ledger = newLedger();
    const commands = [[...ARGS, '--concurrency', '1']];
    const options = { signal: stopAfter(emulator, 1, isDeletion) };
    const { runId } = await begin(emulator, { way: 'purge', commands, ledger, options });
    emulator.onRequest(undefined);
    emulator.faults({});
    const { warnings } = await goOn(emulator, ledger, runId);
    expect(warnings).toEqual([expect.stringContaining('the registry does not find it: it may need any')]);
  });
});

describe('an index that is listed and answers 404', () => {
  const ghost = (days: number): readonly Stored[] => [...contents, { built: index([child, { ...image('x'), os: 'linux', architecture: 'arm64' }]), days }]; // prettier-ignore
  const { digest } = ghost(1).at(-1)?.built ?? kept;
  const notFound = (isFound: (call: Call, count: number) => boolean) => {
    let count = 0;
    return {
      failing: (call: Call) => {
        const isAboutIt =
          decodeURIComponent(call.path).includes(digest) &&
          ['read-manifest', 'manifest-properties'].includes(call.kind);
        return isAboutIt && !isFound(call, ++count) ? 404 : undefined;
      },
    };
  };

  test.each([
    [
      'nothing is kept for it where it is old and not there at all',
      2,
      () => false,
      1,
      /not find it: nothing is kept for it/,
    ],
    ['it may need any where it is young', 0.5, () => false, 0, /may need any of the 1 artifacts/],
    [
      'it may need any where its attributes are there',
      2,
      ({ kind }: Call) => kind !== 'read-manifest',
      0,
      /may need any/,
    ],
    ['it is read where a second look finds it', 2, (_: Call, count: number) => count > 2, 1, undefined],
  ])('%s', async (_, days, isFound, deleted, warning) => {
    await withEmulator({ repositories: { a: repositoryOf(...ghost(days)) } }, async (emulator) => {
      emulator.faults(notFound(isFound));
      const { summary } = await run(emulator, ARGS);
      expect(summary.succeeded).toBe(true);
      expect(summary.totals.manifests.deleted).toBe(deleted);
      expect(summary.warnings).toEqual(warning ? [expect.stringMatching(warning)] : []);
      if (warning) expect(summary.warnings[0]).toContain(digest);
    });
  });
});
