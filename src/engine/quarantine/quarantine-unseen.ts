import type { RepositoryQuarantine } from '../../ledger/quarantine.ts';
import type { Inventory } from '../../planner/types.ts';
import type { RegistryReader } from '../../registry/types.ts';

type Listed = Pick<Inventory, 'tags' | 'manifests'>;

/**
 * Lists what a policy does not look at, and a quarantine has: without `--untagged` no manifest is listed, and what an earlier
 * policy put into quarantine would stay there for ever, neither deleted nor released. The plan itself is made without it.
 */
export async function withUnseen(
  reader: RegistryReader,
  { repository, entries }: RepositoryQuarantine,
  { tags, manifests }: Listed,
): Promise<Listed> {
  const has = (wanted: 'tag' | 'manifest'): boolean => entries.some(({ kind }) => kind === wanted);
  return {
    tags: tags ?? (has('tag') ? await reader.tags(repository) : undefined),
    manifests: manifests ?? (has('manifest') ? await reader.manifests(repository) : undefined),
  };
}
