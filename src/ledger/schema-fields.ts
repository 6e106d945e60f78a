import { z } from 'zod';

/** A schema for each field of a type, so that none is forgotten. */
export type Shape<T> = {
  readonly [K in keyof T]-?: object extends Pick<T, K> ? z.ZodExactOptional<z.ZodType<T[K]>> : z.ZodType<T[K]>;
};

export const text = z.string();
export const number = z.number();
export const yes = z.literal(true).exactOptional();
export const maybeText = text.exactOptional();
export const maybeNumber = number.exactOptional();
export const texts = z.array(text);
/** ISO 8601. */
export const time = z.iso.datetime({ offset: true });

/** A word that is only shown and counted: one that another version has added does no harm. */
export const word = <T extends string>() => z.custom<T>((value) => typeof value === 'string', 'expected a text');
