import { z } from 'zod';
import { maybeNumber, number, type Shape, text, time, yes } from './schema-fields.ts';

/** What repositories take up in a registry, each blob counted once, and what of that a run frees. */
export interface StorageSum {
  /** Bytes of all manifests and blobs that were there before the run, as far as they are known. */
  readonly unique: number;
  /** Bytes of those that nothing in the registry has after the run, as far as that is known; in a dry run, would have. */
  readonly frees: number;
  /** Kept manifests of which it is not known what they hold: so it frees at most that. Absent: none. */
  readonly unread?: number;
  /** The same of deleted ones: so it may free more. */
  readonly unreadDeleted?: number;
  /** Of a whole registry: repositories that no run has read yet. Absent: none. */
  readonly repositoriesNotRead?: number;
  /** The same: it is not known which repositories there are. */
  readonly repositoriesNotListed?: true;
}

export const storageSumSchema: z.ZodType<StorageSum> = z.looseObject({
  unique: number,
  frees: number,
  unread: maybeNumber,
  unreadDeleted: maybeNumber,
  repositoriesNotRead: maybeNumber,
  repositoriesNotListed: yes,
} satisfies Shape<StorageSum>);

/** What a registry says that it uses. */
export type UsedRecord =
  /** Bytes. `included`: what its tier includes. */
  | { readonly state: 'known'; readonly at: string; readonly bytes: number; readonly included?: number }
  /** `why`: a part of a sentence. */
  | { readonly state: 'unknown'; readonly at: string; readonly why: string };

/** What a run asks about storage, besides what it computes. */
export interface StorageRecord {
  /** What a GiB costs in a month, in whatever currency. Absent: it is not said. */
  readonly price?: number;
  /** What the registry says that it used before the run, and after it. Absent: it was not asked. */
  readonly before?: UsedRecord;
  readonly after?: UsedRecord;
}

const used = z.discriminatedUnion('state', [
  z.looseObject({ state: z.literal('known'), at: time, bytes: number, included: maybeNumber }),
  z.looseObject({ state: z.literal('unknown'), at: time, why: text }),
]);

export const storageSchema: z.ZodType<StorageRecord> = z.looseObject({
  price: maybeNumber,
  before: used.exactOptional(),
  after: used.exactOptional(),
} satisfies Shape<StorageRecord>);
