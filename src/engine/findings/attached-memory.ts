import { z } from 'zod';
import { MOST_IDS, type Scan } from '../../evidence/findings.ts';
import type { Said } from '../../evidence/reports/report.ts';
import { SEVERITIES } from '../../policy/severity.ts';
import { type FactsFile, hashed, readHashed } from '../../registry/hashed-lines.ts';

/*
 * What the manifests of one repository said that is about findings, as earlier runs read it: a digest fixes the content, so
 * it need not be read twice. A line for each digest, with what it said if that is something:
 *
 *     "sha256:…"
 *     ["sha256:…",{"subject":"sha256:…","created":"2026-11-30T08:00:00.000Z","reports":[{"scan":{…}}]}]
 */

/** Changes where reports are read in another way: then everything is read again. */
const FORMAT = 1;

/** What one manifest says. Nothing in it: it is not about findings. */
export interface Remembered {
  /** What it is attached to. */
  readonly subject?: string;
  readonly type?: string;
  /** ISO 8601, UTC. */
  readonly created?: string;
  readonly endOfLife?: string;
  readonly base?: string;
  /** Of an index that says from what it is built. */
  readonly children?: readonly string[];
  /** What its reports say. */
  readonly reports?: readonly Said[];
  /** Why some of its reports cannot be read, whenever it is tried. */
  readonly damaged?: string;
  /** It may hold reports that were not read: newer ones of their type were. */
  readonly unread?: true;
}

/** Manifests that are not listed, of which it is remembered what they say. */
const MOST_UNLISTED = 1_000;

const text = z.string().max(1_000);
const count = z.int().nonnegative();
const bySeverity = z.partialRecord(z.enum(SEVERITIES), count);

const ScanEntry = z.strictObject({
  by: z.enum(['sarif', 'grype', 'trivy', 'cyclonedx']),
  at: z.iso.datetime().exactOptional(),
  bySeverity,
  fixable: bySeverity,
  ids: z.array(text).max(MOST_IDS),
}) satisfies z.ZodType<Scan>;

const Entry = z.strictObject({
  subject: text.exactOptional(),
  type: text.exactOptional(),
  created: z.iso.datetime().exactOptional(),
  endOfLife: text.exactOptional(),
  base: text.exactOptional(),
  children: z.array(text).exactOptional(),
  reports: z
    .array(z.strictObject({ scan: ScanEntry.exactOptional(), packages: count.exactOptional() }))
    .exactOptional(),
  damaged: text.exactOptional(),
  unread: z.literal(true).exactOptional(),
}) satisfies z.ZodType<Remembered>;

const Line = z.union([text.transform((digest) => [digest, {}] as const), z.tuple([text, Entry])]);

export interface AttachedMemory {
  readonly get: (digest: string) => Remembered | undefined;
  readonly set: (digest: string, said: Remembered) => void;
  /** Writes it, where it has changed. Never throws: it only saves reading. */
  readonly save: () => Promise<void>;
}

/**
 * Reads what is remembered. Of what is not listed any more little is kept: most of it is gone, but a dry run of several
 * commands shows each of them a listing without what the ones before would delete. A file that is missing or damaged counts
 * as empty.
 */
export async function recallAttached(
  file: FactsFile,
  repository: string,
  isListed: (digest: string) => boolean,
): Promise<AttachedMemory> {
  const header = { format: FORMAT, repository };
  let known = new Map<string, Remembered>();
  let unlisted: (readonly [string, Remembered])[] = [];
  let isChanged = false;
  try {
    const found = new Map<string, Remembered>();
    const others: typeof unlisted = [];
    await readHashed(file, header, (value) => {
      const [digest, said] = Line.parse(value);
      if (isListed(digest)) found.set(digest, said);
      else others.push([digest, said]);
    });
    known = found;
    unlisted = others.slice(-MOST_UNLISTED);
    isChanged = unlisted.length < others.length;
  } catch {
    // Everything is read again.
  }
  return {
    get: (digest) => known.get(digest),
    set(digest, said) {
      known.set(digest, said);
      isChanged = true;
    },
    async save() {
      if (!isChanged) return;
      isChanged = false;
      // Where the store cannot be written, the ledger reports it.
      await file.write(hashed(header, linesOf([...unlisted, ...known]))).catch(() => undefined);
    },
  };
}

function* linesOf(known: Iterable<readonly [string, Remembered]>): Generator<unknown, void, undefined> {
  for (const [digest, said] of known) yield Object.keys(said).length === 0 ? digest : [digest, said];
}
