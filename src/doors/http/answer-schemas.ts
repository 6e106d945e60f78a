import * as z from 'zod';
import { decision, decisionError, deleted, kept } from './decision-schemas.ts';
import {
  cancellation,
  evidence,
  holder,
  holds,
  plan,
  progress,
  repository,
  run,
  runState,
  runSummary,
  stop,
} from './record-schemas.ts';
import { totals } from './total-schemas.ts';
import { count, runId, texts, time } from './schema-parts.ts';
import { NOTIFY_KINDS } from '../../policy/notify.ts';
import type { Applied, InUse, Status, UnpulledReport } from '../../index.ts';

/* What each route answers, as schemas. */

/** A decision of one of several registries names it. */
export const decisionOfOne = z
  .union([
    z.object({ ...kept.shape, registry: z.string().exactOptional() }),
    z.object({ ...deleted.shape, registry: z.string().exactOptional() }),
  ])
  .meta({ id: 'DecisionOfRegistry', description: 'A decision; of several registries it names its own' });

export const runs = z
  .object({
    runs: z.array(run),
    next: z.string().exactOptional().describe('The address of the next page, without the function key'),
  })
  .meta({ id: 'Runs' });

export const runWithRepositories = z
  .object({ ...run.shape, repositories: z.array(repository) })
  .meta({ id: 'RunWithRepositories' });

const child = z
  .object({
    registry: z.string(),
    state: z.union([runState, z.literal('not-begun')]),
    notBegun: stop.shape.by.exactOptional(),
    error: decisionError.exactOptional(),
    runId: runId.exactOptional(),
    run: z.string().exactOptional(),
    progress: progress.exactOptional(),
    totals: totals.exactOptional(),
    plan: plan.exactOptional(),
    breakers: holds.exactOptional(),
    stopped: stop.exactOptional(),
  })
  .meta({ id: 'Child', description: 'One registry of several' });

const parentFields = {
  format: z.literal(1),
  id: runId,
  kind: z.enum(['scheduled', 'dry-run']),
  startedBy: z.string(),
  by: z.string().exactOptional(),
  started: time,
  registries: texts,
  holder: holder.exactOptional(),
  state: runState,
  cancelled: cancellation.exactOptional(),
  progress,
  totals,
  runs: z.array(child),
};
export const parent = z.object(parentFields).meta({ id: 'Parent', description: 'The runs of several registries' });

const followed = { run: z.string().describe('The address of the run'), decisions: z.string() };
const far = progress.pick({ done: true, of: true });

export const accepted = z
  .object({ runId, state: z.literal('running'), detail: z.string(), ...followed })
  .meta({ id: 'Accepted', description: 'The run continues after the answer' });

export const cancelAccepted = z
  .union([
    z.object({ runId, state: z.literal('running'), cancelled: cancellation, progress: far, ...followed }),
    z.object({ ...parentFields, runId, ...followed }),
  ])
  .meta({ id: 'CancelAccepted', description: 'The run ends once what is in flight is finished' });

export const cancelled = z
  .union([
    z.object({
      runId,
      state: runState,
      cancelled: cancellation,
      progress: far,
      stopped: stop.exactOptional(),
      run: z.string(),
    }),
    z.object({ ...parentFields, run: z.string() }),
  ])
  .meta({ id: 'Cancelled', description: 'The run has ended' });

export const applied = z
  .union([
    z.object({ state: z.enum(['applied', 'unfinished']), summary: runSummary }),
    z.object({ state: z.literal('in part'), summary: runSummary, left: count, breakers: holds }),
    z.object({ state: z.literal('applied-before'), run }),
  ])
  .meta({ id: 'Applied' }) satisfies z.ZodType<Applied>;

export const rejected = z.object({ id: runId, registry: z.string(), plan }).meta({ id: 'Rejected' });

export const dryRun = z
  .union([
    z.object({ decisions: z.array(decision), summary: runSummary }),
    z.object({
      parent: runId,
      runs: z.array(
        z.union([
          z.object({ registry: z.string(), decisions: z.array(decision), summary: runSummary }),
          z.object({ registry: z.string(), decisions: z.array(decision).exactOptional(), error: decisionError }),
        ]),
      ),
    }),
  ])
  .meta({ id: 'DryRun', description: 'Of one registry its decisions; of several those of each' });

/** A line of NDJSON. */
export const dryRunLine = z
  .union([decisionOfOne, z.object({ summary: runSummary }), z.object({ registry: z.string(), error: decisionError })])
  .meta({ id: 'DryRunLine' });

export const decisions = z.object({ decisions: z.array(decisionOfOne) }).meta({ id: 'Decisions' });

export const sighting = z
  .object({
    run: run
      .pick({ id: true, kind: true, dryRun: true, startedBy: true, started: true, state: true, registry: true })
      .extend({ commands: texts }),
    decision,
  })
  .meta({ id: 'Sighting', description: 'What a run decided on an image' });
export const sightings = z.object({ sightings: z.array(sighting) }).meta({ id: 'Sightings' });

const image = {
  repository: z.string(),
  tag: z.string().exactOptional(),
  digest: z.string().exactOptional().describe('Of the index, or of the manifest for one platform'),
  config: z.string().exactOptional().describe('The digest of its configuration'),
  where: z.string().describe('Where it runs, as the source says'),
};
const usedImage = z
  .object({ ...image, source: z.string(), first: time, last: time })
  .meta({ id: 'UsedImage', description: 'An image that something used, and when it was seen first and last' });

export const inUse = z
  .object({
    registry: z.string(),
    state: z
      .enum(['complete', 'incomplete', 'not-configured'])
      .describe('incomplete: a source could not be read completely, and a run would delete nothing'),
    sources: z.array(
      z.object({
        ...evidence.shape,
        uses: z.array(z.object(image)).describe('10,000 at most; images is their number'),
      }),
    ),
    remembered: z
      .array(usedImage)
      .describe('Seen by earlier runs, not named by the sources now, and kept as well; 10,000 at most'),
  })
  .meta({ id: 'InUse', description: 'What is known of the use of a registry' }) satisfies z.ZodType<InUse>;

const unpulledImage = z
  .object({
    repository: z.string(),
    digest: z.string(),
    tags: texts,
    bytes: z.number().describe('What it holds alone, as the registry says'),
    pushed: time.exactOptional(),
    lastPull: time.exactOptional().describe('Absent: none is known'),
  })
  .meta({ id: 'UnpulledImage', description: 'An image that was not pulled; one for several platforms is one' });

export const unpulled = z
  .object({
    registry: z.string(),
    within: z.string().describe('For how long, as it was asked'),
    observedAt: time,
    since: time.exactOptional().describe('Since when every pull is known; absent: it is not known what was pulled'),
    isLongEnough: z
      .boolean()
      .describe('Pulls are known for as long as was asked. false: these were not pulled since `since`'),
    problems: texts.describe('What could not be found out'),
    looked: z.object({ repositories: z.int(), of: z.int() }).describe('How many repositories this answer is about'),
    next: z.string().exactOptional().describe('There are more repositories: ask again with it as `after`'),
    total: z.object({ images: z.int(), bytes: z.number() }).describe('Also of those that are not listed'),
    repositories: z.array(z.object({ repository: z.string(), images: z.int(), of: z.int(), bytes: z.number() })),
    images: z.array(unpulledImage),
  })
  .meta({ id: 'Unpulled', description: 'What was not pulled for some time' }) satisfies z.ZodType<UnpulledReport>;

const answering = { answers: z.boolean(), error: z.string().exactOptional() };
const right = z
  .object({
    right: z.enum(['catalog', 'metadata_read', 'pull', 'delete', 'metadata_write', 'findings']),
    toDo: z.string().describe('What it is for'),
    repository: z.string().exactOptional().describe('What it was tried on'),
    state: z.enum(['granted', 'missing', 'unknown']),
    needed: z.boolean().describe('What is configured does not work without it'),
    error: z.string().exactOptional(),
    role: z.string().exactOptional().describe('What grants it'),
    grant: z.string().exactOptional().describe('A command of the Azure CLI that grants it'),
  })
  .meta({ id: 'Right', description: 'A right at the registry, tried without changing anything' });
const signedIn = z
  .object({
    by: z.enum(['basic', 'refresh-token', 'entra']),
    name: z.string().exactOptional(),
    objectId: z.string().exactOptional(),
    principal: z.enum(['User', 'ServicePrincipal']).exactOptional(),
    byRepository: z.boolean().exactOptional().describe('The registry assigns roles by repository (ABAC)'),
  })
  .meta({ id: 'SignedIn', description: 'Who asks the registry' });
const registry = {
  loginServer: z.string(),
  ...answering,
  signedIn: signedIn.exactOptional(),
  rights: z.array(right).exactOptional(),
};
export const status = z
  .object({
    version: z.string(),
    state: z.enum(['ready', 'misconfigured']),
    mistakes: z.array(z.object({ setting: z.string(), message: z.string() })),
    missing: texts.describe('What keeps the purge from working; empty: nothing does'),
    settings: z.record(z.string(), z.string()).describe('The app settings as they were given, without secrets'),
    registry: z.object(registry).exactOptional().describe('Where the app serves one registry'),
    commands: texts.exactOptional(),
    registries: z
      .array(z.object({ ...registry, commands: texts, dryRun: z.boolean() }))
      .exactOptional()
      .describe('Where the app serves several'),
    policy: z.string().exactOptional().describe('The text of the policy file, where commands are by one'),
    engine: z.enum(['inline', 'durable']).exactOptional(),
    warnings: texts.exactOptional(),
    inUse: z
      .object({ sources: texts, rememberDays: z.number() })
      .exactOptional()
      .describe('What says which images are in use, without secrets; /api/in-use asks it'),
    notify: z
      .object({
        receivers: z
          .object({
            teams: z.int().exactOptional(),
            slack: z.int().exactOptional(),
            cloudevents: z.int().exactOptional(),
          })
          .describe('How many addresses of each form'),
        kinds: z.array(z.enum(NOTIFY_KINDS)),
        reviewUrl: z.string().exactOptional().describe('Where the links in messages lead'),
      })
      .exactOptional()
      .describe('Who is told of what, without an address'),
    dryRun: z.boolean().exactOptional().describe('Nothing is deleted in any registry'),
    ledger: z.object({ place: z.string(), ...answering }).exactOptional(),
    timeLimitSeconds: z.number().exactOptional(),
    schedule: z.object({ expression: z.string(), description: z.string(), next: z.array(time) }).exactOptional(),
  })
  .meta({ id: 'Status' }) satisfies z.ZodType<Status>;

export const problem = z
  .object({
    type: z.literal('about:blank'),
    status: z.int(),
    title: z.string(),
    detail: z.string().describe('What is wrong, and what to do about it'),
    errors: z
      .array(
        z.object({
          field: z.string(),
          detail: z.string(),
          line: z.int().exactOptional().describe('Of a policy file, from 1; so is column'),
          column: z.int().exactOptional(),
        }),
      )
      .exactOptional()
      .describe('Each field, flag or setting that is wrong'),
    breakers: holds.exactOptional().describe('The guards that hold a plan back'),
    runId: runId.exactOptional().describe('The run that is in the way'),
    state: z.string().exactOptional(),
    run: z.string().exactOptional(),
  })
  .meta({ id: 'Problem', description: 'RFC 9457' });
