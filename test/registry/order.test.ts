import { expect, test } from 'vitest';
import { image } from '../../src/dev/emulator/manifests.ts';
import { repositoryOf } from '../support/contents.ts';
import { connectTo, withServedEmulator } from '../support/registry.ts';

const COUNT = 20;

test('manifests are read repository by repository, and a listing does not wait for them', async () => {
  const built = Array.from({ length: COUNT }, (_, n) => image(`image/${n}`));
  const state = repositoryOf(...built.map((one) => ({ built: one, days: 1 })));
  await withServedEmulator(
    { repositories: { a: state, b: state, c: state }, faults: { latencyMs: 5 } },
    async (emulator) => {
      const registry = connectTo(emulator, 2);
      const reading = ['a', 'b'].flatMap((name) => built.map(({ digest }) => registry.manifest(name, digest)));
      const listing = registry.manifests('c');
      await Promise.all([...reading, listing]);
      const calls = emulator.requests().map(({ repository, kind }) => `${kind} ${repository ?? ''}`);
      // What was sent before there was a queue may be of any.
      expect(calls.slice(2, COUNT)).not.toContain('read-manifest b');
      expect(calls.indexOf('list-manifests c')).toBeLessThan(6);
      expect(calls.filter((call) => call.startsWith('read-manifest'))).toHaveLength(2 * COUNT);
    },
  );
});
