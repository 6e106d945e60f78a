import { describe } from '../../executor/results.ts';
import type { QuarantineEntry } from '../../ledger/quarantine.ts';
import type { Release } from '../../planner/decision.ts';
import type { Registry } from '../../registry/types.ts';
import { eachOf } from '../each.ts';

/** Artifacts that are made readable, or asked for, side by side. */
export const SHOWN_AT_ONCE = 8;

/** Makes artifacts readable: parts before the image that needs them, and tags last. Once `signal` is aborted nothing is sent. */
export async function showAll<T extends { readonly entry: QuarantineEntry }>(
  registry: Pick<Registry, 'show'>,
  repository: string,
  all: readonly T[],
  signal: AbortSignal,
  done: (one: T, release: Release) => Promise<void>,
): Promise<void> {
  const isImage = ({ entry: { kind, digest, root } }: T): boolean => kind === 'manifest' && digest === root;
  const isTag = ({ entry: { kind } }: T): boolean => kind === 'tag';
  const groups = [all.filter((one) => !isImage(one) && !isTag(one)), all.filter(isImage), all.filter(isTag)];
  for (const group of groups)
    await eachOf(group, SHOWN_AT_ONCE, async (one) => {
      if (signal.aborted) return;
      const release = await show(registry, repository, one.entry, signal);
      // Absent: it was stopped before it was sent.
      if (release) await done(one, release);
    });
}

async function show(
  registry: Pick<Registry, 'show'>,
  repository: string,
  { kind, tag, digest, wasUnreadable }: QuarantineEntry,
  signal: AbortSignal,
): Promise<Release | undefined> {
  // Another client had made it so, and may have its reasons.
  if (wasUnreadable) return { outcome: 'released' };
  const result = await registry.show(repository, kind === 'tag' && tag !== undefined ? tag : digest, signal);
  if (result.state === 'not-attempted') return undefined;
  // What is gone need not be made readable.
  if (result.state === 'shown' || result.state === 'gone') return { outcome: 'released' };
  const error = describe(result.error);
  const isForbidden = error.status === 401 || error.status === 403;
  return { outcome: result.state, error: { ...error, ...(isForbidden && { missing: 'quarantine' as const }) } };
}
