import { readdirSync, readlinkSync } from 'node:fs';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { ReadableStream } from 'node:stream/web';
import { describe, expect, test, vi } from 'vitest';
import { answer } from '../../../src/doors/http/answer.ts';

const NEGOTIATED = { mediaType: 'application/json', form: 'json', gzip: false };

/** Files of answers that this process has open. */
function openAnswers(): number {
  const targets = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return '';
    }
  });
  return targets.filter((target) => target.includes('acr-retention-answer-')).length;
}

async function bodyFor(signal: AbortSignal, content: string): Promise<ReadableStream<Uint8Array>> {
  const client = { signal, ready: () => Promise.resolve() };
  return (await answer(NEGOTIATED, client, (write) => write(content))).body as ReadableStream<Uint8Array>;
}

describe.runIf(process.platform === 'linux')('the file of an answer is closed', () => {
  const content = 'x'.repeat(200_000);

  test('once it is sent', async () => {
    expect(await text(Readable.fromWeb(await bodyFor(new AbortController().signal, content)))).toBe(content);
    await vi.waitFor(() => expect(openAnswers()).toBe(0));
  });

  test.each([0, 1])('where its body is given up after %d pieces', async (pieces) => {
    const body = await bodyFor(new AbortController().signal, content);
    const reader = body.getReader();
    for (let n = 0; n < pieces; n += 1) await reader.read();
    await reader.cancel();
    await vi.waitFor(() => expect(openAnswers()).toBe(0));
  });

  test.each(['before it is made', 'before the first byte', 'in the middle'])(
    'where the client leaves %s',
    async (when) => {
      const gone = new AbortController();
      if (when === 'before it is made') gone.abort();
      const body = await bodyFor(gone.signal, content);
      if (when === 'in the middle') await body.getReader().read();
      gone.abort();
      await vi.waitFor(() => expect(openAnswers()).toBe(0));
    },
  );
});
