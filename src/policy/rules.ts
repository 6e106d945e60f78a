import { Range } from 'semver';
import type { CompiledFilters, TagFilter } from './filter.ts';
import { asksForFindings } from './file/findings.ts';
import type { NamePattern, RetentionPolicy } from './file/types.ts';
import type { PullWindows } from './pulls.ts';

/*
 * The rules of a policy file, in the place that filters have in a command.
 */

/** A filter for each rule: it stands for the rule where a run tells which repositories and tags each one matches. */
export function filtersOf({ rules }: RetentionPolicy): readonly TagFilter[] {
  return rules.map(({ name }) => ({ text: name, repositoryPattern: '', tagPattern: '', isRule: true }));
}

/** @param filters those of `filtersOf` */
export function compiledRules(policy: RetentionPolicy, filters: readonly TagFilter[]): CompiledFilters {
  const { rules, untagged } = policy;
  return {
    async repositoryFilters(names, match) {
      const patterns = rules.flatMap(({ repositories = [] }) => repositories);
      const answers = await match(patterns, names);
      const byPattern = new Map(patterns.map((pattern, place) => [pattern, answers[place] ?? []]));
      return names.map((_, name) =>
        filters.filter((_, rule) => {
          const repositories = rules[rule]?.repositories;
          return repositories?.some((pattern) => byPattern.get(pattern)?.[name]) ?? true;
        }),
      );
    },
    // Which rule owns a tag is found out once for all of them: see `retentionOf` of the engine.
    tags: () => ({
      pattern: '',
      matches: (names) =>
        Promise.resolve({
          selected: names.map(() => false),
          which: () => undefined,
          effective: new Set(),
          groups: () => [],
        }),
    }),
    literalRepositories() {
      const globs = untagged ? undefined : rules.map(({ repositories }) => repositories);
      if (!globs || globs.includes(undefined)) return undefined;
      const names = globs.flatMap((some) => some ?? []);
      return names.every(isLiteral) ? [...new Set(names.map(({ pattern }) => pattern))] : undefined;
    },
  };
}

/** Whether a glob matches the name that it is, and nothing else. */
function isLiteral({ dialect, pattern }: NamePattern): boolean {
  return dialect === 'glob' && /^[a-z0-9/._-]+$/.test(pattern);
}

/** What a policy file means, as values: the same for two files that differ in their form alone. */
export function meaningOf({
  protect,
  rules,
  untagged,
  quarantine,
}: RetentionPolicy): Readonly<Record<string, unknown>> {
  return JSON.parse(JSON.stringify({ protect, rules, untagged, quarantine }, asValue)) as Record<string, unknown>;
}

function asValue(_: string, value: unknown): unknown {
  if (value instanceof Set) return [...(value as Set<string>)].sort();
  if (value instanceof Range) return value.range;
  const isPattern = typeof value === 'object' && value !== null && 'expressions' in value;
  if (!isPattern) return value;
  const { dialect, pattern } = value as NamePattern;
  return `${dialect} ${pattern}`;
}

/** How lately something may have been pulled that policy files ask for; `undefined` where none does. */
export function pullWindowsOf(policies: readonly { readonly retention?: RetentionPolicy }[]): PullWindows | undefined {
  const windows = policies
    .flatMap(({ retention }) => [
      ...(retention?.protect.map(({ pulledWithin }) => pulledWithin) ?? []),
      ...(retention?.rules.map(({ notPulledWithin }) => notPulledWithin) ?? []),
    ])
    .flatMap((age) => age?.milliseconds ?? [])
    .sort((a, b) => a - b);
  const [shortest] = windows;
  return shortest === undefined ? undefined : { shortest, longest: windows.at(-1) ?? shortest };
}

/** The names of the rules that ask for findings, or for the end of life. */
export function rulesOnFindings(policies: readonly { readonly retention?: RetentionPolicy }[]): readonly string[] {
  return [
    ...new Set(
      policies.flatMap(({ retention }) => (retention?.rules ?? []).filter(asksForFindings).map(({ name }) => name)),
    ),
  ];
}
