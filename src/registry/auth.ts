import type { PipelinePolicy, PipelineResponse } from '@azure/core-rest-pipeline';
import type { Clock } from './clock.ts';
import { secrets } from '../ledger/redact/known.ts';
import { challengeOf, newTokenSource, type RegistryCredentials, type Send } from './tokens.ts';

export type { RegistryCredentials } from './tokens.ts';

/**
 * Signs requests to one registry.
 *
 * The SDK's own handler keeps one access token, whatever its scope. Calls that alternate between repositories, or between
 * reading and deleting, would cost a challenge and a token each. This one keeps a token for each repository and kind of
 * action, and needs one challenge and one exchange a run.
 *
 * @param endpoint  the only origin that requests are signed for: a link in an answer must not carry a token away
 * @param sendToken sends the requests for tokens, with retries and unsigned
 * @param clock     tells when a token has to be renewed
 */
export function authenticate(
  endpoint: URL,
  credentials: RegistryCredentials,
  sendToken: Send,
  clock: Clock,
): PipelinePolicy {
  const source = credentials.kind === 'basic' ? undefined : newTokenSource(endpoint, credentials, sendToken, clock);
  const basic = credentials.kind === 'basic' && basicOf(credentials);

  return {
    name: 'acrRetentionAuthentication',
    async sendRequest(request, next) {
      request.headers.delete('Authorization');
      const path = pathAt(endpoint.origin, request.url);
      if (path === undefined) return next(request);
      if (basic) {
        request.headers.set('Authorization', basic);
        return withoutChallenge(await next(request));
      }
      if (!source) return next(request);

      if (!source.hasLearned()) {
        let unsigned: PipelineResponse | undefined;
        await source.learn(async () => (unsigned = await next(request)));
        if (unsigned && unsigned.status !== 401) return unsigned;
      }
      const scope = scopeOf(request.method, path);
      const token = source.tokenAtHand(scope) ?? (await source.token(scope));
      request.headers.set('Authorization', `Bearer ${token.value}`);
      const response = await next(request);
      if (response.status !== 401) return response;

      // The token expired early, or the registry wants another scope than this call is known to need.
      await source.forget(scope, token);
      const renewed = await source.token(scope, challengeOf(response).get('scope'));
      request.headers.set('Authorization', `Bearer ${renewed.value}`);
      return withoutChallenge(await next(request));
    },
  };
}

/** The header of a user name and a password. */
export function basicOf({ username, password }: RegistryCredentials & { readonly kind: 'basic' }): string {
  const pair = Buffer.from(`${username}:${password}`).toString('base64');
  // Known by themselves: a short password is not looked for within other text.
  for (const one of [pair, Buffer.from(pair, 'base64').toString('base64url'), password]) secrets.add(one);
  return `Basic ${pair}`;
}

/** The SDK answers a challenge with an anonymous token of its own: a 401 that reaches it is final. */
function withoutChallenge(response: PipelineResponse): PipelineResponse {
  if (response.status === 401) response.headers.delete('WWW-Authenticate');
  return response;
}

/** The path of a URL of this origin, without the query; `undefined` for another origin. */
function pathAt(origin: string, url: string): string | undefined {
  // Nearly all URLs are written like this, and parsing one takes a good part of the time of a call.
  if (url.startsWith(`${origin}/`)) return url.slice(origin.length).split(/[?#]/, 1)[0];
  const parsed = new URL(url);
  return parsed.origin === origin ? parsed.pathname : undefined;
}

/** The scope that a call needs. All reads of a repository share one scope, and so one token. */
function scopeOf(method: string, path: string): string {
  // A repository may be called `shop/manifests`. In the first forms what follows the name begins with `_`, as no name does.
  const deleted = /^\/acr\/v1\/_deleted\/(.+)\/_(?:manifests|tags)(?:\/[^/]+)?$/.exec(path)?.[1];
  // Another right than to read or delete what is there: most identities do not have it.
  if (deleted !== undefined)
    return `repository:${decodeURIComponent(deleted)}:${method === 'POST' ? 'deleted_read,deleted_restore' : 'deleted_read'}`;
  const attributes = /^\/acr\/v1\/(.+?)(?:\/_.*)?$/.exec(path)?.[1];
  const content = /^\/v2\/(.+)\/(?:manifests|referrers|blobs\/uploads|blobs)\/[^/]*$/.exec(path)?.[1];
  const repository = attributes ?? content;
  if (repository === undefined || repository.startsWith('_')) return 'registry:catalog:*';
  return `repository:${decodeURIComponent(repository)}:${actionsOf(method, content !== undefined)}`;
}

function actionsOf(method: string, isContent: boolean): string {
  switch (method) {
    case 'GET':
    case 'HEAD':
      return 'metadata_read,pull';
    case 'DELETE':
      return 'delete';
    default:
      return isContent ? 'pull,push' : 'metadata_read,metadata_write';
  }
}
