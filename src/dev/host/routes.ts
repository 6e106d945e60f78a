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

/** A segment that may be absent, and that no text fits: how a function is given the root of the app. */
const NOTHING = /^\{\w+:maxlength\(0\)\?\}$/;

/** One segment of a route: a text, or a parameter such as `{id}`. */
function patternOf(segment: string): string {
  if (!/[{}]/.test(segment)) return `/${segment.replace(/[^\w-]/g, '\\$&')}`;
  const name = /^\{(\w+)\}$/.exec(segment)?.[1];
  if (name === undefined) throw new Error(`this host does not know routes such as ${segment}`);
  return `/(?<${name}>[^/]+)`;
}

/** The HTTP routes of an app. @param prefix `extensions.http.routePrefix` of host.json */
export function routesOf(functions: readonly FunctionMetadata[], prefix: string): readonly Route[] {
  return functions.flatMap(({ name, bindings }) =>
    Object.values(bindings)
      .filter(({ type }) => type === 'httpTrigger')
      .map(({ methods = ['GET', 'POST'], authLevel = 'function', route = '' }) => {
        // As in the Functions host: an empty route is the name of the function.
        const segments = [prefix, ...(route === '' ? name : route).split('/')].filter(
          (part) => part !== '' && !NOTHING.test(part),
        );
        return {
          name,
          authLevel,
          template: `/${segments.join('/')}`,
          methods: methods.map((method) => method.toUpperCase()),
          pattern: new RegExp(`^${segments.map(patternOf).join('')}/?$`, 'i'),
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

/** Whether people sign in for a route: one that wants no key, but for the probes of machines (`excludedPaths` in infra/). */
export function isForPeople({ authLevel, name }: Route): boolean {
  return authLevel === 'anonymous' && name !== 'health';
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
