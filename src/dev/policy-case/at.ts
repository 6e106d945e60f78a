import type { Path, Reader } from '../../policy/file/reader.ts';

/*
 * Reads the values of the files of a case.
 */

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An object, with no other keys than these. */
export function objectAt(
  reader: Reader,
  path: Path,
  value: unknown,
  keys?: readonly string[],
): Readonly<Record<string, unknown>> {
  if (!isObject(value)) {
    reader.problem(path, 'must be an object: keys with values');
    return {};
  }
  for (const key of keys ? Object.keys(value) : [])
    if (!keys?.includes(key))
      reader.problem([...path, key], `there is no such key; here may be ${keys?.join(', ') ?? ''}`, { part: 'key' });
  return value;
}

export function textAt(reader: Reader, path: Path, value: unknown): string | undefined {
  if (value === undefined || typeof value === 'string') return value;
  reader.problem(path, 'must be one text; write a number in quotation marks');
  return undefined;
}
