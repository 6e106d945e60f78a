import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { KEY } from '../support/app.ts';

/** Reads an answer, no faster than `bytesPerSecond`. */
export function read(url: string, headers: Record<string, string>, bytesPerSecond: number): Promise<number> {
  return new Promise((resolve, reject) => {
    request(url, { headers: { 'x-functions-key': KEY, ...headers } }, (response) => {
      const consume = async (): Promise<number> => {
        if (response.statusCode !== 200) throw new Error(`status ${String(response.statusCode)} of ${url}`);
        const start = performance.now();
        let bytes = 0;
        for await (const chunk of response as AsyncIterable<Buffer>) {
          bytes += chunk.length;
          const ahead = (bytes / bytesPerSecond) * 1000 - (performance.now() - start);
          if (ahead > 5) await sleep(ahead);
        }
        return bytes;
      };
      consume().then(resolve, reject);
    })
      .on('error', reject)
      .end();
  });
}
