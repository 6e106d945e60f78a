import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Cookie, HttpRequest } from '@azure/functions';

/*
 * Whether a form that is posted is one of this app's own pages, and not one that another site made the browser send. The
 * form repeats a random value that stands in a cookie: another site can neither read the cookie nor set it. No instance
 * has to remember anything. Besides, browsers say which site a request comes from.
 */

/** A value for the forms of a page. */
export interface FormToken {
  readonly value: string;
  /** To be set with the page; none where the browser has it already. */
  readonly cookies: readonly Cookie[];
}

type Asked = Pick<HttpRequest, 'headers' | 'url'>;

const BYTES = 32;
const VALUE = /^[\w-]{43}$/;

/**
 * `__Host-`: the browser takes it from this host alone, over TLS. `npm start` serves plain HTTP on loopback, where not
 * every browser takes such a cookie.
 */
const NAMES = { secure: '__Host-acr-retention-form', loopback: 'acr-retention-form' } as const;

/** The value for the forms of a page. The browser's own is kept, so that a second page leaves those of the first valid. */
export function formToken(request: Asked): FormToken {
  const known = cookieOf(request);
  if (known !== undefined) return { value: known, cookies: [] };
  const value = randomBytes(BYTES).toString('base64url');
  const name = nameFor(request);
  return {
    value,
    cookies: [{ name, value, path: '/', httpOnly: true, sameSite: 'Strict', secure: name === NAMES.secure }],
  };
}

/**
 * Why a posted form is not taken for one of this app's own; `undefined` where it is.
 * @param given the value in the form
 */
export function whyForged(request: Asked, given: string): string | undefined {
  const site = request.headers.get('sec-fetch-site');
  const origin = request.headers.get('origin');
  if (site !== null && site !== 'same-origin') return 'It comes from another site';
  // Behind a proxy the app may not know the name that the browser has used. A browser that says `same-origin` knows.
  if (site === null && origin !== null && !hostsOf(request).has(hostOf(origin))) return 'It comes from another site';
  const known = cookieOf(request);
  if (known === undefined || !VALUE.test(given) || !same(given, known))
    return 'It does not belong to a page that this browser has open: another page may have replaced it, or the browser sends no cookies';
  return undefined;
}

function cookieOf(request: Asked): string | undefined {
  const start = `${nameFor(request)}=`;
  const cookies = (request.headers.get('cookie') ?? '').split(';').map((one) => one.trim());
  const value = cookies.find((one) => one.startsWith(start))?.slice(start.length);
  return value !== undefined && VALUE.test(value) ? value : undefined;
}

function nameFor({ url }: Asked): string {
  const { protocol, hostname } = new URL(url);
  const isLoopback = /^(?:localhost|127\.0\.0\.1|\[::1\])$/.test(hostname);
  return protocol === 'http:' && isLoopback ? NAMES.loopback : NAMES.secure;
}

/** The names under which a browser may have asked: as the host and proxies before it forward them. */
function hostsOf({ headers, url }: Asked): ReadonlySet<string> {
  const forwarded = ['host', 'x-forwarded-host', 'x-original-host'].map(
    (name) => headers.get(name)?.toLowerCase() ?? '',
  );
  return new Set([new URL(url).host, ...forwarded].filter((host) => host !== ''));
}

/** The host of an origin, as a header names it; `null` has none. */
function hostOf(origin: string): string {
  try {
    return new URL(origin).host;
  } catch {
    return 'null';
  }
}

/** Digests have one length, so that how long it takes says nothing about the values. */
function same(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
