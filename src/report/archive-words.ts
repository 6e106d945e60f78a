import type { RunRecord } from '../ledger/records.ts';
import type { Totals } from '../ledger/summary.ts';
import { bytes, duration, plural } from './page/format.ts';

/** What a run has archived, or where it would, in a sentence; `undefined` where it archives nothing. */
export function archiveInWords({
  archive,
  dryRun,
  totals,
}: Pick<RunRecord, 'archive' | 'dryRun'> & { readonly totals?: Totals }): string | undefined {
  if (archive === undefined) return undefined;
  const written = totals?.archived;
  if (written) return `Archived first in ${archive}: ${writtenInWords(written)}.`;
  return dryRun ? `What a purge deletes is archived first, in ${archive}.` : undefined;
}

/** `5 manifests and 12 blobs, 48 MB, in 3 s` */
export function writtenInWords({ manifests, blobs, bytes: size, milliseconds }: Totals['archived'] & object): string {
  if (manifests + blobs === 0) return `nothing that was not there already; looking took ${duration(milliseconds)}`;
  return `${plural(manifests, 'manifest')} and ${plural(blobs, 'blob')}, ${bytes(size)}, in ${duration(milliseconds)}`;
}
