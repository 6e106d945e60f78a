/** A person who does not exist, for trying the app out. */
export interface Person {
  readonly name: string;
  /** Object id in Entra. */
  readonly id: string;
  /** App roles. */
  readonly roles: readonly string[];
}

const BOTH = ['Retention.Reader', 'Retention.Approver'];

/** Whom the made-up sign-in knows, by the words of `--as`. */
export const PEOPLE = {
  approver: { name: 'Ada Lovelace', id: '11111111-1111-4111-8111-111111111111', roles: BOTH },
  another: { name: 'Charles Babbage', id: '22222222-2222-4222-8222-222222222222', roles: BOTH },
  reader: { name: 'Grace Hopper', id: '33333333-3333-4333-8333-333333333333', roles: ['Retention.Reader'] },
  stranger: { name: 'Alan Turing', id: '44444444-4444-4444-8444-444444444444', roles: [] },
} as const satisfies Record<string, Person>;

export type Who = keyof typeof PEOPLE;
export const WHO = Object.keys(PEOPLE) as readonly Who[];

export function isWho(text: string | undefined): text is Who {
  return WHO.some((one) => one === text);
}

/** A claim of a token: its type, and its value. */
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

/** The headers by which App Service Authentication tells an app who has signed in. */
export function headersOf({ name, id, roles }: Person): Readonly<Record<string, string>> {
  return {
    'x-ms-client-principal-id': id,
    'x-ms-client-principal-name': name,
    'x-ms-client-principal-idp': 'aad',
    'x-ms-client-principal': principalOf([
      ['name', name],
      ['http://schemas.microsoft.com/identity/claims/objectidentifier', id],
      ...roles.map((role): Claim => ['roles', role]),
    ]),
  };
}
