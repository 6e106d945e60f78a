import { randomUUID } from 'node:crypto';
import { failure, json, type Answer } from './answers.ts';
import type { Route } from './routes.ts';
import type { Scope, Tokens } from './tokens.ts';
import type { EmulatorOptions } from './types.ts';

/** Managed identities' tokens live for a day. */
export const identityLifeSeconds = 86_400;

/** As recorded: a refresh token lives about 3 h 15 min, an access token 75 min. */
const refreshLifeSeconds = 11_700;
const accessLifeSeconds = 4_500;

/** What authorization depends on. */
export interface Auth extends Pick<EmulatorOptions, 'basic' | 'abac' | 'tokenLifeSeconds' | 'denied'> {
  /** Refresh and access tokens. */
  readonly tokens: Tokens;
  /** Tokens of the managed-identity endpoint. */
  readonly identities: Tokens;
}

/** An Entra token of a managed identity, for a resource. */
export function identityToken(identities: Tokens, resource: string): string {
  return identities.issue('identity', identityLifeSeconds, { aud: resource, oid: randomUUID() });
}

/** The challenge for a call that is not allowed; undefined for one that is. */
export function challengeFor(
  auth: Auth,
  route: Route,
  authorization: string | undefined,
  host: string,
): Answer | undefined {
  const [scheme, credentials = ''] = (authorization ?? '').split(' ');
  if (scheme?.toLowerCase() === 'basic') {
    const isAllowed =
      isBasic(auth, credentials) && !route.scope?.action.split(',').some((one) => isDenied(auth, route.scope, one));
    return isAllowed ? undefined : challenge(route, host);
  }
  if (scheme?.toLowerCase() !== 'bearer') return challenge(route, host);
  const claims = auth.tokens.read('access', credentials);
  if (claims === undefined) return challenge(route, host, 'invalid_token');
  if (route.scope === undefined || allows(claims.access ?? [], route.scope)) return undefined;
  return challenge(route, host, 'insufficient_scope');
}

/** 401 that tells where to get a token for this call. */
export function challenge(route: Route, host: string, error?: string): Answer {
  const { scope } = route;
  const parts = [
    `Bearer realm="https://${host}/oauth2/token"`,
    `service="${host}"`,
    ...(scope === undefined ? [] : [`scope="${scope.type}:${scope.name}:${scope.action}"`]),
    ...(error === undefined ? [] : [`error="${error}"`]),
  ];
  const answer = failure(
    401,
    'UNAUTHORIZED',
    'authentication required, visit https://aka.ms/acr/authorization for more information.',
    scope === undefined ? null : [{ Type: scope.type, Name: scope.name, Action: scope.action }],
  );
  return { ...answer, headers: { ...answer.headers, 'WWW-Authenticate': parts.join(',') } };
}

/** `POST /oauth2/exchange`: an Entra token for a refresh token. */
export function exchange(auth: Auth, form: URLSearchParams, host: string): Answer {
  if (form.get('grant_type') !== 'access_token') return refused(400, `grant_type ${String(form.get('grant_type'))}`);
  if (form.get('service') !== host) return refused(400, `service ${String(form.get('service'))}`);
  const claims = auth.identities.read('identity', form.get('access_token') ?? '');
  if (claims === undefined) return refused(401, 'this access_token');
  // `acr` tells a registry with attribute-based access control by this claim.
  const identity = auth.abac === true ? { aad_identity: 'eyJvaWQiOiJlbXVsYXRvciJ9' } : {};
  return json({
    refresh_token: auth.tokens.issue('refresh', refreshLifeSeconds, {
      aud: host,
      iss: 'Azure Container Registry',
      grant_type: 'refresh_token',
      ...identity,
    }),
  });
}

/** `/oauth2/token`: an access token, for a refresh token or a name and password. */
export function accessToken(
  auth: Auth,
  form: URLSearchParams,
  authorization: string | undefined,
  host: string,
): Answer {
  if (form.get('service') !== host) return refused(400, `service ${String(form.get('service'))}`);
  const grant = form.get('grant_type') ?? 'basic';
  const allowed =
    grant === 'refresh_token'
      ? auth.tokens.read('refresh', form.get('refresh_token') ?? '') !== undefined
      : grant === 'password'
        ? isBasic(auth, base64(`${form.get('username') ?? ''}:${form.get('password') ?? ''}`))
        : grant === 'basic' && isBasic(auth, /^basic (.+)$/i.exec(authorization ?? '')?.[1] ?? '');
  if (!allowed) return refused(401, `these credentials (grant_type ${grant})`);
  const scopes = parseScopes(form.getAll('scope'));
  const wildcard = scopes.find(({ type, name }) => type === 'repository' && name === '*');
  if (auth.abac === true && wildcard !== undefined) return refused(401, 'a wildcard repository scope');
  const access = scopes.map((scope) => ({
    ...scope,
    actions: scope.actions.filter((action) => !isDenied(auth, scope, action)),
  }));
  const isNothing = access.length > 0 && access.every(({ actions }) => actions.length === 0);
  if (isNothing && auth.denied?.tokens === true) return refused(401, 'a scope of which nothing is granted');
  return json({
    access_token: auth.tokens.issue('access', auth.tokenLifeSeconds ?? accessLifeSeconds, {
      aud: host,
      iss: 'Azure Container Registry',
      access,
    }),
  });
}

/** Whether the identities of this registry may not do it. A wildcard is granted: it would have to be split. */
function isDenied({ denied }: Auth, scope: Pick<Scope, 'type' | 'name'> | undefined, action: string): boolean {
  return denied?.actions.includes(scope?.type === 'registry' ? scope.name : action) ?? false;
}

function isBasic(auth: Auth, credentials: string): boolean {
  return auth.basic !== undefined && credentials === base64(`${auth.basic.username}:${auth.basic.password}`);
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

function refused(status: number, what: string): Answer {
  return failure(status, status === 401 ? 'UNAUTHORIZED' : 'BAD_REQUEST', `the registry does not accept ${what}`);
}

/** The scopes of a token request: in each parameter one or several, separated by spaces. */
function parseScopes(parameters: readonly string[]): readonly Scope[] {
  return parameters
    .flatMap((parameter) => parameter.split(' '))
    .filter((text) => text !== '')
    .flatMap((text) => {
      const [, type, name, actions] = /^([^:]+):(.+):([^:]+)$/.exec(text) ?? [];
      return type === undefined || name === undefined || actions === undefined
        ? []
        : { type, name, actions: actions.split(',') };
    });
}

/** Whether scopes allow the actions that a challenge names, separated by commas. */
function allows(
  granted: readonly Scope[],
  wanted: { readonly type: string; readonly name: string; readonly action: string },
): boolean {
  return wanted.action
    .split(',')
    .every((action) =>
      granted.some(
        ({ type, name, actions }) =>
          type === wanted.type &&
          (name === wanted.name || name === '*') &&
          (actions.includes(action) || actions.includes('*')),
      ),
    );
}
