import { z } from 'zod';
import type { Hold } from '../planner/decision.ts';
import type { Guards } from '../policy/guards.ts';
import type { MovingTag } from '../policy/moving-tags.ts';
import { error } from './decision-schema.ts';
import { findingsRecord, findingSums, listedFindings } from './findings.ts';
import { maybeNumber, maybeText, number, type Shape, text, texts, time, word, yes } from './schema-fields.ts';
import {
  type Activity,
  type AskedSource,
  type Cancellation,
  type Child,
  type EvidenceRecord,
  type ParentRecord,
  type PlanRecord,
  type PolicyRecord,
  type RepositoryRecord,
  type Releases,
  type Restores,
  type Resumption,
  RUN_STATES,
  type RunProgress,
  type RunRecord,
  type SelectedRepository,
  type Stop,
} from './records.ts';
import { actorSchema, reviewSchema } from './reviews.ts';
import { storageSchema, storageSumSchema } from './storage.ts';
import { undoSchema } from './undo.ts';
import type { Holder } from './store/store.ts';
import type { ArchiveCounts } from './archive.ts';
import type { Counts, RepositorySummary, Totals } from './summary.ts';

/*
 * What each file of a ledger holds. A field that is not known here is kept: another version wrote it.
 */

const counts = z.looseObject({
  deleted: number,
  kept: number,
  failed: number,
  notAttempted: number,
  alreadyGone: number,
  quarantined: maybeNumber,
  restored: maybeNumber,
} satisfies Shape<Counts>);

const size = z.looseObject({ tags: maybeNumber, manifests: maybeNumber, bytes: maybeNumber });

const listed = z.looseObject({
  ...size.shape,
  lastPush: maybeText,
  inUse: maybeNumber,
  findings: listedFindings.exactOptional(),
} satisfies Shape<RepositorySummary['listed']>);

const totals = {
  listed: size,
  afterwards: size.exactOptional(),
  leftUntagged: z.looseObject({ manifests: number, bytes: number }).exactOptional(),
  leftSignatures: maybeNumber,
  tags: counts,
  manifests: counts,
  bytes: number,
  reasons: z.record(text, number),
  beyondAcrPurge: number,
  missing: z.record(text, z.looseObject({ refused: number, notAttempted: number })).exactOptional(),
  quarantine: z
    .looseObject({
      waiting: number,
      tagsWaiting: number,
      released: number,
      needed: maybeNumber,
      until: maybeText,
      bytes: maybeNumber,
    })
    .exactOptional(),
  findings: findingSums.exactOptional(),
  archived: z
    .looseObject({
      manifests: number,
      blobs: number,
      bytes: number,
      milliseconds: number,
    } satisfies Shape<ArchiveCounts>)
    .exactOptional(),
  storage: storageSumSchema.exactOptional(),
} satisfies Shape<Totals>;

const movingTag = z.looseObject({
  repository: text,
  tag: text,
  filter: text,
  kind: z.enum(['name', 'version']),
} satisfies Shape<MovingTag>);

const summary = z.looseObject({
  ...totals,
  listed,
  repository: text,
  state: z.enum(['done', 'failed', 'stopped', 'held']),
  error: error.exactOptional(),
  stage: z.literal('planned').exactOptional(),
  warnings: texts.exactOptional(),
  movingTags: z.array(movingTag).exactOptional(),
  lostLocks: z
    .array(z.looseObject({ image: text, restore: text, deleted: z.literal(true).exactOptional() }))
    .exactOptional(),
} satisfies Shape<RepositorySummary>);

/** A line of `repositories.ndjson.gz`, and the first of `decisions/<repository>.ndjson.gz`. */
export const repositorySchema: z.ZodType<RepositoryRecord> = z.looseObject({
  summary,
  planned: z.looseObject({ deletions: number, hash: text }),
} satisfies Shape<RepositoryRecord>);

/** A line of `selected.ndjson.gz`. */
export const selectedSchema: z.ZodType<SelectedRepository> = z.looseObject({
  repository: text,
  commands: z.array(number),
} satisfies Shape<SelectedRepository>);

/** `cancel.json` */
export const cancellationSchema: z.ZodType<Cancellation> = z.looseObject({
  at: time,
  askedBy: word<Cancellation['askedBy']>(),
  by: maybeText,
  actor: actorSchema.exactOptional(),
} satisfies Shape<Cancellation>);

const holder = z.looseObject({
  runId: text,
  startedBy: text,
  host: text,
  pid: number,
  process: maybeText,
  since: time,
} satisfies Shape<Holder>);

const stopped = z.looseObject({ by: word<Stop['by']>(), detail: text } satisfies Shape<Stop>);

const activity = z.looseObject({
  repository: text,
  listed: number,
  read: number,
  deleted: number,
} satisfies Shape<Activity>);

const progress = z.looseObject({
  done: number,
  of: number,
  planned: maybeNumber,
  at: time.exactOptional(),
  workers: z.record(text, z.looseObject({ done: number, planned: number })).exactOptional(),
  working: z.array(activity).exactOptional(),
} satisfies Shape<RunProgress>);

const policy = z.looseObject({
  commands: z.array(
    z.looseObject({ given: text, file: text.exactOptional(), understood: z.record(text, z.unknown()) }),
  ),
  hash: text,
  from: word<PolicyRecord['from']>(),
} satisfies Shape<PolicyRecord>);

const plan = z.looseObject({
  hash: text,
  deletions: number,
  state: z.enum(['open', 'waiting', 'applied', 'rejected']),
  appliedBy: maybeText,
  parts: texts.exactOptional(),
  resumptions: number.exactOptional(),
  reviews: z.array(reviewSchema).exactOptional(),
} satisfies Shape<PlanRecord>);

const hold = z.looseObject({
  breaker: word<Hold['breaker']>(),
  repository: maybeText,
  found: number,
  limit: number,
  detail: text,
} satisfies Shape<Hold>);

const guards = z.looseObject({
  maxDeletions: maybeNumber,
  maxDeletionPercent: maybeNumber,
  keepLastTag: z.boolean().exactOptional(),
  maxMedianFactor: maybeNumber,
} satisfies Shape<Guards>);

/** Another one is for `whyNotResumed` to say. */
const format = z.custom<1>((value) => typeof value === 'number', 'expected a number');

const evidence = z.looseObject({
  source: text,
  observedAt: time,
  scope: text,
  complete: z.boolean(),
  problems: texts.exactOptional(),
  images: number,
  within: maybeText,
} satisfies Shape<EvidenceRecord>);

/** `run.json` */
export const runSchema: z.ZodType<RunRecord> = z.looseObject({
  format,
  id: text,
  kind: word<RunRecord['kind']>(),
  dryRun: z.boolean(),
  startedBy: text,
  by: maybeText,
  actor: actorSchema.exactOptional(),
  parent: maybeText,
  registry: text,
  policy,
  toolVersion: text,
  started: time,
  // A plan in which it is none is refused as changed.
  agesFrom: text,
  holder,
  ended: time.exactOptional(),
  state: z.enum(RUN_STATES),
  progress,
  stopped: stopped.exactOptional(),
  cancelled: cancellationSchema.exactOptional(),
  resumed: z
    .array(
      z.looseObject({
        at: time,
        startedBy: text,
        by: maybeText,
        actor: actorSchema.exactOptional(),
      } satisfies Shape<Resumption>),
    )
    .exactOptional(),
  totals: z.looseObject(totals).exactOptional(),
  warnings: texts,
  locksLost: maybeNumber,
  breakers: z.array(hold),
  guards: guards.exactOptional(),
  breakersAsked: yes,
  matched: z.array(z.array(number)).exactOptional(),
  sources: z.array(z.looseObject({ source: text, within: maybeText } satisfies Shape<AskedSource>)).exactOptional(),
  evidence: z.array(evidence).exactOptional(),
  findings: z.array(findingsRecord).exactOptional(),
  archive: maybeText,
  storage: storageSchema.exactOptional(),
  error: error.exactOptional(),
  plan: plan.exactOptional(),
  applies: maybeText,
  appliesPart: yes,
  undo: undoSchema.exactOptional(),
  restores: z.looseObject({ run: maybeText, image: maybeText, force: yes } satisfies Shape<Restores>).exactOptional(),
  releases: z.looseObject({ all: yes, run: maybeText, image: maybeText } satisfies Shape<Releases>).exactOptional(),
} satisfies Shape<RunRecord>);

/** `parent.json` */
export const parentSchema: z.ZodType<ParentRecord> = z.looseObject({
  format,
  id: text,
  kind: word<ParentRecord['kind']>(),
  startedBy: text,
  by: maybeText,
  started: time,
  registries: texts,
  holder: holder.exactOptional(),
} satisfies Shape<ParentRecord>);

/** `registries/<registry>.json` */
export const childSchema: z.ZodType<Child> = z.looseObject({
  registry: text,
  runId: maybeText,
  error: error.exactOptional(),
  notBegun: word<Stop['by']>().exactOptional(),
} satisfies Shape<Child>);

/** `watched/<registry>.json` */
export const watchedSchema = z.looseObject({ since: time });
