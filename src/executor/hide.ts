import type { DeletionResult, Sending } from '../registry/types.ts';
import type { Context, Hiding } from './context.ts';
import { isInDoubt } from './locks.ts';

/** What a deletion came to that was sent, or the step that is taken instead of one. */
export type Sent = DeletionResult | { readonly state: 'quarantined' };

/** Makes a tag or a manifest unreadable, once. */
export async function hide(
  { registry, repository }: Pick<Context, 'registry' | 'repository'>,
  { onHidden, onDoubt, onUnchanged }: Hiding,
  tagOrDigest: string,
  sending: Sending,
): Promise<Sent> {
  const result = await registry.hide(repository, tagOrDigest, sending);
  const key = tagOrDigest.includes(':') ? `@${tagOrDigest}` : `:${tagOrDigest}`;
  if (result.state !== 'hidden') {
    if (isInDoubt(result)) onDoubt(key);
    else if (result.state === 'failed') onUnchanged(key);
    return result;
  }
  onHidden(key, result.lastUpdated);
  return { state: 'quarantined' };
}
