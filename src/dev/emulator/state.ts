import { z } from 'zod';
import { digestOf } from './manifests.ts';
import type { RegistryState } from './types.ts';

/** What a mistake is about, as zod tells it. */
interface Issue {
  readonly code?: string | undefined;
  readonly input?: unknown;
}

/** The words for what is not of the kind that is expected. */
const expected = (what: string) => ({
  error: ({ code, input }: Issue) =>
    code === 'unrecognized_keys' ? undefined : `${what} expected, not ${quote(input)}`,
});

const text = z.string(expected('a string'));
const number = z.number(expected('a number'));
const allowed = z.boolean(expected('true or false')).optional();
const locked = z
  .strictObject(
    { deleteEnabled: allowed, writeEnabled: allowed, readEnabled: allowed, listEnabled: allowed },
    expected('an object'),
  )
  .optional();
const textOrNull = text.nullable().optional();

const Manifest = z.strictObject(
  { body: text, age: number, size: number.optional(), locked, mediaType: textOrNull, lastUpdateTime: textOrNull },
  expected('an object'),
);

const Tag = z.strictObject(
  {
    name: text.regex(/^\w[\w.-]{0,127}$/, { ...expected('a tag'), abort: true }),
    digest: text.regex(/^sha256:[0-9a-f]{64}$/, { ...expected('a sha256 digest'), abort: true }),
    age: number,
    locked,
    lastUpdateTime: textOrNull,
  },
  expected('an object'),
);

const Repository = z.strictObject(
  {
    manifests: z.array(Manifest, expected('an array')),
    tags: z.array(Tag, expected('an array')),
    locked,
    blobs: z.array(text, expected('an array')).optional(),
  },
  expected('an object'),
);

/** The names that a registry takes (OCI distribution specification). */
const NAME = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;

const Repositories = z.record(z.string(), Repository, expected('an object')).superRefine((repositories, context) => {
  for (const [repository, { manifests, tags }] of Object.entries(repositories)) {
    const mistake = (path: readonly (string | number)[], message: string): void =>
      context.addIssue({ code: 'custom', path: [repository, ...path], message });
    if (!NAME.test(repository)) mistake([], 'is no name a repository can have');
    const digests = new Set(manifests.map(({ body }) => digestOf(body)));
    const names = new Set<string>();
    for (const [n, { name, digest }] of tags.entries()) {
      if (!digests.has(digest)) mistake(['tags', n, 'digest'], `no manifest of ${repository} has ${digest}`);
      if (names.has(name)) mistake(['tags', n, 'name'], `there is another tag ${name}`);
      names.add(name);
    }
  }
});

/**
 * Reads the state of a registry from JSON that is not trusted: the repositories by name, or an object that has them under
 * `repositories` (a conformance case).
 * @throws Error that names every mistake by its path, a line each: `repositories.app.tags[3].digest: …`
 */
export function parseRegistryState(json: unknown): RegistryState {
  const outer = isObject(json) ? json['repositories'] : undefined;
  // A repository may be called "repositories", too; it is one where it has manifests.
  const isWrapped = isObject(outer) && !Array.isArray(outer['manifests']);
  const { success, data, error } = Repositories.safeParse(isWrapped ? outer : json);
  // Absent and `undefined` are the same in JSON.
  if (success) return data as RegistryState;
  throw new Error(error.issues.flatMap(linesOf).join('\n'));
}

function linesOf(issue: z.core.$ZodIssue): readonly string[] {
  const path = issue.path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('');
  if (issue.code !== 'unrecognized_keys') return [`repositories${path}: ${issue.message}`];
  return issue.keys.map((key) => `repositories${path}.${key}: is not known`);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Enough of a value to recognise it. */
function quote(value: unknown): string {
  const json = value === undefined ? 'nothing' : JSON.stringify(value);
  return json.length > 60 ? `${json.slice(0, 57)}...` : json;
}
