import * as z from 'zod';
import { DELETE_REASONS, KEEP_REASONS, RESTORE_REASONS } from '../../index.ts';
import { bytes, count, severityCounts, time } from './schema-parts.ts';

/* How much there is of what, in the answers about repositories and runs, as schemas. */

export const REASONS = [...DELETE_REASONS, ...KEEP_REASONS, ...RESTORE_REASONS] as const;

const counts = z
  .object({
    deleted: count,
    kept: count,
    failed: count,
    notAttempted: count,
    alreadyGone: count,
    restored: count.exactOptional(),
    quarantined: count.exactOptional(),
  })
  .meta({
    id: 'Counts',
    description: 'Artifacts by their outcome. In a dry run, deleted and restored say what would be',
  });
export const findingSum = z
  .object({
    images: count.describe('Images that were scanned'),
    notScanned: count.describe('Images that were not'),
    bySeverity: severityCounts,
    fixable: severityCounts.describe('Of these, those for which there is a version without it'),
  })
  .meta({ id: 'FindingSum', description: 'Findings of several images' });
export const listedFindings = z
  .object({ all: findingSum, inUse: findingSum.exactOptional() })
  .describe('Findings before anything was deleted; absent: no source of findings is configured');
export const amount = z.object({
  tags: count.exactOptional(),
  manifests: count.exactOptional(),
  bytes: bytes.exactOptional(),
});
export const totalled = {
  listed: amount.describe('How much there was before, decided on or not'),
  afterwards: amount.exactOptional().describe('How much is left; in a dry run, would be'),
  leftUntagged: z.object({ manifests: count, bytes }).exactOptional(),
  leftSignatures: count.exactOptional(),
  tags: counts,
  manifests: counts,
  bytes,
  reasons: z.partialRecord(z.enum(REASONS), count),
  beyondAcrPurge: count,
  findings: z
    .object({
      removed: findingSum.describe('Of what is deleted; in a dry run, would be'),
      kept: findingSum,
      inUse: findingSum.exactOptional().describe('Of what is kept and in use; absent: that is not known'),
    })
    .exactOptional()
    .describe('Absent: no source of findings is configured'),
  quarantine: z
    .object({
      waiting: count,
      tagsWaiting: count,
      released: count,
      needed: count
        .exactOptional()
        .describe('Of those that are released: a client asked for them, or a workload came to use them'),
      until: time.exactOptional().describe('When the last of those that this run puts into quarantine may be deleted'),
      bytes: bytes.exactOptional(),
    })
    .exactOptional()
    .describe('What waits there since an earlier run, what is released, and until when what this run puts there stays'),
  archived: z
    .object({ manifests: count, blobs: count, bytes, milliseconds: count })
    .exactOptional()
    .describe('What was written to the archive before it was deleted; what was there already is not counted'),
  storage: z
    .object({
      unique: count.describe(
        'Bytes before the run, each blob and each manifest counted once, as far as they are known',
      ),
      frees: count.describe('Bytes of what nothing in the registry has any more; in a dry run, would have'),
      unread: count.exactOptional().describe('Kept manifests of which it is not known what they hold'),
      unreadDeleted: count.exactOptional().describe('Deleted manifests of which it is not known what they held'),
      repositoriesNotRead: count.exactOptional().describe('Repositories that no run has read yet'),
      repositoriesNotListed: z.literal(true).exactOptional().describe('It is not known which repositories there are'),
    })
    .meta({ id: 'Storage' })
    .exactOptional()
    .describe('What it takes up, and what is freed; absent: STORAGE is off, or nothing is known of it'),
  missing: z
    .partialRecord(
      z.enum(['read', 'delete', 'unlock', 'quarantine']),
      z.object({ refused: count, notAttempted: count }),
    )
    .exactOptional(),
};
export const totals = z.object(totalled).meta({ id: 'Totals' });
