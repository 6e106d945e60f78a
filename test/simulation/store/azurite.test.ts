import { buffer } from 'node:stream/consumers';
import { BlobServiceClient, type ContainerClient } from '@azure/storage-blob';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { accountOf } from '../../../src/ledger/store/blob-account.ts';
import { codeOf, statusOf } from '../../../src/ledger/store/blob-client.ts';
import { CONTAINER } from '../../../src/ledger/store/blob.ts';
import { type Azurite, startAzurite } from '../../support/azurite.ts';
import { BlobService } from './blob.ts';
import { Draws } from '../world/draws.ts';
import { World } from '../world/world.ts';

let azurite: Azurite;
beforeAll(async () => {
  azurite = await startAzurite();
});
afterAll(() => azurite.close());

/** Blobs of a service in one case, and the etags that a client has seen of each. */
interface Side {
  readonly container: ContainerClient;
  readonly folder: string;
  readonly etags: Map<string, readonly string[]>;
}

interface Call {
  readonly text: string;
  readonly on: (side: Side) => Promise<unknown>;
}

/**
 * Those that are written at once, appended to or leased are not sent in blocks: it is so in a ledger, and Azurite takes
 * blocks alone for a blob in places.
 */
const WHOLE: readonly string[] = ['a/1', 'a/2'];
const IN_BLOCKS: readonly string[] = ['b'];

/** A call on a blob. */
function onBlob<T>(
  name: string,
  drawn: fc.Arbitrary<T>,
  call: (blob: ReturnType<typeof blobOf>, drawn: T) => Promise<unknown>,
  paths: readonly string[] = [...WHOLE, ...IN_BLOCKS],
): fc.Arbitrary<Call> {
  return fc.tuple(fc.constantFrom(...paths), drawn).map(([path, one]) => ({
    text: `${name} ${path} ${JSON.stringify(one)}`,
    on: (side) => call(blobOf(side, path), one),
  }));
}

function blobOf({ container, folder, etags }: Side, path: string) {
  const seen = etags.get(path) ?? [];
  const isThere = seen.length > 0;
  const conditions = (state: State, leaseId?: string) => ({
    // Azurite writes one that is not there under any lease.
    ...(leaseId !== undefined && isThere && { leaseId }),
    ...(state === 'absent' && { ifNoneMatch: '*' }),
    ...(state === 'as it is' && { ifMatch: seen.at(-1) ?? '"none"' }),
    ...(state === 'as it was' && { ifMatch: seen.at(-2) ?? '"none"' }),
  });
  return {
    block: container.getBlockBlobClient(folder + path),
    append: container.getAppendBlobClient(folder + path),
    under: (leaseId: string) => container.getBlobClient(folder + path).getBlobLeaseClient(leaseId),
    conditions,
    /** Where there is none it is not documented whether that or the condition is answered. */
    isThere,
    deleted: () => etags.delete(path),
    /** Each write has an etag that there was not before. */
    written: ({ etag = '' }: { readonly etag?: string }): string => {
      expect([...etags.values()].flat()).not.toContain(etag);
      etags.set(path, [...seen, etag]);
      return 'written';
    },
    /** The etag changes with writes alone. */
    isLast: (etag = '') => etag === seen.at(-1),
  };
}

type State = 'any' | 'absent' | 'as it is' | 'as it was';
const state = fc.constantFrom<State>('any', 'absent', 'as it is', 'as it was');
const stateOfRead = fc.constantFrom<State>('any', 'as it is', 'as it was');
const leaseId = fc.constantFrom('11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222');
const leaseOrNone = fc.option(leaseId, { nil: undefined, freq: 2 });
const content = fc.constantFrom('', 'x', 'hello');
const blockId = fc.constantFrom('AAAA', 'BBBB', 'CCCC');

const calls = fc.oneof(
  onBlob(
    'write',
    fc.tuple(content, state, leaseOrNone),
    async ({ block, conditions, written }, [text, when, under]) =>
      written(await block.upload(text, text.length, { conditions: conditions(when, under) })),
    WHOLE,
  ),
  onBlob('block', blockId, async ({ block }, id) => done(block.stageBlock(id, id, id.length)), IN_BLOCKS),
  onBlob(
    'commit',
    fc.tuple(fc.uniqueArray(blockId), state),
    async ({ block, conditions, written }, [ids, when]) =>
      written(await block.commitBlockList(ids, { conditions: conditions(when) })),
    IN_BLOCKS,
  ),
  onBlob(
    'blocks',
    fc.constant(undefined),
    async ({ block }) => (await block.getBlockList('committed')).committedBlocks?.map(({ name, size }) => [name, size]),
    IN_BLOCKS,
  ),
  onBlob(
    'create',
    fc.tuple(state, leaseOrNone),
    async ({ append, conditions, written }, [when, under]) =>
      written(await append.create({ conditions: conditions(when, under) })),
    WHOLE,
  ),
  onBlob('append', fc.tuple(fc.nat(3), leaseOrNone), async ({ append, conditions, written }, [appendPosition, under]) =>
    written(await append.appendBlock('y', 1, { conditions: { ...conditions('any', under), appendPosition } })),
  ),
  onBlob(
    'read',
    fc.tuple(fc.nat(5), fc.constantFrom(undefined, 1, 4), stateOfRead),
    async ({ block, conditions, isThere, isLast }, [offset, count, when]) => {
      const answer = await block.download(offset, count, { conditions: conditions(isThere ? when : 'any') });
      const text = answer.readableStreamBody && (await buffer(answer.readableStreamBody)).toString();
      const { contentLength, contentRange, blobType, etag } = answer;
      // Azurite gives nothing right behind the end; the service refuses it.
      if (contentLength === 0 && offset > 0)
        throw Object.assign(new Error('nothing'), { statusCode: 416, code: 'InvalidRange' });
      return { text, contentLength, contentRange, blobType, isLast: isLast(etag) };
    },
  ),
  onBlob('properties', fc.constant(undefined), async ({ block, isLast }) => {
    const { contentLength, blobType, etag, leaseStatus } = await block.getProperties();
    return { contentLength, blobType, leaseStatus, isLast: isLast(etag) };
  }),
  onBlob('delete', leaseOrNone, async ({ block, conditions, deleted }, under) => {
    await block.delete({ conditions: conditions('any', under) });
    deleted();
  }),
  onBlob('acquire', leaseId, ({ under }, id) => done(under(id).acquireLease(60)), WHOLE),
  onBlob('renew', leaseId, ({ under }, id) => done(under(id).renewLease()), WHOLE),
  onBlob('release', leaseId, ({ under }, id) => done(under(id).releaseLease()), WHOLE),
  onBlob(
    'break',
    stateOfRead,
    async ({ under, conditions, isThere }, when) => {
      await under('').breakLease(0, { conditions: conditions(isThere ? when : 'any') });
    },
    WHOLE,
  ),
  fc.tuple(fc.constantFrom('', 'a/', 'c'), fc.constantFrom(1, 2, 5000)).map(([prefix, maxPageSize]): Call => ({
    text: `list ${prefix} by ${maxPageSize}`,
    on: ({ container, folder }) => names(container, folder + prefix, maxPageSize),
  })),
);

/** That it was done, and not what was answered: that hangs on the service's clock. */
async function done(doing: Promise<unknown>): Promise<void> {
  await doing;
}

async function names(container: ContainerClient, prefix: string, maxPageSize: number): Promise<unknown> {
  const flat: string[] = [];
  for await (const { segment } of container.listBlobsFlat({ prefix }).byPage({ maxPageSize }))
    flat.push(...segment.blobItems.map(({ name }) => name));
  const folders: string[] = [];
  for await (const { segment } of container.listBlobsByHierarchy('/', { prefix }).byPage({ maxPageSize }))
    folders.push(...(segment.blobPrefixes ?? []).map(({ name }) => name), ...segment.blobItems.map(({ name }) => name));
  return { flat, folders: folders.sort() };
}

/** What a service answers to a call. */
async function answerOf({ on }: Call, side: Side): Promise<unknown> {
  try {
    return { done: await on(side) };
  } catch (error) {
    if (statusOf(error) === undefined) throw error;
    // Azurite does not tell a lease that was lost from one that there never was.
    return `${statusOf(error)} ${codeOf(error)?.replace('LeaseLost', 'LeaseNotPresentWithBlobOperation')}`;
  }
}

test('the simulated Blob Storage answers as Azurite does', async () => {
  const world = new World(new Draws(1, { only: new Set() }));
  const during = async <T>(doing: Promise<T>): Promise<T> => {
    let isOver = false;
    const whole = doing.finally(() => (isOver = true));
    whole.catch(() => undefined);
    expect(await world.run(() => isOver, Infinity)).toBe('done');
    return whole;
  };
  const simulated = await accountOf(new BlobService(world).location(world.process('a'))).connect();
  const real = BlobServiceClient.fromConnectionString(azurite.connectionString).getContainerClient(CONTAINER);
  expect(await during(simulated.createIfNotExists())).toMatchObject({ succeeded: true });
  expect(await during(simulated.createIfNotExists())).toMatchObject({ succeeded: false });
  await real.createIfNotExists();
  let nth = 0;
  const same = fc.asyncProperty(fc.array(calls, { minLength: 1, maxLength: 30 }), async (sequence) => {
    const folder = `${(nth += 1)}/`;
    const [one, other] = [real, simulated].map((container): Side => ({ container, folder, etags: new Map() }));
    if (!one || !other) throw new Error('two sides');
    const told: unknown[] = [];
    for (const call of sequence) {
      const expected = await answerOf(call, one);
      told.push([call.text, expected]);
      expect([...told.slice(0, -1), [call.text, await during(answerOf(call, other))]]).toEqual(told);
    }
  });
  await fc.assert(same, { numRuns: 60, seed: 7 });
});
