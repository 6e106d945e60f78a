import * as z from 'zod';
import type { Actor } from '../../index.ts';

/**
 * Whether App Service Authentication is in front of the app. The platform says so in this variable, which is read-only
 * there, and then removes the headers below from what clients send (Microsoft Learn, "Environment variables and app
 * settings in Azure App Service" and "Work with user identities"). Where the variable is set by hand, without the
 * platform's sign-in, every client could send these headers, with any role: `signInWarning` says so.
 */
export const isSignInOn = saysOn(process.env);

/** The app roles of the app registration. An approver may read, too. */
export const ROLES = ['Retention.Reader', 'Retention.Approver'] as const;
export type Role = (typeof ROLES)[number];

/** A client that App Service Authentication has signed in. */
export interface Caller {
  /** An application is a service principal, which has asked for its token without a person. */
  readonly kind: 'person' | 'application';
  /** Object id in Entra. Names change, and two people may have the same. */
  readonly id: string;
  readonly name: string;
  readonly roles: readonly Role[];
  /** The client id of the app registration, as the token says. */
  readonly audience: string | undefined;
}

/** How a request reached the review page: the host has looked at a key, or the platform has signed its client in. */
export type Access = { readonly by: 'key' } | { readonly by: 'sign-in'; readonly caller: Caller };

/** A client that may not see the page. */
export class SignInRefused extends Error {
  override readonly name = 'SignInRefused';
  readonly status: 401 | 403;
  /** Absent where it is not known who it is. */
  readonly caller: Caller | undefined;

  constructor(status: SignInRefused['status'], message: string, caller?: Caller) {
    super(message);
    this.status = status;
    this.caller = caller;
  }
}

/**
 * Lets a request read the page. Signing in is not enough: without a role of this app, a person of the same directory
 * has no business here.
 * @param isOn whether sign-in is on; where it is not, the headers are forged, and are not looked at
 * @throws {SignInRefused}
 */
export function accessOf({ headers }: Pick<Request, 'headers'>, isOn: boolean): Access {
  if (!isOn) return { by: 'key' };
  const caller = callerOf(headers.get('x-ms-client-principal'));
  if (!caller)
    // The platform usually sends such clients to the login page itself. It can be set to let them through.
    throw new SignInRefused(401, 'Sign in to read this: open it in a browser');
  if (caller.roles.length === 0)
    throw new SignInRefused(403, 'You have signed in, and have no role in this app. Reading takes one', caller);
  return { by: 'sign-in', caller };
}

/** Whether a request may approve, reject and cancel. */
export function isApprover(access: Access): access is Access & { readonly by: 'sign-in' } {
  return access.by === 'sign-in' && access.caller.roles.includes('Retention.Approver');
}

/** Who did it, as the record keeps it. */
export function actorOf({ kind, name, id }: Caller): Actor {
  return { kind: kind === 'person' ? 'person' : 'account', name, id };
}

/**
 * Who has signed in, where a key is what opens the route; `undefined` where none has. It says who began a run, which can
 * only keep a person from approving it. It approves nothing: the platform lets these routes pass without sign-in, and it
 * has not been tried whether it removes forged headers there as well.
 */
export function signedInActor({ headers }: Pick<Request, 'headers'>, isOn: boolean): Actor | undefined {
  const caller = isOn ? callerOf(headers.get('x-ms-client-principal')) : undefined;
  return caller && actorOf(caller);
}

/** The header as the platform writes it is a few KiB: a claim for each group, of which a token has 200 at most. */
const LONGEST_HEADER = 64 * 1024;
const LONGEST_NAME = 200;

const text = z.string().max(4_096);
const PRINCIPAL = z.object({
  name_typ: text.nullish(),
  // A claim may be a number elsewhere (static web apps). None of those that count here is one.
  claims: z.array(z.object({ typ: text, val: z.union([text, z.number(), z.boolean(), z.null()]) })).max(2_000),
});

/** The platform maps some claims of a token to long names, and leaves others as they are. */
const CLAIMS = {
  id: ['http://schemas.microsoft.com/identity/claims/objectidentifier', 'oid'],
  subject: ['http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier', 'sub'],
  roles: ['roles', 'http://schemas.microsoft.com/ws/2008/06/identity/claims/role'],
  name: ['name', 'preferred_username', 'http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn', 'upn'],
  application: ['app_displayname', 'azp', 'appid'],
} as const;

const OBJECT_ID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;

/**
 * The caller that the platform's header names: base64 of JSON. One that cannot be read names none.
 * @returns `undefined` where there is none, or where it has no object id: then it is not known who it is
 */
export function callerOf(header: string | null): Caller | undefined {
  const principal = PRINCIPAL.safeParse(decoded(header)).data;
  if (!principal) return undefined;
  const all = (types: readonly (string | null | undefined)[]): readonly string[] =>
    types.flatMap((type) =>
      principal.claims.flatMap(({ typ, val }) => (typ === type && typeof val === 'string' ? [val] : [])),
    );
  const id = all(CLAIMS.id).find((one) => OBJECT_ID.test(one));
  if (id === undefined) return undefined;
  // Of a token without a person, the subject is the application's own object id. A person has a subject for each app.
  const isApplication = all(['idtyp']).includes('app') || all(CLAIMS.subject).includes(id);
  const given = new Set(all(CLAIMS.roles));
  const names = isApplication
    ? all(CLAIMS.application).map((one) => `the application ${one}`)
    : all([...CLAIMS.name, principal.name_typ]);
  return {
    kind: isApplication ? 'application' : 'person',
    id: id.toLowerCase(),
    name: names.map(oneLine).find((one) => one !== '') ?? id,
    roles: ROLES.filter((role) => given.has(role)),
    audience: all(['aud'])
      .map((one) => one.replace(/^api:\/\//, ''))
      .find((one) => OBJECT_ID.test(one)),
  };
}

function decoded(header: string | null): unknown {
  // Several headers of the same name come joined by commas, which base64 has not.
  if (header === null || header.length > LONGEST_HEADER || !/^[\w+/-]+={0,2}$/.test(header)) return undefined;
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(header, 'base64')));
  } catch {
    return undefined;
  }
}

function oneLine(name: string): string {
  return name.replace(/\s+/g, ' ').trim().slice(0, LONGEST_NAME);
}

function saysOn(environment: NodeJS.ProcessEnv): boolean {
  return environment['WEBSITE_AUTH_ENABLED']?.toLowerCase() === 'true';
}

/** The platform sets one of these as well where its sign-in is turned on: its configuration, and session keys. */
const COMPANIONS = ['WEBSITE_AUTH_V2_CONFIG_JSON', 'WEBSITE_AUTH_ENCRYPTION_KEY', 'WEBSITE_AUTH_SIGNING_KEY'] as const;

/** The platform sets these for each app, with sign-in or without. */
const PLATFORM = ['WEBSITE_SITE_NAME', 'WEBSITE_INSTANCE_ID'] as const;

/** Why there may be no sign-in although the variable says so; `undefined` where the platform confirms it. */
export function signInWarning(environment: NodeJS.ProcessEnv): string | undefined {
  const isSet = (name: string): boolean => (environment[name] ?? '') !== '';
  if (!saysOn(environment) || COMPANIONS.some(isSet)) return undefined;
  const missing = PLATFORM.some(isSet)
    ? `none of ${COMPANIONS.join(', ')} says that App Service Authentication is turned on`
    : 'nothing else says that this app runs on App Service';
  return (
    `WEBSITE_AUTH_ENABLED is true, and ${missing}: without its sign-in in front, any client that sends the header ` +
    'X-MS-CLIENT-PRINCIPAL reads the review page and approves plans without a key. App Service sets this variable itself; if it was set by hand, remove it'
  );
}
