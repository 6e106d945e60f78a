import { z } from 'zod';
import { number, type Shape, text } from './schema-fields.ts';

/** Whether the registry keeps what is deleted, as a run found out when it began. */
type SoftDeleteRecord =
  | { readonly state: 'on'; readonly days: number }
  | { readonly state: 'off' }
  /** `why`: a part of a sentence. */
  | { readonly state: 'unknown'; readonly why: string };

/** By what the deletions of a run can be undone. */
export interface UndoRecord {
  readonly softDelete: SoftDeleteRecord;
}

const softDelete = z.discriminatedUnion('state', [
  z.looseObject({ state: z.literal('on'), days: number }),
  z.looseObject({ state: z.literal('off') }),
  z.looseObject({ state: z.literal('unknown'), why: text }),
]);

export const undoSchema: z.ZodType<UndoRecord> = z.looseObject({ softDelete } satisfies Shape<UndoRecord>);
