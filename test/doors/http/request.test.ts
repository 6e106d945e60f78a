import { ReadableStream } from 'node:stream/web';
import type { HttpRequest } from '@azure/functions';
import { expect, test } from 'vitest';
import { readRequested } from '../../../src/doors/http/request.ts';

const CHUNKS = 300;

test('a body that is too large is taken to its end all the same, while it is refused', async () => {
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (sent === CHUNKS) controller.close();
      else controller.enqueue(Buffer.alloc(64 * 1024, 'z'));
      sent += 1;
    },
  });
  // Not over a socket: Node's own client stops sending when it is answered. The Functions host does not: it forwards the
  // body to its end, and takes a request that it cannot for failed.
  const request = { query: new URLSearchParams(), headers: new Headers(), body } as unknown as HttpRequest;
  await expect(readRequested(request)).rejects.toThrow('64 KiB');
  expect(sent).toBeLessThan(CHUNKS);
  while (sent <= CHUNKS) await new Promise((resolve) => setTimeout(resolve));
});

test('every mistake of a request is named, in its guards and in its flags; of the fields that there are, those that it may say', async () => {
  const query = new URLSearchParams({ 'max-deletions': '-1', ago: '30', filtr: 'a:b' });
  const asked = readRequested({ query, headers: new Headers(), body: null } as unknown as HttpRequest);
  const { problems } = await asked.then(
    () => ({ problems: [] }),
    (error: unknown) => error as { problems: readonly Error[] },
  );
  const said = problems.map(({ message }) => message).join('\n');
  expect(said).toMatch(/filtr[\s\S]*--max-deletions "-1"/);
  expect(said).toContain('keepLastTag');
  expect(said).not.toContain('password');
});
