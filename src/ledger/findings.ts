import { z } from 'zod';
import type { ImageFindings, Scan } from '../evidence/findings.ts';
import type { DecisionFindings, FindingsListed, FindingSum, FindingSums } from '../planner/findings.ts';
import type { FindingSource } from '../policy/findings.ts';
import { maybeNumber, maybeText, number, type Shape, text, texts, time, word, yes } from './schema-fields.ts';

/* What is recorded of vulnerabilities. */

/** What a run knew of the vulnerabilities of its images, by one source. It keeps and deletes nothing for that. */
export interface FindingsRecord {
  readonly source: FindingSource;
  /** ISO 8601, UTC. */
  readonly observedAt: string;
  /** Everything was read. */
  readonly complete: boolean;
  readonly problems?: readonly string[];
  /** Images of the registry that it has scanned. */
  readonly images: number;
}

const bySeverity = z.record(text, number);

const scan = z.looseObject({
  by: word<Scan['by']>(),
  at: maybeText,
  bySeverity,
  fixable: bySeverity,
  ids: texts,
} satisfies Shape<Scan>);

const image = {
  scan: scan.exactOptional(),
  packages: maybeNumber,
  endOfLife: maybeText,
  base: maybeText,
} satisfies Shape<ImageFindings>;

export const imageFindings: z.ZodType<ImageFindings> = z.looseObject(image);

export const decisionFindings: z.ZodType<DecisionFindings> = z.looseObject({
  ...image,
  ofParts: yes,
  part: yes,
  inUse: yes,
} satisfies Shape<DecisionFindings>);

/** Whether a value is that, by hand: as many are read as decisions. */
export function isPlainFindings(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).every(([key, field]: [string, unknown]) => FIELDS.get(key)?.(field) === true);
}

const isText = (field: unknown): boolean => typeof field === 'string';
const isNumber = (field: unknown): boolean => typeof field === 'number';
const isYes = (field: unknown): boolean => field === true;
const FIELDS: ReadonlyMap<string, (field: unknown) => boolean> = new Map([
  ['scan', (field) => scan.safeParse(field).success],
  ['packages', isNumber],
  ['endOfLife', isText],
  ['base', isText],
  ['ofParts', isYes],
  ['part', isYes],
  ['inUse', isYes],
]);

const sum = z.looseObject({
  images: number,
  notScanned: number,
  bySeverity,
  fixable: bySeverity,
} satisfies Shape<FindingSum>);

export const listedFindings: z.ZodType<FindingsListed> = z.looseObject({
  all: sum,
  inUse: sum.exactOptional(),
} satisfies Shape<FindingsListed>);

export const findingSums: z.ZodType<FindingSums> = z.looseObject({
  removed: sum,
  kept: sum,
  inUse: sum.exactOptional(),
} satisfies Shape<FindingSums>);

export const findingsRecord: z.ZodType<FindingsRecord> = z.looseObject({
  source: word<FindingsRecord['source']>(),
  observedAt: time,
  complete: z.boolean(),
  problems: texts.exactOptional(),
  images: number,
} satisfies Shape<FindingsRecord>);
