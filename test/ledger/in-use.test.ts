import { expect, test } from 'vitest';
import { readUsed, rememberUsed, type UsedImage } from '../../src/ledger/in-use.ts';
import { rememberPulls } from '../../src/ledger/pulls.ts';
import { memoryStore } from '../../src/ledger/store/memory.ts';
import { DamagedError } from '../../src/ledger/store/store.ts';

const PATH = 'in-use/registry.json';
const day = (of: number): string => new Date(Date.UTC(2026, 2, of)).toISOString();
const image = (tag: string, of: number, source = 'kube'): UsedImage => ({
  ...{ repository: 'app', tag, source, where: 'pod' },
  ...{ first: day(of), last: day(of) },
});
const many = (of: number) => Array.from({ length: 50_000 }, (_, n) => image(`v${n}`, of));

test('what had to be forgotten before its time is said, until that is over', async () => {
  const store = memoryStore();
  await rememberUsed(store, PATH, [image('older', 1, 'list'), image('rare', 2, 'list')], day(0));
  const first = await rememberUsed(store, PATH, many(3), day(0));
  expect(first.images).toHaveLength(50_000);
  expect(first.forgotten).toBe(day(2));
  expect((await readUsed(store, PATH)).forgotten).toBe(day(2));
  // Also where nothing more is forgotten.
  expect(await rememberUsed(store, PATH, [image('v1', 4)], day(2))).toMatchObject({ forgotten: day(2) });
  const later = await rememberUsed(store, PATH, [image('v1', 5)], day(3));
  expect(later.images).toHaveLength(50_000);
  expect(later).not.toHaveProperty('forgotten');
});

test('what is too old is forgotten in its time, and not counted', async () => {
  const store = memoryStore();
  await rememberUsed(store, PATH, many(1), day(0));
  expect(await rememberUsed(store, PATH, [image('v1', 4)], day(3))).toEqual({
    images: [{ ...image('v1', 4), first: day(1) }],
  });
});

test('a file of another format is refused, and stays as it is', async () => {
  const store = memoryStore();
  const text = JSON.stringify({ format: 2, images: [], ignored: [], pulls: [] });
  await store.write(PATH, text, 'absent');
  const words = /in-use\/registry\.json: format: it has the format 2, which this version does not know/;
  await expect(readUsed(store, PATH)).rejects.toThrow(DamagedError);
  await expect(readUsed(store, PATH)).rejects.toThrow(words);
  await expect(rememberUsed(store, PATH, [image('v1', 1)], day(0))).rejects.toThrow(words);
  await expect(rememberPulls(store, PATH, { ignored: [], pulls: [] }, day(0))).rejects.toThrow(words);
  expect((await store.read(PATH))?.text).toBe(text);
});
