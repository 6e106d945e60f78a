import { describe, expect, test } from 'vitest';
import type { Emulator } from '../../../src/dev/emulator/index.ts';
import { image, index } from '../../../src/dev/emulator/manifests.ts';
import { registryKey } from '../../../src/ledger/paths.ts';
import { LedgerError, type Store } from '../../../src/ledger/store/store.ts';
import { memoryStore } from '../../../src/ledger/store/memory.ts';
import type { Decision } from '../../../src/planner/decision.ts';
import type { RunOptions } from '../../../src/index.ts';
import { newArchive } from '../../support/archives.ts';
import { repositoryOf } from '../../support/contents.ts';
import { newLedger } from '../../support/ledger.ts';
import { digestOf, type Packed, packedImage, packedIndex, packedReferrer } from '../../support/packed.ts';
import { reference, run, withEmulator, withServedEmulator } from '../../support/registry.ts';

const PURGE = ['--filter', 'app:^old', '--ago', '30d', '--untagged'];

const multi = packedIndex('multi');
const [top, ...children] = multi;
const signature = packedReferrer(top);
// Docker's: its media type says enough, so it is not read to be planned.
const shared = packedImage('shared', { docker: true });
const kept = packedImage('kept');

function registryWith(manifests: readonly (Packed & { readonly tags?: readonly string[] })[]) {
  return {
    repositories: { app: repositoryOf(...manifests.map((built) => ({ built, days: 90, tags: built.tags ?? [] }))) },
    blobs: { app: manifests.flatMap(({ blobs }) => blobs) },
  };
}

const CONTENTS = registryWith([
  { ...top, tags: ['old-multi'] },
  ...children,
  signature,
  { ...shared, tags: ['old-shared', 'old-2'] },
  { ...kept, tags: ['stays'] },
]);

function purge(emulator: Emulator, options: Partial<RunOptions>, args = PURGE, ledger = newLedger()) {
  return run(emulator, args, options.signal, ledger, options);
}

const outcomes = (decisions: readonly Decision[]) =>
  Object.fromEntries(
    decisions.flatMap((one) => (one.action === 'delete' ? [[reference(one), one.outcome] as const] : [])),
  );

/** Everything that is archived of a repository, by path below its layout. */
async function archivedIn(store: Store, emulator: Emulator): Promise<readonly string[]> {
  const folder = `${registryKey(emulator.loginServer)}/app/_oci/`;
  return (await Array.fromAsync(store.list(folder))).map((path) => path.slice(folder.length));
}

const blobPath = (digest: string): string => `blobs/${digest.replace(':', '/')}`;

describe('what a run deletes', () => {
  test.each([
    ['in this process', withEmulator],
    ['over sockets', withServedEmulator],
  ])('is archived first, with all that belongs to it and nothing else: %s', async (_, serve) => {
    await serve(CONTENTS, async (emulator) => {
      const { archive, store } = newArchive();
      const ledger = newLedger();
      const { summary } = await purge(emulator, { archive }, PURGE, ledger);
      expect(summary.failures).toEqual([]);
      expect(emulator.tagsLeft()).toEqual(['app:stays']);
      const gone = [top, ...children, signature, shared];
      const blobs = new Set(gone.flatMap(({ digest, blobs: parts }) => [digest, ...parts.map(digestOf)]));
      expect(await archivedIn(store, emulator)).toEqual(
        [...[...blobs].map(blobPath), 'index.json', 'oci-layout'].sort(),
      );
      const repository = await archive.repository(emulator.loginServer, 'app');
      expect([...repository.tags].sort()).toEqual([
        ['old-2', shared.digest],
        ['old-multi', top.digest],
        ['old-shared', shared.digest],
      ]);
      for (const { digest, body, mediaType } of gone)
        expect(await repository.find(digest)).toEqual({ mediaType, bytes: Buffer.from(body) });
      // Its summary and its record say where, and how much.
      const bytes = gone.reduce((sum, one) => sum + Buffer.byteLength(one.body), 0) + bytesOf(gone);
      expect(summary.archive).toBe('the archive');
      expect(summary.totals.archived).toMatchObject({ manifests: 5, blobs: blobs.size - 5, bytes });
      expect((await ledger.run(summary.runId))?.archive).toBe('the archive');
      expect((await ledger.run(summary.runId))?.totals?.archived).toEqual(summary.totals.archived);
    });
  });

  test('is read from the registry before anything is deleted', async () => {
    await withEmulator(CONTENTS, async (emulator) => {
      const kinds: string[] = [];
      emulator.onRequest(({ kind }) => kinds.push(kind));
      await purge(emulator, { archive: newArchive().archive });
      expect(kinds.lastIndexOf('read-blob')).toBeLessThan(kinds.findIndex((kind) => kind.startsWith('delete')));
      expect(kinds.filter((kind) => kind === 'read-blob')).not.toEqual([]);
    });
  });

  test('is not archived by a dry run, nor where no archive is named', async () => {
    await withEmulator(CONTENTS, async (emulator) => {
      const { archive, store } = newArchive();
      const { summary } = await purge(emulator, { archive }, [...PURGE, '--dry-run']);
      expect(summary.totals.archived).toBeUndefined();
      expect(await Array.fromAsync(store.list('127.0.0.1/'))).toEqual([]);
      expect((await purge(emulator, {})).summary.archive).toBeUndefined();
      expect(emulator.counts()['read-blob']).toBe(0);
    });
  });

  test('is not written again where it is there: a second image shares layers with it', async () => {
    const again = packedImage('shared', { docker: true, annotations: { note: 'the same layers' } });
    const contents = registryWith([
      { ...shared, tags: ['old-1'] },
      { ...again, tags: ['new'] },
    ]);
    await withEmulator(contents, async (emulator) => {
      const { archive } = newArchive();
      const first = await purge(emulator, { archive });
      expect(first.summary.totals.archived).toMatchObject({ manifests: 1, blobs: 3 });
      const second = await purge(emulator, { archive }, ['--filter', 'app:^new', '--ago', '30d', '--untagged']);
      expect(second.summary.totals.archived).toMatchObject({ manifests: 1, blobs: 0 });
      expect(emulator.manifestsLeft()).toEqual([]);
      expect((await archive.repository(emulator.loginServer, 'app')).knows(again.digest)).toBe(true);
    });
  });
});

function bytesOf(manifests: readonly Packed[]): number {
  const blobs = new Map(manifests.flatMap(({ blobs: parts }) => parts.map((one) => [digestOf(one), one.length])));
  return [...blobs.values()].reduce((sum, size) => sum + size, 0);
}

describe('what cannot be archived is kept', () => {
  /** A purge of these, where some blobs are missing; the decisions of what was to be deleted, and the failures. */
  async function withoutBlobs(missing: readonly Buffer[], contents = CONTENTS) {
    const blobs = { app: contents.blobs.app.filter((one) => !missing.some((other) => other.equals(one))) };
    return withEmulator({ ...contents, blobs }, async (emulator) => {
      const { summary, decisions } = await purge(emulator, { archive: newArchive().archive });
      return { summary, decisions, left: [...emulator.tagsLeft(), ...emulator.manifestsLeft()] };
    });
  }

  test('with its tags; it is a failure, once, and the rest is deleted', async () => {
    const [, layer = Buffer.alloc(0)] = shared.blobs;
    const { summary, decisions, left } = await withoutBlobs([layer]);
    expect(summary.succeeded).toBe(false);
    expect(summary.failures.map(reference)).toEqual([`app@${shared.digest}`]);
    expect(summary.failures[0]).toMatchObject({
      error: {
        message: `it is kept, because it could not be archived in the archive: the registry does not find a blob of ${shared.digest}: ${digestOf(layer)}`,
      },
    });
    expect(outcomes(decisions)).toMatchObject({
      [`app@${shared.digest}`]: 'failed',
      'app:old-shared': 'not-attempted',
      'app:old-2': 'not-attempted',
      'app:old-multi': 'deleted',
      [`app@${top.digest}`]: 'deleted',
    });
    expect(left).toEqual(
      ['app:old-2', 'app:old-shared', 'app:stays', `app@${kept.digest}`, `app@${shared.digest}`].sort(),
    );
  });

  test('with the index that needs it, its other platforms and what refers to it', async () => {
    const [, layer = Buffer.alloc(0)] = children[1]?.blobs ?? [];
    const { summary, decisions, left } = await withoutBlobs([layer]);
    expect(summary.failures).toHaveLength(1);
    expect(outcomes(decisions)[`app:old-multi`]).toBe('not-attempted');
    for (const { digest } of [top, ...children, signature]) expect(left).toContain(`app@${digest}`);
    expect(left).not.toContain(`app@${shared.digest}`);
  });

  test('with the image that its signature refers to', async () => {
    const [, payload = Buffer.alloc(0)] = signature.blobs;
    const { summary, left } = await withoutBlobs([payload]);
    expect(summary.failures.map(reference)).toEqual([`app@${signature.digest}`]);
    for (const { digest } of [top, ...children, signature]) expect(left).toContain(`app@${digest}`);
  });

  test.each([
    [
      'a layer that is elsewhere',
      { mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', urls: ['https://example.com/layer'] },
      /a layer that the registry does not hold, but leads elsewhere for/,
    ],
    ['a layer without a size', { size: null }, /is not the manifest that its media type says: layers.0.size/],
    ['a digest that is none', { digest: 'md5:1234' }, /layers.0.digest: no digest that can be archived/],
    ['another size than its blob', { size: 1 }, /with 1 bytes, and the registry has/],
  ])('where it has %s', async (_, layer, message) => {
    const document = JSON.parse(shared.body) as { layers: object[] };
    const odd = JSON.stringify({ ...document, layers: [{ ...document.layers[0], ...layer }] });
    const missing = 'urls' in layer ? [shared.blobs[1] ?? Buffer.alloc(0)] : [];
    const built = { ...shared, body: odd, digest: digestOf(odd), tags: ['old'] };
    const { summary, left } = await withoutBlobs(missing, registryWith([built]));
    expect(left).toEqual(['app:old', `app@${built.digest}`]);
    expect(summary.failures[0]).toMatchObject({ error: { message: expect.stringMatching(message) as string } });
  });

  test('where it is an index of a platform that the registry does not find', async () => {
    const absent = { ...image('absent'), architecture: 'arm', os: 'linux' };
    const sparse = { ...index([...children, absent]), blobs: [], tags: ['old'] };
    const { summary, left } = await withoutBlobs([], registryWith([sparse, ...children]));
    expect(left).toContain(`app@${sparse.digest}`);
    expect(summary.failures).toHaveLength(1);
    expect(summary.failures[0]).toMatchObject({
      error: { message: expect.stringMatching(/needs a manifest: the registry does not find app@sha256/) as string },
    });
  });

  test('where it is unreadable', async () => {
    await withEmulator(CONTENTS, async (emulator) => {
      emulator.lock('app', shared.digest, { readEnabled: false });
      const { summary } = await purge(emulator, { archive: newArchive().archive });
      expect(summary.failures.map(reference)).toEqual([`app@${shared.digest}`]);
      expect(emulator.tagsLeft()).toEqual(['app:old-2', 'app:old-shared', 'app:stays']);
    });
  });

  test('but not where it became unreadable after it was archived, as in quarantine', async () => {
    await withEmulator(CONTENTS, async (emulator) => {
      const { archive } = newArchive();
      emulator.faults({ failing: ({ method }) => (method === 'DELETE' ? 500 : undefined) });
      await purge(emulator, { archive });
      expect(emulator.manifestsLeft()).toHaveLength(6);
      emulator.faults({});
      emulator.lock('app', shared.digest, { readEnabled: false });
      const { summary } = await purge(emulator, { archive });
      expect(summary.failures).toEqual([]);
      expect(emulator.tagsLeft()).toEqual(['app:stays']);
    });
  });

  test('where the archive cannot be written: a failure or a few, and nothing is deleted', async () => {
    const many = Array.from({ length: 40 }, (_, n) => ({ ...packedImage(`many-${n}`), tags: [`old-${n}`] }));
    await withEmulator(registryWith(many), async (emulator) => {
      const { archive } = newArchive(
        failing(memoryStore(), (path) => {
          if (path.includes('/blobs/'))
            throw new LedgerError('the archive cannot be written: 403 AuthorizationFailure');
        }),
      );
      const { summary } = await purge(emulator, { archive });
      expect(emulator.manifestsLeft()).toHaveLength(40);
      expect(summary.totals.manifests).toMatchObject({ deleted: 0 });
      expect(summary.totals.manifests.failed).toBeGreaterThan(0);
      // It is not asked for each of them.
      expect(summary.totals.manifests.failed).toBeLessThan(10);
      expect(summary.totals.tags.notAttempted).toBe(40);
    });
  });

  test.each([
    ['its index', (path: string) => path.endsWith('index.json')],
    ['the mark of a layout', (path: string) => path.endsWith('oci-layout')],
  ])('where %s cannot be written', async (_, isWritten) => {
    await withEmulator(CONTENTS, async (emulator) => {
      const { archive } = newArchive(
        failing(memoryStore(), (path) => {
          if (isWritten(path)) throw new LedgerError('the disk is full');
        }),
      );
      const { summary } = await purge(emulator, { archive });
      expect(summary.totals.manifests.deleted).toBe(0);
      expect(summary.failures).toHaveLength(1);
      expect(emulator.manifestsLeft()).toHaveLength(6);
    });
  });

  test('where its index is damaged', async () => {
    await withEmulator(CONTENTS, async (emulator) => {
      const { archive, store } = newArchive();
      await store.write(`${registryKey(emulator.loginServer)}/app/_oci/index.json`, 'not JSON');
      const { summary } = await purge(emulator, { archive });
      expect(summary.totals.manifests.deleted).toBe(0);
      expect(summary.failures).toHaveLength(1);
    });
  });

  test('where the identity may list and delete, and not read', async () => {
    await withEmulator({ ...CONTENTS, denied: { actions: [] } }, async (emulator) => {
      emulator.faults({ failing: ({ kind }) => (kind === 'read-blob' ? 403 : undefined) });
      const { summary } = await purge(emulator, { archive: newArchive().archive });
      expect(emulator.manifestsLeft()).toHaveLength(6);
      expect(summary.totals.manifests.deleted).toBe(0);
      expect(summary.totals.missing?.read).toBeDefined();
    });
  });
});

/** A store of which some writes fail. */
function failing(store: Store, before: (path: string) => void): Store {
  return {
    ...store,
    async write(path, content, condition) {
      before(path);
      return store.write(path, content, condition);
    },
  };
}

describe('a run that is stopped while it archives', () => {
  test('deletes nothing, and takes up where it was', async () => {
    await withEmulator(CONTENTS, async (emulator) => {
      const { archive, store } = newArchive();
      const stop = new AbortController();
      let blobs = 0;
      emulator.onRequest(({ kind }) => {
        if (kind === 'read-blob' && ++blobs === 9) stop.abort();
      });
      const { summary } = await purge(emulator, { archive, signal: stop.signal });
      expect(summary.stopped).toBeDefined();
      expect(summary.totals.manifests).toMatchObject({ deleted: 0, failed: 0 });
      expect(emulator.manifestsLeft()).toHaveLength(6);
      const before = (await archivedIn(store, emulator)).length;
      expect(before).toBeGreaterThan(0);
      emulator.onRequest(undefined);
      const reads = emulator.counts()['read-blob'];
      const again = await purge(emulator, { archive });
      expect(again.summary.failures).toEqual([]);
      expect(emulator.tagsLeft()).toEqual(['app:stays']);
      const all = new Set([top, ...children, signature, shared].flatMap(({ blobs: parts }) => parts.map(digestOf)));
      expect(again.summary.totals.archived?.blobs).toBeLessThan(all.size);
      expect(emulator.counts()['read-blob'] - reads).toBeLessThan(2 * all.size);
    });
  });
});
