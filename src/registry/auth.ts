import type { TokenCredential } from '@azure/core-auth';
import {
  createHttpHeaders,
  createPipelineRequest,
  type PipelinePolicy,
  type PipelineRequest,
  type PipelineResponse,
} from '@azure/core-rest-pipeline';
import { z } from 'zod';
import { parseAnswer, TokenAnswer } from './answers.ts';
import type { Clock } from './clock.ts';
import { RegistryError, responseError, SignInError } from './errors.ts';
import { secrets } from '../ledger/redact/known.ts';

/** How an identity shows itself to the registry. */
export type RegistryCredentials =
  /** An admin user, or a repository-scoped token's name and password: sent with every call. */
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  /** An ACR refresh token, as `az acr login --expose-token` gives one. */
  | { readonly kind: 'refresh-token'; readonly token: string }
  /** An Entra identity; `audience` is the resource its token is asked for, such as `https://containerregistry.azure.net`. */
  | { readonly kind: 'entra'; readonly credential: TokenCredential; readonly audience: string };

/** A token and when to stop using it, by `Clock.ticks`: a clock that is set back does not make it live longer. */
interface Token {
  readonly value: string;
  readonly renewAt: number;
}

type Send = (request: PipelineRequest) => Promise<PipelineResponse>;

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
  const source = credentials.kind === 'basic' ? undefined : tokenSource(endpoint, credentials, sendToken, clock);
  const pair =
    credentials.kind === 'basic' && Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64');
  const basic = pair !== false && `Basic ${pair}`;
  // Known by themselves: a short password is not looked for within other text.
  if (pair !== false) for (const one of [pair, Buffer.from(pair, 'base64').toString('base64url')]) secrets.add(one);
  secrets.add(credentials.kind === 'basic' ? credentials.password : undefined);

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
  // A repository may be called `shop/manifests`. In the first form what follows the name begins with `_`, as no name does.
  const repository = (/^\/acr\/v1\/(.+?)(?:\/_.*)?$/.exec(path) ??
    /^\/v2\/(.+)\/(?:manifests|referrers)\/[^/]+$/.exec(path))?.[1];
  if (repository === undefined || repository.startsWith('_')) return 'registry:catalog:*';
  return `repository:${decodeURIComponent(repository)}:${ACTIONS[method] ?? 'metadata_read,pull'}`;
}

const ACTIONS: Readonly<Record<string, string>> = { DELETE: 'delete', PATCH: 'metadata_read,metadata_write' };

function tokenSource(
  endpoint: URL,
  credentials: Exclude<RegistryCredentials, { kind: 'basic' }>,
  send: Send,
  clock: Clock,
) {
  let service = endpoint.host;
  let learned: Promise<unknown> | undefined;
  let refreshToken: Promise<Token> | undefined;
  // Promises, so that calls that start together share one request.
  const accessTokens = new Map<string, Promise<Token>>();
  /** Tokens that have come, so that most calls need not wait for a promise. */
  const atHand = new Map<string, Token>();
  let hasLearned = false;

  /** The current token while it is valid, else a new one, which all calls that ask meanwhile share. */
  const fresh = async (
    current: () => Promise<Token> | undefined,
    keep: (made: Promise<Token> | undefined) => void,
    make: () => Promise<Token>,
  ): Promise<Token> => {
    const cached = current();
    if (cached && (await cached).renewAt > clock.ticks()) return cached;
    const renewed = current();
    if (renewed && renewed !== cached) return renewed;
    const made = make();
    keep(made);
    // A failure is not kept: the next call asks again.
    made.catch(() => keep(undefined));
    return made;
  };

  const post = async (
    path: string,
    form: Readonly<Record<string, string>>,
    asked: string,
  ): Promise<z.infer<typeof TokenAnswer>> => {
    const request = createPipelineRequest({
      url: new URL(path, endpoint).href,
      method: 'POST',
      headers: createHttpHeaders({ 'Content-Type': 'application/x-www-form-urlencoded', Accept: 'application/json' }),
      body: new URLSearchParams(form).toString(),
    });
    // It was retried already. As a `RegistryError` it is not retried again by the call that needs the token.
    const response = await send(request).catch((error: unknown) => {
      throw new RegistryError(asked, { message: (error as Error).message }, { cause: error });
    });
    if (response.status !== 200) throw responseError(asked, response);
    return parseAnswer(TokenAnswer, response.bodyAsText, (message) => new RegistryError(asked, { message }));
  };

  const exchange = async (): Promise<Token> => {
    if (credentials.kind === 'refresh-token') secrets.add(credentials.token);
    if (credentials.kind === 'refresh-token') return { value: credentials.token, renewAt: Number.POSITIVE_INFINITY };
    const entra = await credentials.credential.getToken(`${credentials.audience}/.default`).catch((error: unknown) => {
      throw new SignInError(error as Error);
    });
    if (!entra) throw new RegistryError('sign in', { message: `no token for ${credentials.audience}` });
    secrets.addToken(entra.token);
    const answer = await post(
      '/oauth2/exchange',
      { grant_type: 'access_token', service, access_token: entra.token },
      `exchange the identity's token at ${endpoint.host}`,
    );
    const token = toToken(answer.refresh_token, 'a refresh token', clock);
    secrets.addToken(token.value);
    return token;
  };

  const request = async (scope: string, isRepeated = credentials.kind === 'refresh-token'): Promise<Token> => {
    const refresh = await fresh(
      () => refreshToken,
      (made) => {
        refreshToken = made;
      },
      exchange,
    );
    const known = refreshToken;
    // Sent with each request for a token: it must stay known, however many tokens come after it.
    secrets.addToken(refresh.value);
    try {
      const answer = await post(
        '/oauth2/token',
        { grant_type: 'refresh_token', service, scope, refresh_token: refresh.value },
        `get a token for ${scope}`,
      );
      return toToken(answer.access_token, 'an access token', clock);
    } catch (error) {
      if (isRepeated || !(error instanceof RegistryError) || error.status !== 401) throw error;
      // It was revoked, or has ended earlier than it says: the identity's token is exchanged for another one.
      if (refreshToken === known) refreshToken = undefined;
      return request(scope, true);
    }
  };

  return {
    hasLearned: () => hasLearned,
    tokenAtHand(scope: string): Token | undefined {
      const token = atHand.get(scope);
      return token && token.renewAt > clock.ticks() ? token : undefined;
    },
    /** Learns the service name from the first challenge. Calls that start together share that challenge. */
    async learn(challenge: () => Promise<PipelineResponse>): Promise<void> {
      learned ??= challenge().then((response) => {
        service = challengeOf(response).get('service') ?? service;
        hasLearned = true;
      });
      try {
        await learned;
      } catch (error) {
        learned = undefined;
        throw error;
      }
    },
    async token(scope: string, wanted: string = scope): Promise<Token> {
      const token = await fresh(
        () => accessTokens.get(scope),
        (made) => {
          if (made) accessTokens.set(scope, made);
          else accessTokens.delete(scope);
        },
        () => request(wanted),
      );
      // Another call may have dropped it meanwhile.
      if ((await accessTokens.get(scope)) === token) atHand.set(scope, token);
      return token;
    },
    /** Drops a refused token, unless a newer one has replaced it already. */
    async forget(scope: string, refused: Token): Promise<void> {
      if (atHand.get(scope) === refused) atHand.delete(scope);
      if ((await accessTokens.get(scope)) === refused) accessTokens.delete(scope);
    },
  };
}

/** A JWT is used for nine tenths of its life. Its signature is the registry's business. */
function toToken(value: string | undefined, what: string, clock: Clock): Token {
  if (value === undefined) throw new RegistryError('sign in', { message: `the registry gave no ${what}` });
  const life = lifeOf(value, clock.now());
  // A JWT is redacted by its form. There may be one for each repository: too many to know each.
  if (life === undefined) secrets.addToken(value);
  // Not a JWT: used until it is refused.
  return { value, renewAt: life === undefined ? Number.POSITIVE_INFINITY : clock.ticks() + life * 0.9 };
}

const Claims = z.object({ iat: z.coerce.number().catch(Number.NaN), exp: z.coerce.number().catch(Number.NaN) });

/**
 * Milliseconds until a JWT expires; `undefined` where it is no JWT. Where the clocks of registry and client differ by more
 * than its life, it is taken to be new.
 */
function lifeOf(token: string, now: number): number | undefined {
  try {
    const claims = Claims.parse(JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()));
    const [issued, expires] = [claims.iat * 1000, claims.exp * 1000];
    if (!Number.isFinite(expires)) return 0;
    const left = expires - now;
    const whole = Number.isFinite(issued) ? Math.max(0, expires - issued) : Math.max(0, left);
    return left > 0 && left <= whole ? left : whole;
  } catch {
    return undefined;
  }
}

/** Parameters of `WWW-Authenticate: Bearer realm="…",service="…",scope="…"`. */
function challengeOf(response: PipelineResponse): ReadonlyMap<string, string> {
  const header = response.headers.get('WWW-Authenticate') ?? '';
  return new Map(Array.from(header.matchAll(/(\w+)="([^"]*)"/g), ([, name = '', value = '']) => [name, value]));
}
