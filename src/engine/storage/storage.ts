import type { Ledger } from '../../ledger/ledger.ts';
import type { LinesFile } from '../../ledger/lines-file.ts';
import type { RepositoryRecord, RunRecord } from '../../ledger/records.ts';
import type { StorageSum, UsedRecord } from '../../ledger/storage.ts';
import type { Totals } from '../../ledger/summary.ts';
import type { PurgePolicy } from '../../policy/purge-policy.ts';
import { newLayers, readLayers, repositoryOf } from '../../registry/layers.ts';
import type { RegistryReader } from '../../registry/types.ts';
import { newPool, type Pool } from './blob-pool.ts';
import { isFreed } from '../freed.ts';
import { asksStorage } from './used.ts';

/*
 * What a run frees. Images share layers, within a repository and between repositories, so a deletion frees the blobs that
 * nothing else in the registry has. All blobs are one pool; this is computed once a run has ended, from what is remembered
 * of each repository and from the outcome of each deletion.
 */

/** What a run frees, in each of its repositories and together. */
interface Freed {
  readonly total: StorageSum;
  readonly of: ReadonlyMap<string, StorageSum>;
}

interface Asked {
  readonly ledger: Ledger;
  readonly record: Pick<RunRecord, 'id' | 'registry'>;
  readonly records: readonly RepositoryRecord[];
  /** All repositories that the registry has now; `undefined` where it cannot be listed. */
  readonly catalog: readonly string[] | undefined;
}

/**
 * Computes what a run frees, or in a dry run would free. `undefined` where nothing is known, and where there are more blobs
 * than are counted.
 * @throws {LedgerError}
 */
async function freedBy({ ledger, record, records, catalog }: Asked): Promise<Freed | undefined> {
  const pool = newPool();
  const own = new Map(records.map(({ summary }) => [summary.repository, summary]));
  const there = catalog && new Set(catalog);
  const known = new Set<string>();
  const deletedIn = async (repository: string): Promise<ReadonlySet<string>> => {
    const summary = own.get(repository);
    return summary && summary.manifests.deleted + summary.manifests.alreadyGone > 0
      ? deletedBy(ledger, record.id, repository)
      : new Set();
  };
  for await (const file of ledger.allLayers(record.registry)) {
    // Of a damaged file, or one of another version, nothing is known.
    const repository = await repositoryOf(file).catch(() => undefined);
    if (repository === undefined) continue;
    // A repository that is gone keeps nothing; one that the run has emptied is gone, too.
    if (!own.has(repository) && there && !there.has(repository)) {
      await file.remove().catch(() => undefined);
      continue;
    }
    const deleted = await deletedIn(repository);
    if (await addTo(pool, file, repository, deleted).catch(() => false)) known.add(repository);
  }
  if (known.size === 0) return undefined;
  // Of these it is not known, either, what was deleted in them.
  for (const repository of own.keys())
    if (!known.has(repository)) pool.unread(false, (await deletedIn(repository)).size);
  const of = new Map<string, StorageSum>();
  for (const repository of own.keys()) {
    if (!known.has(repository)) continue;
    const file = ledger.layers(record.registry, repository);
    of.set(repository, await sumOf(pool, file, repository, await deletedIn(repository)));
  }
  const names = new Set([...own.keys(), ...(catalog ?? [])]);
  const unknown = [...names].filter((name) => !known.has(name)).length;
  if (pool.isFull()) return undefined;
  return {
    of,
    total: {
      ...pool.total(),
      ...(unknown > 0 && { repositoriesNotRead: unknown }),
      ...(!catalog && { repositoriesNotListed: true as const }),
    },
  };
}

/** Forgets what deleted manifests took up, once the run that deleted them is closed. */
export async function forgetFreed({ ledger, record, records }: Omit<Asked, 'catalog'>): Promise<void> {
  for (const { summary } of records) {
    const { repository, manifests } = summary;
    if (manifests.deleted + manifests.alreadyGone === 0) continue;
    const deleted = await deletedBy(ledger, record.id, repository);
    const file = ledger.layers(record.registry, repository);
    const layers = newLayers();
    const left: string[] = [];
    let hidden = 0;
    const keep = (digest: string): unknown => !deleted.has(digest) && left.push(digest);
    const found = await readLayers(file, repository, {
      blob: () => undefined,
      manifest: keep,
      unread: keep,
      missing: keep,
      hidden: (count) => void (hidden = count),
    });
    if (!found) continue;
    await layers.recall(file, repository, (digest) => !deleted.has(digest));
    await layers.remember(file, repository, left, hidden);
  }
}

/** The manifests of a repository that a run deleted, or found deleted; in a dry run, those that it would delete. */
async function deletedBy(ledger: Ledger, runId: string, repository: string): Promise<ReadonlySet<string>> {
  const digests = new Set<string>();
  for await (const one of ledger.decisions(runId, { repository, action: 'delete' }))
    if (isFreed(one)) digests.add(one.digest);
  return digests;
}

async function addTo(
  pool: Pool,
  file: Pick<LinesFile, 'read'>,
  repository: string,
  deleted: ReadonlySet<string>,
): Promise<boolean> {
  const blobs: (number | undefined)[] = [];
  const unseen = new Set(deleted);
  const isThere = await readLayers(file, repository, {
    blob: (digest, size) => void blobs.push(pool.blob(digest, size)),
    manifest(digest, { bytes, blobs: named }) {
      const isKept = !unseen.delete(digest);
      pool.has(pool.blob(digest, bytes), isKept);
      for (const one of named) pool.has(blobs[one], isKept);
    },
    unread: (digest) => pool.unread(!unseen.delete(digest)),
    hidden: (count) => pool.unread(true, count),
  });
  if (isThere) pool.unread(false, unseen.size);
  return isThere;
}

/** What one repository has, and what of that nothing in the registry has any more. */
async function sumOf(
  pool: Pool,
  file: Pick<LinesFile, 'read'>,
  repository: string,
  deleted: ReadonlySet<string>,
): Promise<StorageSum> {
  const sum = pool.part();
  const blobs: (number | undefined)[] = [];
  const unseen = new Set(deleted);
  await readLayers(file, repository, {
    blob: (digest, size) => void blobs.push(pool.blob(digest, size)),
    manifest(digest, { bytes, blobs: named }) {
      unseen.delete(digest);
      sum.has(pool.blob(digest, bytes));
      for (const one of named) sum.has(blobs[one]);
    },
    unread: (digest) => sum.unread(!unseen.delete(digest)),
    hidden: (count) => sum.unread(true, count),
  });
  sum.unread(false, unseen.size);
  return sum.total();
}

/** What asks the registry once a run has ended. */
export interface AsksStorage {
  /** All repositories; `undefined` where they cannot be listed. Never throws. */
  readonly catalog: () => Promise<readonly string[] | undefined>;
  readonly used?: (() => Promise<UsedRecord>) | undefined;
}

/** What the record of a run says of storage once it has ended. */
interface StoredBy {
  readonly records: readonly RepositoryRecord[];
  readonly totals: Pick<Totals, 'storage'>;
  readonly run: Pick<RunRecord, 'storage'>;
}

/** Finds out what a run freed, where it is asked to. Never throws: nothing that the run did depends on it. */
export async function storedBy(
  {
    ledger,
    record,
    asks,
  }: Pick<Asked, 'ledger'> & { readonly record: RunRecord; readonly asks?: AsksStorage | undefined },
  records: readonly RepositoryRecord[],
): Promise<StoredBy> {
  if (!asks || !asksStorage(record)) return { records, totals: {}, run: {} };
  // A connection may not be opened: the settings may have changed since.
  const attempt = async <T>(ask: () => T | Promise<T>): Promise<T | undefined> => {
    try {
      return await ask();
    } catch {
      return undefined;
    }
  };
  const [catalog, after] = await Promise.all([attempt(asks.catalog), attempt(async () => asks.used?.())]);
  const run = { storage: { ...record.storage, ...(after && { after }) } };
  const freed = await freedBy({ ledger, record, records, catalog }).catch(() => undefined);
  if (!freed) return { records, totals: {}, run };
  return {
    records: records.map((one) => {
      const storage = freed.of.get(one.summary.repository);
      return storage ? { ...one, summary: { ...one.summary, storage } } : one;
    }),
    totals: { storage: freed.total },
    run,
  };
}

/** All repositories of a registry; `undefined` where they cannot be listed. */
export async function catalogIn(
  reader: RegistryReader,
  policies: readonly PurgePolicy[],
  signal?: AbortSignal,
): Promise<readonly string[] | undefined> {
  const [first] = policies;
  return first && reader.repositories(first.repositoryPageSize, signal).catch(() => undefined);
}
