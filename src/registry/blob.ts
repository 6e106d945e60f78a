import { Readable } from 'node:stream';
import type { PipelineResponse } from '@azure/core-rest-pipeline';
import { asRegistryError, type Connection } from './client.ts';
import { RegistryError, responseError } from './errors.ts';
import { pathOf, verifierOf } from './names.ts';
import { backOff, isBroken, MAX_RETRIES } from './retry.ts';

/** A registry leads to its storage; no honest one leads further. */
const MOST_REDIRECTS = 3;

/** How often one blob is read on, even where each time some of it comes. */
const MOST_BREAKS = 100;

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

interface Asked {
  readonly repository: string;
  readonly digest: string;
  readonly signal?: AbortSignal | undefined;
  readonly method?: 'HEAD';
  /** Its first byte. Absent: the whole blob. */
  readonly from?: number;
}

/**
 * Asks for a blob, whatever the answer. Azure sends blobs from its storage, to which it leads: that address is asked
 * unsigned, and asked for anew for each part, because it holds for minutes only.
 */
export async function blobAt(
  connection: Connection,
  asked: string,
  { repository, digest, signal, method, from = 0 }: Asked,
): Promise<PipelineResponse> {
  let url = `/v2/${pathOf(repository)}/blobs/${pathOf(digest)}`;
  for (let hops = 0; ; hops += 1) {
    const response = await connection.call(asked, {
      url,
      signal,
      ...(method ? { method } : { streamed: [200, 206] }),
      // Bytes of a packed answer could not be counted.
      headers: { Accept: '*/*', 'Accept-Encoding': 'identity', ...(from > 0 && { Range: `bytes=${from}-` }) },
    });
    const location = REDIRECTS.has(response.status) ? response.headers.get('location') : undefined;
    if (location === undefined) return response;
    const { status, request } = response;
    const wrong = (message: string) => new RegistryError(asked, { status, message });
    if (hops === MOST_REDIRECTS) throw wrong(`redirected more than ${MOST_REDIRECTS} times`);
    if (!URL.canParse(location, request.url)) throw wrong('redirected to what is no address');
    url = new URL(location, request.url).href;
  }
}

/**
 * The bytes of a blob. Where the connection breaks, the rest is asked for.
 * @param first the answer whose body has not been read
 * @throws RegistryError at the end where they are not what the digest names, or more or fewer than the registry said
 */
export async function* readOn(
  connection: Connection,
  asked: string,
  blob: Asked & { readonly size: number },
  first: PipelineResponse,
): AsyncGenerator<Uint8Array, void> {
  const { digest, size, signal } = blob;
  const wrong = (message: string) => new RegistryError(asked, { message });
  const verifier = verifierOf(digest);
  let [at, failures, breaks] = [0, 0, 0];
  for (let response: PipelineResponse | undefined = first; ; response = undefined) {
    try {
      response ??= await partOf(connection, asked, blob, at);
      // A registry that knows no ranges sends everything again.
      let known = response.status === 206 ? 0 : at;
      for await (const came of bodyOf(response)) {
        const chunk = came.subarray(Math.min(known, came.length));
        known -= came.length - chunk.length;
        if (chunk.length === 0) continue;
        if (at + chunk.length > size) throw wrong(`the blob is larger than the ${size} bytes that were announced`);
        at += chunk.length;
        failures = 0;
        verifier.update(chunk);
        yield chunk;
      }
      if (at === size) break;
    } catch (error) {
      // What a call throws was retried already.
      if (error instanceof RegistryError || !isBroken(error)) throw asRegistryError(asked, error);
    }
    if (failures === MAX_RETRIES || breaks === MOST_BREAKS)
      throw wrong(`the connection broke again and again; ${at} of ${size} bytes came`);
    // Ends at once where the run is stopped: the next attempt throws then.
    await connection.clock.sleep(backOff(failures), signal);
    failures += 1;
    breaks += 1;
  }
  if (!verifier.isRight()) throw wrong('what came is not what the digest names');
}

async function partOf(connection: Connection, asked: string, blob: Asked, from: number): Promise<PipelineResponse> {
  const response = await blobAt(connection, asked, { ...blob, from });
  if (response.status === 200) return response;
  if (response.status !== 206) throw responseError(asked, response);
  const [, begin] = /^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '') ?? [];
  if (Number(begin) === from) return response;
  discard(response);
  throw new RegistryError(asked, { status: 206, message: 'the answer is another part of the blob than was asked for' });
}

/** Ends an answer that will not be read. */
export function discard({ readableStreamBody }: PipelineResponse): void {
  if (readableStreamBody instanceof Readable) readableStreamBody.destroy();
}

/** What arrives, as it arrives. The rest is not fetched where the reader stops. */
async function* bodyOf({ readableStreamBody }: PipelineResponse): AsyncGenerator<Uint8Array, void> {
  if (readableStreamBody) yield* readableStreamBody as AsyncIterable<Uint8Array>;
}
