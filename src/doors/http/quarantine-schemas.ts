import * as z from 'zod';
import { DELETE_REASONS } from '../../index.ts';
import type { QuarantineReport } from '../../report/quarantine.ts';
import { runSummary } from './record-schemas.ts';
import { actor, bytes, count, runId, texts, time } from './schema-parts.ts';

/* What the routes about quarantine answer. */

const waiting = z
  .object({
    repository: z.string(),
    kind: z.enum(['tag', 'manifest']),
    tag: z.string().exactOptional(),
    digest: z.string(),
    tags: texts.describe('Of a manifest: the tags on it when it was made unreadable'),
    state: z.enum(['pending', 'quarantined']).describe('pending: a run was about to make it unreadable'),
    since: time,
    until: time.describe('It is not deleted before'),
    isOver: z.boolean().describe('Its time is over: the next run deletes it, unless it finds a reason to keep it'),
    runId,
    reason: z.string().describe(`Why it is to be deleted: ${DELETE_REASONS.join(', ')}`),
    detail: z.string(),
    rule: z.string().exactOptional(),
    size: count.exactOptional(),
    root: z.string().describe('The digest of the image that it belongs to; its own where it is that image'),
  })
  .meta({ id: 'Waiting', description: 'A tag or a manifest in quarantine' });

const amount = { tags: count, manifests: count, images: count, bytes };

export const quarantine = z
  .object({
    registry: z.string(),
    asOf: time,
    total: z.object({ ...amount, over: count.describe('Artifacts whose time is over') }),
    repositories: z.array(z.object({ repository: z.string(), ...amount, since: time, until: time })),
    waiting: z.array(waiting).describe('What may be deleted first comes first'),
    released: z.array(
      z.object({
        repository: z.string(),
        digest: z.string(),
        tag: z.string().exactOptional(),
        at: time,
        until: time.describe('It is kept until then'),
        why: z.string(),
        by: actor.exactOptional(),
      }),
    ),
  })
  .meta({ id: 'Quarantine', description: 'What is in quarantine in a registry' }) satisfies z.ZodType<QuarantineReport>;

export const released = z.object({ summary: runSummary }).meta({ id: 'Released' });
