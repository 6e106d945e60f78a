import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { BlobServiceClient } from '@azure/storage-blob';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { realSystem } from '../../../src/ledger/store/system.ts';
import { blobStore, CONTAINER } from '../../../src/ledger/store/blob.ts';
import { folderStore } from '../../../src/ledger/store/folder.ts';
import { type Ledger, openLedger } from '../../../src/ledger/ledger.ts';
import { registryKey, newRunId } from '../../../src/ledger/paths.ts';
import { HeldError, type Holder, type Store } from '../../../src/ledger/store/store.ts';
import type { RunRecord } from '../../../src/ledger/records.ts';
import type { Decision } from '../../../src/planner/decision.ts';
import { summarize } from '../../../src/ledger/summary.ts';
import { type Azurite, startAzurite } from '../../support/azurite.ts';
import { newFolder } from '../../support/ledger.ts';

let azurite: Azurite;
beforeAll(async () => {
  azurite = await startAzurite();
});
afterAll(() => azurite.close());

const holder = (): Holder => ({
  runId: newRunId(new Date()),
  startedBy: 'test',
  ...realSystem.self(),
  since: new Date().toISOString(),
});

/** As short as a lease may be. */
const SHORT = { seconds: 15, renewEvery: 5 };

/** A ledger as a process has it; each knows nothing of the others. */
const elsewhere = (): Ledger => openLedger(blobStore({ connectionString: azurite.connectionString }, { lock: SHORT }));

/** What stands in the container below `locks/`. */
async function locksLeft(registry: string): Promise<readonly string[]> {
  const container = BlobServiceClient.fromConnectionString(azurite.connectionString).getContainerClient(CONTAINER);
  const names: string[] = [];
  for await (const { name } of container.listBlobsFlat({ prefix: `locks/${registryKey(registry)}` })) names.push(name);
  return names;
}

const newRegistry = (): string => `${randomUUID()}.azurecr.io`;

describe.concurrent('the lock of a registry that many workers share, in Blob Storage', () => {
  test('is held by all that give its name, and by nobody else, until the last has gone and it is given up', async () => {
    const registry = newRegistry();
    const [one, two, other] = [elsewhere(), elsewhere(), elsewhere()];
    const first = await one.lockShared(registry, holder(), 'run');
    const second = await two.lockShared(registry, holder(), 'run');
    const same = await one.lockShared(registry, holder(), 'run');
    await expect(other.lock(registry, holder())).rejects.toThrow(HeldError);
    await expect(other.lockShared(registry, holder(), 'another run')).rejects.toThrow(HeldError);
    await first.release();
    await same.release();
    await expect(other.lock(registry, holder())).rejects.toThrow(HeldError);
    await second.release();
    // The next worker of the run finds it still held.
    await expect(other.lock(registry, holder())).rejects.toThrow(HeldError);
    const third = await two.lockShared(registry, holder(), 'run');
    await third.release();
    // Nobody gives up what is another's.
    await other.releaseShared(registry, 'another run');
    await expect(other.lock(registry, holder())).rejects.toThrow(HeldError);
    await one.releaseShared(registry, 'run');
    const taken = await other.lock(registry, holder());
    await expect(one.lockShared(registry, holder(), 'run')).rejects.toThrow(HeldError);
    // Nor what is nobody's any more.
    await one.releaseShared(registry, 'run');
    await expect(two.lock(registry, holder())).rejects.toThrow(HeldError);
    await taken.release();
    await (await one.lockShared(registry, holder(), 'run')).release();
    await one.releaseShared(newRegistry(), 'run');
  });

  test('runs out by itself after the last of them', async () => {
    const registry = newRegistry();
    const [one, other] = [elsewhere(), elsewhere()];
    const held = await one.lockShared(registry, holder(), 'run');
    await held.release();
    await expect(other.lock(registry, holder())).rejects.toThrow(HeldError);
    await sleep((SHORT.seconds + 2) * 1000);
    await (await other.lock(registry, holder())).release();
  });

  test('is lost to all of them in a process once somebody else has it, and taken anew after that', async () => {
    const registry = newRegistry();
    const [one, other] = [elsewhere(), elsewhere()];
    const [first, second] = [
      await one.lockShared(registry, holder(), 'run'),
      await one.lockShared(registry, holder(), 'run'),
    ];
    await other.releaseShared(registry, 'run');
    const taken = await other.lock(registry, holder());
    await expect.poll(() => first.lost.aborted && second.lost.aborted, { timeout: 20_000 }).toBe(true);
    await expect(one.lockShared(registry, holder(), 'run')).rejects.toThrow(HeldError);
    await taken.release();
    const again = await one.lockShared(registry, holder(), 'run');
    // What was lost is released without harm to what was taken since.
    await first.release();
    await second.release();
    expect(again.lost.aborted).toBe(false);
    await expect(other.lock(registry, holder())).rejects.toThrow(HeldError);
    await again.release();
  });
});

describe.concurrent('the lock of a repository', () => {
  test('is held by one worker at a time, and leaves nothing behind', async () => {
    const registry = newRegistry();
    const [one, two] = [elsewhere(), elsewhere()];
    const first = await one.lockRepository(registry, 'team/app', holder());
    await expect(two.lockRepository(registry, 'team/app', holder())).rejects.toThrow(HeldError);
    await expect(one.lockRepository(registry, 'team/app', holder())).rejects.toThrow(HeldError);
    // Neither another one of it, nor the same name in another registry, nor the registry itself.
    const others = [
      await two.lockRepository(registry, 'team-app', holder()),
      await two.lockRepository(newRegistry(), 'team/app', holder()),
      await two.lockShared(registry, holder(), 'run'),
    ];
    await first.release();
    others.push(await two.lockRepository(registry, 'team/app', holder()));
    for (const other of others) await other.release();
    expect(await locksLeft(registry)).toEqual([`locks/${registryKey(registry)}`]);
  });

  test('of many that want it at once one has it', async () => {
    const registry = newRegistry();
    const tries = await Promise.allSettled(
      Array.from({ length: 6 }, () => elsewhere().lockRepository(registry, 'app', holder())),
    );
    const locks = tries.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    expect(locks).toHaveLength(1);
    for (const one of tries) if (one.status === 'rejected') expect(one.reason).toBeInstanceOf(HeldError);
    for (const lock of locks) await lock.release();
    expect(await locksLeft(registry)).toEqual([]);
  });
});

const record = (id: string, registry: string): RunRecord => ({
  ...{ format: 1, id, kind: 'scheduled', dryRun: false, startedBy: 'schedule', registry },
  policy: { commands: [], hash: 'hash', from: 'settings' },
  ...{ toolVersion: 'test', started: new Date().toISOString(), agesFrom: new Date().toISOString() },
  ...{ holder: holder(), state: 'running', progress: { done: 0, of: 2 }, warnings: [], breakers: [] },
});

const decision = (repository: string, tag: string, outcome: 'not-attempted' | 'deleted'): Decision => ({
  ...{ repository, kind: 'tag', tag, digest: `sha256:${'0'.repeat(64)}` },
  ...{ action: 'delete', reason: 'matched-and-expired', detail: 'it is old', beyondAcrPurge: false, outcome },
});

describe.concurrent.each([
  ['a folder', () => folderStore(newFolder())],
  ['Blob Storage', () => blobStore({ connectionString: azurite.connectionString })],
] as const)('what a run says of one repository, in %s', (_, open: () => Store) => {
  test('its record is there once it is written, and nothing of the others', async () => {
    const ledger = openLedger(open());
    const id = newRunId(new Date());
    await ledger.begin(record(id, newRegistry()));
    expect(await ledger.repository(id, 'app')).toBeUndefined();
    expect(await ledger.repository('no run', 'app')).toBeUndefined();
    const decisions = [decision('app', 'dev', 'deleted')];
    const written = await ledger
      .writer(id)
      .repository('app')
      .write(summarize('app', decisions, {}), decisions);
    expect(await ledger.repository(id, 'app')).toEqual(written);
    expect(await ledger.repository(id, 'App')).toBeUndefined();
    expect(await ledger.repository(id, 'app/x')).toBeUndefined();
  });

  test('its journal is there while it is carried out, and says what is open', async () => {
    const ledger = openLedger(open());
    const id = newRunId(new Date());
    await ledger.begin(record(id, newRegistry()));
    expect(await ledger.journal(id, 'app')).toBeUndefined();
    const writer = ledger.writer(id).repository('app');
    await writer.intend([':one', ':two']);
    writer.settled([decision('app', 'one', 'deleted')]);
    await writer.intend([':three']);
    const journal = await ledger.journal(id, 'app');
    expect(journal?.repository).toBe('app');
    expect([...(journal?.open ?? [])].sort()).toEqual([':three', ':two']);
    expect([...(journal?.decisions.keys() ?? [])]).toEqual([':one']);
    expect(await ledger.journal(id, 'other')).toBeUndefined();
    await writer.close(summarize('app', [], {}), []);
    expect(await ledger.journal(id, 'app')).toBeUndefined();
  });

  test('of a run that goes on it is what its own file says, not the list from when it had ended', async () => {
    const store = open();
    const ledger = openLedger(store);
    const id = newRunId(new Date());
    const run = await ledger.begin(record(id, newRegistry()));
    const before = await run.repository('app').write(summarize('app', [], {}), []);
    await run.end({ state: 'stopped', ended: new Date().toISOString() }, [before]);
    // Its process is killed right after it has taken the run up.
    const killed = openLedger({ ...store, remove: () => Promise.reject(new Error('killed')) });
    await expect(killed.resume(id, (one) => ({ ...one, state: 'running' }))).rejects.toThrow('killed');
    const decisions = [decision('app', 'dev', 'not-attempted')];
    const after = await ledger
      .writer(id)
      .repository('app')
      .write(summarize('app', decisions, {}), decisions);
    expect(after).not.toEqual(before);
    expect(await Array.fromAsync(ledger.repositories(id))).toEqual([after]);
  });
});
