import type { ImageFindings, Scan } from '../../evidence/findings.ts';
import { type Described, subjectByTag } from '../../evidence/reports/manifest.ts';
import type { Said } from '../../evidence/reports/report.ts';
import type { ContentReader } from '../../registry/content.ts';
import type { FactsFile } from '../../registry/hashed-lines.ts';
import type { ManifestListing, ManifestRecord } from '../../registry/types.ts';
import { type AttachedMemory, recallAttached, type Remembered } from './attached-memory.ts';
import { type AttachedReading, newAttachedReading, type ReadingOptions } from './attached-reading.ts';
import { eachOf } from '../each.ts';
import type { FoundImages } from './known-findings.ts';

export interface AttachedOptions extends ReadingOptions {
  readonly content: Pick<ContentReader, 'manifest' | 'blob'>;
  readonly repository: string;
  readonly listing: ManifestListing;
  /** Where it is remembered what was read. */
  readonly file: FactsFile;
  readonly now: Date;
}

/** What is attached to the images of one repository. */
export interface Attached {
  /** ISO 8601, UTC. */
  readonly observedAt: string;
  /**
   * What the reports that are attached say of each image.
   * @throws {StoppedError}
   */
  readonly findings: () => Promise<Required<FoundImages>>;
  /**
   * From which image each of these was built, as its annotation says, or else that of an index over it.
   * @throws {StoppedError}
   */
  readonly bases: (digests: readonly string[]) => Promise<ReadonlyMap<string, string>>;
  /** What could not be read. */
  readonly problems: () => readonly string[];
  /** Remembers what was read. Never throws. */
  readonly save: () => Promise<void>;
}

/** Calls that are under way at once, for one repository. */
const SIDE_BY_SIDE = 6;

/** Of the reports of one type that an image has, so many are read: the newest. */
const MOST_OF_A_TYPE = 3;

/** A clock may be wrong by as much. A time that is later is not believed. */
const AHEAD_MS = 86_400_000;

export function attachedIn({ content, repository, listing, file, now, ...options }: AttachedOptions): Attached {
  const reading = newAttachedReading(content, repository, options);
  let recalled: Promise<AttachedMemory> | undefined;
  const recall = (): Promise<AttachedMemory> =>
    (recalled ??= recallAttached(file, repository, (digest) => listing.byDigest.has(digest)));
  const latest = new Date(now.getTime() + AHEAD_MS).toISOString();
  const records = [...listing.byDigest.values()];
  /** What was read in this run, with what may be reports in it. */
  const described = new Map<string, Described>();
  /** What is listed, and not there. */
  const missing = new Set<string>();

  /** Reads what manifests say, but not yet their reports, of those that are not remembered. */
  const look = (some: readonly ManifestRecord[], memory: AttachedMemory): Promise<void> =>
    eachOf(
      some.filter(({ digest }) => memory.get(digest) === undefined),
      SIDE_BY_SIDE,
      async ({ digest, tags, unreadable }) => {
        // As in quarantine.
        if (unreadable) {
          reading.problem(digest, 'it is unreadable (readEnabled: false)');
          return;
        }
        const said = await reading.manifest(digest);
        if (said === 'missing') missing.add(digest);
        if (said === undefined || said === 'missing') return;
        described.set(digest, said);
        memory.set(digest, remembering(said, subjectByTag(tags)));
      },
    );

  return {
    observedAt: now.toISOString(),
    async findings() {
      const memory = await recall();
      const attached = records.filter(mayBeAttached);
      await look(attached, memory);
      const newest = newestOfEach(attached, memory, latest);
      await eachOf(newest, SIDE_BY_SIDE, async ({ digest }) => {
        const from = described.get(digest) ?? (await reading.manifest(digest));
        if (from && from !== 'missing') await readReports(digest, from, memory, reading);
      });
      const unread = attached.filter(({ digest }) => memory.get(digest) === undefined && !missing.has(digest));
      const images = new Map<string, Found>();
      for (const { digest, lastUpdated } of attached) {
        const said = memory.get(digest);
        if (said?.subject === undefined || !listing.byDigest.has(said.subject)) continue;
        const found = images.get(said.subject) ?? { scans: [], packages: [], lifecycles: [], damaged: [] };
        images.set(said.subject, found);
        add(found, said, { digest, timeOf: (own) => timeOf([said.created, own, isoOf(lastUpdated)], latest) });
      }
      const inDoubt = new Map<string, string>();
      for (const [image, found] of images)
        for (const { digest, said } of stillDamaged(found)) {
          reading.problem(digest, said);
          inDoubt.set(image, `its report ${digest} is damaged`);
        }
      for (const { digest, lastUpdated } of newest) {
        const { subject = '', created, unread: isUnread } = memory.get(digest) ?? {};
        const at = timeOf([created, isoOf(lastUpdated)], latest);
        const last = images.get(subject)?.scans.reduce((most, one) => (one.at > most ? one.at : most), '') ?? '';
        if (isUnread && !(at !== undefined && at < last)) inDoubt.set(subject, `its report ${digest} cannot be read`);
      }
      const [one] = unread;
      const why = one && `it is not known to which image ${one.digest} is attached, which cannot be read`;
      return {
        images: new Map([...images].map(([digest, found]) => [digest, findingsOf(found)])),
        doubtOf(digest) {
          const scan = inDoubt.get(digest) ?? why;
          return { ...(scan !== undefined && { scan }), ...(why !== undefined && { endOfLife: why }) };
        },
      };
    },

    async bases(digests) {
      const memory = await recall();
      const images = digests.flatMap((digest) => listing.byDigest.get(digest) ?? []);
      // Images in Docker's own format have no annotations.
      const annotated = images.filter(({ kind }) => kind !== 'plain');
      await look(annotated, memory);
      const bases = new Map<string, string>();
      const take = (digest: string, base: string | undefined): void => {
        if (base !== undefined && !bases.has(digest)) bases.set(digest, base);
      };
      for (const { digest } of annotated) take(digest, memory.get(digest)?.base);
      if (images.every(({ digest }) => bases.has(digest))) return bases;
      const indexes = records.filter(({ kind }) => kind === 'index');
      await look(indexes, memory);
      const wanted = new Set(images.map(({ digest }) => digest));
      for (const { digest } of indexes) {
        const { base, children = [] } = memory.get(digest) ?? {};
        for (const child of children) if (wanted.has(child)) take(child, base);
      }
      return bases;
    },

    problems: reading.problems,
    save: async () => (await recalled)?.save(),
  };
}

/** Whether something may be attached to an image: it may have a `subject`, or cosign's tag says so. */
function mayBeAttached({ mayRefer, looksRunnable, kind, tags }: ManifestRecord): boolean {
  return (mayRefer && !looksRunnable && kind !== 'index') || subjectByTag(tags) !== undefined;
}

function remembering(described: Described, byTag: string | undefined): Remembered {
  const { subject = byTag, type, created, endOfLife, base, children, layers } = described;
  const isReport = subject !== undefined && layers.length > 0;
  const isAbout = subject !== undefined && (isReport || endOfLife !== undefined);
  return {
    ...(isAbout && { subject, ...(type !== undefined && { type }), ...(created !== undefined && { created }) }),
    ...(isAbout && endOfLife !== undefined && { endOfLife }),
    ...(isReport && { unread: true }),
    ...(base !== undefined && { base, ...(children.length > 0 && { children }) }),
  };
}

/** The newest of each type that an image has, of those whose reports were not read. */
function newestOfEach(
  attached: readonly ManifestRecord[],
  memory: AttachedMemory,
  latest: string,
): readonly ManifestRecord[] {
  const groups = new Map<string, ManifestRecord[]>();
  for (const record of attached) {
    const { subject, type, unread, reports, damaged } = memory.get(record.digest) ?? {};
    if (subject === undefined || (!unread && !reports && damaged === undefined)) continue;
    const group = JSON.stringify([subject, type]);
    const others = groups.get(group);
    if (others) others.push(record);
    else groups.set(group, [record]);
  }
  const madeAt = ({ digest, lastUpdated }: ManifestRecord): string =>
    timeOf([memory.get(digest)?.created, isoOf(lastUpdated)], latest) ?? '';
  return [...groups.values()]
    .flatMap((group) => group.toSorted((one, other) => compare(madeAt(other), madeAt(one))).slice(0, MOST_OF_A_TYPE))
    .filter(({ digest }) => memory.get(digest)?.unread);
}

/** Reads the reports of a manifest. One that cannot be read now is not remembered: the next run tries it again. */
async function readReports(
  digest: string,
  { layers, type }: Described,
  memory: AttachedMemory,
  reading: AttachedReading,
): Promise<void> {
  const before = memory.get(digest);
  if (before?.subject === undefined) return;
  const { unread, subject, ...rest } = before;
  const reports: Said[] = [];
  let damaged: string | undefined;
  for (const layer of layers) {
    const read = await reading.report({ digest, layer, subject, type });
    if (!read) return;
    if (read.state === 'damaged') damaged ??= read.why;
    if (read.state !== 'report') continue;
    const { state, ...said } = read;
    if (Object.keys(said).length > 0) reports.push(said);
  }
  const isOver = reports.length > 0 || damaged !== undefined || rest.endOfLife !== undefined;
  memory.set(digest, {
    ...(isOver ? { subject, ...rest } : { ...(rest.base !== undefined && { base: rest.base }) }),
    ...(reports.length > 0 && { reports }),
    ...(damaged !== undefined && { damaged }),
  });
}

/** Something that was said at a time, by a manifest. */
interface Dated<T> {
  readonly at: string;
  readonly digest: string;
  readonly said: T;
}

interface Found {
  readonly scans: Dated<Scan>[];
  readonly packages: Dated<number>[];
  readonly lifecycles: Dated<string>[];
  /** Why a report cannot be read. */
  readonly damaged: Dated<string>[];
}

interface Dating {
  readonly digest: string;
  /** When something was said that gives this time itself. */
  readonly timeOf: (own: string | undefined) => string | undefined;
}

function add(found: Found, { reports = [], endOfLife, damaged }: Remembered, { digest, timeOf }: Dating): void {
  for (const { scan, packages } of reports) {
    const { at: own, ...undated } = scan ?? {};
    const at = timeOf(own);
    const dated = <T>(said: T): Dated<T> => ({ at: at ?? '', digest, said });
    if (scan) found.scans.push(dated({ ...(undated as Omit<Scan, 'at'>), ...(at !== undefined && { at }) }));
    if (packages !== undefined) found.packages.push(dated(packages));
  }
  if (damaged !== undefined) found.damaged.push({ at: timeOf(undefined) ?? '', digest, said: damaged });
  if (endOfLife !== undefined) found.lifecycles.push({ at: timeOf(undefined) ?? '', digest, said: endOfLife });
}

/** Damaged reports that no later one stands for: a scan, or where the image has none a list of packages. */
function stillDamaged({ damaged, scans, packages }: Found): readonly Dated<string>[] {
  const last = (scans.length > 0 ? scans : packages).reduce((latest, { at }) => (at > latest ? at : latest), '');
  return damaged.filter(({ at }) => at >= last);
}

/** The newest of each. Of two of one time, the form that says more: the tool's own words before scores. */
function findingsOf({ scans, packages, lifecycles }: Found): ImageFindings {
  const scan = newestOf(scans, ({ said }) => RANKS.indexOf(said.by));
  const count = newestOf(packages);
  const endOfLife = newestOf(lifecycles);
  return {
    ...(scan !== undefined && { scan }),
    ...(count !== undefined && { packages: count }),
    ...(endOfLife !== undefined && { endOfLife }),
  };
}

const RANKS: readonly Scan['by'][] = ['sarif', 'cyclonedx', 'trivy', 'grype'];

function newestOf<T>(all: readonly Dated<T>[], rank: (one: Dated<T>) => number = () => 0): T | undefined {
  const sorted = all.toSorted(
    (one, other) => compare(other.at, one.at) || rank(other) - rank(one) || compare(one.digest, other.digest),
  );
  return sorted[0]?.said;
}

function compare(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}

/** The first of these times that can be. */
function timeOf(times: readonly (string | undefined)[], latest: string): string | undefined {
  return times.find((time) => time !== undefined && time <= latest);
}

/** To milliseconds, so that it can be compared with others. */
function isoOf(time: string | undefined): string | undefined {
  return time === undefined ? undefined : new Date(time).toISOString();
}
