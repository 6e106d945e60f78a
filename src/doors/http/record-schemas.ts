import * as z from 'zod';
import { type RepositoryRecord, RUN_KINDS, RUN_STATES, type RunRecord, type RunSummary } from '../../index.ts';
import { FINDING_SOURCES } from '../../policy/findings.ts';
import { decision, decisionError } from './decision-schemas.ts';
import { actor, count, runId, texts, time } from './schema-parts.ts';
import { amount, listedFindings, REASONS, totalled, totals } from './total-schemas.ts';

/*
 * What the app answers, as schemas: openapi.json describes the answers by them, and tests hold real answers against it.
 * `satisfies` holds them to the types of the records that are answered.
 */

const kind = z.enum(RUN_KINDS);
export const runState = z.enum(RUN_STATES).meta({
  id: 'RunState',
  description: [
    'done: everything was done that was to be done',
    'waiting: so was everything but what a guard holds back, which waits for approval',
    'failed: something failed or was refused',
    'stopped: it was told to end, or its time was up; it can be resumed',
    'interrupted: its process ended, which a later run found; it can be resumed',
  ].join('; '),
});

export const repository = z
  .object({
    repository: z.string(),
    state: z.enum(['done', 'failed', 'stopped', 'held']),
    error: decisionError.exactOptional(),
    stage: z.literal('planned').exactOptional(),
    warnings: texts.exactOptional(),
    movingTags: z
      .array(
        z.object({ repository: z.string(), tag: z.string(), filter: z.string(), kind: z.enum(['name', 'version']) }),
      )
      .exactOptional(),
    ...totalled,
    listed: amount
      .extend({
        lastPush: z.string().exactOptional().describe('When something was pushed or tagged last'),
        inUse: count.exactOptional().describe('Images that workloads use; absent where that is not known'),
        findings: listedFindings.exactOptional(),
      })
      .describe('How much there was before, decided on or not'),
    lostLocks: z
      .array(z.object({ image: z.string(), restore: z.string(), deleted: z.literal(true).exactOptional() }))
      .exactOptional(),
  })
  .meta({ id: 'RepositorySummary' }) satisfies z.ZodType<RepositoryRecord['summary']>;

export const stop = z
  .object({ by: z.enum(['budget', 'timeout', 'signal', 'cancel', 'settings', 'lock']), detail: z.string() })
  .meta({ id: 'Stop', description: 'Why a run ended before it was done' });
const hold = z
  .object({
    breaker: z.enum(['max-deletions', 'max-deletion-percent', 'no-tag-left', 'far-above-median']),
    repository: z.string().exactOptional(),
    found: z.number(),
    limit: z.number(),
    detail: z.string(),
  })
  .meta({ id: 'Hold', description: 'A guard that holds deletions back until they are approved' });
export const holds = z.array(hold);
export const cancellation = z
  .object({
    at: time,
    askedBy: z.enum(['request', 'command line']),
    by: z.string().exactOptional(),
    actor: actor.exactOptional(),
  })
  .meta({ id: 'Cancellation' });
export const plan = z
  .object({
    hash: z.string().describe('Its first twelve characters approve the plan'),
    deletions: count,
    state: z.enum(['open', 'waiting', 'applied', 'rejected']),
    appliedBy: runId.exactOptional(),
    parts: z.array(runId).exactOptional().describe('The runs that have carried out a part of it each'),
    resumptions: count.exactOptional().describe('How often a run that carries it out was resumed'),
    reviews: z
      .array(
        z.object({
          verdict: z.enum(['approved', 'rejected']),
          at: time,
          by: actor,
          comment: z.string().exactOptional(),
          hash: z.string(),
          repositories: z.array(z.string()).exactOptional().describe('Absent: all of the plan'),
          runId: runId.exactOptional().describe('The run that carries it out'),
        }),
      )
      .exactOptional(),
  })
  .meta({ id: 'Plan', description: 'Everything that a run decided to delete, and did not delete itself' });
export const progress = z
  .object({
    done: count.describe('Repositories that are done'),
    of: count,
    planned: count.exactOptional(),
    at: time.exactOptional(),
    workers: z.record(z.string(), z.object({ done: count, planned: count })).exactOptional(),
    working: z.array(z.object({ repository: z.string(), listed: count, read: count, deleted: count })).exactOptional(),
  })
  .meta({ id: 'Progress', description: 'How far a run is' });
export const holder = z
  .object({
    runId,
    startedBy: z.string(),
    host: z.string(),
    pid: z.int(),
    process: z.string().exactOptional(),
    since: z.string(),
  })
  .meta({ id: 'Holder', description: 'The process that works on a run' });

export const evidence = z
  .object({
    source: z.string().describe('As it is configured, without secrets'),
    observedAt: time,
    scope: z.string().describe('What it speaks about'),
    complete: z.boolean().describe('Everything was read; otherwise nothing is deleted'),
    problems: texts.exactOptional().describe('Why it is not complete'),
    images: count.describe('Images of the registry that it names'),
    within: z.string().exactOptional().describe('Of the log of pulls: the time within which a pull counts'),
  })
  .meta({ id: 'Evidence', description: 'What one source knows of the use of a registry' });

const findingsSource = z
  .object({
    source: z.enum(FINDING_SOURCES),
    observedAt: time,
    complete: z.boolean().describe('Everything was read. Nothing is kept or deleted for that'),
    problems: texts.exactOptional().describe('Why it is not complete'),
    images: count.describe('Images of the registry that it has scanned'),
  })
  .meta({ id: 'FindingsSource', description: 'What one source knows of the vulnerabilities in a registry' });

const releases = z
  .object({ all: z.literal(true).exactOptional(), run: runId.exactOptional(), image: z.string().exactOptional() })
  .meta({ id: 'Releases', description: 'What a run makes readable' });
const restores = z
  .object({
    run: runId.exactOptional().describe('What this run deleted is brought back'),
    image: z.string().exactOptional().describe('As it was given'),
    force: z.literal(true).exactOptional().describe('Also tags that name what was pushed since'),
  })
  .meta({ id: 'Restores', description: 'What a restore brings back' });

const undo = z
  .object({
    softDelete: z.discriminatedUnion('state', [
      z.object({ state: z.literal('on'), days: count.describe('How long the registry keeps what is deleted') }),
      z.object({ state: z.literal('off') }),
      z.object({ state: z.literal('unknown'), why: z.string() }),
    ]),
  })
  .meta({ id: 'Undo', description: 'By what the deletions of a run can be undone' });

const used = z.discriminatedUnion('state', [
  z.object({
    state: z.literal('known'),
    at: time,
    bytes: count,
    included: count.exactOptional().describe('What the tier of the registry includes'),
  }),
  z.object({ state: z.literal('unknown'), at: time, why: z.string() }),
]);
const storage = z
  .object({
    price: z.number().exactOptional().describe('Of a GiB for a month: STORAGE_PRICE'),
    before: used.exactOptional(),
    after: used.exactOptional(),
  })
  .meta({ id: 'StorageUsed', description: 'What the registry says that it uses, before and after a run' });

export const run = z
  .object({
    format: z.literal(1),
    id: runId,
    kind,
    dryRun: z.boolean(),
    startedBy: z.string(),
    by: z.string().exactOptional().describe('The account on the command line; else the invocation of the function'),
    actor: actor.exactOptional().describe('The person who began it, where one had signed in'),
    parent: runId.exactOptional(),
    registry: z.string(),
    policy: z.object({
      commands: z.array(
        z.object({
          given: z.string(),
          file: z.string().exactOptional(),
          understood: z.record(z.string(), z.unknown()),
        }),
      ),
      hash: z.string(),
      from: z.enum(['settings', 'request', 'command line']),
    }),
    toolVersion: z.string(),
    started: time,
    agesFrom: time.describe('Ages are counted back from here'),
    holder,
    ended: time.exactOptional(),
    state: runState,
    progress,
    stopped: stop.exactOptional(),
    cancelled: cancellation.exactOptional(),
    resumed: z
      .array(
        z.object({
          at: time,
          startedBy: z.string(),
          by: z.string().exactOptional(),
          actor: actor.exactOptional(),
        }),
      )
      .exactOptional(),
    totals: totals.exactOptional(),
    warnings: texts,
    locksLost: count.exactOptional(),
    breakers: holds,
    guards: z
      .object({
        maxDeletions: z.number().exactOptional(),
        maxDeletionPercent: z.number().exactOptional(),
        keepLastTag: z.boolean().exactOptional(),
        maxMedianFactor: z.number().exactOptional(),
      })
      .exactOptional(),
    breakersAsked: z.literal(true).exactOptional(),
    matched: z.array(z.array(count)).exactOptional(),
    sources: z
      .array(z.object({ source: z.string(), within: z.string().exactOptional() }))
      .exactOptional()
      .describe('What is asked before something of it is deleted; absent: nothing'),
    evidence: z
      .array(evidence)
      .exactOptional()
      .describe('What it knew of the use of its images; absent: no source is configured'),
    findings: z
      .array(findingsSource)
      .exactOptional()
      .describe('What it knew of the vulnerabilities of its images; absent: no source is configured'),
    archive: z.string().exactOptional().describe('Where what it deletes is archived first; absent: it is not'),
    storage: storage.exactOptional(),
    error: decisionError.exactOptional(),
    plan: plan.exactOptional(),
    applies: runId.exactOptional().describe('The run whose plan it applies'),
    appliesPart: z.literal(true).exactOptional().describe('Only the repositories that it selected'),
    restores: restores.exactOptional(),
    releases: releases.exactOptional(),
    undo: undo.exactOptional(),
  })
  .meta({ id: 'Run' }) satisfies z.ZodType<RunRecord>;

export const runSummary = z
  .object({
    runId,
    registry: z.string(),
    dryRun: z.boolean(),
    started: time,
    ended: time,
    repositories: z.array(repository),
    totals,
    warnings: texts,
    breakers: holds,
    evidence: z.array(evidence).exactOptional(),
    archive: z.string().exactOptional(),
    storage: storage.exactOptional(),
    plan: z.object({ id: runId, hash: z.string(), deletions: count }).exactOptional(),
    stopped: stop.exactOptional(),
    restores: restores.exactOptional(),
    undo: undo.exactOptional(),
    examples: z.partialRecord(z.enum(REASONS), decision),
    failures: z.array(decision),
    succeeded: z.boolean(),
  })
  .meta({ id: 'RunSummary' }) satisfies z.ZodType<RunSummary>;
