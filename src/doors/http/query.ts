import * as z from 'zod';
import type { DecisionFilter, RunFilter } from '../../report/page/index.ts';
import { REPOSITORY_FILTERS, REPOSITORY_SORTS } from '../../report/select-repositories.ts';
import { RequestError } from './problem.ts';
import {
  type Asked,
  DELETE_REASONS,
  type DecisionQuery,
  type ImageName,
  isRunId,
  KEEP_REASONS,
  RESTORE_REASONS,
  parseImage,
  RUN_KINDS,
  RUN_STATES,
  type RunQuery,
} from '../../index.ts';

/*
 * The query parameters of each route, as schemas: requests are read by them, and openapi.json describes them. A message
 * completes the sentence "The parameter page is …".
 */

/** No name in a registry is longer. */
const MAX_LENGTH = 1_000;
/** A client that reads more than a million decisions by the page should download them. */
const MAX_PAGE = 10_000;
const MAX_RUNS = 200;
const USUAL_RUNS = 50;
const MAX_UNPULLED = 1_000;
const USUAL_UNPULLED = 200;
const MAX_REPOSITORIES = 1_000;
const MAX_TOP = 200;
const USUAL_TOP = 10;
const DAY_MS = 86_400_000;
const EXAMPLE_ID = '20261124T010000Z-3f9a0c';

const text = z.string().max(MAX_LENGTH, `${MAX_LENGTH} characters long at most`);
/** What is not an id, a path for example, does not reach the ledger. */
const runId = z
  .string()
  .refine(isRunId, `the id of a run, such as ${EXAMPLE_ID}`)
  .meta({ examples: [EXAMPLE_ID] });
/** A moment; or a day in UTC: its beginning for `from`, its end for `to`. */
const moment = (edge: 'from' | 'to') =>
  text.transform((value, context): Date => {
    const isDay = /^\d{4}-\d\d-\d\d$/.test(value);
    const isMoment = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)$/.test(value);
    const start = new Date(isDay ? `${value}T00:00:00Z` : isMoment ? value : Number.NaN);
    // `Date` reads 2026-02-31 as a day in March.
    if (Number.isNaN(start.getTime()) || (isDay && !start.toISOString().startsWith(value)))
      context.addIssue('a day such as 2026-11-24, or a moment such as 2026-11-24T01:00:00Z');
    return isDay && edge === 'to' ? new Date(start.getTime() + DAY_MS) : start;
  });
const image = text.transform((value, context): ImageName => {
  const parsed = parseImage(value);
  if (parsed) return parsed;
  context.addIssue('repository:tag, or repository@sha256: and all 64 digits of the digest');
  return z.NEVER;
});

function oneOf<const T extends readonly string[]>(values: T) {
  return z.enum(values, `one of ${values.join(', ')}`);
}

function upTo(most: number, usual: number) {
  const message = `a number from 1 to ${most}`;
  return z
    .string()
    .regex(/^\d{1,9}$/, message)
    .transform(Number)
    .pipe(z.int().min(1, message).max(most, message))
    .default(usual)
    .meta({ type: 'integer', pattern: undefined, minimum: 1, maximum: most, default: usual });
}

export const RUNS_QUERY = z.object({
  state: oneOf(RUN_STATES).exactOptional().describe('Runs in this state; waiting: runs whose plan waits for approval'),
  kind: oneOf(RUN_KINDS).exactOptional().describe('Runs of this kind'),
  registry: text.exactOptional().describe('Runs of this registry: its login server'),
  from: moment('from').exactOptional().describe('Runs that started at or after this moment, or day, in UTC'),
  to: moment('to')
    .exactOptional()
    .describe('Runs that started before this moment, or until the end of this day, in UTC'),
  parent: runId.exactOptional().describe('The runs of several registries that this one started'),
  before: runId.exactOptional().describe('Runs older than this one: the next page'),
  limit: upTo(MAX_RUNS, USUAL_RUNS).describe('How many runs'),
});

export const DECISIONS_QUERY = z.object({
  repository: text.exactOptional().describe('Decisions in this repository'),
  tag: text.exactOptional().describe('Decisions on this tag'),
  digest: text.exactOptional().describe('Decisions on this digest'),
  text: text.exactOptional().describe('Decisions that have this text in their name or detail; case does not matter'),
  action: oneOf(['delete', 'keep', 'restore'])
    .exactOptional()
    .describe('Only deletions, only what is kept, or only what is brought back'),
  reason: z
    .enum([...DELETE_REASONS, ...KEEP_REASONS, ...RESTORE_REASONS], 'the name of a reason, such as matched-and-expired')
    .exactOptional()
    .describe('Decisions with this reason'),
});

export const EXPLAIN_QUERY = z.object({
  image: z
    .string('repository:tag, or repository@sha256:…')
    .pipe(image)
    .describe('repository:tag, or repository@sha256:… with the whole digest'),
});

export const REGISTRY_QUERY = z.object({
  registry: text.exactOptional().describe('Its name or login server; may be left out where the app serves one'),
});

export const QUARANTINE_QUERY = REGISTRY_QUERY.extend({
  repository: z
    .array(text)
    .max(MAX_REPOSITORIES, `given ${MAX_REPOSITORIES} times at most`)
    .exactOptional()
    .describe('Only this repository; may be given several times'),
});

export const UNPULLED_QUERY = REGISTRY_QUERY.extend({
  for: text.default('90d').describe('Images that were not pulled for so long, e.g. 90d').meta({ default: '90d' }),
  after: text.exactOptional().describe('Only repositories behind this one: next of the answer before'),
  limit: upTo(MAX_UNPULLED, USUAL_UNPULLED).describe('How many images, and repositories: the largest'),
});

export const RISK_QUERY = REGISTRY_QUERY.extend({
  since: text
    .default('90d')
    .describe('Where the line begins: so long ago (90d), or a day in UTC (2026-09-01)')
    .meta({ default: '90d' }),
  top: upTo(MAX_TOP, USUAL_TOP).describe('How many repositories, base images and images are named: the worst'),
});

export const APPLY_QUERY = z.object({
  approve: text
    .exactOptional()
    .describe('The first characters of the hash of the plan, at least eight: apply it although guards hold it back'),
  repository: z
    .array(text)
    .max(MAX_REPOSITORIES, `given ${MAX_REPOSITORIES} times at most`)
    .exactOptional()
    .describe('Only this repository of the plan; may be given several times'),
  comment: text.exactOptional().describe('Recorded with an approval'),
});

export const RELEASE_QUERY = REGISTRY_QUERY.extend({
  run: runId.exactOptional().describe('What this run has put into quarantine'),
  repository: text.exactOptional().describe('With reference: an image, with all that belongs to it'),
  reference: text.exactOptional().describe('Its tag or its digest'),
  all: z
    .enum(['true', ''], 'true, or left out')
    .transform(() => true as const)
    .exactOptional()
    .describe('Everything that is in quarantine in the registry')
    .meta({ type: 'boolean' }),
});

export const REJECT_QUERY = z.object({
  reason: z.string('why it is rejected').pipe(text).describe('Why it is rejected; recorded with the plan'),
  hash: text.exactOptional().describe('The first characters of the hash of the plan that was looked at'),
});

/** What says which view of the review page is asked for; each view has the parameters of its route besides. */
export const REVIEW_QUERY = z.object({
  run: runId.exactOptional().describe('A run, or the parent of several; left out: the list of runs'),
  view: oneOf(['decisions', 'diff', 'trends', 'risk', 'unpulled', 'quarantine', 'check'])
    .exactOptional()
    .describe(
      'decisions: search them; diff: what changed since an earlier run; trends: what was deleted over time, by repository; risk: findings over time; unpulled: what was not pulled for some time; check: what is broken or left over',
    ),
  with: runId.exactOptional().describe('diff: the earlier run; left out: the last one that can be compared'),
  image: image.exactOptional().describe('Everything that was recorded of this image'),
});

/** Which repositories of a run, and in which order. */
export const REPOSITORIES_QUERY = z.object({
  find: text.exactOptional().describe('Repositories of the run that have this in their name; case does not matter'),
  only: oneOf(REPOSITORY_FILTERS)
    .exactOptional()
    .describe(
      'delete: repositories that lose something; held: that a guard holds back; failed: in which something failed; critical: that keep critical findings',
    ),
  sort: oneOf(REPOSITORY_SORTS).default('delete').describe('What the repositories of the run are sorted by'),
  reverse: oneOf(['yes']).exactOptional().describe('The other way round'),
  open: text.exactOptional().describe('The repository of the run whose decisions are shown in their place'),
});

export const PAGE_QUERY = z.object({ page: upTo(MAX_PAGE, 1).describe('Which page of a long list') });

/** The parameters of a schema as they were given. A field of a form that was left empty counts as not given. */
function given(query: URLSearchParams, schema: z.ZodObject): Readonly<Record<string, string>> {
  const named = Object.keys(schema.shape).map((name) => [name, query.get(name)?.trim() ?? ''] as const);
  return Object.fromEntries(named.filter(([, value]) => value !== ''));
}

/** @throws {RequestError} 400 with every parameter that is wrong */
export function readQuery<T extends z.ZodObject>(query: URLSearchParams, schema: T): z.output<T> {
  const lists = Object.entries(schema.shape).flatMap(([name, one]) =>
    query.has(name) && one instanceof z.ZodExactOptional && one.unwrap() instanceof z.ZodArray
      ? [[name, query.getAll(name)] as const]
      : [],
  );
  const result = schema.safeParse({ ...given(query, schema), ...Object.fromEntries(lists) });
  if (result.success) return result.data;
  const wrong = result.error.issues.map(({ path, message }) => `he parameter ${path.join('.')} is ${message}`);
  throw new RequestError(400, `T${wrong.join('; t')}`);
}

/** What of a plan is to be applied. */
export function approvalAsked(query: URLSearchParams): Asked {
  const { approve, repository, comment } = readQuery(query, APPLY_QUERY);
  return {
    ...(approve !== undefined && { approve }),
    ...(repository && { repositories: repository }),
    ...(comment !== undefined && { comment }),
  };
}

/** Which runs: as it was given, and as the ledger takes it. */
export function runsAsked(query: URLSearchParams): {
  readonly filter: RunFilter;
  readonly runs: RunQuery;
  readonly limit: number;
} {
  const { state, kind, limit, ...runs } = readQuery(query, RUNS_QUERY);
  return {
    filter: given(query, RUNS_QUERY.omit({ before: true, limit: true })),
    runs: {
      ...runs,
      ...(state === 'waiting' ? { waits: true } : state !== undefined && { states: [state] }),
      ...(kind !== undefined && { kinds: [kind] }),
    },
    limit,
  };
}

/** Which decisions: as it was given, and as the ledger takes it. */
export function decisionsAsked(query: URLSearchParams): {
  readonly filter: DecisionFilter;
  readonly decisions: DecisionQuery;
} {
  return { filter: given(query, DECISIONS_QUERY), decisions: readQuery(query, DECISIONS_QUERY) };
}
