import pLimit from 'p-limit';
import { describe, type Described, type ReportLayer } from '../../evidence/reports/manifest.ts';
import { LARGEST_REPORT, readReport, type ReadReport } from '../../evidence/reports/report.ts';
import type { ContentReader } from '../../registry/content.ts';
import { RegistryError, StoppedError } from '../../registry/errors.ts';
import type { LostTime } from '../lost-time.ts';

/** Reports in memory at once, of all repositories: each has 16 MiB at most, and several times that while it is parsed. */
const REPORTS = 3;
const reading = pLimit(REPORTS);

/** Calls for one repository in one run. The next run reads on: what was read is remembered. */
const MOST_CALLS = 5_000;

/** Calls that fail one after the other: after that, the rest is not tried. A call has been retried by then. */
const MOST_FAILURES = 3;

/** Problems that are named. The rest is counted. */
const MOST_NAMED = 5;
const LONGEST_PROBLEM = 300;

interface AskedReport {
  /** Of the manifest that holds it. */
  readonly digest: string;
  readonly layer: ReportLayer;
  /** The image that it is about. */
  readonly subject: string;
  readonly type: string | undefined;
}

export interface AttachedReading {
  /** What a manifest says; `undefined` where it could not be read. */
  readonly manifest: (digest: string) => Promise<Described | 'missing' | undefined>;
  /** What a report says; `undefined` where it could not be read. */
  readonly report: (asked: AskedReport) => Promise<ReadReport | undefined>;
  /** Notes that something of a manifest cannot be read. */
  readonly problem: (digest: string, why: string) => void;
  /** What could not be read, in words. Nothing: everything was. */
  readonly problems: () => readonly string[];
}

export interface ReadingOptions {
  readonly signal: AbortSignal;
  readonly lostTime: LostTime;
}

/**
 * Reads manifests and reports of one repository. What fails is a problem, and no error: nothing that is decided rests on it.
 * @throws {StoppedError} of every call, where the run was stopped
 */
export function newAttachedReading(
  content: Pick<ContentReader, 'manifest' | 'blob'>,
  repository: string,
  { signal, lostTime }: ReadingOptions,
): AttachedReading {
  const problems = new Set<string>();
  let [calls, failures, left] = [0, 0, 0];
  let isOver = false;

  const problem = (digest: string, why: string): void => {
    problems.add(`${repository}@${digest}: ${why}`.slice(0, LONGEST_PROBLEM));
  };

  async function call<T>(what: string, work: (until: AbortSignal) => Promise<T>): Promise<T | undefined> {
    if (signal.aborted) throw new StoppedError(`read what is attached in ${repository}`);
    if (isOver || calls >= MOST_CALLS || lostTime.isTooMuch()) {
      left += 1;
      return undefined;
    }
    calls += 1;
    try {
      const came = await lostTime.within(`read ${repository}@${what}`, signal, work);
      failures = 0;
      return came;
    } catch (error) {
      if (!(error instanceof RegistryError) || error instanceof StoppedError) throw error;
      problems.add(error.message.slice(0, LONGEST_PROBLEM));
      failures += 1;
      // Who may not read one may read none; and a registry that has refused for minutes has more important things to do.
      isOver ||= [401, 403, 429].includes(error.status ?? 0) || failures >= MOST_FAILURES;
      return undefined;
    }
  }

  return {
    problem,
    async manifest(digest) {
      const read = await call(
        digest,
        async (until) => (await content.manifest(repository, digest, until)) ?? 'missing',
      );
      if (read === undefined || read === 'missing') return read;
      try {
        return describe(read.bytes);
      } catch {
        // Whatever it is, it stays that: nothing is to be said of it.
        return { children: [], layers: [] };
      }
    },
    report: ({ digest, layer, subject, type }) =>
      reading(async () => {
        const tooLarge = { state: 'damaged', why: `its report is larger than ${LARGEST_REPORT} bytes` } as const;
        if (layer.size > LARGEST_REPORT) return tooLarge;
        const came = await call(layer.digest, async (until) => {
          const blob = await content.blob(repository, layer.digest, until);
          return blob ? bytesOf(blob) : 'missing';
        });
        if (came === 'missing') problem(digest, `the registry does not find its report ${layer.digest}`);
        if (came === 'missing' || came === undefined) return undefined;
        return came === 'too large' ? tooLarge : readReport(came, subject, [type, layer.mediaType]);
      }),
    problems() {
      const named = [...problems].slice(0, MOST_NAMED);
      const others = problems.size - named.length;
      return [
        ...named,
        ...(others > 0 ? [`${repository}: ${others} more could not be read`] : []),
        ...(left > 0 ? [`${repository}: ${left} were not tried; the next run reads on`] : []),
      ];
    },
  };
}

/** Reads to the end, where all is verified. What is larger than it should be is not read on. */
async function bytesOf({
  size,
  stream,
}: {
  readonly size: number;
  readonly stream: AsyncIterable<Uint8Array>;
}): Promise<Buffer | 'too large'> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) {
    // Asked within the loop: a stream that nothing was read of would stay open.
    if (size > LARGEST_REPORT) return 'too large';
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
