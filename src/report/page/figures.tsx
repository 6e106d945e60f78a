import type { Totals } from '../../ledger/summary.ts';
import type { FindingSums } from '../../planner/findings.ts';
import { writtenInWords } from '../archive-words.ts';
import { findingsIn } from '../finding-words.ts';
import { keptIn, percentOf } from '../totals.ts';
import { bytes, count } from './format.ts';
import { Facts, Time } from './parts.tsx';

interface FiguresProps {
  readonly totals: Totals;
  readonly isDry: boolean;
  /** Artifacts that guards held back, which the totals count as not attempted. */
  readonly held: number;
}

/** The result of a run as figures. */
export function Figures({ totals, isDry, held }: FiguresProps) {
  const { tags, manifests, beyondAcrPurge, leftUntagged, quarantine, archived } = totals;
  const ofFindings = totals.findings && figuresOf(totals.findings);
  const isRestore = (tags.restored ?? manifests.restored) !== undefined;
  const verb = isDry ? 'that would be deleted' : 'deleted';
  const share = (kind: 'tags' | 'manifests'): string => {
    const percent = percentOf(totals, kind);
    return count(totals[kind].deleted) + (percent === undefined ? '' : ` (${percent})`);
  };
  const unlessNone = (value: number): string | undefined => (value > 0 ? count(value) : undefined);
  const heldBack = Math.min(held, tags.notAttempted + manifests.notAttempted);
  return (
    <div class="card figures">
      <Facts
        facts={[
          [`Tags ${isDry ? 'that would be restored' : 'restored'}`, isRestore ? count(tags.restored ?? 0) : undefined],
          [
            `Manifests ${isDry ? 'that would be restored' : 'restored'}`,
            isRestore ? count(manifests.restored ?? 0) : undefined,
          ],
          [`Tags ${verb}`, isRestore ? undefined : share('tags')],
          [`Manifests ${verb}`, isRestore ? undefined : share('manifests')],
          ['Size, at most (layers are shared)', bytes(totals.bytes)],
          [`Tags ${isDry ? 'that would be quarantined' : 'quarantined'}`, unlessNone(tags.quarantined ?? 0)],
          [`Manifests ${isDry ? 'that would be quarantined' : 'quarantined'}`, unlessNone(manifests.quarantined ?? 0)],
          ['Quarantined until', quarantine?.until === undefined ? undefined : <Time iso={quarantine.until} />],
          ['Waiting in quarantine since before', unlessNone(quarantine?.waiting ?? 0)],
          [`${isDry ? 'Would be released' : 'Released'} from quarantine`, unlessNone(quarantine?.released ?? 0)],
          ['Archived first', archived && writtenInWords(archived)],
          ['Tags kept', count(keptIn(totals, 'tags'))],
          ['Manifests kept', count(keptIn(totals, 'manifests'))],
          ['Manifests left without a tag (--untagged deletes them)', unlessNone(leftUntagged?.manifests ?? 0)],
          [`Findings ${isDry ? 'that would be removed' : 'removed'}`, ofFindings?.removed],
          ['Findings kept', ofFindings?.kept],
          ['Critical findings kept', ofFindings?.critical],
          ['Critical findings in use', ofFindings?.inUse],
          ['Images not scanned', ofFindings?.notScanned],
          ['Held back by guards', unlessNone(heldBack)],
          ['Failed or refused', unlessNone(tags.failed + manifests.failed)],
          ['Not attempted', unlessNone(tags.notAttempted + manifests.notAttempted - heldBack)],
          ['Already deleted', unlessNone(tags.alreadyGone + manifests.alreadyGone)],
          ['acr purge would have deleted, and is kept', unlessNone(beyondAcrPurge)],
        ]}
      />
    </div>
  );
}

/** Numbers of findings; those of which nothing is known are left out. */
function figuresOf({ removed, kept, inUse }: FindingSums) {
  const isScanned = removed.images + kept.images > 0;
  const notScanned = removed.notScanned + kept.notScanned;
  return {
    removed: isScanned ? count(findingsIn(removed.bySeverity)) : undefined,
    kept: isScanned ? count(findingsIn(kept.bySeverity)) : undefined,
    critical: isScanned ? count(kept.bySeverity.critical ?? 0) : undefined,
    inUse: isScanned && inUse ? count(inUse.bySeverity.critical ?? 0) : undefined,
    notScanned: notScanned > 0 ? count(notScanned) : undefined,
  };
}
