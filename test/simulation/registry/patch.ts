import type { Route } from '../../../src/dev/emulator/routes.ts';
import type { Attributes } from '../../../src/dev/emulator/types.ts';

/** What a request does to the attributes of a tag, a manifest or a repository. */
export type Patch = 'takes a lock off' | 'puts a lock on' | 'hides' | 'shows';

interface Asked {
  readonly route: Pick<Route, 'method'>;
  readonly body: string;
}

/** `undefined`: the request changes no attributes. `hides`: it makes what it names unreadable. */
export function patchOf({ route, body }: Asked): Patch | undefined {
  if (route.method !== 'PATCH') return undefined;
  const { deleteEnabled, writeEnabled, readEnabled } = JSON.parse(body) as Attributes;
  if (readEnabled !== undefined) return readEnabled ? 'shows' : 'hides';
  return deleteEnabled === false || writeEnabled === false ? 'puts a lock on' : 'takes a lock off';
}
