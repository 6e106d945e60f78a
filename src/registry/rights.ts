import { createHttpHeaders, createPipelineRequest } from '@azure/core-rest-pipeline';
import { z } from 'zod';
import { parseAnswer, TokenAnswer } from './answers.ts';
import { basicOf } from './auth.ts';
import { connect, type ConnectionOptions } from './client.ts';
import { RegistryError, responseError } from './errors.ts';
import { claimsOf, newTokenSource, type RegistryCredentials } from './tokens.ts';

/*
 * Tries each right that a purge needs, and changes nothing: reading is tried by reading. Deleting and writing are not
 * tried by a call at all: a token is asked for that would allow it, and what it grants is read from the token.
 */

/** What a purge needs at a registry, as the scopes of the registry call it; `catalog` is to list the repositories. */
const RIGHTS = ['catalog', 'metadata_read', 'pull', 'delete', 'metadata_write'] as const;

export type RegistryRight = (typeof RIGHTS)[number];

export interface TriedRight {
  readonly right: RegistryRight;
  /** Absent of `catalog`, and where there is none to try it on. */
  readonly repository?: string;
  readonly state: 'granted' | 'missing' | 'unknown';
  /** What the registry answered, where it is not granted. */
  readonly error?: string;
}

/** Who asks the registry. */
export interface SignedIn {
  readonly by: RegistryCredentials['kind'];
  /** Of an Entra identity, as far as its token tells. */
  readonly name?: string;
  readonly objectId?: string;
  readonly principal?: 'User' | 'ServicePrincipal';
  /** The registry assigns roles by repository (ABAC). Absent: that is not known. */
  readonly byRepository?: boolean;
}

export interface Trial {
  /** Absent: it could not sign in, and nothing was tried. */
  readonly signedIn?: SignedIn;
  readonly error?: string;
  readonly rights: readonly TriedRight[];
}

/** No manifest has this digest: reading it is answered with 404 where reading is allowed, and counts as a pull of nothing. */
const NO_DIGEST = `sha256:${'0'.repeat(64)}`;

type Tried = Pick<TriedRight, 'state' | 'error'>;

/** The first repositories of the catalog. */
interface TriedCatalog extends Tried {
  readonly names?: readonly string[];
}

/**
 * @param wanted what to try
 * @param repositories those to try it on; none: the first one of the registry
 */
export async function tryRights(
  options: ConnectionOptions,
  wanted: readonly RegistryRight[],
  repositories: readonly string[],
  signal: AbortSignal,
): Promise<Trial> {
  const asking = newAsking(options, signal);
  let signedIn: SignedIn;
  try {
    signedIn = await asking.signIn();
  } catch (error) {
    return { error: (error as Error).message, rights: wanted.map((right) => ({ right, state: 'unknown' })) };
  }
  const rights: TriedRight[] = [];
  let known = repositories;
  if (wanted.includes('catalog') || known.length === 0) {
    const { names = [], ...tried } = await attempt<TriedCatalog>(() => asking.catalog());
    if (wanted.includes('catalog')) rights.push({ right: 'catalog', ...tried });
    if (known.length === 0) known = names.slice(0, 1);
  }
  for (const right of RIGHTS) {
    if (right === 'catalog' || !wanted.includes(right)) continue;
    if (known.length === 0) rights.push({ right, state: 'unknown', error: 'there is no repository to try it on' });
    for (const repository of known)
      rights.push({ right, repository, ...(await attempt<Tried>(() => asking.onRepository(right, repository))) });
  }
  return { signedIn, rights };
}

/** The calls of a trial. */
function newAsking(options: ConnectionOptions, signal: AbortSignal) {
  const { endpoint, credentials } = options;
  const connection = connect(options);
  const send: typeof connection.send = (request) => {
    request.abortSignal = signal;
    return connection.send(request);
  };
  const source =
    credentials.kind === 'basic' ? undefined : newTokenSource(endpoint, credentials, send, connection.clock);
  const basic = credentials.kind === 'basic' ? basicOf(credentials) : undefined;

  const get = (path: string, authorization: string) =>
    send(
      createPipelineRequest({
        url: new URL(path, endpoint).href,
        headers: createHttpHeaders({ Authorization: authorization, Accept: '*/*' }),
      }),
    );

  /** A token for one scope. A user name and a password are shown for it as well. */
  const tokenFor = async (scope: string): Promise<string> => {
    if (source) return (await source.token(scope)).value;
    const asked = `get a token for ${scope}`;
    const query = new URLSearchParams({ service: endpoint.host, scope });
    const response = await get(`/oauth2/token?${query.toString()}`, basic ?? '');
    if (response.status !== 200) throw responseError(asked, response);
    const wrong = (message: string) => new RegistryError(asked, { message });
    const { access_token: token } = parseAnswer(TokenAnswer, response.bodyAsText, wrong);
    if (token === undefined) throw wrong('the registry gave no access token');
    return token;
  };

  /** @throws RegistryError for any other status */
  const read = async (asked: string, scope: string, path: string, statuses: readonly number[]) => {
    const response = await get(path, basic ?? `Bearer ${await tokenFor(scope)}`);
    if (!statuses.includes(response.status)) throw responseError(asked, response);
    return response;
  };

  /** Whether a token grants an action. */
  const grants = async (repository: string, action: string): Promise<Tried> => {
    const { success, data } = AccessClaims.safeParse(claimsOf(await tokenFor(`repository:${repository}:${action}`)));
    if (!success) return { state: 'unknown', error: 'the token of the registry does not say what it grants' };
    const isGranted = data.access.some(
      ({ type, name, actions }) =>
        type === 'repository' && name === repository && (actions.includes(action) || actions.includes('*')),
    );
    return isGranted ? { state: 'granted' } : { state: 'missing', error: `a token for it grants no ${action}` };
  };

  return {
    signIn: () => signIn(credentials, () => source?.refreshToken()),
    async catalog() {
      const asked = 'list the repositories';
      const { bodyAsText } = await read(asked, 'registry:catalog:*', '/acr/v1/_catalog?n=1', [200]);
      const wrong = (message: string) => new RegistryError(asked, { message });
      return { state: 'granted' as const, names: parseAnswer(CatalogAnswer, bodyAsText, wrong).repositories };
    },
    async onRepository(right: Exclude<RegistryRight, 'catalog'>, repository: string): Promise<Tried> {
      if (right === 'delete' || right === 'metadata_write') return grants(repository, right);
      const scope = `repository:${repository}:${right}`;
      const name = repository.split('/').map(encodeURIComponent);
      // The registry looks at rights before it looks for what is asked.
      const { status } =
        right === 'pull'
          ? await read(`read a manifest of ${repository}`, scope, `/v2/${name.join('/')}/manifests/${NO_DIGEST}`, [404])
          : await read(`look at the repository ${repository}`, scope, `/acr/v1/${name.join('%2F')}`, [200, 404]);
      return right === 'metadata_read' && status === 404
        ? { state: 'granted', error: 'there is no such repository' }
        : { state: 'granted' };
    },
  };
}

/** What failed for want of a right is an answer; what failed otherwise leaves it open. */
async function attempt<T extends Tried>(trial: () => Promise<T>): Promise<T | (Tried & { readonly names?: never })> {
  try {
    return await trial();
  } catch (error) {
    const isMissing = error instanceof RegistryError && isRefusal(error.status);
    return { state: isMissing ? 'missing' : 'unknown', error: (error as Error).message };
  }
}

function isRefusal(status: number | undefined): boolean {
  return status === 401 || status === 403;
}

/** Signs in, and says who that is. @throws RegistryError */
async function signIn(
  credentials: RegistryCredentials,
  refreshToken: () => Promise<string> | undefined,
): Promise<SignedIn> {
  if (credentials.kind === 'basic') return { by: 'basic', name: credentials.username };
  const refresh = RefreshClaims.safeParse(claimsOf((await refreshToken()) ?? ''));
  // A registry that assigns roles by repository says whose token it is.
  const byRepository = refresh.success ? { byRepository: refresh.data.aad_identity !== undefined } : {};
  if (credentials.kind === 'refresh-token') return { by: 'refresh-token', ...byRepository };
  const entra = await credentials.credential.getToken(`${credentials.audience}/.default`);
  const { success, data } = EntraClaims.safeParse(claimsOf(entra?.token ?? ''));
  if (!success) return { by: 'entra', ...byRepository };
  const { oid, upn, unique_name: unique, name, appid, idtyp, scp } = data;
  const isUser = idtyp === 'user' || upn !== undefined || unique !== undefined || scp !== undefined;
  const called = upn ?? unique ?? name ?? appid;
  return {
    by: 'entra',
    ...(called !== undefined && { name: called }),
    ...(oid !== undefined && { objectId: oid }),
    principal: isUser ? 'User' : 'ServicePrincipal',
    ...byRepository,
  };
}

const text = z.string().min(1).optional().catch(undefined);

const some = z
  .array(z.string())
  .nullish()
  .transform((all) => all ?? []);

/** What a token grants (distribution specification, "Token Authentication"): nothing where the list is empty. */
const AccessClaims = z.object({
  access: z
    .array(z.object({ type: z.string(), name: z.string(), actions: some }))
    .nullable()
    .transform((all) => all ?? []),
});

const RefreshClaims = z.object({ aad_identity: z.unknown().optional() });

const EntraClaims = z.object({
  // A GUID: it stands in a command that is copied.
  oid: z.guid().optional().catch(undefined),
  upn: text,
  unique_name: text,
  name: text,
  appid: text,
  idtyp: text,
  scp: text,
});

const CatalogAnswer = z.object({ repositories: some });
