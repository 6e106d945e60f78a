import type { SeverityCounts } from '../../src/evidence/findings.ts';
import type { RepositoryRecord, RunRecord } from '../../src/ledger/records.ts';
import type { Decision, KeepReason } from '../../src/planner/decision.ts';
import { type DecisionFindings, type FindingSum, NO_FINDINGS, plusFindings } from '../../src/planner/findings.ts';
import { HOSTILE, ledgerOf, type Recorded, recordOf, totalsOf } from './review.ts';

/* Runs that asked for findings, as a ledger records them, made of plain data. */

export const IN_USE: NonNullable<RunRecord['evidence']> = [
  { source: 'aks:prod', observedAt: '2026-11-24T01:00:00Z', scope: 'all namespaces', complete: true, images: 3 },
];

/** What a run found in a repository, and what it removed. */
export interface Found {
  readonly all: FindingSum;
  readonly removed?: FindingSum;
  readonly inUse?: FindingSum;
  readonly decisions?: readonly Decision[];
}

/** So many images with so many findings of each severity. */
export function sumOf(bySeverity: SeverityCounts, images = 1, notScanned = 0): FindingSum {
  return { images, notScanned, bySeverity, fixable: {} };
}

export function recordWith(
  repository: string,
  { all, removed = NO_FINDINGS, inUse, decisions = [] }: Found,
): RepositoryRecord {
  const { listed, ...totals } = totalsOf(decisions);
  const tags = decisions.filter(({ kind }) => kind === 'tag').length;
  return {
    summary: {
      repository,
      state: 'done',
      ...totals,
      listed: { ...listed, tags, findings: { all, ...(inUse && { inUse }) } },
      findings: { removed, kept: plusFindings(all, removed, -1), ...(inUse && { inUse }) },
    },
    planned: { deletions: 0, hash: '' },
  };
}

/** A run that looked at some repositories. */
export function runWith(
  started: string,
  found: Readonly<Record<string, Found>>,
  over: Partial<RunRecord> = {},
): Recorded {
  const repositories = Object.entries(found).map(([name, one]) => recordWith(name, one));
  const findings = [{ source: 'defender', observedAt: started, complete: true, images: 3 }] as const;
  const recorded = recordOf(started, [], { findings, ...over }, repositories);
  return { ...recorded, decisions: Object.values(found).flatMap(({ decisions = [] }) => decisions) };
}

/** An image of which the run by a policy file keeps everything. */
export interface Image {
  readonly digest: string;
  readonly tags: readonly string[];
  readonly bySeverity?: SeverityCounts;
  readonly reason?: KeepReason;
  readonly rule?: string;
  readonly locked?: true;
  readonly days?: number;
  readonly findings?: Partial<DecisionFindings>;
}

const STARTED = Date.parse('2026-11-24T01:00:00Z');

/** The decisions on some images: the tags, then the manifests. */
export function decisionsOn(repository: string, images: readonly Image[]): readonly Decision[] {
  const findingsOf = ({ bySeverity, findings = {} }: Image): DecisionFindings => ({
    ...(bySeverity && {
      scan: { by: 'defender', bySeverity, fixable: bySeverity, ids: ['CVE-2026-0001', 'CVE-2026-0002'] },
    }),
    ...findings,
  });
  const about = (image: Image) => ({
    repository,
    digest: image.digest,
    action: 'keep' as const,
    detail: '',
    beyondAcrPurge: false,
    findings: findingsOf(image),
    lastUpdateTime: new Date(STARTED - (image.days ?? 60) * 86_400_000).toISOString(),
    ...(image.locked && { locked: true as const }),
  });
  return [
    ...images.flatMap((image) =>
      image.tags.map(
        (tag): Decision => ({
          ...about(image), kind: 'tag', tag, reason: image.reason ?? 'no-rule',
          ...(image.rule !== undefined && { rule: image.rule }),
        }),
      ),
    ),
    ...images.map((image): Decision => ({ ...about(image), kind: 'manifest', tags: image.tags, reason: 'has-tags' })),
  ]; // prettier-ignore
}

export const digestOf = (n: number): string => `sha256:${n.toString(16).padStart(64, '0')}`;

const WEB = decisionsOn('shop/web', [
  { digest: digestOf(1), tags: ['2.0.0'], bySeverity: { critical: 2, high: 5 }, findings: { inUse: true, base: 'mcr.microsoft.com/dotnet/aspnet:8.0' } },
  { digest: digestOf(2), tags: ['1.4.2', '1.4'], bySeverity: { critical: 3, high: 9 }, findings: { base: 'mcr.microsoft.com/dotnet/aspnet:8.0' } },
  { digest: digestOf(3), tags: ['pr-11'], bySeverity: { critical: 1 } },
  { digest: digestOf(4), tags: ['pr-12'], bySeverity: { critical: 1 }, days: 3 },
  { digest: digestOf(5), tags: ['pr-13'], bySeverity: { critical: 1 } },
  { digest: digestOf(6), tags: ['1.0.0'], bySeverity: { critical: 4 }, locked: true },
  { digest: digestOf(7), tags: ['dev-1'] },
]); // prettier-ignore

/** A shop over some weeks: the findings rise with each build, and fall with each run. */
export function shopAtRisk(over: Partial<RunRecord> = {}): readonly Recorded[] {
  const web = (critical: number, removed: number, decisions: readonly Decision[] = []): Found => ({
    all: sumOf({ critical, high: 3 * critical, medium: 40 }, 9, 1),
    removed: sumOf({ critical: removed, high: 2 * removed }, removed),
    inUse: sumOf({ critical: 2, high: 5 }),
    decisions,
  });
  const legacy = { all: sumOf({ critical: 5, low: 100 }, 4) };
  return [
    runWith('2026-10-01T01:00:00.000Z', { 'shop/web': web(40, 0), legacy }, { dryRun: true, evidence: IN_USE }),
    runWith('2026-10-08T01:00:00.000Z', { 'shop/web': web(42, 20) }, { evidence: IN_USE }),
    runWith('2026-11-01T01:00:00.000Z', { 'shop/web': web(30, 18) }, { evidence: IN_USE }),
    runWith('2026-11-24T01:00:00.000Z', { 'shop/web': web(12, 0, WEB) }, { evidence: IN_USE, ...over }),
  ];
}

export function ledgerAtRisk(over: Partial<RunRecord> = {}) {
  return ledgerOf(shopAtRisk(over));
}

/** The same, and everything that it names to do harm. */
export function hostileAtRisk() {
  const decisions = HOSTILE.flatMap((text, n) =>
    decisionsOn(text, [
      {
        digest: digestOf(n), tags: [text, `${text}2`], bySeverity: { critical: n + 1 },
        findings: {
          base: text, endOfLife: text,
          scan: { by: 'grype', bySeverity: { critical: n + 1 }, fixable: {}, ids: HOSTILE },
          ...(n % 2 === 0 && { inUse: true }),
        },
      },
    ]),
  ); // prettier-ignore
  const found = HOSTILE.map((text, n): readonly [string, Found] => [
    text,
    { all: sumOf({ critical: n + 1 }), inUse: sumOf({ critical: n + 1 }), decisions: decisions.filter(({ repository }) => repository === text) },
  ]); // prettier-ignore
  const registry = 'contoso.azurecr.io';
  return ledgerOf([
    runWith('2026-11-23T01:00:00.000Z', Object.fromEntries(found), { registry, evidence: IN_USE }),
    runWith('2026-11-24T01:00:00.000Z', Object.fromEntries(found.slice(2)), { registry, evidence: IN_USE }),
  ]);
}
