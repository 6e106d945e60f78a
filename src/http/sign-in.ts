import type { HttpRequest } from '@azure/functions';
import { RequestError } from './problem.ts';

/**
 * Whether App Service Authentication stands in front of the app: the platform says so in this variable, and only then
 * does it keep clients from sending the headers below themselves (Microsoft Learn, "Environment variables and app
 * settings in Azure App Service" and "Work with user identities").
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
