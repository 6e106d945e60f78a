import { z } from 'zod';
import type { Decision, DecisionError, Deleted, Kept, LostLock, Release, Restored } from '../planner/decision.ts';
import { decisionFindings, isPlainFindings } from './findings.ts';
import type { Intent, Lock } from './journal.ts';
import { maybeNumber, maybeText, number, type Shape, text, texts, time, word, yes } from './schema-fields.ts';

export const error = z.looseObject({
  message: text,
  status: maybeNumber,
  code: maybeText,
  correlationId: maybeText,
  missing: word<NonNullable<DecisionError['missing']>>().exactOptional(),
} satisfies Shape<DecisionError>);

export const lock = { deleteEnabled: z.boolean(), writeEnabled: z.boolean() } satisfies Shape<Lock>;

const artifact = {
  repository: text,
  kind: z.enum(['tag', 'manifest']),
  tag: maybeText,
  digest: maybeText,
  tags: texts.exactOptional(),
  detail: text,
  rule: maybeText,
  beyondAcrPurge: z.boolean(),
  mediaType: maybeText,
  size: maybeNumber,
  locked: yes,
  withoutLock: yes,
  lock: z.looseObject(lock).exactOptional(),
  quarantine: z.looseObject({ since: time.exactOptional(), until: time }).exactOptional(),
  findings: decisionFindings.exactOptional(),
  createdTime: maybeText,
  lastUpdateTime: maybeText,
};

const kept = z.looseObject({
  ...artifact,
  action: z.literal('keep'),
  reason: word<Kept['reason']>(),
  release: z
    .looseObject({
      outcome: z.enum(['planned', 'released', 'refused', 'failed']),
      needed: z.literal(true).exactOptional(),
      error: error.exactOptional(),
    } satisfies Shape<Release>)
    .exactOptional(),
} satisfies Shape<Kept>);

const deleted = z.looseObject({
  ...artifact,
  action: z.literal('delete'),
  reason: word<Deleted['reason']>(),
  outcome: z.enum(['planned', 'held', 'deleted', 'quarantined', 'already-gone', 'refused', 'failed', 'not-attempted']),
  filter: maybeText,
  error: error.exactOptional(),
  leavesUntagged: z.looseObject({ tags: number, bytes: number }).exactOptional(),
  leavesSignatures: maybeNumber,
  lostLock: z.looseObject({ ...lock, restore: text } satisfies Shape<LostLock>).exactOptional(),
} satisfies Shape<Deleted>);

const restored = z.looseObject({
  ...artifact,
  action: z.literal('restore'),
  reason: word<Restored['reason']>(),
  outcome: word<Restored['outcome']>(),
  error: error.exactOptional(),
} satisfies Shape<Restored>);

const decision: z.ZodType<Decision> = z.discriminatedUnion('action', [kept, deleted, restored]);

/** A line of `decisions/<repository>.ndjson.gz`, but its first. */
export function decisionSchema(line: unknown): z.ZodType<Decision> | undefined {
  return isPlainDecision(line) ? undefined : decision;
}

/**
 * Whether a value is a decision of which no field but `tags` and `findings` holds others, as nearly all are. By hand: a run has 200,000
 * of them, and the schema would double the time that it takes to read them.
 */
function isPlainDecision(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const one: Partial<Record<keyof Kept | keyof Deleted, unknown>> = value;
  const hasOutcome = one.action === 'keep' || (one.action === 'delete' && OUTCOMES.has(one.outcome));
  const isTagOrManifest = one.kind === 'tag' || one.kind === 'manifest';
  if (!hasOutcome || !isTagOrManifest || typeof one.beyondAcrPurge !== 'boolean') return false;
  const required = one.action === 'keep' ? 3 : 4;
  const words = count('string', one.repository) + count('string', one.detail) + count('string', one.reason);
  const names = count('string', one.tag) + count('string', one.digest) + count('string', one.mediaType);
  const times = count('string', one.createdTime) + count('string', one.lastUpdateTime);
  const others = count('string', one.filter) + count('string', one.rule) + count('number', one.size);
  const tags = Array.isArray(one.tags) && one.tags.every((tag) => typeof tag === 'string') ? 1 : 0;
  const findings = isPlainFindings(one.findings) ? 1 : 0;
  // Any other field, or one of another type, is not among those that are counted.
  return words === 3 && required + words + names + times + others + tags + findings === Object.keys(value).length;
}

const OUTCOMES: ReadonlySet<unknown> = new Set(deleted.shape.outcome.options);

function count(type: 'string' | 'number', field: unknown): 0 | 1 {
  return typeof field === type ? 1 : 0;
}

const intent = z.looseObject({
  repository: text,
  intent: texts,
  locks: z.record(text, z.looseObject(lock)).exactOptional(),
  time,
} satisfies Shape<Intent>);

/** A line of a journal. */
export function journalSchema(line: unknown): z.ZodType<Intent | Decision> | undefined {
  return typeof line === 'object' && line !== null && 'intent' in line ? intent : decisionSchema(line);
}
