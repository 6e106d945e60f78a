import { countedFindings, type FindingSum, NO_FINDINGS, plusFindings } from '../planner/findings.ts';
import type { Difference } from './plan-diff.ts';

/** How much one run deletes that another does not. */
export interface DifferenceCounts {
  readonly tags: number;
  readonly manifests: number;
  /** Sizes of the manifests together: an estimate, because images share layers. */
  readonly bytes: number;
  /** Findings of these manifests. Absent: none was asked for. */
  readonly findings?: FindingSum;
}

/** `added`: only the later run deletes it; `removed`: only the earlier one. */
type BothWays = Readonly<Record<Difference['change'], DifferenceCounts>>;

/** How far two runs differ, together and by repository. */
export interface DifferenceTotals extends BothWays {
  /** Those in which they differ, by name. */
  readonly repositories: readonly (BothWays & { readonly repository: string })[];
}

type Counting = Record<Difference['change'], { -readonly [K in keyof DifferenceCounts]: DifferenceCounts[K] }>;

/** Counts differences while they are read: there may be any number of them. */
export function newDifferenceTotals(): {
  readonly add: (difference: Difference) => void;
  readonly now: () => DifferenceTotals;
} {
  const all = newCounting();
  const byRepository = new Map<string, Counting>();
  return {
    add({ change, goes }) {
      const own = byRepository.get(goes.repository) ?? newCounting();
      byRepository.set(goes.repository, own);
      for (const counting of [all, own]) {
        counting[change][goes.kind === 'tag' ? 'tags' : 'manifests'] += 1;
        counting[change].bytes += goes.kind === 'manifest' ? (goes.size ?? 0) : 0;
        if (goes.kind === 'manifest' && goes.findings)
          counting[change].findings = plusFindings(counting[change].findings ?? NO_FINDINGS, countedFindings(goes));
      }
    },
    now: () => ({ ...all, repositories: Array.from(byRepository, ([repository, own]) => ({ repository, ...own })) }),
  };
}

function newCounting(): Counting {
  return { added: { tags: 0, manifests: 0, bytes: 0 }, removed: { tags: 0, manifests: 0, bytes: 0 } };
}
