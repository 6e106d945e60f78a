import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Case } from './cases.ts';
import { sizeOf } from './data.ts';
import { type Ended, runAcr, runOurs } from './program.ts';
import { type RunningRegistry, startRegistry, type Used } from './protocol.ts';

/** `cold`: ours without a record; `again`: ours with the record of that; `acr`: `acr purge`. */
export type Program = 'acr' | 'cold' | 'again';

/** One run of a program. */
export interface Measured extends Omit<Ended, 'output'>, Used {
  readonly program: Program;
  readonly calls: number;
  readonly deletes: number;
  /** What is wrong with the result; nothing where it is right. */
  readonly wrong: readonly string[];
}

/** Runs one case with `acr purge`. */
export async function measureAcr(one: Case, program: string): Promise<Measured> {
  return withRegistry(one, async (registry) => {
    const ended = await runAcr(program, registry, one);
    return judge(one, 'acr', registry, ended);
  });
}

/** Runs one case with this project: with an empty ledger, and again with what is then in it where the case says so. */
export async function measureOurs(one: Case): Promise<readonly Measured[]> {
  const record = mkdtempSync(join(tmpdir(), 'acr-retention-bench-'));
  try {
    return await withRegistry(one, async (registry) => {
      const measured: Measured[] = [];
      for (const program of one.isRepeated ? (['cold', 'again'] as const) : (['cold'] as const)) {
        const work = { ...one, isEntra: one.tokenLifeSeconds !== undefined };
        const ended = await runOurs(registry, work, record);
        measured.push(await judge(one, program, registry, ended));
      }
      return measured;
    });
  } finally {
    rmSync(record, { recursive: true, force: true });
  }
}

async function withRegistry<T>(one: Case, work: (registry: RunningRegistry) => Promise<T>): Promise<T> {
  const registry = await startRegistry(one);
  try {
    await registry.ask({ ask: 'used' });
    return await work(registry);
  } finally {
    await registry.close();
  }
}

async function judge(one: Case, program: Program, registry: RunningRegistry, ended: Ended): Promise<Measured> {
  const used = await registry.ask({ ask: 'used' });
  const { output, ...took } = ended;
  const { counts } = used;
  const deletes = counts['delete-tag'] + counts['delete-manifest'] + counts['delete-repository'];
  const calls = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const wrong = [
    ...wrongEnd(one, ended),
    ...(one.isDryRun ? wrongDryRun(used) : await wrongContents(one, registry)),
    ...(one.denied.length > 0 ? [] : wrongTotals(one, output)),
    ...one.denied.filter((name) => !output.includes(`FAILED: ${name}`)).map((name) => `${name} is not named`),
  ];
  return { ...took, ...used, program, calls, deletes, wrong };
}

function wrongEnd({ denied, timeoutSeconds }: Case, { exitCode }: Ended): readonly string[] {
  const wanted = denied.length > 0 ? 1 : 0;
  if (exitCode === undefined) return [`does not end in ${timeoutSeconds} s`];
  return exitCode === wanted ? [] : [`exit ${exitCode}`];
}

/** A dry run changes nothing: it does not even try. */
function wrongDryRun({ counts }: Used): readonly string[] {
  return Object.entries(counts).filter(([kind, count]) => /^(delete|update|put)-/.test(kind) && count > 0).map(([kind, count]) => `${count} × ${kind} in a dry run`); // prettier-ignore
}

async function wrongContents({ denied }: Case, registry: RunningRegistry): Promise<readonly string[]> {
  const { tooMany, missing } = await registry.ask({ ask: 'compare', untouched: denied, isPurged: true });
  return [
    ...(tooMany.length === 0 ? [] : [`${tooMany.length} left, such as ${tooMany[0] ?? ''}`]),
    ...(missing.length === 0 ? [] : [`${missing.length} WRONGLY GONE, such as ${missing[0] ?? ''}`]),
  ];
}

/** What it says it did, or would do. */
function wrongTotals({ shape }: Case, output: string): readonly string[] {
  const { tagsGoing, manifestsGoing } = sizeOf(shape);
  const [, ...said] =
    /(\d+) tags?(?: \(\S+ %\))? and (\d+) manifests?(?: \(\S+ %\))? (?:would be )?deleted/.exec(output) ??
    /Number of (?:tags to be deleted|deleted tags): (\d+)\s+Number of (?:manifests to be deleted|deleted manifests): (\d+)/.exec(output) ??
    []; // prettier-ignore
  if (said.length === 0) return ['it says no totals'];
  const [tags, manifests] = said.map(Number);
  if (tags === tagsGoing && manifests === manifestsGoing) return [];
  return [`it says ${tags ?? 0} tags and ${manifests ?? 0} manifests, not ${tagsGoing} and ${manifestsGoing}`];
}
