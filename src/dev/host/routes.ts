import { timingSafeEqual } from 'node:crypto';
import type { FunctionMetadata } from './protocol.ts';

export interface Keys {
  /** Opens functions of the level `function`. */
  readonly default: string;
  /** Opens everything. */
  readonly master: string;
}

export interface Route {
  readonly name: string;
  readonly methods: readonly string[];
  readonly authLevel: 'anonymous' | 'function' | 'admin';
  /** `/api/runs/{id}` */
  readonly template: string;
  readonly pattern: RegExp;
}

/** The HTTP routes of an app. @param prefix `extensions.http.routePrefix` of host.json */
export function routesOf(functions: readonly FunctionMetadata[], prefix: string): readonly Route[] {
  return functions.flatMap(({ name, bindings }) =>
    Object.values(bindings)
      .filter(({ type }) => type === 'httpTrigger')
      .map(({ methods = ['GET', 'POST'], authLevel = 'function', route = name }) => {
        const template = `/${[prefix, route].filter((part) => part !== '').join('/')}`;
        const pattern = template.replace(/\{(\w+)(?::\w+)?\}/g, '(?<$1>[^/]+)');
        return {
          name,
          authLevel,
          template,
          methods: methods.map((method) => method.toUpperCase()),
          pattern: new RegExp(`^${pattern}/?$`, 'i'),
        };
      }),
  );
}

export function find(
  routes: readonly Route[],
  method: string,
  path: string,
): { readonly route: Route; readonly params: Readonly<Record<string, string>> } | undefined {
  for (const route of routes) {
    const match = route.methods.includes(method) ? route.pattern.exec(path) : null;
    if (match) return { route, params: { ...match.groups } };
  }
  return undefined;
}

/** Whether a key opens a function of that level. */
export function opens(key: string, level: Route['authLevel'], keys: Keys): boolean {
  if (level === 'anonymous') return true;
  return same(key, keys.master) || (level === 'function' && same(key, keys.default));
}

function same(given: string, wanted: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)];
  return a.length === b.length && timingSafeEqual(a, b);
}
