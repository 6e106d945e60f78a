import { type PipelinePolicy, RestError } from '@azure/core-rest-pipeline';

/** No answer of a registry takes longer, and waiting for one for ever helps nobody. */
const TIMEOUT_MS = 100_000;

/** A page of 1,000 manifests is about half a megabyte; a manifest may have 4 MiB at most. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;

/** Makes the HTTP client hand over every answer as a stream (its own way to say "all of them"). */
const EVERY_STATUS: ReadonlySet<number> = new Set([Number.POSITIVE_INFINITY]);

/**
 * Ends a call that takes too long or answers too much, so that a hanging or hostile registry cannot stop a run, and
 * reads the answer: one that breaks off in the middle is an error here, inside the retries, and not later.
 */
export function limits(): PipelinePolicy {
  return {
    name: 'acrRetentionLimits',
    async sendRequest(request, next) {
      const controller = new AbortController();
      const timer = setTimeout(() => controller.abort(), TIMEOUT_MS);
      const before = { signal: request.abortSignal, streamed: request.streamResponseStatusCodes };
      request.abortSignal = controller.signal;
      request.streamResponseStatusCodes = new Set(EVERY_STATUS);
      try {
        const response = await next(request);
        const stream = response.readableStreamBody;
        if (stream) {
          delete response.readableStreamBody;
          response.bodyAsText = await readText(stream);
        }
        return response;
      } catch (error) {
        if (controller.signal.aborted) {
          throw new RestError(`no answer within ${TIMEOUT_MS / 1000} s`, { code: 'ETIMEDOUT', request });
        }
        throw error;
      } finally {
        clearTimeout(timer);
        // Left as it was found: the policies around look at both, and an aborted signal would end their retries.
        restore(request, 'abortSignal', before.signal);
        restore(request, 'streamResponseStatusCodes', before.streamed);
      }

      async function readText(stream: NodeJS.ReadableStream): Promise<string> {
        const chunks: Buffer[] = [];
        let bytes = 0;
        try {
          for await (const chunk of stream) {
            const buffer = Buffer.from(chunk);
            bytes += buffer.length;
            if (bytes > MAX_ANSWER_BYTES) break;
            chunks.push(buffer);
          }
        } catch (error) {
          throw new RestError(`the answer broke off: ${(error as Error).message}`, { code: 'ECONNRESET', request });
        }
        if (bytes <= MAX_ANSWER_BYTES) return Buffer.concat(chunks).toString('utf8');
        controller.abort();
        throw new RestError(`the answer is larger than ${MAX_ANSWER_BYTES} bytes`, { code: 'TOO_LARGE', request });
      }
    },
  };
}

function restore<T extends object, K extends keyof T>(target: T, key: K, value: T[K] | undefined): void {
  if (value === undefined) Reflect.deleteProperty(target, key);
  else target[key] = value;
}
