import { expect, test } from 'vitest';
import { call, emulatorOf, images, parsed } from './support.ts';

const names = Array.from({ length: 80 }, (_, n) => `lazy/${String(n).padStart(2, '0')}`);

/** More repositories than are held at once, and how often each was built. */
function lazily() {
  const built = new Map<string, number>();
  const { manifests, tags, digests } = images(3);
  const build = (name: string) => {
    built.set(name, (built.get(name) ?? 0) + 1);
    return { manifests, tags };
  };
  const lazy = Object.fromEntries(names.map((name) => [name, () => build(name)]));
  return { lazy, digests, timesBuilt: (name: string) => built.get(name) ?? 0 };
}

test('a repository is built when it is asked for, and again when it was forgotten, the same', async () => {
  const { lazy, timesBuilt } = lazily();
  const emulator = await emulatorOf({ app: images(1) }, { lazy });
  expect(parsed(await call(emulator, '/acr/v1/_catalog'))).toEqual({ repositories: ['app', ...names] });
  expect(timesBuilt('lazy/00')).toBe(0);
  const first = await call(emulator, '/acr/v1/lazy/00/_manifests');
  await call(emulator, '/acr/v1/lazy/00/_tags');
  expect(timesBuilt('lazy/00')).toBe(1);
  for (const name of names.slice(1)) await call(emulator, `/acr/v1/${name}/_tags`);
  expect((await call(emulator, '/acr/v1/lazy/00/_manifests')).body).toBe(first.body);
  expect(timesBuilt('lazy/00')).toBe(2);
});

test('a repository that was changed stays as it is', async () => {
  const { lazy, digests, timesBuilt } = lazily();
  const emulator = await emulatorOf({}, { lazy });
  await call(emulator, `/v2/lazy/00/manifests/${digests[0] ?? ''}`, { method: 'DELETE' });
  emulator.lock('lazy/01', 'v1', { deleteEnabled: false });
  for (const name of names) await call(emulator, `/acr/v1/${name}/_tags`);
  const left = emulator.repositories();
  expect(left['lazy/00']?.tags.map(({ name }) => name)).toEqual(['v1', 'v2']);
  expect(left['lazy/01']?.tags[1]?.locked).toEqual({ deleteEnabled: false });
  expect([timesBuilt('lazy/00'), timesBuilt('lazy/01')]).toEqual([1, 1]);
});

test('a repository that loses its last manifest is not built again', async () => {
  const { lazy, digests } = lazily();
  const emulator = await emulatorOf({}, { lazy });
  for (const digest of digests) await call(emulator, `/v2/lazy/00/manifests/${digest}`, { method: 'DELETE' });
  expect((await call(emulator, '/acr/v1/lazy/00/_tags')).status).toBe(404);
  expect(parsed(await call(emulator, '/acr/v1/_catalog'))).toEqual({ repositories: names.slice(1) });
});

test('answers are counted by status', async () => {
  const emulator = await emulatorOf({ app: images(1) }, { faults: { failing: ({ path }) => (path.endsWith('x') ? 503 : path.endsWith('y') ? 'drop' : undefined) } }); // prettier-ignore
  await call(emulator, '/acr/v1/app/_tags');
  await call(emulator, '/acr/v1/app/_tags/nothing');
  await call(emulator, '/acr/v1/app/_tags/x');
  await expect(call(emulator, '/acr/v1/app/_tags/y')).rejects.toThrow();
  expect(emulator.statuses()).toEqual({ 0: 1, 200: 1, 404: 1, 503: 1 });
});
