import { createHmac, createSecretKey, randomBytes, timingSafeEqual } from 'node:crypto';

export type TokenUse = 'identity' | 'refresh' | 'access' | 'blob';

/** The claims of a token. Only access tokens grant something. */
export interface Claims {
  readonly use: TokenUse;
  readonly exp: number;
  readonly access?: readonly Scope[];
  /** The blob that an address of the storage account is for. */
  readonly digest?: string;
}

/** What a token is for: `repository:team/app:pull,delete`. */
export interface Scope {
  readonly type: string;
  readonly name: string;
  readonly actions: readonly string[];
}

/**
 * Issues and checks the tokens of a registry: JWTs, because clients read their `exp` (the SDK that of refresh tokens, `acr`
 * that of access tokens). Issued tokens are not stored: the signature proves where one comes from.
 */
export class Tokens {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly #secret = createSecretKey(randomBytes(32));

  constructor(now: () => number) {
    this.now = now;
  }

  issue(use: TokenUse, lifeSeconds: number, claims: Readonly<Record<string, unknown>> = {}): string {
    const now = Math.floor(this.now() / 1000);
    const payload = { jti: randomBytes(8).toString('hex'), iat: now, nbf: now, exp: now + lifeSeconds, use, ...claims };
    const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(payload)}`;
    return `${signed}.${this.#sign(signed).toString('base64url')}`;
  }

  /** The claims of a token that was issued here for this use and has not expired. */
  read(use: TokenUse, token: string): Claims | undefined {
    const end = token.lastIndexOf('.');
    const signed = token.slice(0, Math.max(end, 0));
    const signature = Buffer.from(token.slice(end + 1), 'base64url');
    const expected = this.#sign(signed);
    if (signature.length !== expected.length || !timingSafeEqual(signature, expected)) return undefined;
    // The signature is right, so `issue` wrote this.
    const claims = JSON.parse(Buffer.from(signed.split('.')[1] ?? '', 'base64url').toString()) as Claims;
    return claims.use === use && claims.exp * 1000 > this.now() ? claims : undefined;
  }

  #sign(text: string): Buffer {
    return createHmac('sha256', this.#secret).update(text).digest();
  }
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
