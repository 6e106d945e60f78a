import { imagesWithFindings, type RiskImage } from '../../ledger/risk-images.ts';
import { byWorst, hasFindings, type LastKnown, readRiskLine, type RiskLineRead } from '../../ledger/risk-line.ts';
import type { LedgerReader } from '../../ledger/reader.ts';
import { isEvidenceWhole, isPurge, type RunRecord } from '../../ledger/records.ts';
import { type FindingSum, NO_FINDINGS, plusFindings } from '../../planner/findings.ts';
import type { RiskGroup, RiskReport, RiskRun, RiskyImage, RiskyImages } from '../../report/risk.ts';
import { type Candidates, proposeRules, whyNoRule } from './risk-rules.ts';

export interface RiskOptions {
  /** The line begins here. Earlier runs only say what was known by then. */
  readonly since: Date;
  /** So many repositories, bases and images are named: the worst. */
  readonly top: number;
  readonly now: Date;
  readonly signal?: AbortSignal | undefined;
  /** No further repository is looked at for its images once so many decisions are. Absent: a million. */
  readonly mostDecisions?: number;
}

/** Runs that are looked at, and records of repositories that are read: those of 100 runs with 1,000 repositories. */
const MOST_RUNS = 400;
const MOST_RECORDS = 100_000;
const MOST_DECISIONS = 1_000_000;
/** Names of bases that are told apart. */
const MOST_BASES = 10_000;
/** Images for which a rule is looked for. */
const MOST_CANDIDATES = 2_000;
const MOST_STALE = 20;
const MOST_IDS = 20;

type Reads = Pick<LedgerReader, 'runs' | 'repositories' | 'decisions'>;

/**
 * The findings of a registry over time, and where they are, by the ledger alone: the registry is not asked.
 * @param registry its login server
 * @throws {LedgerError}
 */
export async function risk(reader: Reads, registry: string, options: RiskOptions): Promise<RiskReport> {
  const { since, now, signal, top } = options;
  const all = await lastRuns(reader, registry);
  const asked = all.filter(({ findings }) => findings !== undefined);
  const counted = runsThatCount(asked);
  const line = await readRiskLine(reader, counted, { most: MOST_RECORDS, signal });
  const places = line.points.map((point, place) => ({ point, run: line.runs[place] }));
  const shown = places.flatMap(({ point, run }): readonly RiskRun[] => (run ? [runOnLine(run, point)] : []));
  const from = since.toISOString();
  const standing = shown.findLast(({ at }) => at < from)?.after;
  const newest = line.runs.at(-1);
  const later = all.filter(({ id, findings }) => !findings && newest !== undefined && id > newest.id);
  const images = await imagesOf(reader, line, options);
  return {
    registry,
    asOf: now.toISOString(),
    since: from,
    ...(standing && { standing }),
    line: shown.filter(({ at }) => at >= from),
    ...nowOf(line),
    stale: staleIn(line),
    repositories: {
      count: line.repositories.filter(({ left }) => hasFindings(left)).length,
      first: line.repositories
        .filter(({ left }) => hasFindings(left))
        .toSorted((a, b) => byWorst(a.left, b.left) || compare(a.repository, b.repository))
        .slice(0, top)
        .flatMap(({ repository, left, place }) => {
          const run = line.runs[place];
          return run ? [{ name: repository, ...left, at: run.started, run: run.id }] : [];
        }),
    },
    ...images.report,
    limits: {
      damaged: line.damaged,
      leftOut: line.leftOut,
      incomplete: asked.length - counted.length,
      isIncomplete: newest !== undefined && !isWhole(newest),
      notAsked: {
        runs: later.length,
        deleted: later.reduce((sum, { dryRun, totals }) => sum + (dryRun ? 0 : (totals?.manifests.deleted ?? 0)), 0),
      },
      ...images.limits,
    },
  };
}

function isWhole({ findings = [] }: RunRecord): boolean {
  return findings.every(({ complete }) => complete);
}

/**
 * A source that did not answer makes the line fall, so a run without it does not count once a later run was complete; and
 * not at all where that source said nothing. Where no run was complete they all count.
 * @param asked the newest first
 */
function runsThatCount(asked: readonly RunRecord[]): readonly RunRecord[] {
  const whole = asked.find(isWhole);
  const isMute = ({ findings = [] }: RunRecord): boolean =>
    findings.some(({ complete, images }) => !complete && images === 0);
  const counted = asked.filter((run) => isWhole(run) || (!isMute(run) && (!whole || run.id > whole.id)));
  return counted.length > 0 ? counted : asked;
}

/** The last runs that are over, the newest first. */
async function lastRuns(reader: Reads, registry: string): Promise<readonly RunRecord[]> {
  const found: RunRecord[] = [];
  for await (const run of reader.runs({ registry })) {
    if (isPurge(run) && run.state !== 'running') found.push(run);
    if (found.length === MOST_RUNS) break;
  }
  return found;
}

function runOnLine(
  { id, started, kind, dryRun, findings = [] }: RunRecord,
  point: RiskLineRead['points'][number],
): RiskRun {
  return { run: id, at: started, kind, dryRun, ...point, sources: findings.map(({ source }) => source) };
}

function nowOf({ points, repositories }: RiskLineRead): Pick<RiskReport, 'now' | 'inUse'> {
  const now = points.at(-1)?.after;
  if (!now) return {};
  const inUse = repositories.reduce<FindingSum | undefined>(
    (sum, one) => (sum && one.inUse ? plusFindings(sum, one.inUse) : undefined),
    NO_FINDINGS,
  );
  return { now, ...(inUse && { inUse }) };
}

function staleIn({ runs, repositories }: RiskLineRead): RiskReport['stale'] {
  const old = repositories
    // Of one that was emptied nothing is left that could be old.
    .filter(({ place, left }) => place < runs.length - 1 && left.images + left.notScanned > 0)
    .toSorted((a, b) => a.place - b.place || compare(a.repository, b.repository));
  return {
    repositories: old.length,
    first: old
      .slice(0, MOST_STALE)
      .map(({ repository, place }) => ({ name: repository, since: runs[place]?.started ?? '' })),
  };
}

type OfImages = Pick<RiskReport, 'bases' | 'images' | 'critical' | 'proposal'>;

/** Looks at the decisions of the last run of each repository with findings, the worst repository first. */
async function imagesOf(
  reader: Reads,
  { runs, repositories }: RiskLineRead,
  { top, now, signal, mostDecisions = MOST_DECISIONS }: RiskOptions,
): Promise<{
  readonly report: OfImages;
  readonly limits: Pick<RiskReport['limits'], 'unread' | 'more' | 'undecided'>;
}> {
  const worstFirst = repositories
    .filter(({ left }) => hasFindings(left))
    .toSorted((a, b) => byWorst(a.left, b.left) || compare(a.repository, b.repository));
  let decisions = 0;
  const chosen = worstFirst.filter((one, index) => {
    if (index > 0 && decisions + one.decisions > mostDecisions) return false;
    decisions += one.decisions;
    return true;
  });
  const byName = new Map(chosen.map((one) => [one.repository, one]));
  const images = newWorst<RiskyImage>(top, ({ repository, digest }) => `${repository}@${digest}`);
  const critical = { inUse: newCritical(top), unused: newCritical(top), unknown: newCritical(top) };
  const bases = new Map<string, FindingSum>();
  const candidates: Candidates[] = [];
  let [count, more, undecided, kept, notKept] = [0, 0, 0, 0, 0];
  for (const [place, run] of runs.entries()) {
    const own = chosen.filter((one) => one.place === place);
    if (own.length === 0) continue;
    const seen = new Map(own.map((one) => [one.repository, 0]));
    const names = own.map(({ repository }) => repository);
    for await (const found of imagesWithFindings(reader, run.id, names, signal)) {
      const { repository } = found;
      const known = byName.get(repository);
      if (!known) continue;
      const about = aboutRun(run, known);
      for (const [base, sum] of found.bases)
        if (bases.has(base) || bases.size < MOST_BASES)
          bases.set(base, plusFindings(bases.get(base) ?? NO_FINDINGS, sum));
      count += found.images.length + found.more;
      more += found.more;
      const free: RiskImage[] = [];
      for (const image of found.images) {
        const told = toldOf(image, run, about);
        images.add(told);
        const critically = image.scan.bySeverity.critical ?? 0;
        if (critically === 0) continue;
        seen.set(repository, (seen.get(repository) ?? 0) + critically);
        critical[told.inUse === undefined ? 'unknown' : told.inUse ? 'inUse' : 'unused'].add(told, critically);
        if (told.inUse !== false || told.noRule !== undefined) continue;
        if (kept < MOST_CANDIDATES) {
          kept += 1;
          free.push(image);
        } else notKept += 1;
      }
      if (free.length > 0)
        candidates.push({ repository, runId: run.id, images: free, decidedOnAll: about.decidedOnAll });
    }
    for (const { repository, left } of own)
      undecided += Math.max(0, (left.bySeverity.critical ?? 0) - (seen.get(repository) ?? 0));
  }
  const proposal = await proposeRules(reader, candidates, now, signal);
  const groups = [...bases].map(([name, sum]): RiskGroup => ({ name, ...sum }));
  return {
    report: {
      bases: {
        count: groups.length,
        first: groups.toSorted((a, b) => byWorst(a, b) || compare(a.name, b.name)).slice(0, top),
      },
      images: { count, first: images.sorted() },
      critical: {
        inUse: critical.inUse.found(),
        unused: critical.unused.found(),
        unknown: critical.unknown.found(),
      },
      ...(proposal && { proposal: { ...proposal, more: proposal.more + notKept } }),
    },
    limits: { unread: worstFirst.length - chosen.length, more, undecided },
  };
}

interface About {
  readonly isUseKnown: boolean;
  readonly decidedOnAll: boolean;
  readonly hasProtectFlags: boolean;
}

/** A log of pulls says what was pulled, and not what runs. */
function aboutRun({ evidence = [], policy }: RunRecord, { inUse, tags }: LastKnown): About {
  return {
    isUseKnown: inUse !== undefined && evidence.some(({ within }) => within === undefined) && isEvidenceWhole(evidence),
    decidedOnAll: tags.listed !== undefined && tags.decided >= tags.listed,
    hasProtectFlags: policy.commands.some(({ understood }) => understood['protect'] !== undefined),
  };
}

function toldOf(image: RiskImage, { id }: RunRecord, about: About): RiskyImage {
  const { repository, digest, names, tagCount, scan, base, endOfLife, isUsed } = image;
  const inUse = isUsed ? true : about.isUseKnown ? false : undefined;
  const noRule = inUse === false ? whyNoRule(image, about.hasProtectFlags) : undefined;
  return {
    repository,
    digest,
    tags: names,
    tagCount,
    bySeverity: scan.bySeverity,
    fixable: scan.fixable,
    ids: scan.ids.slice(0, MOST_IDS),
    ...(base !== undefined && { base }),
    ...(endOfLife !== undefined && { endOfLife }),
    ...(inUse !== undefined && { inUse }),
    run: id,
    ...(noRule !== undefined && { noRule }),
  };
}

function newCritical(top: number) {
  const first = newWorst<RiskyImage>(top, ({ repository, digest }) => `${repository}@${digest}`);
  let [images, critical] = [0, 0];
  return {
    add(image: RiskyImage, findings: number): void {
      images += 1;
      critical += findings;
      first.add(image);
    },
    found: (): RiskyImages => ({ images, critical, first: first.sorted() }),
  };
}

/** The worst of many. No more than twice as many are held. */
function newWorst<T extends Pick<FindingSum, 'bySeverity'>>(most: number, nameOf: (one: T) => string) {
  let kept: T[] = [];
  const sorted = (): T[] => kept.toSorted((a, b) => byWorst(a, b) || compare(nameOf(a), nameOf(b))).slice(0, most);
  return {
    add(one: T): void {
      kept.push(one);
      if (kept.length >= 2 * most + 10) kept = sorted();
    },
    sorted,
  };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
