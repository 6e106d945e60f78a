import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { hostCommand, problemWith } from '../../../src/dev/host/flags.ts';

test('a port in use is said, with what to write instead; a free one is not', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  try {
    expect(await problemWith(port)).toContain(
      `port ${port} is in use; stop what uses it, or write npm start -- --port`,
    );
  } finally {
    server.close();
  }
  await once(server, 'close');
  expect(await problemWith(port)).toBeUndefined();
});

test('the help tells the flags, and no key', () => {
  const command = hostCommand();
  const help = command.helpInformation();
  for (const flag of ['--port', '--key', '--master-key', '--root', '--as', '--no-sign-in'])
    expect(help).toContain(flag);
  for (const key of [
    command.opts<{ readonly key: string }>().key,
    command.opts<{ readonly masterKey: string }>().masterKey,
  ])
    expect(help).not.toContain(key);
});
