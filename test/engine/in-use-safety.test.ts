import fc from 'fast-check';
import { expect, test } from 'vitest';
import { digestOf } from '../../src/dev/emulator/manifests.ts';
import type { RegistryState, RepositoryState } from '../../src/dev/emulator/index.ts';
import type { Source, Use } from '../../src/evidence/types.ts';
import { broken } from '../support/invariants.ts';
import { newLedger } from '../support/ledger.ts';
import { flags, repository } from '../support/random-registry.ts';
import { reference, run, withEmulator } from '../support/registry.ts';

/** `FC_RUNS=5000 npx vitest run test/engine/in-use-safety.test.ts` searches longer. */
const RUNS = Number(process.env['FC_RUNS'] ?? 300);

const DAY_MS = 86_400_000;

/** How a workload names an image: what container runtimes give as `imageID`, and the tag of a template. */
const KINDS = ['index digest', 'platform digest', 'config digest', 'tag'] as const;
type Kind = (typeof KINDS)[number];

/** One image of a registry in use; numbers point into its lists. */
interface Draft {
  readonly repository: 'app' | 'team/app';
  readonly kind: Kind;
  readonly pointer: number;
  /** Seen by an earlier run only. */
  readonly isRemembered: boolean;
}

const draft: fc.Arbitrary<Draft> = fc.record({
  repository: fc.constantFrom('app', 'team/app'),
  kind: fc.constantFrom(...KINDS),
  pointer: fc.nat(50),
  isRemembered: fc.boolean(),
});
const registry: fc.Arbitrary<RegistryState> = fc.record({ app: repository, 'team/app': repository });
/** Most often flags that would delete nearly everything. */
const asked = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .constantFrom([], ['--untagged'], ['--untagged', '--include-locked'])
      .map((more): readonly string[] => ['--filter', '.*:.*', '--ago', '0d', '--keep', '0', ...more]),
  },
  { weight: 1, arbitrary: flags },
);
/** One time in five a second source cannot be read completely. */
const incomplete = fc.constantFrom(false, false, false, false, true);

interface Content {
  readonly digest: string;
  readonly children: readonly string[];
  readonly config: string | undefined;
}

const contentsOf = ({ manifests }: RepositoryState): readonly Content[] =>
  manifests.map(({ body }) => {
    const { manifests: children = [], config } = JSON.parse(body) as {
      readonly manifests?: readonly { readonly digest: string }[];
      readonly config?: { readonly digest: string };
    };
    return { digest: digestOf(body), children: children.map(({ digest }) => digest), config: config?.digest };
  });

/** The image that is meant, as a workload names it; nothing where the repository has none of the kind. */
function useOf(state: RepositoryState, { repository, kind, pointer }: Draft): Use | undefined {
  const contents = contentsOf(state);
  const parts = new Set(contents.flatMap(({ children }) => children));
  const pick = <T>(all: readonly T[]): T | undefined => (all.length === 0 ? undefined : all[pointer % all.length]);
  const about = { repository, where: `a ${kind}` };
  if (kind === 'tag') {
    const tag = pick(state.tags)?.name;
    return tag === undefined ? undefined : { ...about, tag };
  }
  if (kind === 'config digest') {
    const config = pick(contents.flatMap((one) => one.config ?? []));
    return config === undefined ? undefined : { ...about, config };
  }
  const digest = pick(
    contents.filter((one) => (kind === 'index digest' ? one.children.length > 0 : parts.has(one.digest))),
  )?.digest;
  return digest === undefined ? undefined : { ...about, digest };
}

/**
 * What must stay for a use: the manifests that it names, the indexes over them, the tags of all these. Looks at nothing
 * but what is there, so that it knows no rule of the planner; `broken` says that what stays keeps its parts.
 */
function neededBy({ repository, tag, digest, config }: Use, state: RepositoryState): readonly string[] {
  const contents = contentsOf(state);
  const named = state.tags.find(({ name }) => name === tag)?.digest;
  const used = new Set(
    contents
      .filter((one) => [digest, named].includes(one.digest) || (config !== undefined && one.config === config))
      .map((one) => one.digest),
  );
  for (let before = -1; before < used.size;) {
    before = used.size;
    for (const one of contents) if (one.children.some((child) => used.has(child))) used.add(one.digest);
  }
  const tags = state.tags.filter(({ name, digest: of }) => name === tag || used.has(of)).map(({ name }) => name);
  return [...Array.from(used, (one) => `${repository}@${one}`), ...tags.map((name) => `${repository}:${name}`)];
}

test('whatever the registry and the evidence, nothing in use is deleted, and nothing that may be', async () => {
  // Without evidence it would have been deleted: a test in which nothing would is none.
  const saved = new Map<Kind | 'incomplete', number>();
  await fc.assert(
    fc.asyncProperty(
      registry,
      asked,
      fc.array(draft, { minLength: 1, maxLength: 3 }),
      incomplete,
      async (state, args, drafts, isIncomplete) => {
        await withEmulator({ repositories: state }, async (emulator) => {
          const uses = drafts.flatMap((one) => {
            const of = state[one.repository];
            const use = of && useOf(of, one);
            return use ? [{ ...one, use, needed: neededBy(use, of) }] : [];
          });
          const otherwise = await run(emulator, [...args, '--dry-run']);
          const doomed = new Set(otherwise.decisions.filter(({ action }) => action === 'delete').map(reference));

          const ledger = newLedger();
          const now = Date.now();
          const lately = new Date(now - DAY_MS).toISOString();
          await ledger.rememberUsed(
            emulator.loginServer,
            uses
              .filter(({ isRemembered }) => isRemembered)
              .map(({ use }) => ({ ...use, source: 'kube', first: lately, last: lately })),
            new Date(0).toISOString(),
          );
          const source = (name: string, complete: boolean, facts: readonly Use[]): Source => ({
            name,
            read: () =>
              Promise.resolve({
                source: name,
                observedAt: new Date(now).toISOString(),
                scope: 'all of it',
                complete,
                problems: complete ? [] : ['a page was answered with 500'],
                facts,
              }),
          });
          const seen = uses.filter(({ isRemembered }) => !isRemembered).map(({ use }) => use);
          const sources = [source('kube', true, seen), source('list', !isIncomplete, [])];
          const had = [...emulator.tagsLeft(), ...emulator.manifestsLeft()];
          const evidence = { sources, rememberMilliseconds: 14 * DAY_MS };
          const { summary, decisions } = await run(emulator, args, undefined, ledger, { evidence });
          const left = new Set([...emulator.tagsLeft(), ...emulator.manifestsLeft()]);
          const gone = had.filter((one) => !left.has(one));

          expect(summary.succeeded).toBe(!isIncomplete);
          expect(
            decisions
              .filter(({ action }) => action === 'delete')
              .map(reference)
              .toSorted(),
          ).toEqual(gone.toSorted());
          expect(broken(state, emulator.repositories(), args.includes('--include-locked'))).toEqual([]);
          if (isIncomplete) expect(gone).toEqual([]);
          // It was planned so: nothing has changed since.
          expect(decisions.filter(({ reason }) => reason === 'changed-since-plan')).toEqual([]);
          for (const { use, needed } of uses)
            expect(
              needed.filter((one) => !left.has(one)),
              JSON.stringify(use),
            ).toEqual([]);

          const count = (what: Kind | 'incomplete') => saved.set(what, (saved.get(what) ?? 0) + 1);
          if (isIncomplete && doomed.size > 0) count('incomplete');
          for (const { kind, needed } of uses) if (!isIncomplete && needed.some((one) => doomed.has(one))) count(kind);
        });
      },
    ),
    { numRuns: RUNS },
  );
  // Each kind saves something some forty times in 300.
  if (RUNS >= 300) expect([...saved.keys()].toSorted()).toEqual([...KINDS, 'incomplete'].toSorted());
  if (process.env['FC_RUNS'] !== undefined) process.stdout.write(`${JSON.stringify([...saved])}\n`);
});
