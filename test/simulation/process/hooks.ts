import { existsSync } from 'node:fs';
import { registerHooks, type ResolveHookSync } from 'node:module';
import { ALL_MUTANTS } from '../mutants/index.ts';
import { replaceChance } from './random.ts';
import { replaceTime } from './real-time.ts';
import { replaceSignals } from './signals.ts';

/*
 * What makes a process of Node fit for simulations: `node --import ./test/simulation/process/hooks.ts …`. Modules of the product
 * are given others in place of threads and the disk, all chance comes from a seed, and time from the world. A mutant that
 * is named by SIMULATION_MUTANT is put into the source while it is loaded.
 */

export { reseed } from './random.ts';
export { forgetSignals } from './signals.ts';
export { allowRealTime, forbidRealTime, RealTimeError, realTimeErrors, setNow, setTicks } from './real-time.ts';

const ROOT = new URL('../../../', import.meta.url).href;

interface Replacement {
  /** The files that import it. */
  readonly by: RegExp;
  readonly what: string;
  readonly with: string;
  /** It is imported when it is needed, so certainly after the hooks. */
  readonly isLazy?: true;
}

/** What files of the product import, and what they are given. */
const REPLACED: readonly Replacement[] = [
  { by: /^src\/ledger\/store\/folder[\w-]*\.ts$/, what: 'node:fs/promises', with: '../store/files.ts' },
  { by: /^src\/ledger\/store\/folder[\w-]*\.ts$/, what: 'node:fs', with: '../store/files.ts' },
  { by: /^src\/ledger\/ndjson\.ts$/, what: 'node:zlib', with: './replaced/zlib.ts' },
  { by: /^src\/engine\/matching\.ts$/, what: './match-pool.ts', with: './replaced/match-pool.ts', isLazy: true },
  { by: /^src\/engine\/match(ing|-worker)\.ts$/, what: '../registry/clock.ts', with: './replaced/clock.ts' },
  { by: /^src\/ledger\/turns\.ts$/, what: '../registry/clock.ts', with: './replaced/clock.ts' },
];

const replaced = new Set<Replacement>();

/** A change of a source file. */
export interface Mutation {
  /** From the root of the repository. */
  readonly file: string;
  /** A text that stands in the file once. */
  readonly from: string;
  readonly to: string;
}

const mutations: Mutation[] = [];
const mutated = new Set<Mutation>();

/** Changes a source file while it is loaded: to be called before that. */
export function mutate(mutation: Mutation): void {
  mutations.push(mutation);
}

/** @throws where the text does not stand in the source exactly once */
function mutatedSource(source: string, { file, from, to }: Mutation): string {
  const parts = source.split(from);
  if (parts.length !== 2)
    throw new Error(`a mutant does not fit: ${JSON.stringify(from)} stands ${parts.length - 1} times in ${file}`);
  return parts.join(to);
}

const mutant = process.env['SIMULATION_MUTANT'];
if (mutant !== undefined && mutant !== '') {
  const found = ALL_MUTANTS.find(({ name }) => name === mutant);
  if (!found) throw new Error(`there is no mutant ${mutant}: ${ALL_MUTANTS.map(({ name }) => name).join(', ')}`);
  mutate(found);
}

replaceChance();
replaceTime();
replaceSignals();

/** What was resolved, by importer and name: an import within a function asks each time. */
const resolved = new Map<string, ReturnType<ResolveHookSync>>();

registerHooks({
  resolve(specifier, context, next) {
    const key = `${context.parentURL ?? ''} ${specifier}`;
    const known = resolved.get(key);
    if (known) return { ...known, shortCircuit: true };
    const importer = context.parentURL?.startsWith(ROOT) ? context.parentURL.slice(ROOT.length) : '';
    const found = REPLACED.find(({ by, what }) => what === specifier && by.test(importer));
    if (found) replaced.add(found);
    const answer = next(found ? new URL(found.with, import.meta.url).href : specifier, context);
    resolved.set(key, answer);
    return answer;
  },
  load(url, context, next) {
    const loaded = next(url, context);
    const own = mutations.filter(({ file }) => url === ROOT + file);
    if (own.length === 0 || loaded.source === undefined) return loaded;
    let source = typeof loaded.source === 'string' ? loaded.source : new TextDecoder().decode(loaded.source);
    for (const mutation of own) {
      source = mutatedSource(source, mutation);
      mutated.add(mutation);
    }
    return { ...loaded, source };
  },
});

/**
 * Loads what the product loads only when it needs it, and checks that everything was replaced: to be called once, before
 * the first story. A module that was loaded before the hooks has the real thing.
 */
export async function loadProduct(): Promise<void> {
  await Promise.all([
    import('../../../src/index.ts'),
    import('../../../src/registry/registry.ts'),
    import('../../../src/ledger/store/folder.ts'),
    import('../../../src/engine/matching.ts'),
    import('./replaced/match-pool.ts'),
    import('@azure/storage-blob'),
  ]);
  const missing = REPLACED.filter((one) => !one.isLazy && !replaced.has(one));
  for (const { what, by } of missing) throw new Error(`${what} was loaded by ${by.source} before the hooks`);
  for (const mutation of mutations) {
    if (!existsSync(new URL(mutation.file, ROOT)))
      throw new Error(`a mutant is of ${mutation.file}, which does not exist`);
    if (!mutated.has(mutation))
      throw new Error(`a mutant was not put into ${mutation.file}: it is not loaded, or was before`);
  }
}
