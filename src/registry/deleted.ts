import { z } from 'zod';
import { parseAnswer } from './answers.ts';
import type { Connection } from './client.ts';
import type { ContentReader, ContentWriter } from './content.ts';
import { RegistryError, responseError } from './errors.ts';
import { newPaging, nextPage } from './listing.ts';
import { isDigest, nameOf, pathOf } from './names.ts';
import { type Instant, parseInstant } from './time.ts';

/** A manifest that was deleted softly, and can be restored until the registry's retention is over. */
export interface DeletedManifest {
  readonly digest: string;
  /** `undefined` where the registry gave no time, or one that cannot be read. */
  readonly deletedAt: Instant | undefined;
}

/** A tag that was deleted, by itself or with its manifest. A name may have been deleted several times. */
export interface DeletedTag {
  readonly tag: string;
  readonly digest: string;
  readonly deletedAt: Instant | undefined;
}

export type RestoreResult =
  | { readonly state: 'restored' }
  /** It is not among what was deleted: its time is over, or it was restored already. */
  | { readonly state: 'not-deleted' }
  /** The registry refused it: the tag names another manifest now, or the identity may not. */
  | { readonly state: 'refused'; readonly error: RegistryError };

/** The Azure CLI asks for so many. */
const PAGE_SIZE = 100;

const time = z.unknown().transform(parseInstant);
const digest = z.string().refine(isDigest, 'something deleted has a digest that cannot be one');

const DeletedManifests = z
  .object(
    { manifests: z.array(z.object({ digest, deletedAt: time }), '"manifests" is not a list').nullish() },
    'the answer is not a JSON object',
  )
  .transform(({ manifests }): readonly DeletedManifest[] => manifests ?? []);

const DeletedTags = z
  .object(
    {
      tags: z
        .array(
          z.object({
            tag: z.string().regex(/^\w[\w.-]{0,127}$/, 'a deleted tag has a name that no tag can have'),
            digest,
            deletedAt: time,
          }),
          '"tags" is not a list',
        )
        .nullish(),
    },
    'the answer is not a JSON object',
  )
  .transform(({ tags }): readonly DeletedTag[] => tags ?? []);

/**
 * Azure's soft delete (a preview). Its addresses and answers are those that the Azure CLI uses (`az acr manifest
 * list-deleted`, `list-deleted-tags`, `restore`); the SDK does not know them.
 */
export function deletedOf(
  connection: Connection,
): Pick<ContentReader, 'deletedManifests' | 'deletedTags'> & Pick<ContentWriter, 'restoreDeleted'> {
  /** Follows a list of what was deleted; `undefined` where it is not known. */
  async function list<T>(
    asked: string,
    path: string,
    schema: z.ZodType<readonly T[]>,
    signal: AbortSignal | undefined,
  ): Promise<readonly T[] | undefined> {
    const found: T[] = [];
    const paging = newPaging();
    let next: string | undefined = `${path}?n=${PAGE_SIZE}`;
    while (next !== undefined) {
      const response = await connection.fetch(asked, next, 'application/json', signal);
      if (response.status === 404) return undefined;
      if (response.status !== 200) throw responseError(asked, response, undefined, NOT_ALLOWED);
      const wrong = (message: string) => new RegistryError(asked, { status: 200, message });
      const page = parseAnswer(schema, response.bodyAsText, wrong);
      for (const one of page) found.push(one);
      try {
        next = nextPage(connection.endpoint.origin + next, response.headers.get('link'));
        paging.take(page.length, next);
      } catch (error) {
        throw wrong((error as Error).message);
      }
    }
    return found;
  }

  return {
    deletedManifests: (repository, signal) =>
      list(
        `list the deleted manifests of ${repository}`,
        `/acr/v1/_deleted/${pathOf(repository)}/_manifests`,
        DeletedManifests,
        signal,
      ),
    deletedTags: (repository, signal) =>
      list(
        `list the deleted tags of ${repository}`,
        `/acr/v1/_deleted/${pathOf(repository)}/_tags`,
        DeletedTags,
        signal,
      ),
    async restoreDeleted(repository, manifest, tag, { force }, signal) {
      const named = tag === undefined ? '' : ` as ${tag}`;
      const asked = `restore ${nameOf(repository, manifest)}${named}`;
      const response = await connection.call(asked, {
        method: 'POST',
        url: `/acr/v1/_deleted/${pathOf(repository)}/_manifests/${pathOf(manifest)}?force=${String(force)}`,
        headers: { Accept: 'application/json', 'Content-Type': 'application/json' },
        body: JSON.stringify({ tag: tag ?? null }),
        signal,
      });
      const { status } = response;
      if (status >= 200 && status < 300) return { state: 'restored' };
      if (status === 404) return { state: 'not-deleted' };
      const error = responseError(asked, response, undefined, NOT_ALLOWED);
      if (status < 500 && status !== 429) return { state: 'refused', error };
      throw error;
    },
  };
}

/** No built-in role of the data plane has these. */
const NOT_ALLOWED =
  'the identity needs Microsoft.ContainerRegistry/registries/deleted/read and .../deleted/restore/action on the registry';
