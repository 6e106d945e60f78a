/** Application Insights cuts a message off after 32,768 characters, which would leave half a record. */
const LONGEST = 30_000;

/** Estimated to be shorter than this, a record is logged without being measured, as nearly all are. */
const USUAL = 4_000;

/** Entries of a list, and characters of a text. The first of these limits that makes a record short enough is used. */
const LIMITS = [
  { items: 50, characters: 1_000 },
  { items: 10, characters: 200 },
  { items: 3, characters: 100 },
] as const;

type Limits = (typeof LIMITS)[number];

/** The fields of a record of the log and its message; where they are too long for a line, their beginnings. */
export function truncate(fields: object, message: string): readonly [object, string] {
  const record = [fields, message] as const;
  if (lengthOf(record) <= USUAL || isShort(record)) return record;
  const shortened = LIMITS.map((limits) => [shorten(fields, limits) as object, cut(message, limits)] as const);
  return shortened.find(isShort) ?? ['event' in fields ? { event: fields.event } : {}, cut(message, LIMITS[2])];
}

function isShort(record: readonly [object, string]): boolean {
  return JSON.stringify(record).length <= LONGEST;
}

/** The length as JSON, estimated. */
function lengthOf(value: unknown): number {
  if (typeof value === 'string') return value.length + 3;
  if (typeof value !== 'object' || value === null) return 8;
  let sum = 2;
  for (const [name, one] of Object.entries(value)) sum += name.length + 3 + lengthOf(one);
  return sum;
}

function shorten(value: unknown, limits: Limits): unknown {
  if (typeof value === 'string') return cut(value, limits);
  if (Array.isArray(value)) {
    const first = value.slice(0, limits.items).map((one) => shorten(one, limits));
    return value.length > limits.items ? [...first, `… ${value.length - limits.items} more`] : first;
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, shorten(one, limits)]));
}

function cut(text: string, { characters }: Limits): string {
  return text.length > characters ? `${text.slice(0, characters)}…` : text;
}
