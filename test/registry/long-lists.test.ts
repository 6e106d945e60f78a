import { expect, test } from 'vitest';
import { behindProxy } from '../support/proxy.ts';
import { connectTo, withServedEmulator } from '../support/registry.ts';

test('a page of names may have any length', async () => {
  const repositories = Array.from({ length: 200_000 }, (_, n) => `r${n}`);
  await withServedEmulator({ repositories: {} }, (emulator) =>
    behindProxy(
      emulator,
      ({ path }) => (path.includes('_catalog') ? { status: 200, body: JSON.stringify({ repositories }) } : undefined),
      async (proxy) => {
        expect(await connectTo(proxy).repositories(100)).toHaveLength(200_000);
      },
    ),
  );
});
