/** A claim: its type, and its value. */
export type Claim = readonly [typ: string, val: string];

/** `X-MS-CLIENT-PRINCIPAL` as App Service Authentication writes it for a token of Entra with these claims. */
export function principalOf(claims: readonly Claim[]): string {
  const principal = {
    auth_typ: 'aad',
    claims: claims.map(([typ, val]) => ({ typ, val })),
    name_typ: 'http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress',
    role_typ: 'http://schemas.microsoft.com/ws/2008/06/identity/claims/role',
  };
  return Buffer.from(JSON.stringify(principal)).toString('base64');
}

/** The header of a person who has signed in, with these app roles. */
export function signedIn(name: string, ...roles: readonly string[]): { readonly 'x-ms-client-principal': string } {
  const claims: readonly Claim[] = [
    ['name', name],
    ['http://schemas.microsoft.com/identity/claims/objectidentifier', '00000000-0000-4000-8000-000000000004'],
    ...roles.map((role): Claim => ['roles', role]),
  ];
  return { 'x-ms-client-principal': principalOf(claims) };
}
