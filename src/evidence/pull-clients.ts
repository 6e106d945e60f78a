import type { TokenCredential } from '@azure/core-auth';
import * as z from 'zod';
import type { LoggedPull } from './pull-log.ts';

/* Who pulls: the app, which does not count, what an operator leaves out, and the rest. */

/** Who pulled, and with what. */
type Puller = Pick<LoggedPull, 'identity' | 'userAgent'>;

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
export async function ownIdentity(credential: TokenCredential, endpoint: string, signal?: AbortSignal): Promise<Own> {
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
export function ownBy({ objectId, isPerson }: Own, username: string | undefined) {
  const user = username?.toLowerCase();
  return ({ identity, userAgent }: Puller): boolean => {
    const who = identity.toLowerCase();
    // A user name of a registry, and a person, are others as well.
    const isShared = (who === objectId && isPerson) || (user !== undefined && user !== '' && who === user);
    return (who === objectId && !isPerson) || (isShared && isOwnClient({ identity, userAgent }));
  };
}

/** How container runtimes and their tools begin their user agents. The app is none of them. */
const RUNTIME = /^(?:containerd|docker|moby|buildkit|cri-o|containers|podman|buildah|skopeo|nerdctl|kubelet)\/[\w.+-]{1,40}(?=\s|$)/i; // prettier-ignore

const REPOSITORY = /^[a-z0-9][a-z0-9._/-]{0,254}$/;

/** Repositories that are named. */
const MOST_NAMED = 3;

/** That something else pulls as the identity of the app, which hides it. @param own the pulls of that identity */
export function sharedWith(own: readonly LoggedPull[]): string | undefined {
  const others = own.filter(isRuntime);
  const [first] = others;
  if (!first) return undefined;
  const names = [...new Set(others.map(({ repository }) => repository))].filter((name) => REPOSITORY.test(name)).sort();
  const more = names.length - MOST_NAMED;
  const where = `${names.slice(0, MOST_NAMED).join(', ')}${more > 0 ? ` and ${more} more repositories` : ''}`;
  return `${RUNTIME.exec(first.userAgent)?.[0] ?? ''} pulls as the identity of the app (${where}), and what that identity pulls does not count: give the app an identity that nothing else pulls with`;
}

export function isIgnored({ identity, userAgent }: Puller, ignored: readonly string[]): boolean {
  if (ignored.length === 0) return false;
  const products = productsOf(userAgent);
  return ignored.some(
    (one) =>
      identity.toLowerCase() === one || products.some((product) => product === one || product.startsWith(`${one}/`)),
  );
}

/** Whether the app pulls with it, as whichever identity. */
export const isOwnClient = ({ userAgent }: Puller): boolean => productsOf(userAgent).includes(OWN_CLIENT);

/** Whether it is a container runtime, or a tool of one. */
export const isRuntime = ({ userAgent }: Puller): boolean => RUNTIME.test(userAgent);

/** What pulls, without who: `containerd/v1.7.2`. */
export const clientOf = ({ userAgent }: Puller): string | undefined =>
  /^[\w.+-]{1,40}(?:\/[\w.+-]{1,40})?(?=\s|$)/.exec(userAgent)?.[0];

const productsOf = (userAgent: string): readonly string[] => userAgent.toLowerCase().split(/\s+/);
