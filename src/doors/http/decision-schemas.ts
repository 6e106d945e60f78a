import * as z from 'zod';
import { DELETE_REASONS, type Decision, KEEP_REASONS, RESTORE_REASONS } from '../../index.ts';
import { bytes, count, severityCounts, texts, time } from './schema-parts.ts';

/* Decisions, as the app answers them. */

export const decisionError = z
  .object({
    message: z.string(),
    status: z.int().exactOptional(),
    code: z.string().exactOptional(),
    correlationId: z.string().exactOptional(),
    missing: z
      .enum(['read', 'delete', 'unlock', 'quarantine'])
      .exactOptional()
      .describe('The right that the identity lacks at the registry'),
  })
  .meta({ id: 'DecisionError' });

const scan = z
  .object({
    by: z.enum(['defender', 'sarif', 'grype', 'trivy', 'cyclonedx']),
    at: z.string().exactOptional().describe('When it was scanned, as far as its report says so'),
    bySeverity: severityCounts,
    fixable: severityCounts.describe('Of these, those for which there is a version without it'),
    ids: texts.describe('Names of vulnerabilities, the worst first; 20 at most'),
  })
  .meta({ id: 'Scan', description: 'What one report says of an image' });

const findings = z
  .object({
    scan: scan.exactOptional().describe('Absent: it was not scanned, which says nothing about its vulnerabilities'),
    packages: count.exactOptional(),
    endOfLife: z.string().exactOptional().describe('From then on it is out of support'),
    base: z.string().exactOptional().describe('The image that it was built on, as its annotation names it'),
    ofParts: z.literal(true).exactOptional().describe('Of an index: the sum of what its parts have'),
    part: z.literal(true).exactOptional().describe('An index holds it; it is not an image of its own'),
    inUse: z.literal(true).exactOptional(),
  })
  .meta({ id: 'Findings', description: 'What is known of the vulnerabilities of an image' });

const artifact = {
  repository: z.string(),
  kind: z.enum(['tag', 'manifest']),
  tag: z.string().exactOptional(),
  digest: z.string().exactOptional(),
  tags: texts.exactOptional().describe('Of a manifest: the tags on it when it was listed'),
  detail: z.string().describe('A sentence for a person: which filter, age, index or lock'),
  beyondAcrPurge: z.boolean().describe('Kept, although acr purge would have deleted it'),
  mediaType: z.string().exactOptional(),
  size: count.exactOptional().describe('Bytes, as the registry says'),
  locked: z.literal(true).exactOptional(),
  withoutLock: z
    .literal(true)
    .exactOptional()
    .describe('It counts as locked: a run took its lock off, and could not put it back'),
  lock: z
    .object({ deleteEnabled: z.boolean(), writeEnabled: z.boolean() })
    .exactOptional()
    .describe('Of what is deleted although it is locked: how'),
  createdTime: z.string().exactOptional(),
  lastUpdateTime: z.string().exactOptional(),
  quarantine: z
    .object({ since: time.exactOptional(), until: time })
    .exactOptional()
    .describe('It is unreadable, or made so, and not deleted before until'),
  rule: z.string().exactOptional().describe('The rule of the policy file that decided it'),
  findings: findings.exactOptional().describe('Absent: no source of findings is configured, or it is no image'),
};

export const kept = z
  .object({
    ...artifact,
    action: z.literal('keep'),
    reason: z.enum(KEEP_REASONS),
    release: z
      .object({
        outcome: z.enum(['planned', 'released', 'refused', 'failed']),
        error: decisionError.exactOptional(),
        needed: z.literal(true).exactOptional().describe('A client asked for it, or a workload came to use it'),
      })
      .exactOptional()
      .describe('Of what was in quarantine: what making it readable came to'),
  })
  .meta({ id: 'Kept', description: 'An artifact that is kept' });

export const deleted = z
  .object({
    ...artifact,
    action: z.literal('delete'),
    reason: z.enum(DELETE_REASONS),
    outcome: z.enum([
      'planned',
      'held',
      'deleted',
      'quarantined',
      'already-gone',
      'refused',
      'failed',
      'not-attempted',
    ]),
    filter: z.string().exactOptional().describe('Of a tag: the filter that matches it, as it was given'),
    error: decisionError.exactOptional(),
    leavesUntagged: z.object({ tags: count, bytes }).exactOptional(),
    leavesSignatures: count.exactOptional(),
    lostLock: z
      .object({ deleteEnabled: z.boolean(), writeEnabled: z.boolean(), restore: z.string() })
      .exactOptional()
      .describe('Its lock was taken off, and could not be put back; restore is the command that does so'),
  })
  .meta({ id: 'Deleted', description: 'An artifact that is deleted, or was to be' });

const restored = z
  .object({
    ...artifact,
    action: z.literal('restore'),
    reason: z.enum(RESTORE_REASONS),
    outcome: z.enum(['planned', 'restored', 'already-there', 'impossible', 'refused', 'failed', 'not-attempted']),
    error: decisionError.exactOptional(),
  })
  .meta({ id: 'Restored', description: 'An artifact that was deleted, and is brought back, or was to be' });

export const decision = z.union([kept, deleted, restored]).meta({ id: 'Decision' }) satisfies z.ZodType<Decision>;
