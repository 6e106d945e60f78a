import type { TokenCredential } from '@azure/core-auth';
import * as z from 'zod';
import type { Clock } from '../registry/clock.ts';
import { type LoggedHour, type LoggedPull, type PullLog, pullLog, type Timespan } from './pull-log.ts';

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

/** What the log of one registry says of pulls. */
export interface PullEvidence {
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
  /** Also of what was before a gap: what it says is true all the same. */
  readonly pulls: readonly Pull[];
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
export function pullSource({ name, resourceOf, open, ...options }: PullSourceOptions): PullSource {
  const { credential, clock, endpoint, maxSilenceMilliseconds } = options;
  const openLog = open ?? ((resource) => pullLog({ credential, clock, endpoint, resource }));
  return {
    name,
    async read(registry, from, signal) {
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
        const [logged, hours] = await Promise.all([
          log.pulls({ from, to }, signal),
          log.hours({ from: earlier, to }, signal),
        ]);
        const covers = coveredBy(hours, { from, to }, maxSilenceMilliseconds);
        const counted = logged.filter((pull) => !isOwn(pull) && !isIgnored(pull, options.ignored));
        const lastEvent = hours.at(-1)?.last.toISOString();
        const shared = sharedWith(logged.filter(isOwn));
        const known = {
          ...(covers && { covers }),
          ...(lastEvent !== undefined && { lastEvent }),
          ...(shared !== undefined && { remarks: [shared] }),
        };
        return { ...about, complete: true, problems: [], ...known, pulls: newestOf(counted) };
      } catch (error) {
        return { ...about, complete: false, problems: [(error as Error).message], pulls: [] };
      }
    },
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

/** Who the app is to the registry. */
interface Own {
  readonly objectId: string;
  /** A person may pull besides what the app reads as them. */
  readonly isPerson: boolean;
}

const claims = z.object({ oid: z.string().min(1), scp: z.string().optional() });

/**
 * The object id in the token that Log Analytics is shown: the log names identities by it. The token comes from where the
 * app signs in, so its signature need not be checked.
 */
async function ownIdentity(credential: TokenCredential, endpoint: string, signal?: AbortSignal): Promise<Own> {
  const token = await credential
    .getToken(`${endpoint}/.default`, signal && { abortSignal: signal })
    .catch((cause: unknown) => {
      throw new Error('the app could not sign in to Log Analytics', { cause });
    });
  const [, payload = ''] = token?.token.split('.') ?? [];
  try {
    const { oid, scp } = claims.parse(JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')));
    return { objectId: oid.toLowerCase(), isPerson: scp !== undefined };
  } catch {
    // The cause could hold the token.
    throw new Error('the token of the app does not say its object id, so its own pulls cannot be told from others');
  }
}

const OWN_CLIENT = 'acr-retention';

/** Whether a pull is the app's own: reading a manifest is one. */
function ownBy({ objectId, isPerson }: Own, username: string | undefined) {
  const user = username?.toLowerCase();
  return ({ identity, userAgent }: LoggedPull): boolean => {
    const who = identity.toLowerCase();
    // A user name of a registry, and a person, are others as well.
    const isShared = (who === objectId && isPerson) || (user !== undefined && user !== '' && who === user);
    return (who === objectId && !isPerson) || (isShared && productsOf(userAgent).some((one) => one === OWN_CLIENT));
  };
}

/** How container runtimes and their tools begin their user agents. The app is none of them. */
const RUNTIME = /^(?:containerd|docker|moby|buildkit|cri-o|containers|podman|buildah|skopeo|nerdctl|kubelet)\/[\w.+-]{1,40}(?=\s|$)/i; // prettier-ignore

const REPOSITORY = /^[a-z0-9][a-z0-9._/-]{0,254}$/;

/** Repositories that are named. */
const MOST_NAMED = 3;

/** That something else pulls as the identity of the app, which hides it. @param own the pulls of that identity */
function sharedWith(own: readonly LoggedPull[]): string | undefined {
  const others = own.filter(({ userAgent }) => RUNTIME.test(userAgent));
  const [first] = others;
  if (!first) return undefined;
  const names = [...new Set(others.map(({ repository }) => repository))].filter((name) => REPOSITORY.test(name)).sort();
  const more = names.length - MOST_NAMED;
  const where = `${names.slice(0, MOST_NAMED).join(', ')}${more > 0 ? ` and ${more} more repositories` : ''}`;
  return `${RUNTIME.exec(first.userAgent)?.[0] ?? ''} pulls as the identity of the app (${where}), and what that identity pulls does not count: give the app an identity that nothing else pulls with`;
}

function isIgnored({ identity, userAgent }: LoggedPull, ignored: readonly string[]): boolean {
  if (ignored.length === 0) return false;
  const products = productsOf(userAgent);
  return ignored.some(
    (one) =>
      identity.toLowerCase() === one || products.some((product) => product === one || product.startsWith(`${one}/`)),
  );
}

const productsOf = (userAgent: string): readonly string[] => userAgent.toLowerCase().split(/\s+/);

/** Longer names no registry has. */
const LONGEST_NAME = 512;

/** The newest pull of each image, without who pulled. */
function newestOf(logged: readonly LoggedPull[]): readonly Pull[] {
  const newest = new Map<string, Pull>();
  for (const { repository, tag, digest, userAgent, last } of logged) {
    if ((tag === undefined && digest === undefined) || repository === '') continue;
    if ([repository, tag, digest].some((name) => name !== undefined && name.length > LONGEST_NAME)) continue;
    const key = JSON.stringify([repository, tag, digest]);
    const at = last.toISOString();
    const known = newest.get(key);
    if (known && known.last >= at) continue;
    const client = /^[\w.+-]{1,40}(?:\/[\w.+-]{1,40})?(?=\s|$)/.exec(userAgent)?.[0];
    newest.set(key, {
      repository,
      ...(tag !== undefined && { tag }),
      ...(digest !== undefined && { digest }),
      last: at,
      ...(client !== undefined && { client }),
    });
  }
  return [...newest.values()];
}
