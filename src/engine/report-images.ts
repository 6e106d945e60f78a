import type { Evidence, Source, UseAnywhere } from '../evidence/types.ts';
import { listText } from '../evidence/list.ts';
import { storeList } from '../evidence/list-file.ts';
import { type InUse, type InUseSource, type ListTarget } from '../policy/in-use.ts';
import { PolicyError } from '../policy/errors.ts';
import { openSources } from '../evidence/open.ts';
import { systemClock } from '../registry/clock.ts';
import { cloudOf, entraOf, type IdentitySettings } from '../registry/identity.ts';

/** What sources say of all registries, as a list; or why they cannot. */
export type ImagesReport =
  | { readonly complete: true; readonly images: number; readonly text: string }
  | { readonly complete: false; readonly problems: readonly string[] };

/**
 * Reads what is in use of all registries. Stores it where that is asked for, and only where it is all that is in use: a list
 * that lacks images would let them be deleted, and an old one is refused for its age.
 * @throws {PolicyError} for a source that cannot be written to a list
 * @throws where the list cannot be stored
 */
export async function reportImages(
  sources: readonly InUseSource[],
  target: ListTarget | undefined,
  identity: Pick<IdentitySettings, 'audience' | 'clientId'>,
): Promise<ImagesReport> {
  const place = {
    credential: entraOf(identity),
    cloud: cloudOf(identity.audience),
    clock: systemClock,
    root: process.cwd(),
  };
  // Neither is asked of a source that reads a whole cluster.
  const inUse: InUse = { sources, rememberMilliseconds: 0, listMaxAgeMilliseconds: 0 };
  const opened = openSources(inUse, place).map(readerOf);
  const read = await Promise.all(opened.map((readAll) => readAll()));
  const problems = read.flatMap(({ source, problems, complete }) =>
    complete ? [] : [`${source} could not be read completely: ${problems.join('; ')}`],
  );
  if (problems.length > 0) return { complete: false, problems };
  const text = listText(read);
  if (target)
    await storeList(text, target.to, place).catch((cause: unknown) => {
      throw new Error(`the list at ${target.text}: ${(cause as Error).message}`, { cause });
    });
  return { complete: true, images: read.reduce((sum, { facts }) => sum + facts.length, 0), text };
}

function readerOf({ name, readAll }: Source): () => Promise<Evidence<UseAnywhere>> {
  if (readAll) return readAll;
  throw new PolicyError('--in-use', name, 'cannot be written to a list; a cluster can: kube, kube:<context>');
}
