import { digestOf } from './manifests.ts';
import type { Attributes, ManifestState, RegistryState, RepositoryState, TagState } from './types.ts';

/**
 * Reads the state of a registry from untrusted JSON: the repositories by name, or anything that has them under
 * `repositories` (a conformance case). Errors name the path: `repositories.app.tags[3].digest: …`.
 */
export function parseRegistryState(json: unknown): RegistryState {
  const outer = isObject(json) ? json['repositories'] : undefined;
  // A repository may be called "repositories", too; it is one when it has manifests.
  const isWrapped = isObject(outer) && !Array.isArray(outer['manifests']);
  const repositories = object(isWrapped ? outer : json, 'repositories');
  return Object.fromEntries(
    Object.entries(repositories).map(([name, value]) => [name, repository(value, `repositories.${name}`, name)]),
  );
}

function repository(value: unknown, path: string, name: string): RepositoryState {
  const { manifests: given, tags: named, locked, ...rest } = object(value, path);
  noMore(rest, path);
  // The names a registry takes (OCI distribution specification).
  if (!/^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/.test(name)) {
    throw problem(path, 'is no name a repository can have');
  }
  const manifests = array(given, `${path}.manifests`).map((one, n) => manifest(one, `${path}.manifests[${n}]`));
  const digests = new Set(manifests.map(({ body }) => digestOf(body)));
  const names = new Set<string>();
  const tags = array(named, `${path}.tags`).map((one, n) => {
    const at = `${path}.tags[${n}]`;
    const parsed = tag(one, at);
    if (!digests.has(parsed.digest)) throw problem(`${at}.digest`, `no manifest of ${name} has ${parsed.digest}`);
    if (names.has(parsed.name)) throw problem(`${at}.name`, `there is another tag ${parsed.name}`);
    names.add(parsed.name);
    return parsed;
  });
  return { manifests, tags, ...attributes(locked, `${path}.locked`) };
}

function manifest(value: unknown, path: string): ManifestState {
  const { body, age, size, locked, mediaType, lastUpdateTime, ...rest } = object(value, path);
  noMore(rest, path);
  return {
    body: string(body, `${path}.body`),
    age: number(age, `${path}.age`),
    ...(size === undefined ? {} : { size: number(size, `${path}.size`) }),
    ...attributes(locked, `${path}.locked`),
    ...(mediaType === undefined ? {} : { mediaType: stringOrNull(mediaType, `${path}.mediaType`) }),
    ...(lastUpdateTime === undefined ? {} : { lastUpdateTime: stringOrNull(lastUpdateTime, `${path}.lastUpdateTime`) }),
  };
}

function tag(value: unknown, path: string): TagState {
  const { name, digest, age, locked, lastUpdateTime, ...rest } = object(value, path);
  noMore(rest, path);
  return {
    name: matching(name, /^\w[\w.-]{0,127}$/, `${path}.name`, 'a tag'),
    digest: matching(digest, /^sha256:[0-9a-f]{64}$/, `${path}.digest`, 'a sha256 digest'),
    age: number(age, `${path}.age`),
    ...attributes(locked, `${path}.locked`),
    ...(lastUpdateTime === undefined ? {} : { lastUpdateTime: stringOrNull(lastUpdateTime, `${path}.lastUpdateTime`) }),
  };
}

function attributes(value: unknown, path: string): { locked?: Attributes } {
  if (value === undefined) return {};
  const given = Object.entries(object(value, path)).map(([name, allowed]) => {
    if (!/^(delete|write|read|list)Enabled$/.test(name)) throw problem(`${path}.${name}`, 'is not known');
    if (typeof allowed !== 'boolean') throw problem(`${path}.${name}`, `true or false expected, not ${show(allowed)}`);
    return [name, allowed] as const;
  });
  return { locked: Object.fromEntries(given) };
}

function object(value: unknown, path: string): Readonly<Record<string, unknown>> {
  if (!isObject(value)) throw problem(path, `an object expected, not ${show(value)}`);
  return value;
}

function array(value: unknown, path: string): readonly unknown[] {
  if (!Array.isArray(value)) throw problem(path, `an array expected, not ${show(value)}`);
  return value;
}

function string(value: unknown, path: string): string {
  if (typeof value !== 'string') throw problem(path, `a string expected, not ${show(value)}`);
  return value;
}

function stringOrNull(value: unknown, path: string): string | null {
  return value === null ? null : string(value, path);
}

function matching(value: unknown, pattern: RegExp, path: string, what: string): string {
  const text = string(value, path);
  if (!pattern.test(text)) throw problem(path, `${what} expected, not ${show(text)}`);
  return text;
}

function number(value: unknown, path: string): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    throw problem(path, `a number expected, not ${show(value)}`);
  }
  return value;
}

function noMore(rest: Readonly<Record<string, unknown>>, path: string): void {
  const [name] = Object.keys(rest);
  if (name !== undefined) throw problem(`${path}.${name}`, 'is not known');
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Enough of a value to recognise it. */
function show(value: unknown): string {
  const text = value === undefined ? 'nothing' : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function problem(path: string, what: string): Error {
  return new Error(`${path}: ${what}`);
}
