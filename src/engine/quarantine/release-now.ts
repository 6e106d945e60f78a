import type { Ledger } from '../../ledger/ledger.ts';
import type { QuarantineEntry, Released, RepositoryQuarantine } from '../../ledger/quarantine.ts';
import type { Releases } from '../../ledger/records.ts';
import { actorOf } from '../../ledger/reviews.ts';
import { type RunSummary, summarizeInTurns } from '../../ledger/summary.ts';
import type { Decision, Release } from '../../planner/decision.ts';
import type { Registry, RegistryReader } from '../../registry/types.ts';
import type { RunContext } from '../context.ts';
import { type NamedRunOptions, runThrough } from '../named-run.ts';
import { keptFromNow } from './quarantine.ts';
import { forget, forgetting, keptAs } from './release.ts';
import { showAll } from './show.ts';
import type { Processed } from '../repository.ts';

/** What is asked for is not in quarantine. Nothing was done. */
export class ReleaseRefused extends Error {
  override readonly name = 'ReleaseRefused';
}

/** What is to be released: all that waits, what a run put into quarantine, or an image with all that belongs to it. */
export type ToRelease =
  { readonly all: true } | { readonly run: string } | { readonly repository: string; readonly reference: string };

export type ReleaseOptions = NamedRunOptions & { readonly toRelease: ToRelease };

/**
 * Makes readable what waits in quarantine, as a run of its own, under the registry's lock. What is released is kept for a
 * while, so that the next run does not put it back at once. It is not resumed: done again it releases what is left.
 *
 * @param writer absent: a dry run
 * @throws {ReleaseRefused} where nothing of it is in quarantine
 * @throws {HeldError} where another run changes the registry
 * @throws {LedgerError} where it cannot be recorded
 */
export async function releaseQuarantine(
  { reader, writer }: { readonly reader: RegistryReader; readonly writer?: Registry | undefined },
  { toRelease, ...options }: ReleaseOptions,
): Promise<RunSummary> {
  const { ledger } = options;
  const names = await repositoriesOf(ledger, reader.loginServer, toRelease);
  return runThrough(names, {
    ...options,
    kind: 'release',
    reader,
    writer,
    releases: releasesOf(toRelease),
    process: (context, _, { name }) => releaseIn(context, name, toRelease),
  });
}

function releasesOf(toRelease: ToRelease): Releases {
  if (!('repository' in toRelease)) return toRelease;
  const { repository, reference } = toRelease;
  return { image: `${repository}${reference.includes(':') ? '@' : ':'}${reference}` };
}

/** @throws {ReleaseRefused} */
async function repositoriesOf(ledger: Ledger, registry: string, toRelease: ToRelease): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const quarantine of ledger.quarantines(registry))
    if (chosenIn(quarantine, toRelease).length > 0) names.push(quarantine.repository);
  if (names.length > 0) return names.sort();
  const { all, run, image } = releasesOf(toRelease);
  const what = image ?? (all ? 'nothing' : `nothing of the run ${run ?? ''}`);
  throw new ReleaseRefused(
    `${what} is ${image === undefined ? '' : 'not '}in quarantine at ${registry}, by the record in ${ledger.place}; acr-retention quarantine lists what is`,
  );
}

/** The entries that are meant, with all that belong to the same images. */
function chosenIn({ repository, entries }: RepositoryQuarantine, toRelease: ToRelease): readonly QuarantineEntry[] {
  if ('all' in toRelease) return entries;
  if ('repository' in toRelease && toRelease.repository !== repository) return [];
  const isMeant = ({ runId, digest, tag, tags, root }: QuarantineEntry): boolean => {
    if ('run' in toRelease) return runId === toRelease.run;
    const { reference } = toRelease;
    return digest === reference || root === reference || tag === reference || tags.includes(reference);
  };
  const roots = new Set(entries.filter(isMeant).map(({ root }) => root));
  return entries.filter((entry) => roots.has(entry.root));
}

/** What is released in one repository: parts before the image that needs them, tags last. */
async function releaseIn(context: RunContext, repository: string, toRelease: ToRelease): Promise<Processed> {
  const { quarantine, record: run, writes, writer, signal, log } = context;
  const entries = chosenIn(await quarantine.of(repository), toRelease);
  const chosen = entries.map((entry) => ({ entry, why: `released by ${actorOf(run).name}` }));
  const decisions: Decision[] = [];
  const add = (one: (typeof chosen)[number], release: Release) => decisions.push(keptAs(repository, one, release));
  if (writer) {
    // First: a process that is killed after it leaves the rest to the next run, which keeps these.
    await forget(quarantine, repository, [], keptFrom(context, entries));
    const shown = forgetting(quarantine, repository);
    try {
      await showAll(writer, repository, chosen, signal, async (one, release) => {
        add(one, release);
        if (release.outcome === 'released') await shown.add(one.entry);
      });
    } finally {
      await shown.rest();
    }
  } else for (const one of chosen) add(one, { outcome: 'planned' });
  const summary = await summarizeInTurns(repository, decisions);
  const isWhole = decisions.length === chosen.length;
  const stands = isWhole ? summary : { ...summary, state: 'stopped' as const, error: STOPPED };
  const record = await writes.repository(repository).write(stands, decisions);
  await log?.decided(decisions);
  return { state: 'final', record, decisions };
}

const STOPPED = { message: 'the run was stopped before all was released' };

/** That each image is kept for a while. */
function keptFrom({ quarantine, record }: RunContext, entries: readonly QuarantineEntry[]): readonly Released[] {
  const by = actorOf(record);
  const about = { ...keptFromNow(quarantine), why: `released by ${by.name}`, by };
  const kept = new Map<string, Released>();
  for (const { kind, tag, digest, root } of entries) {
    if (kind === 'tag' && tag !== undefined) kept.set(`:${tag}`, { digest, tag, ...about });
    else kept.set(root, { digest: root, ...about });
  }
  return [...kept.values()];
}
