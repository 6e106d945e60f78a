import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { headersOf, isWho, PEOPLE, type Who, WHO } from './people.ts';

/*
 * A stand-in for App Service Authentication: it sends a browser that has not signed in to a login page, keeps who it is in
 * a session, and tells the app by headers that no client can send. Instead of a password it wants the function key, so
 * that other users and pages of this machine can neither read nor approve.
 */

export interface SignIn {
  /**
   * Answers what is not for the app: the login page, and a browser that has not signed in.
   * @param isForPeople whether the route is one that a person signs in for
   * @returns whether it has answered
   */
  readonly answer: (request: IncomingMessage, response: ServerResponse, isForPeople: boolean) => boolean;
  /** What the app sees of the headers of a request. */
  readonly forward: (headers: IncomingHttpHeaders) => IncomingHttpHeaders;
}

/** What the platform sets for an app with its sign-in. */
export const SIGN_IN_ENVIRONMENT = { WEBSITE_AUTH_ENABLED: 'true', WEBSITE_AUTH_V2_CONFIG_JSON: '{}' };

const LOGIN = '/.auth/login/aad';
const LOGOUT = '/.auth/logout';
const COOKIE = 'AppServiceAuthSession';
/** The platform removes these from what clients send. */
const PLATFORM_HEADER = /^x-ms-(?:client-principal|token-)/;
const LONGEST_FORM = 8_192;
const MOST_SESSIONS = 1_000;

/**
 * @param usually who signs in where the form does not say
 * @param isKey whether a text is the function key
 */
export function madeUpSignIn(usually: Who, isKey: (text: string) => boolean): SignIn {
  const sessions = new Map<string, Who>();
  const whoHas = (headers: IncomingHttpHeaders): Who | undefined =>
    (headers.cookie ?? '')
      .split('; ')
      .filter((one) => one.startsWith(`${COOKIE}=`))
      .map((one) => sessions.get(one.slice(COOKIE.length + 1)))
      .find((who) => who !== undefined);

  const signIn = (response: ServerResponse, given: URLSearchParams, address: string): void => {
    if (!isKey(given.get('code') ?? '')) {
      page(response, 401, given);
      return;
    }
    const as = given.get('as') ?? undefined;
    const [oldest] = sessions.keys();
    if (oldest !== undefined && sessions.size >= MOST_SESSIONS) sessions.delete(oldest);
    const session = randomBytes(24).toString('base64url');
    sessions.set(session, isWho(as) ? as : usually);
    redirect(response, address, `${COOKIE}=${session}; Path=/; HttpOnly; SameSite=Lax`);
  };

  return {
    answer(request, response, isForPeople) {
      const [pathname = '/', query = ''] = (request.url ?? '/').split('?', 2);
      const searchParams = new URLSearchParams(query);
      if (pathname === LOGOUT) redirect(response, LOGIN, `${COOKIE}=; Path=/; Max-Age=0`);
      else if (pathname === LOGIN) {
        const go = (given: URLSearchParams): void => signIn(response, given, localPath(given));
        if (request.method === 'POST') void formOf(request).then(go, () => response.destroy());
        else if (searchParams.has('code')) go(searchParams);
        else page(response, 200, searchParams);
      } else if (!isForPeople || whoHas(request.headers) !== undefined) return false;
      else if (request.method !== 'GET') response.writeHead(401).end();
      else {
        // An address with the key signs in as well, and the key leaves the address.
        const rest = new URLSearchParams(searchParams);
        rest.delete('code');
        const address = `${pathname}${rest.size > 0 ? `?${rest.toString()}` : ''}`;
        const code = searchParams.get('code');
        if (code !== null) signIn(response, new URLSearchParams({ code, post_login_redirect_uri: address }), address);
        else redirect(response, `${LOGIN}?${new URLSearchParams({ post_login_redirect_uri: address }).toString()}`);
      }
      return true;
    },
    forward(headers) {
      const who = whoHas(headers);
      return {
        ...Object.fromEntries(Object.entries(headers).filter(([name]) => !PLATFORM_HEADER.test(name))),
        ...(who && headersOf(PEOPLE[who])),
      };
    },
  };
}

function redirect(response: ServerResponse, location: string, cookie?: string): void {
  response.writeHead(302, { location, ...(cookie !== undefined && { 'set-cookie': cookie }) }).end();
}

/** Where the browser wanted to go, on this host. */
function localPath(given: URLSearchParams): string {
  const path = given.get('post_login_redirect_uri') ?? '';
  return /^\/(?![/\\])[\x21-\x7e]*$/.test(path) ? path : '/api/review';
}

async function formOf(request: IncomingMessage): Promise<URLSearchParams> {
  let text = '';
  request.setEncoding('utf8').on('data', (piece: string) => {
    if ((text += piece).length > LONGEST_FORM) request.destroy(new Error('the form is too long'));
  });
  await once(request, 'end');
  return new URLSearchParams(text);
}

function page(response: ServerResponse, status: 200 | 401, given: URLSearchParams): void {
  const hidden = escape(localPath(given));
  const choices = WHO.map((who) => {
    const { name, roles } = PEOPLE[who];
    return `<option value="${who}">${name} (${roles.length === 0 ? 'no role' : roles.join(', ')})</option>`;
  });
  response
    .writeHead(status, {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': "default-src 'none'; form-action 'self'; frame-ancestors 'none'",
      'referrer-policy': 'same-origin',
      'cache-control': 'no-store',
    })
    .end(
      `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark"><title>Made-up sign-in</title><main><h1>Made-up sign-in</h1>
<p>On Azure, Microsoft Entra signs people in. Here you choose who you are.</p>
${status === 401 ? '<p><strong>That is not the function key.</strong></p>' : ''}<form method="post" action="${LOGIN}">
<input type="hidden" name="post_login_redirect_uri" value="${hidden}">
<p><label>Who <select name="as">${choices.join('')}</select></label></p>
<p><label>Function key, which <code>npm start</code> has printed
<input type="password" name="code" required autocomplete="off"></label></p>
<p><button>Sign in</button></p></form></main></html>`,
    );
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
