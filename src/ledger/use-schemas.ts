import { z } from 'zod';
import { maybeText, type Shape, text, texts, time } from './schema-fields.ts';
import type { UsedImage, UsedImages } from './in-use.ts';
import type { Covered, KnownPulls, RememberedPull } from './pulls.ts';

/* What is remembered of the use of images. A field that is not known here is kept: another version wrote it. */

/** Of a file that decides what is kept, and that this version would write over: another one is refused. */
export const onlyFormat = z.literal(1, {
  error: ({ input }) =>
    typeof input === 'number'
      ? `it has the format ${input}, which this version does not know; use the version that wrote it`
      : 'expected a number',
});

/** `in-use/<registry>.json` */
export const usedSchema = z.looseObject({
  format: onlyFormat,
  forgotten: time.exactOptional(),
  images: z.array(
    z.looseObject({
      repository: text,
      tag: maybeText,
      digest: maybeText,
      config: maybeText,
      source: text,
      where: text,
      first: time,
      last: time,
    } satisfies Shape<UsedImage>),
  ),
} satisfies Shape<UsedImages> & { readonly format: unknown });

/** `pulls/<registry>.json` */
export const pullsSchema = z.looseObject({
  format: onlyFormat,
  covers: z.looseObject({ since: time, until: time } satisfies Shape<Covered>).exactOptional(),
  ignored: texts,
  pulls: z.array(
    z.looseObject({
      repository: text,
      tag: maybeText,
      digest: maybeText,
      last: time,
      client: maybeText,
    } satisfies Shape<RememberedPull>),
  ),
} satisfies Shape<KnownPulls> & { readonly format: unknown });
