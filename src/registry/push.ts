import { Readable } from 'node:stream';
import { isRestError } from '@azure/core-rest-pipeline';
import type { Connection } from './client.ts';
import type { BlobDescriptor, ContentReader, ContentWriter } from './content.ts';
import { RegistryError } from './errors.ts';
import { digestOf, isDigest, isDigestOf, nameOf, verifierOf } from './names.ts';
import { backOff, isBroken } from './retry.ts';

/** `there`: the repository had it already. */
export type Pushed = 'pushed' | 'there';

/** Uploads that are begun again: each call of one is retried by itself. */
const MAX_RESTARTS = 3;

/**
 * Statuses of an upload that may do better from its beginning. A part that was sent twice, because its answer was lost,
 * makes the whole another one (400, 416), and a registry may forget an upload (404).
 */
const RESTARTED: ReadonlySet<number | undefined> = new Set([400, 404, 409, 416]);

/**
 * Pushes, over the SDK: it uploads in parts of 4 MiB, so that no layer is in memory, and sends a manifest byte for byte.
 * What is pushed twice is there once.
 */
export function pushesOf(
  connection: Connection,
  hasBlob: ContentReader['hasBlob'],
): Pick<ContentWriter, 'putBlob' | 'putManifest'> {
  return {
    async putBlob(repository, descriptor, source, signal) {
      const { digest } = descriptor;
      const asked = `push the blob ${repository}@${digest}`;
      // The SDK, and Azure, know no other.
      if (!digest.startsWith('sha256:') || !isDigest(digest))
        throw new RegistryError(asked, { message: 'only blobs with a sha256 digest can be pushed' });
      for (let restarts = 0; ; restarts += 1) {
        // An attempt whose answer was lost may have done it.
        if (await hasBlob(repository, digest, signal)) return 'there';
        const bytes = checked(asked, descriptor, source());
        try {
          const body = Readable.from(bytes.stream, { objectMode: false });
          await connection.ask(
            asked,
            (observed) => connection.contentOf(repository).uploadBlob(body, { ...observed }),
            signal,
          );
          return 'pushed';
        } catch (error) {
          const failed = bytes.error();
          if (failed !== undefined) throw failed;
          if (restarts === MAX_RESTARTS || !mayDoBetter(error as RegistryError)) throw error;
        }
        await connection.clock.sleep(backOff(restarts), signal);
      }
    },
    async putManifest(repository, reference, { mediaType, bytes }, signal) {
      const asked = `push ${nameOf(repository, reference)}`;
      const digest = isDigest(reference) ? reference : digestOf(bytes);
      if (!isDigestOf(digest, bytes))
        throw new RegistryError(asked, { message: 'not sent: what should be pushed is not what the digest names' });
      const { status, headers } = await connection.ask(
        asked,
        (observed) =>
          connection.contentOf(repository).setManifest(Buffer.from(bytes), { tag: reference, mediaType, ...observed }),
        signal,
      );
      const got = headers.get('docker-content-digest');
      if (got !== digest)
        throw new RegistryError(asked, { status, message: `the registry took it for ${got ?? 'nothing it names'}` });
    },
  };
}

function mayDoBetter(error: RegistryError): boolean {
  const { status, cause } = error;
  return RESTARTED.has(status) || (status !== undefined && status >= 500) || (isRestError(cause) && isBroken(cause));
}

/** What a source gives, counted and hashed: the SDK would push whatever it is given, under the digest of that. */
function checked(asked: string, { digest, size }: BlobDescriptor, source: AsyncIterable<Uint8Array>) {
  let failed: Error | undefined;
  async function* verified(): AsyncGenerator<Uint8Array, void> {
    const verifier = verifierOf(digest);
    let at = 0;
    // Where the upload is given up, its stream throws that in here: then the source has not failed.
    let isPassedOn = false;
    try {
      for await (const chunk of source) {
        at += chunk.length;
        if (at > size) break;
        verifier.update(chunk);
        isPassedOn = true;
        yield chunk;
        isPassedOn = false;
      }
      if (at !== size || !verifier.isRight())
        throw new RegistryError(asked, { message: 'not pushed: what was read is not what the digest names' });
    } catch (error) {
      if (!isPassedOn) failed = error as Error;
      throw error;
    }
  }
  return { stream: verified(), error: () => failed };
}
