import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { newPlaces } from '../../../src/doors/http/in-time.ts';
import { accessOf, callerOf, isApprover, type Role, ROLES, signInWarning } from '../../../src/doors/http/sign-in.ts';
import { principalOf, type Claim } from '../../support/principal.ts';

const OID = '11111111-2222-4333-8444-555555555555';
const LONG = 'http://schemas.microsoft.com/identity/claims/objectidentifier';
const ROLE = 'http://schemas.microsoft.com/ws/2008/06/identity/claims/role';
const SUBJECT = 'http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier';
const headers = (principal?: string) => ({
  headers: new Headers(principal === undefined ? {} : { 'x-ms-client-principal': principal }),
});

test('the caller is read from the header as the platform writes it', () => {
  const claims: readonly Claim[] = [
    ['aud', '820645d3-b0de-4dc2-a606-24b1b8b437bb'],
    ['name', 'Ada  Lovelace'],
    [LONG, OID.toUpperCase()],
    ['preferred_username', 'ada@contoso.example'],
    ['roles', 'Retention.Reader'],
    ['roles', 'Retention.Approver'],
    ['roles', 'Another.Role'],
    [SUBJECT, 'gFO'],
  ];
  const caller = {
    kind: 'person',
    id: OID,
    name: 'Ada Lovelace',
    roles: ['Retention.Reader', 'Retention.Approver'],
    audience: '820645d3-b0de-4dc2-a606-24b1b8b437bb',
  };
  expect(callerOf(principalOf(claims))).toEqual(caller);
  // Without the padding, and by the names that other tokens have.
  expect(callerOf(principalOf(claims).replace(/=+$/, ''))).toEqual(caller);
  expect(callerOf(principalOf([['oid', OID], ['upn', 'ada@contoso.example'], [ROLE, 'Retention.Reader']]))).toEqual({
    ...caller, name: 'ada@contoso.example', roles: ['Retention.Reader'], audience: undefined,
  }); // prettier-ignore
});

test('an application has roles as well, and is no person', () => {
  const token: readonly Claim[] = [
    [LONG, OID],
    [SUBJECT, OID],
    ['azp', 'nightly'],
    ['roles', 'Retention.Reader'],
  ];
  expect(callerOf(principalOf(token))).toMatchObject({ kind: 'application', name: 'the application nightly' });
  expect(
    callerOf(
      principalOf([
        ['oid', OID],
        ['idtyp', 'app'],
      ]),
    ),
  ).toMatchObject({ kind: 'application', name: OID });
});

test('what is no such header names no caller, and so does one without an object id', () => {
  const large = Array.from({ length: 3_000 }, (_, index): Claim => ['groups', String(index)]);
  for (const header of [
    null, '', '%%%', 'e30=', 'bnVsbA==', Buffer.from('{"claims":[').toString('base64'),
    Buffer.from([0xff, 0xfe]).toString('base64'),
    Buffer.from('{"claims":{"typ":"oid"}}').toString('base64'),
    principalOf([['name', 'Ada'], ['roles', 'Retention.Approver']]),
    principalOf([['oid', '"; az ad app delete; "'], ['roles', 'Retention.Approver']]),
    // Two headers of that name, joined as HTTP joins them.
    `${principalOf([['oid', OID]])}, ${principalOf([['oid', OID], ['roles', 'Retention.Approver']])}`,
    principalOf([['oid', OID], ...large]),
    principalOf([['oid', OID], ['roles', 'x'.repeat(100_000)]]),
  ]) expect(callerOf(header), String(header).slice(0, 80)).toBeUndefined(); // prettier-ignore
});

test('reading takes one of the roles, approving the second; without sign-in the header is forged, and not looked at', () => {
  const as = (...roles: readonly string[]) =>
    headers(principalOf([['oid', OID], ...roles.map((role): Claim => ['roles', role])]));
  const approver = 'Retention.Approver' satisfies Role;
  expect(isApprover(accessOf(as(approver), true))).toBe(true);
  expect(isApprover(accessOf(as('Retention.Reader'), true))).toBe(false);
  for (const other of [[], ['retention.approver'], ['Retention.Approver '], ['Retention.Reader,Retention.Approver']])
    expect(() => accessOf(as(...other), true)).toThrow(expect.objectContaining({ status: 403 }));
  expect(() => accessOf(headers(), true)).toThrow(expect.objectContaining({ status: 401 }));
  expect(accessOf(as(approver), false)).toEqual({ by: 'key' });
  expect(isApprover(accessOf(as(approver), false))).toBe(false);
});

/** `appRole` of Microsoft Graph, as it must be when a role is made. */
const APP_ROLE = z.strictObject({
  id: z.guid(),
  value: z.string().regex(/^[\w-][\w.-]{0,119}$/),
  displayName: z.string().min(1),
  description: z.string().min(1),
  allowedMemberTypes: z.array(z.enum(['User', 'Application'])).min(1),
  isEnabled: z.literal(true),
});

test('the roles that the documentation makes are those that the app reads', () => {
  const file = readFileSync(new URL('../../../infra/app-roles.json', import.meta.url), 'utf8');
  const made = z.array(APP_ROLE).parse(JSON.parse(file));
  expect(made.map(({ value }) => value)).toEqual(ROLES);
  expect(new Set(made.map(({ id }) => id)).size).toBe(made.length);
});

test('that sign-in is on is believed, and doubted where nothing else of the platform says so', () => {
  expect(signInWarning({})).toBeUndefined();
  expect(signInWarning({ WEBSITE_AUTH_ENABLED: 'False' })).toBeUndefined();
  expect(signInWarning({ WEBSITE_AUTH_ENABLED: 'true' })).toMatch(/nothing else says.*remove it/);
  const inAzure = { WEBSITE_AUTH_ENABLED: 'True', WEBSITE_SITE_NAME: 'retention' };
  expect(signInWarning(inAzure)).toMatch(/none of WEBSITE_AUTH_V2_CONFIG_JSON.*remove it/);
  expect(signInWarning({ ...inAzure, WEBSITE_AUTH_V2_CONFIG_JSON: '{}' })).toBeUndefined();
});

test('a place is taken at once, and given back once', () => {
  const places = newPlaces(2);
  const first = places.take();
  expect(places.take()).toBeDefined();
  expect(places.take()).toBeUndefined();
  first?.();
  first?.();
  expect(places.take()).toBeDefined();
  expect(places.take()).toBeUndefined();
});
