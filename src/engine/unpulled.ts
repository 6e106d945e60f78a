import type { Ledger } from '../ledger/ledger.ts';
import type { RememberedPull } from '../ledger/pulls.ts';
import type { RegistryReader } from '../registry/types.ts';
import type { UnpulledImage, UnpulledReport } from '../report/unpulled.ts';
import { eachOf } from './each.ts';
import { groupedByRepository, pullHistory, type PullOptions } from './pulls.ts';

/** Repositories that are looked at side by side. */
const SIDE_BY_SIDE = 4;
const PAGE_SIZE = 100;

/**
 * What no client that counts has pulled for some time, the largest first. Deletes nothing. Where pulls are not known for so
 * long, it says what was not pulled since they are.
 * @throws {RegistryError} where the repositories cannot be listed
 * @throws {LedgerError} where pulls cannot be remembered
 */
export async function unpulled(
  reader: RegistryReader,
  options: PullOptions,
  ledger: Ledger,
  signal?: AbortSignal,
): Promise<UnpulledReport> {
  const registry = reader.loginServer;
  const { clock } = ledger.system;
  const from = new Date(clock.now() - options.withinMilliseconds).toISOString();
  const { covers, observedAt, problems, pulls } = await pullHistory(ledger, registry, options, new Date(from), signal);
  const about = { registry, within: options.within, observedAt };
  if (!covers) {
    const none = 'the log of the registry has no event, or none for longer than PULL_LOG_MAX_SILENCE allows';
    return {
      ...about,
      since: undefined,
      isLongEnough: false,
      problems: problems.length > 0 ? problems : [none],
      images: [],
    };
  }
  const since = covers.since > from ? covers.since : from;
  const byRepository = groupedByRepository(pulls);
  const images: UnpulledImage[] = [];
  const unread: string[] = [];
  await eachOf(await reader.repositories(PAGE_SIZE, signal), SIDE_BY_SIDE, async (repository) => {
    const found = await imagesOf(reader, repository, byRepository.get(repository) ?? [], signal);
    if (found === undefined) unread.push(`${repository}: an index cannot be read, so nothing is said of it`);
    // What was pushed later has not been there for so long.
    else
      for (const image of found) if ((image.pushed ?? '') < since && (image.lastPull ?? '') < since) images.push(image);
  });
  images.sort((a, b) => b.bytes - a.bytes || (a.repository < b.repository ? -1 : 1));
  return { ...about, since: covers.since, isLongEnough: covers.since <= from, problems: unread.sort(), images };
}

/**
 * The images of a repository: a multi-arch one with its platforms is one. A pull of a part is one of the whole.
 * @returns `undefined` where it cannot be said what belongs together
 */
async function imagesOf(
  reader: RegistryReader,
  repository: string,
  pulls: readonly RememberedPull[],
  signal: AbortSignal | undefined,
): Promise<readonly UnpulledImage[] | undefined> {
  const listing = await reader.manifests(repository, signal);
  const tags = await reader.tags(repository, signal);
  const records = listing?.byDigest ?? new Map<string, never>();
  const last = new Map<string, string>();
  const digestOfTag = new Map(tags?.map(({ name, digest }) => [name, digest]));
  for (const { tag, digest, last: at } of pulls)
    for (const one of [digest, tag === undefined ? undefined : digestOfTag.get(tag)])
      if (one !== undefined && (last.get(one) ?? '') < at) last.set(one, at);
  const children = new Map<string, readonly string[]>();
  for (const { digest, kind } of records.values()) {
    if (kind === 'image' || kind === 'plain') continue;
    const fact = await reader.manifest(repository, digest, signal);
    if (fact.state === 'unreadable') return undefined;
    if (fact.state === 'read')
      children.set(
        digest,
        fact.children.map((child) => child.digest),
      );
  }
  const owners = new Map<string, number>();
  const held = new Set([...children.values()].flat());
  const roots = [...records.values()].filter(({ digest }) => !held.has(digest));
  const wholes = roots.map((root) => {
    const parts = new Set([root.digest]);
    for (const part of parts) for (const child of children.get(part) ?? []) parts.add(child);
    for (const part of parts) owners.set(part, (owners.get(part) ?? 0) + 1);
    return { root, parts };
  });
  return wholes.map(({ root, parts }): UnpulledImage => {
    let bytes = 0;
    let lastPull = '';
    for (const part of parts) {
      // What another image holds as well would still be there.
      if (owners.get(part) === 1) bytes += records.get(part)?.size ?? 0;
      const at = last.get(part) ?? '';
      if (at > lastPull) lastPull = at;
    }
    const { digest, created } = root;
    return {
      repository,
      digest,
      tags: root.tags,
      bytes,
      ...(created !== undefined && { pushed: created }),
      ...(lastPull !== '' && { lastPull }),
    };
  });
}
