import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Emulator } from '../../../src/dev/emulator/index.ts';
import { type Built, digestOf, image, index, referrer } from '../../../src/dev/emulator/manifests.ts';
import { folderStore } from '../../../src/ledger/store/folder.ts';
import { openLedger } from '../../../src/ledger/ledger.ts';
import type { Decision } from '../../../src/planner/decision.ts';
import { repositoryOf, type Stored } from '../../support/contents.ts';
import { newFolder, newLedger } from '../../support/ledger.ts';
import { reference, run, withEmulator } from '../../support/registry.ts';

const ARGS = ['--filter', '.*:^dev', '--ago', '30d', '--untagged'];
const DRY = [...ARGS, '--dry-run'];

/** `count` multi-arch images that go, and as many single ones that stay. */
function contents(count: number): readonly Stored[] {
  return Array.from({ length: count }, (_, n): readonly Stored[] => {
    const children = ['amd64', 'arm64'].map((architecture) => ({
      ...image(`${n}/${architecture}`),
      os: 'linux',
      architecture,
    }));
    return [
      ...children.map((built): Stored => ({ built, days: 40 })),
      { built: index(children), days: 40, tags: [`dev-${n}`] },
      { built: image(`release/${n}`), days: 40, tags: [`v${n}`] },
    ];
  }).flat();
}

const reads = (emulator: Emulator) => emulator.counts()['read-manifest'] + emulator.counts().referrers;

const inWords = (decisions: readonly Decision[]): readonly string[] =>
  decisions.map((one) => `${reference(one)} ${one.action} ${one.reason}`).sort();

describe('what earlier runs have read', () => {
  test('is not read again, by a dry run or a purge, and is forgotten when it is gone', async () => {
    const ledger = newLedger();
    await withEmulator({ repositories: { app: repositoryOf(...contents(10)) } }, async (emulator) => {
      const first = await run(emulator, DRY, undefined, ledger);
      const cold = reads(emulator);
      expect(cold).toBeGreaterThan(0);
      const second = await run(emulator, DRY, undefined, ledger);
      expect(reads(emulator)).toBe(cold);
      expect(inWords(second.decisions)).toEqual(inWords(first.decisions));
      await run(emulator, ARGS, undefined, ledger);
      expect(reads(emulator)).toBe(cold);
      await run(emulator, DRY, undefined, ledger);
      expect(reads(emulator)).toBe(cold);
    });
  });

  test('is read again where the record of it is damaged', async () => {
    const folder = newFolder();
    const ledger = openLedger(folderStore(folder));
    await withEmulator({ repositories: { app: repositoryOf(...contents(5)) } }, async (emulator) => {
      const first = await run(emulator, DRY, undefined, ledger);
      const cold = reads(emulator);
      const [registry = ''] = readdirSync(join(folder, 'facts'));
      const [name = ''] = readdirSync(join(folder, 'facts', registry));
      writeFileSync(join(folder, 'facts', registry, name), 'damaged');
      const second = await run(emulator, DRY, undefined, ledger);
      expect(reads(emulator)).toBe(2 * cold);
      expect(inWords(second.decisions)).toEqual(inWords(first.decisions));
      await run(emulator, DRY, undefined, ledger);
      expect(reads(emulator)).toBe(2 * cold);
    });
  });

  test('is forgotten with a repository that is gone', async () => {
    const folder = newFolder();
    const ledger = openLedger(folderStore(folder));
    const files = () =>
      readdirSync(join(folder, 'facts'), { recursive: true }).filter((name) => String(name).endsWith('gz'));
    const going = [{ built: image('old'), days: 40, tags: ['dev-1'] }];
    const repositories = { app: repositoryOf(...contents(2)), old: repositoryOf(...going) };
    await withEmulator({ repositories }, async (emulator) => {
      await run(emulator, ARGS, undefined, ledger);
      expect(files()).toHaveLength(2);
      expect(emulator.manifestsLeft().some((name) => name.startsWith('old'))).toBe(false);
      await run(emulator, DRY, undefined, ledger);
      expect(files()).toHaveLength(1);
    });
  });

  test('is kept by a run that was stopped', async () => {
    const ledger = newLedger();
    await withEmulator({ repositories: { app: repositoryOf(...contents(40)) } }, async (emulator) => {
      const stop = new AbortController();
      let count = 0;
      emulator.onRequest(({ kind }) => {
        if (kind === 'read-manifest' && ++count === 60) stop.abort();
      });
      await run(emulator, DRY, stop.signal, ledger);
      emulator.onRequest(undefined);
      const before = reads(emulator);
      await run(emulator, DRY, undefined, ledger);
      const rest = reads(emulator) - before;
      await run(emulator, DRY);
      const all = reads(emulator) - before - rest;
      // Of the sixty some were not waited for any more.
      expect(rest).toBeLessThan(all - 40);
    });
  });
});

/** More than a preview reads to be certain. */
const MANY = 70;

/** What refers to an image, and looks like a signature or, in a listing, like any image. */
function refersTo({ body, digest, mediaType }: Built, runnable: boolean): Built {
  const subject = { mediaType, digest, size: Buffer.byteLength(body) };
  if (!runnable) return referrer({ body, digest, mediaType }, 'application/vnd.example.sbom', 'sbom');
  const text = JSON.stringify({ ...(JSON.parse(image('streamed').body) as object), subject });
  return { body: text, digest: digestOf(text), mediaType };
}

/** Images that go and images that stay, more of both than a preview reads, and what stays and refers to what goes. */
function withReferrer(runnable: boolean): readonly Stored[] {
  const going = Array.from({ length: MANY }, (_, n): Stored => ({
    built: image(`dev/${n}`),
    days: 40,
    tags: [`dev-${n}`],
  }));
  const staying = Array.from({ length: MANY }, (_, n): Stored => ({
    built: image(`release/${n}`),
    days: 40,
    tags: [`v${n}`],
  }));
  const [subject] = going;
  return subject
    ? [...going, ...staying, { built: refersTo(subject.built, runnable), days: 40, tags: ['keep-me'] }]
    : [];
}

describe('a dry run of many images that are not known yet', () => {
  test('does not read the tagged images that stay, and says what it has left open', async () => {
    const state = repositoryOf(...withReferrer(true));
    await withEmulator({ repositories: { app: state } }, async (emulator) => {
      const { decisions } = await run(emulator, DRY);
      expect(reads(emulator)).toBe(MANY);
      const going = decisions.filter(({ kind, action }) => kind === 'manifest' && action === 'delete');
      expect(going).toHaveLength(MANY);
      for (const { detail } of going) expect(detail).toContain(`whether one of ${MANY + 1} images refers to it`);
    });
  });

  test('reads those that look as if they referred to one', async () => {
    const state = repositoryOf(...withReferrer(false));
    await withEmulator({ repositories: { app: state } }, async (emulator) => {
      const { decisions } = await run(emulator, DRY);
      expect(reads(emulator)).toBe(MANY + 1);
      expect(decisions.filter(({ reason }) => reason === 'subject-of-kept')).toHaveLength(1);
    });
  });

  test.each([true, false])(
    'and the purge then knows: it keeps the subject of what stays (runnable: %s)',
    async (runnable) => {
      const state = repositoryOf(...withReferrer(runnable));
      await withEmulator({ repositories: { app: state } }, async (emulator) => {
        const ledger = newLedger();
        await run(emulator, DRY, undefined, ledger);
        const { decisions } = await run(emulator, ARGS, undefined, ledger);
        expect(decisions.filter(({ reason }) => reason === 'subject-of-kept')).toHaveLength(1);
        expect(emulator.tagsLeft()).toContain('app:keep-me');
        expect(emulator.manifestsLeft()).toHaveLength(MANY + 2);
        // And what it has read, the next dry run knows.
        const { decisions: next } = await run(emulator, DRY, undefined, ledger);
        expect(next.filter(({ action }) => action === 'delete')).toEqual([]);
      });
    },
  );
});
