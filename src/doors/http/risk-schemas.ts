import * as z from 'zod';
import { NO_RULE, type RiskReport } from '../../report/risk.ts';
import { RUN_KINDS } from '../../index.ts';
import { count, runId, severityCounts, texts, time } from './schema-parts.ts';
import { findingSum } from './total-schemas.ts';

/* What the route about risk answers. */

const onLine = z
  .object({
    run: runId,
    at: time,
    kind: z.enum(RUN_KINDS),
    dryRun: z.boolean().describe('It deleted nothing: before and after are the same'),
    before: findingSum.describe('Of the whole registry, as far as it is known'),
    removed: findingSum.describe('By this run; a dry run would'),
    after: findingSum,
    looked: count.describe('Repositories that it looked at; of the others the last known value stands'),
    known: count.describe('Repositories that are known by then'),
    appeared: count.describe('Repositories that no earlier run looked at'),
    sources: z.array(z.enum(['defender', 'referrers'])),
  })
  .meta({ id: 'RiskRun', description: 'A run on the line of findings' });

const image = z
  .object({
    repository: z.string(),
    digest: z.string(),
    tags: texts.describe('The first ones'),
    tagCount: count,
    bySeverity: severityCounts,
    fixable: severityCounts,
    ids: texts.describe('Names of vulnerabilities, the worst first; not all'),
    base: z.string().exactOptional().describe('The image that it was built on, as its annotation says'),
    endOfLife: z.string().exactOptional(),
    inUse: z.boolean().exactOptional().describe('Absent: it is not known what is in use'),
    run: runId,
    noRule: z.enum(NO_RULE).exactOptional().describe('Why no rule is proposed for an image that nothing uses'),
  })
  .meta({ id: 'RiskyImage', description: 'An image with findings; one for several platforms is one' });

const group = { name: z.string(), ...findingSum.shape };
const images = z.object({ images: count, critical: count, first: z.array(image) });

export const risk = z
  .object({
    registry: z.string(),
    asOf: time,
    since: time,
    standing: findingSum.exactOptional().describe('What was known when the line begins'),
    line: z.array(onLine).describe('The oldest first'),
    now: findingSum.exactOptional().describe('Absent: no run has asked for findings'),
    inUse: findingSum.exactOptional().describe('Of that, in what is in use; absent: that is not known everywhere'),
    stale: z
      .object({ repositories: count, first: z.array(z.object({ name: z.string(), since: time })) })
      .describe('Repositories that the last run did not look at: their last known value stands'),
    repositories: z.object({ count, first: z.array(z.object({ ...group, at: time, run: runId })) }),
    bases: z.object({ count, first: z.array(z.object(group)) }),
    images: z.object({ count, first: z.array(image) }),
    critical: z
      .object({ inUse: images, unused: images, unknown: images })
      .describe('Images with critical findings: those in use need to be built again, unused ones need a rule'),
    proposal: z
      .object({
        policy: z.string().describe('A policy file'),
        rules: count,
        images: count,
        old: count.describe('Images of these that are old enough now'),
        olderThan: z.string(),
        more: count.describe('Images for which there is no room in it'),
      })
      .exactOptional(),
    limits: z
      .object({
        damaged: count,
        leftOut: count,
        incomplete: count.describe('Runs that could not read their sources completely'),
        isIncomplete: z
          .boolean()
          .describe('The last run on the line could not either: there are at least as many findings'),
        notAsked: z.object({ runs: count, deleted: count }),
        unread: count,
        more: count,
        undecided: count,
      })
      .describe('What is left out'),
  })
  .meta({
    id: 'Risk',
    description: 'The findings of a registry, by what its runs recorded',
  }) satisfies z.ZodType<RiskReport>;
