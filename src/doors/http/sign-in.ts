import type { HttpRequest } from '@azure/functions';
import { RequestError } from './problem.ts';

/**
 * Whether App Service Authentication is in front of the app. The platform says so in this variable, which is read-only
 * there, and then removes the headers below from what clients send (Microsoft Learn, "Environment variables and app
 * settings in Azure App Service" and "Work with user identities"). Where the variable is set by hand, without the
 * platform's sign-in, every client could send these headers and read the page: `signInWarning` says so.
 */
export const isSignInOn = process.env['WEBSITE_AUTH_ENABLED']?.toLowerCase() === 'true';

/**
 * Refuses a client that has not signed in. The platform usually sends such clients to the login page itself; it can be
 * set to let them through.
 * @throws {RequestError} 401
 */
export function requireSignIn(request: HttpRequest): void {
  if ((request.headers.get('x-ms-client-principal-id') ?? '') === '')
    throw new RequestError(401, 'sign in to read this: open it in a browser');
}

/** The platform sets one of these as well where its sign-in is turned on: its configuration, and session keys. */
const COMPANIONS = ['WEBSITE_AUTH_V2_CONFIG_JSON', 'WEBSITE_AUTH_ENCRYPTION_KEY', 'WEBSITE_AUTH_SIGNING_KEY'] as const;

/** The platform sets these for each app, with sign-in or without. */
const PLATFORM = ['WEBSITE_SITE_NAME', 'WEBSITE_INSTANCE_ID'] as const;

/** Why there may be no sign-in although the variable says so; `undefined` where the platform confirms it. */
export function signInWarning(environment: NodeJS.ProcessEnv): string | undefined {
  const isSet = (name: string): boolean => (environment[name] ?? '') !== '';
  if (environment['WEBSITE_AUTH_ENABLED']?.toLowerCase() !== 'true' || COMPANIONS.some(isSet)) return undefined;
  const missing = PLATFORM.some(isSet)
    ? `none of ${COMPANIONS.join(', ')} says that App Service Authentication is turned on`
    : 'nothing else says that this app runs on App Service';
  return (
    `WEBSITE_AUTH_ENABLED is true, and ${missing}: without its sign-in in front, any client that sends the header ` +
    'X-MS-CLIENT-PRINCIPAL-ID reads the review page without a key. App Service sets this variable itself; if it was set by hand, remove it'
  );
}
