import { expect, test } from 'vitest';
import { rememberUsed } from '../../src/ledger/in-use.ts';
import { memoryStore } from '../../src/ledger/store/memory.ts';
import { ConflictError } from '../../src/ledger/store/store.ts';

const image = (tag: string) => ({
  ...{ repository: 'app', tag, source: 'kube', where: 'pod' },
  ...{ first: '2026-03-01T00:00:00.000Z', last: '2026-03-01T00:00:00.000Z' },
});
const remember = (store: ReturnType<typeof memoryStore>, tag: string) =>
  rememberUsed(store, 'in-use/registry.json', [image(tag)], '2026-01-01');

test('what another process has added meanwhile is not lost', async () => {
  const store = memoryStore();
  let isFirst = true;
  const { images } = await remember(
    {
      ...store,
      async write(...args) {
        if (isFirst) {
          isFirst = false;
          await remember(store, 'v1');
        }
        return store.write(...args);
      },
    },
    'v2',
  );
  expect(images.map(({ tag }) => tag).toSorted()).toEqual(['v1', 'v2']);
});

test('a file that can never be written is given up', async () => {
  const write = (): Promise<never> => Promise.reject(new ConflictError('it is a folder'));
  await expect(remember({ ...memoryStore(), write }, 'v1')).rejects.toThrow('it is a folder');
});
