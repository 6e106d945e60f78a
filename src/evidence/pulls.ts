import type { TokenCredential } from '@azure/core-auth';
import type { Clock } from '../registry/clock.ts';
import { clientOf, isIgnored, isOwnClient, isRuntime, ownBy, ownIdentity, sharedWith } from './pull-clients.ts';
import {
  type LoggedHour,
  type LoggedPull,
  type LoggedTries,
  type PullLog,
  pullLog,
  type Timespan,
} from './pull-log.ts';

/** A pull that counts: the last one of an image by a tag, a digest or both. */
interface Pull {
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
  /** ISO 8601, UTC. */
  readonly last: string;
  /** What pulled, without who: `containerd/v1.7.2`. */
  readonly client?: string;
}

/** That an image was asked for: so often, and answered like that. */
export interface TriedPull extends Pull {
  /** ISO 8601, UTC. */
  readonly first: string;
  readonly times: number;
  /** The HTTP status, as far as is known. */
  readonly answer?: string;
}

/** How far the log of one registry can be gone by. */
interface LogEvidence {
  /** For a person, without secrets. */
  readonly source: string;
  /** ISO 8601, UTC. */
  readonly observedAt: string;
  /** Everything was read that the log has. */
  readonly complete: boolean;
  /** Why it is not complete. */
  readonly problems: readonly string[];
  /** From when to when the log speaks without a gap (ISO 8601, UTC). Absent: nothing is known up to now. */
  readonly covers?: { readonly since: string; readonly until: string };
  /** When the log has an event last, of whatever kind: ISO 8601, UTC. Absent: it has none of late. */
  readonly lastEvent?: string;
  /** What a person has to look at, although everything was read. */
  readonly remarks?: readonly string[];
}

/** What the log of one registry says of pulls. */
export interface PullEvidence extends LogEvidence {
  /** Also of what was before a gap: what it says is true all the same. */
  readonly pulls: readonly Pull[];
}

/** What the log of one registry says of pulls, whether they failed or not. */
export interface TriedEvidence extends LogEvidence {
  /** Also of what was before a gap. */
  readonly tried: readonly TriedPull[];
}

export interface PullSource {
  /** For a person, without secrets. */
  readonly name: string;
  /**
   * Reads the pulls since `from`. Never throws: what cannot be read makes the evidence incomplete.
   * @param registry its login server, `host[:port]`
   */
  readonly read: (registry: string, from: Date, signal?: AbortSignal) => Promise<PullEvidence>;
}

export interface TriedSource {
  /** For a person, without secrets. */
  readonly name: string;
  /** Reads what was asked for since `from`, also without success. Never throws, like `PullSource`. */
  readonly tried: (registry: string, from: Date, signal?: AbortSignal) => Promise<TriedEvidence>;
}

/** What the log is asked as, and whose pulls do not count. */
export interface PullSourceOptions {
  /** For a person, without secrets. */
  readonly name: string;
  readonly credential: TokenCredential;
  readonly clock: Clock;
  /** Of Log Analytics in the cloud of the registries. */
  readonly endpoint: string;
  /** The resource id of a registry; `undefined` where none is configured. */
  readonly resourceOf: (registry: string) => string | undefined;
  /** Object ids, and how parts of user agents begin: in small letters. */
  readonly ignored: readonly string[];
  /** A longer stretch without any event is a gap. */
  readonly maxSilenceMilliseconds: number;
  /** As which user the app signs in to the registry, where that is no Entra identity. */
  readonly username?: string | undefined;
  /** For tests. */
  readonly open?: (resource: string) => PullLog;
}

/** Events may take that long to be in the log. */
const LATE_MS = 3_600_000;

/** The log of pulls that registries write to Log Analytics. */
export function pullSource({ name, resourceOf, open, ...options }: PullSourceOptions): PullSource & TriedSource {
  const { credential, clock, endpoint, maxSilenceMilliseconds } = options;
  const openLog = open ?? ((resource) => pullLog({ credential, clock, endpoint, resource }));
  const ask = async <T>(
    registry: string,
    from: Date,
    signal: AbortSignal | undefined,
    read: (log: PullLog, span: Timespan, isOwn: (pull: LoggedPull) => boolean) => Promise<T>,
    nothing: T,
  ): Promise<LogEvidence & T> => {
    const now = clock.now();
    const about = { source: name, observedAt: new Date(now).toISOString() };
    try {
      const resource = resourceOf(registry);
      if (resource === undefined) throw new Error(`REGISTRY_RESOURCE_ID names no resource of ${registry}`);
      const isOwn = ownBy(await ownIdentity(credential, endpoint, signal), options.username);
      const log = openLog(resource);
      const to = new Date(now);
      // An event before that tells a quiet night from a log that begins later.
      const earlier = new Date(from.getTime() - maxSilenceMilliseconds);
      const [said, hours] = await Promise.all([
        read(log, { from, to }, isOwn),
        log.hours({ from: earlier, to }, signal),
      ]);
      const covers = coveredBy(hours, { from, to }, maxSilenceMilliseconds);
      const lastEvent = hours.at(-1)?.last.toISOString();
      const known = { ...(covers && { covers }), ...(lastEvent !== undefined && { lastEvent }) };
      return { ...about, complete: true, problems: [], ...known, ...said };
    } catch (error) {
      return { ...about, complete: false, problems: [(error as Error).message], ...nothing };
    }
  };
  return {
    name,
    read: (registry, from, signal) =>
      ask(
        registry,
        from,
        signal,
        async (log, span, isOwn) => {
          const logged = await log.pulls(span, signal);
          const counted = logged.filter((pull) => !isOwn(pull) && !isIgnored(pull, options.ignored));
          const shared = sharedWith(logged.filter(isOwn));
          return { ...(shared !== undefined && { remarks: [shared] }), pulls: newestOf(counted) };
        },
        { pulls: [] },
      ),
    tried: (registry, from, signal) =>
      ask(
        registry,
        from,
        signal,
        async (log, span, isOwn) => {
          const logged = await log.tries(span, signal);
          // What the app reads is its own with any identity, and a runtime that has the identity of the app is none of it.
          const isOurs = (pull: LoggedPull): boolean => isOwnClient(pull) || (isOwn(pull) && !isRuntime(pull));
          return { tried: triedIn(logged.filter((pull) => !isOurs(pull) && !isIgnored(pull, options.ignored))) };
        },
        { tried: [] },
      ),
  };
}

/**
 * The last stretch of the log that has no gap. Until an hour ago at most: events may be late.
 * @param hours in their order
 */
export function coveredBy(
  hours: readonly LoggedHour[],
  { from, to }: Timespan,
  maxSilenceMilliseconds: number,
): PullEvidence['covers'] {
  const newest = hours.at(-1);
  if (!newest || to.getTime() - newest.last.getTime() > maxSilenceMilliseconds) return undefined;
  let since = newest.first;
  for (const { first, last } of hours.toReversed()) {
    if (since.getTime() - last.getTime() > maxSilenceMilliseconds) break;
    since = first;
  }
  const until = Math.min(newest.last.getTime(), to.getTime() - LATE_MS);
  return {
    since: (since < from ? from : since).toISOString(),
    until: new Date(Math.max(until, Math.min(since.getTime(), to.getTime()))).toISOString(),
  };
}

/** Longer names no registry has. */
const LONGEST_NAME = 512;

/** The newest pull of each image, without who pulled. */
function newestOf(logged: readonly LoggedPull[]): readonly Pull[] {
  const newest = new Map<string, Pull>();
  for (const one of logged) {
    if (!namesAny(one)) continue;
    const key = JSON.stringify([one.repository, one.tag, one.digest]);
    const pull = pullOf(one);
    const known = newest.get(key);
    if (!known || known.last < pull.last) newest.set(key, pull);
  }
  return [...newest.values()];
}

/** How often each image was asked for, by how that was answered, without who asked. */
function triedIn(logged: readonly LoggedTries[]): readonly TriedPull[] {
  const tried = new Map<string, TriedPull>();
  for (const one of logged) {
    if (!namesAny(one)) continue;
    const key = JSON.stringify([one.repository, one.tag, one.digest, one.result]);
    const known = tried.get(key);
    const first = one.first.toISOString();
    const pull = pullOf(one);
    tried.set(key, {
      ...(known && known.last > pull.last ? known : pull),
      first: known && known.first < first ? known.first : first,
      times: (known?.times ?? 0) + one.times,
      ...(STATUS.test(one.result) && { answer: one.result }),
    });
  }
  return [...tried.values()];
}

const STATUS = /^[1-5]\d\d$/;

const namesAny = ({ repository, tag, digest }: LoggedPull): boolean =>
  repository !== '' &&
  (tag !== undefined || digest !== undefined) &&
  [repository, tag, digest].every((name) => name === undefined || name.length <= LONGEST_NAME);

function pullOf(logged: LoggedPull): Pull {
  const { repository, tag, digest, last } = logged;
  const client = clientOf(logged);
  return {
    repository,
    ...(tag !== undefined && { tag }),
    ...(digest !== undefined && { digest }),
    last: last.toISOString(),
    ...(client !== undefined && { client }),
  };
}
