import { lostImage } from '../../ledger/lost.ts';
import { isRunId } from '../../ledger/paths.ts';
import type { Archive } from '../../ledger/archive.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { hostIn, parseImage } from '../../ledger/reader.ts';
import type { Restores, RunRecord } from '../../ledger/records.ts';
import type { QuarantineEntry } from '../../ledger/quarantine.ts';
import type { RunSummary } from '../../ledger/summary.ts';
import { type ContentReader, readOnlyContent } from '../../registry/content.ts';
import { nameOf } from '../../registry/names.ts';
import type { Registry, RegistryReader } from '../../registry/types.ts';
import { type NamedRunOptions, runThrough } from '../named-run.ts';
import { openRegistry, readOnly, type TargetOptions } from '../registries.ts';
import { type Restoring, restoreRepository } from './restore-repository.ts';
import { fromArchive } from './restore-archive.ts';
import { noCopies, softDelete, type Way } from './restore-ways.ts';

/** What is asked for cannot be restored. Nothing was done. */
export class RestoreRefused extends Error {
  override readonly name = 'RestoreRefused';
}

/** What is to be restored, and where. */
export interface ToRestore {
  /** The registry, by its login server. */
  readonly registry: string;
  readonly restores: Omit<Restores, 'force'>;
  readonly what:
    | { readonly run: Pick<RunRecord, 'id' | 'started' | 'archive'> }
    | { readonly repository: string; readonly digest: string | undefined; readonly tag: string | undefined };
}

/**
 * Finds out what is meant: a run by its id, or an image by its tag or digest: the newest run that deleted it is looked for.
 * @param hosts the registries that are named; absent: any
 * @throws {RestoreRefused}
 */
export async function whatToRestore(
  ledger: Ledger,
  text: string,
  hosts: readonly string[] | undefined,
): Promise<ToRestore> {
  if (isRunId(text)) return ofRun(ledger, text, hosts);
  const [image, host] = [parseImage(text), hostIn(text)];
  if (!image)
    throw new RestoreRefused(`${text} is neither the id of a run nor an image: repository:tag, or repository@sha256:…`);
  if (host !== undefined && hosts && !hosts.includes(host))
    throw new RestoreRefused(`${text} is an image of ${host}, not of ${hosts.join(', ')}`);
  const among = host === undefined ? hosts : [host];
  const lost = await lostImage(ledger, image, among);
  const registry = lost?.registry ?? (among?.length === 1 ? among[0] : undefined);
  if (registry === undefined)
    throw new RestoreRefused(
      `no run in ${ledger.place} has deleted ${text}; say with --registry which registry to ask for it`,
    );
  const digest = image.digest ?? lost?.decision.digest;
  return { registry, restores: { image: text }, what: { repository: image.repository, digest, tag: image.tag } };
}

async function ofRun(ledger: Ledger, id: string, hosts: readonly string[] | undefined): Promise<ToRestore> {
  const run = await ledger.run(id);
  if (!run) throw new RestoreRefused(`there is no run ${id} in ${ledger.place}; acr-retention runs lists them`);
  const { registry, dryRun, kind, plan } = run;
  if (hosts && !hosts.includes(registry))
    throw new RestoreRefused(`the run ${id} is about the registry ${registry}, not ${hosts.join(', ')}`);
  const instead = plan?.appliedBy === undefined ? '' : `; its plan was carried out by the run ${plan.appliedBy}`;
  if (dryRun) throw new RestoreRefused(`the run ${id} is a dry run, and has deleted nothing${instead}`);
  if (kind === 'restore' || kind === 'release')
    throw new RestoreRefused(`the run ${id} is a ${kind}, and has deleted nothing`);
  return { registry, restores: { run: id }, what: { run } };
}

export interface RestoreOptions extends NamedRunOptions {
  readonly toRestore: ToRestore;
  /** Only these repositories of a run. */
  readonly repositories?: readonly string[] | undefined;
  /** A tag that names another manifest by now is set back all the same. */
  readonly force?: boolean;
  /** Where runs have archived what they deleted. Absent: nowhere that is known. */
  readonly archive?: Archive | undefined;
}

/** A registry to look at, with what its artifacts consist of. */
export type RestoreReader = RegistryReader & { readonly content: ContentReader };

/**
 * Restores what a run deleted, or an image: as a run of its own, under the registry's lock. It is not resumed: done again
 * it leaves what is there as it is, and brings back what is left.
 *
 * @param writer absent: a dry run
 * @throws {RestoreRefused} where there is nothing that it could be about
 * @throws {HeldError} where another run changes the registry
 * @throws {LedgerError} where it cannot be recorded
 */
export async function restore(
  { reader, writer }: { readonly reader: RestoreReader; readonly writer?: Registry | undefined },
  { toRestore, repositories, force = false, archive, ...options }: RestoreOptions,
): Promise<RunSummary> {
  const { ledger } = options;
  const { what, registry, restores } = toRestore;
  if (reader.loginServer !== registry)
    throw new RestoreRefused(`it is about the registry ${registry}, not ${reader.loginServer}`);
  const all = [softDelete(reader.content), archive ? fromArchive(archive, registry) : noArchive(what)];
  await refuseHeld(ledger, reader, what);
  const restoring = await restoringOf(reader, what, all, force);
  const names = await repositoriesOf(ledger, what, repositories);
  return runThrough(names, {
    ...options,
    kind: 'restore',
    reader,
    writer,
    restores: { ...restores, ...(force && { force }) },
    process: (context, _, { name }) => restoreRepository(context, restoring, name),
  });
}

/**
 * The same at a registry. A dry run is given one that cannot be changed.
 * @throws as `restore`
 */
export async function restoreAt(target: TargetOptions, dryRun: boolean, options: RestoreOptions): Promise<RunSummary> {
  const registry = await openRegistry(target);
  const reader = dryRun ? { ...readOnly(registry), content: readOnlyContent(registry.content) } : registry;
  return restore({ reader, writer: dryRun ? undefined : registry }, options);
}

/** Nothing is archived that is known of; where the run has done so, that is said. */
function noArchive(what: ToRestore['what']): Way {
  const place = 'run' in what ? what.run.archive : undefined;
  const why =
    place === undefined
      ? 'no archive is named (--archive, ARCHIVE)'
      : `the run archived it in ${place}, which is not named now (--archive, ARCHIVE)`;
  return { look: () => Promise.resolve(noCopies('archived', why)), restore: () => Promise.resolve(false) };
}

/** What is in quarantine is there, and was not deleted. @throws {RestoreRefused} */
async function refuseHeld(ledger: Ledger, reader: RestoreReader, what: ToRestore['what']): Promise<void> {
  if ('run' in what) return;
  const { repository, digest, tag } = what;
  const { entries } = await ledger.quarantine(reader.loginServer, repository);
  // A tag that is gone comes back, also where its manifest is in quarantine.
  const isAsked = (entry: QuarantineEntry): boolean =>
    digest === undefined
      ? tag !== undefined && (entry.tag === tag || entry.tags.includes(tag))
      : tag === undefined && entry.kind === 'manifest' && entry.digest === digest;
  for (const entry of entries.filter(isAsked)) {
    const name = nameOf(repository, digest ?? tag ?? '');
    const now =
      entry.kind === 'manifest'
        ? await reader.manifestAttributes(repository, entry.digest)
        : (await reader.tags(repository))?.find((one) => one.name === entry.tag);
    if (now?.unreadable)
      throw new RestoreRefused(
        `${name} is in quarantine, and was not deleted; it is made readable again by acr-retention release ${name}`,
      );
  }
}

/** What is asked for in each repository. An image that no run has deleted may be among what the registry keeps. */
async function restoringOf(
  { content }: RestoreReader,
  what: ToRestore['what'],
  ways: readonly Way[],
  force: boolean,
): Promise<Restoring> {
  const restoring = { content, ways, force };
  if ('run' in what) return { ...restoring, asked: { run: what.run } };
  const { repository, tag, digest } = what;
  if (digest !== undefined) return { ...restoring, asked: { digest, tag } };
  const why: string[] = [];
  for (const way of ways) {
    const copies = await way.look(repository, NEVER);
    const [newest] = tag === undefined ? [] : copies.named(tag);
    if (newest !== undefined) return { ...restoring, asked: { digest: newest, tag } };
    why.push(copies.why ?? `${tag ?? ''} is not among what was deleted there (${copies.reason})`);
  }
  throw new RestoreRefused(`no run has deleted ${repository}:${tag ?? ''}, and there is no copy: ${why.join('; ')}`);
}

const NEVER = new AbortController().signal;

/** @throws {RestoreRefused} for repositories that the run has nothing to do with */
async function repositoriesOf(
  ledger: Ledger,
  what: ToRestore['what'],
  asked: readonly string[] | undefined,
): Promise<readonly string[]> {
  if (!('run' in what)) return [what.repository];
  const names: string[] = [];
  let quarantined = 0;
  for await (const { summary } of ledger.repositories(what.run.id)) {
    const { repository, state, tags, manifests } = summary;
    quarantined += (tags.quarantined ?? 0) + (manifests.quarantined ?? 0);
    // Of a run whose process has ended, what was under way is not counted yet.
    const gone = [tags, manifests].some(({ deleted, alreadyGone, failed }) => deleted + alreadyGone + failed > 0);
    if (asked?.includes(repository) ?? (gone || state === 'stopped')) names.push(repository);
  }
  if (names.length === 0 && quarantined > 0)
    throw new RestoreRefused(
      `the run ${what.run.id} has deleted nothing; what it put into quarantine is made readable again by acr-retention release ${what.run.id}`,
    );
  const unknown = asked?.find((one) => !names.includes(one));
  if (unknown !== undefined) throw new RestoreRefused(`the run ${what.run.id} has nothing to do with ${unknown}`);
  return names;
}
