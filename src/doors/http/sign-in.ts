import type { HttpRequest } from '@azure/functions';
import { RequestError } from './problem.ts';

/**
 * Whether App Service Authentication stands in front of the app: the platform says so in this variable, and only then
 * does it keep clients from sending the headers below themselves (Microsoft Learn, "Environment variables and app
 * settings in Azure App Service" and "Work with user identities"). It is read-only there. Set by hand, without the
 * platform's sign-in in front, it opens the page to a header that anyone can send: `signInWarning` says so.
 */
export const isSignInOn = process.env['WEBSITE_AUTH_ENABLED']?.toLowerCase() === 'true';

/**
 * Refuses whoever has not signed in. The platform has sent them to the login page before they come here; this holds
 * where it is set to let them through.
 * @throws {RequestError} 401
 */
export function requireSignIn(request: HttpRequest): void {
  if ((request.headers.get('x-ms-client-principal-id') ?? '') === '')
    throw new RequestError(401, 'sign in to read this: open it in a browser');
}

/** What the platform sets besides, where its sign-in is turned on: its configuration, and the keys of its sessions. */
const COMPANIONS = ['WEBSITE_AUTH_V2_CONFIG_JSON', 'WEBSITE_AUTH_ENCRYPTION_KEY', 'WEBSITE_AUTH_SIGNING_KEY'] as const;

/** What it sets for each app, with sign-in or without. */
const PLATFORM = ['WEBSITE_SITE_NAME', 'WEBSITE_INSTANCE_ID'] as const;

/** Why the sign-in that the variable tells of may not be there; `undefined` where something else of the platform speaks for it. */
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
