import type { FindingSum } from '../planner/findings.ts';
import type { RunKind } from '../ledger/records.ts';
import type { FindingSource } from '../policy/findings.ts';
import type { Sheet } from './csv.ts';
import { SEVERITY_NAMES } from './finding-words.ts';

export type SeverityCounts = FindingSum['bySeverity'];

/** A run on the line. The sums are those of the whole registry, as far as they are known. */
export interface RiskRun {
  readonly run: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly kind: RunKind;
  /** It deleted nothing, so before and after are the same. */
  readonly dryRun: boolean;
  readonly before: FindingSum;
  /** By this run; a dry run would. */
  readonly removed: FindingSum;
  readonly after: FindingSum;
  /** Repositories that it looked at, those that are known by then, and those that no earlier run looked at. */
  readonly looked: number;
  readonly known: number;
  readonly appeared: number;
  readonly sources: readonly FindingSource[];
}

/** Something with findings: a repository, or the images that were built on one base. */
export interface RiskGroup extends FindingSum {
  readonly name: string;
}

interface RiskRepository extends RiskGroup {
  /** When a run looked at it last. */
  readonly at: string;
  readonly run: string;
}

/** Why no rule is proposed for an image that nothing uses. */
export const NO_RULE = [
  /** A plan deletes it already. */
  'planned',
  /** A plan deletes tags of it, and not the image. */
  'tags-planned',
  /** A rule of the policy owns a tag of it, and keeps that for its age. */
  'owned',
  'quarantined',
  'locked',
  /** The policy keeps it, and not for its age alone. */
  'kept',
  /** A rule names tags. */
  'untagged',
  /** The run decided on some of its tags only: what keeps the others is not known. */
  'undecided',
  /** The run had --protect: of what it did not look at closely it is not known whether that is protected. */
  'protect-flags',
  /** It has more tags than are looked at, or its name is none that a rule takes. */
  'unnameable',
] as const;

export type NoRule = (typeof NO_RULE)[number];

export interface RiskyImage {
  readonly repository: string;
  readonly digest: string;
  /** The first ones. */
  readonly tags: readonly string[];
  readonly tagCount: number;
  readonly bySeverity: SeverityCounts;
  readonly fixable: SeverityCounts;
  /** Names of vulnerabilities, the worst first; not all. */
  readonly ids: readonly string[];
  /** The image that it was built on, as its annotation says. */
  readonly base?: string;
  readonly endOfLife?: string;
  /** Absent: it is not known what is in use. */
  readonly inUse?: boolean;
  /** The run that says so. */
  readonly run: string;
  /** Of one that nothing uses. Absent: a rule is proposed for it, or none is asked for. */
  readonly noRule?: NoRule;
}

/** Images with critical findings. */
export interface RiskyImages {
  readonly images: number;
  /** Their critical findings. */
  readonly critical: number;
  /** The worst. */
  readonly first: readonly RiskyImage[];
}

export interface ProposedRules {
  /** A policy file. */
  readonly policy: string;
  readonly rules: number;
  readonly images: number;
  /** Of these, those that are old enough now. */
  readonly old: number;
  readonly olderThan: string;
  /** Images for which there is no room in it. */
  readonly more: number;
}

/** What a report on risk leaves out. */
interface RiskLimits {
  /** Runs whose records are damaged. */
  readonly damaged: number;
  /** The oldest runs, which are too many. */
  readonly leftOut: number;
  /** Runs that are left out because they could not read their sources completely. */
  readonly incomplete: number;
  /** The last run on the line could not either: there are at least as many findings as it says. */
  readonly isIncomplete: boolean;
  /** Since the last run on the line: runs that did not ask for findings, and manifests that they deleted. */
  readonly notAsked: { readonly runs: number; readonly deleted: number };
  /** Repositories with findings whose images were not looked at, because there are too many decisions. */
  readonly unread: number;
  /** Images with findings that are too many to be told apart. */
  readonly more: number;
  /** Critical findings that are in no image that the last runs decided on: no filter of theirs matches it. */
  readonly undecided: number;
}

/** The findings of a registry, by what its runs recorded. */
export interface RiskReport {
  /** Its login server. */
  readonly registry: string;
  readonly asOf: string;
  /** The line begins here. */
  readonly since: string;
  /** What was known then. Absent: nothing was. */
  readonly standing?: FindingSum;
  /** The oldest first. */
  readonly line: readonly RiskRun[];
  /** What is known now; absent: no run has asked for findings. */
  readonly now?: FindingSum;
  /** Of that, in what is used. Absent: it is not known of every repository what is in use. */
  readonly inUse?: FindingSum;
  /** Repositories that the last run did not look at: their last known value stands. Those that are known the longest come first. */
  readonly stale: {
    readonly repositories: number;
    readonly first: readonly { readonly name: string; readonly since: string }[];
  };
  readonly repositories: { readonly count: number; readonly first: readonly RiskRepository[] };
  readonly bases: { readonly count: number; readonly first: readonly RiskGroup[] };
  readonly images: { readonly count: number; readonly first: readonly RiskyImage[] };
  /** Images with critical findings: that are in use, that nothing uses, and of which that is not known. */
  readonly critical: { readonly inUse: RiskyImages; readonly unused: RiskyImages; readonly unknown: RiskyImages };
  /** Absent: there is nothing to propose. */
  readonly proposal?: ProposedRules;
  readonly limits: RiskLimits;
}

/** The line, a run each. */
export const RISK_LINE: Sheet<RiskRun> = {
  columns: [
    'run',
    'at',
    'kind',
    'dryRun',
    ...(['before', 'removed', 'after'] as const).flatMap((when) => [
      ...SEVERITY_NAMES.map((severity) => `${when}_${severity}`),
      `${when}_images`,
      `${when}_notScanned`,
    ]),
    'looked',
    'known',
    'appeared',
    'sources',
  ],
  cells: (run) => ({
    ...run,
    ...cellsOf('before', run.before),
    ...cellsOf('removed', run.removed),
    ...cellsOf('after', run.after),
    sources: run.sources.join(' '),
  }),
};

function cellsOf(when: string, { images, notScanned, bySeverity }: FindingSum): Readonly<Record<string, number>> {
  return {
    ...Object.fromEntries(SEVERITY_NAMES.map((severity) => [`${when}_${severity}`, bySeverity[severity] ?? 0])),
    [`${when}_images`]: images,
    [`${when}_notScanned`]: notScanned,
  };
}
