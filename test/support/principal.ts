import { headersOf } from '../../src/dev/host/people.ts';

export { type Claim, principalOf } from '../../src/dev/host/people.ts';

/** The headers of a person who has signed in, with these app roles. */
export function signedIn(name: string, ...roles: readonly string[]): Readonly<Record<string, string>> {
  return headersOf({ name, id: '00000000-0000-4000-8000-000000000004', roles });
}
