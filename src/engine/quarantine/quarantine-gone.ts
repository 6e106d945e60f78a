import { RegistryError } from '../../registry/errors.ts';
import type { RegistryReader } from '../../registry/types.ts';
import type { RunContext } from '../context.ts';
import { forgetLocks } from '../lost-locks.ts';
import { heldIn } from './quarantine.ts';
import { tidy } from './release.ts';

/* What was in quarantine in repositories that are gone: no run looks at them, and nothing waits there any more. */

/** @param catalog all repositories, where they were listed */
export async function forgetRepositories(
  context: Pick<RunContext, 'ledger' | 'record' | 'reader' | 'writer' | 'quarantine'>,
  selected: { readonly has: (repository: string) => boolean },
  catalog: readonly string[] | undefined,
): Promise<void> {
  const { ledger, record, reader, writer } = context;
  if (!writer) return;
  const there = new Set(catalog);
  for await (const { repository, entries, withoutLock = [] } of ledger.quarantines(record.registry)) {
    if (entries.length + withoutLock.length === 0 || selected.has(repository) || there.has(repository)) continue;
    await unlessUnanswered(async () => {
      if (await isGone(reader, repository)) await forgetAll(context, repository);
    });
  }
}

/** What a run says of a repository that is not there: nothing waits in it, either. */
export async function absent(
  context: Pick<RunContext, 'quarantine' | 'writer'>,
  repository: string,
): Promise<{ readonly state: 'absent' }> {
  await unlessUnanswered(() => forgetAll(context, repository));
  return { state: 'absent' };
}

/** What the registry does not answer for stays in the record: another run asks again. */
async function unlessUnanswered(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
  }
}

async function isGone(reader: RegistryReader, repository: string): Promise<boolean> {
  return ((await reader.tags(repository)) ?? (await reader.manifests(repository))) === undefined;
}

const NOTHING_LISTED = { tags: [], manifests: { byDigest: new Map(), newest: undefined } };

/** Each artifact is asked for by itself. A dry run changes nothing. */
async function forgetAll(
  { quarantine, writer }: Pick<RunContext, 'quarantine' | 'writer'>,
  repository: string,
): Promise<void> {
  if (!writer) return;
  const now = await quarantine.of(repository);
  if (now.entries.length > 0) await tidy(writer, quarantine, heldIn(now, NOTHING_LISTED));
  await forgetLocks(writer, quarantine, now);
}
