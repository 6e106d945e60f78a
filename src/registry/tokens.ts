import type { TokenCredential } from '@azure/core-auth';
import {
  createHttpHeaders,
  createPipelineRequest,
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

export type Send = (request: PipelineRequest) => Promise<PipelineResponse>;

/** The tokens of one registry: what an identity's token is exchanged for, and one for each scope. */
export function newTokenSource(
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

  const currentRefreshToken = (): Promise<Token> =>
    fresh(
      () => refreshToken,
      (made) => {
        refreshToken = made;
      },
      exchange,
    );

  const request = async (scope: string, isRepeated = credentials.kind === 'refresh-token'): Promise<Token> => {
    const refresh = await currentRefreshToken();
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
    /** What every other token is asked for with: signs in where that has not been done. */
    async refreshToken(): Promise<string> {
      return (await currentRefreshToken()).value;
    },
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

/** What a JWT claims; `undefined` for what is none. Its signature is not checked. */
export function claimsOf(token: string): unknown {
  try {
    return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as unknown;
  } catch {
    return undefined;
  }
}

const Claims = z.object({ iat: z.coerce.number().catch(Number.NaN), exp: z.coerce.number().catch(Number.NaN) });

/**
 * Milliseconds until a JWT expires; `undefined` where it is no JWT. Where the clocks of registry and client differ by more
 * than its life, it is taken to be new.
 */
function lifeOf(token: string, now: number): number | undefined {
  const { success, data: claims } = Claims.safeParse(claimsOf(token));
  if (!success) return undefined;
  const [issued, expires] = [claims.iat * 1000, claims.exp * 1000];
  if (!Number.isFinite(expires)) return 0;
  const left = expires - now;
  const whole = Number.isFinite(issued) ? Math.max(0, expires - issued) : Math.max(0, left);
  return left > 0 && left <= whole ? left : whole;
}

/** Parameters of `WWW-Authenticate: Bearer realm="…",service="…",scope="…"`. */
export function challengeOf(response: PipelineResponse): ReadonlyMap<string, string> {
  const header = response.headers.get('WWW-Authenticate') ?? '';
  return new Map(Array.from(header.matchAll(/(\w+)="([^"]*)"/g), ([, name = '', value = '']) => [name, value]));
}
