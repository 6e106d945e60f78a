import type { Archive, ArchivedRepository } from '../../ledger/archive.ts';
import { LedgerError } from '../../ledger/store/store.ts';
import type { RegistryContent } from '../../registry/content.ts';
import { parseManifest } from '../../registry/manifest.ts';
import { RegistryError } from '../../registry/errors.ts';
import { type Holdings, holdingsOf } from '../archive/archive-copy.ts';
import { eachOf } from '../each.ts';
import { noCopies, type Way } from './restore-ways.ts';

/** Layers of one manifest that are pushed at once. Each is streamed in parts of 4 MiB. */
const SIDE_BY_SIDE = 3;

/** What runs wrote to an archive before they deleted it. */
export function fromArchive(archive: Archive, registry: string): Way {
  const opened = new Map<string, Promise<ArchivedRepository>>();
  const open = (repository: string): Promise<ArchivedRepository> => {
    const before = opened.get(repository) ?? archive.repository(registry, repository);
    opened.set(repository, before);
    return before;
  };
  return {
    async look(repository) {
      try {
        const archived = await open(repository);
        const { knows, tags } = archived;
        return {
          reason: 'archived',
          has: knows,
          named(tag) {
            const digest = tags.get(tag);
            return digest === undefined ? [] : [digest];
          },
          async held(digest) {
            const manifest = await archived.find(digest);
            return manifest && parseManifest(manifest.bytes.toString(), manifest.mediaType);
          },
        };
      } catch (error) {
        if (!(error instanceof LedgerError)) throw error;
        return noCopies('archived', error.message);
      }
    },
    async restore(content, { repository, digest }, { signal }) {
      const archived = await open(repository);
      const asked = `restore ${repository}@${digest} from the archive in ${archive.place}`;
      try {
        const manifest = await archived.find(digest);
        if (!manifest) return false;
        const { parts } = holdingsOf(digest, manifest.mediaType, manifest.bytes);
        // Layers first: the registry refuses a manifest without them.
        await eachOf(parts, SIDE_BY_SIDE, (part) => pushBlob(content, archived, { repository, asked }, part, signal));
        // Its tags are set one by one: each is looked at before.
        await content.putManifest(repository, digest, manifest, signal);
        return true;
      } catch (error) {
        if (error instanceof RegistryError) throw error;
        // A damaged archive, or one that cannot be read, is a failure of this manifest alone.
        throw new RegistryError(asked, { message: (error as Error).message }, { cause: error });
      }
    },
  };
}

async function pushBlob(
  content: RegistryContent,
  archived: ArchivedRepository,
  { repository, asked }: { readonly repository: string; readonly asked: string },
  { digest, size }: Holdings['parts'][number],
  signal: AbortSignal,
): Promise<void> {
  async function* read(): AsyncGenerator<Uint8Array, void> {
    const blob = await archived.blob(digest);
    if (!blob) throw new RegistryError(asked, { message: `the archive does not have its blob ${digest}` });
    yield* blob.stream;
  }
  await content.putBlob(repository, { digest, size }, read, signal);
}
