import type { DeletionResult, Sending } from '../registry/types.ts';
import type { Context, Hiding } from './context.ts';

/** What a deletion came to that was sent, or the step that is taken instead of one. */
export type Sent = DeletionResult | { readonly state: 'quarantined' };

/** Makes a tag or a manifest unreadable, once. */
export async function hide(
  { registry, repository }: Pick<Context, 'registry' | 'repository'>,
  { onHidden }: Hiding,
  tagOrDigest: string,
  sending: Sending,
): Promise<Sent> {
  const result = await registry.hide(repository, tagOrDigest, sending);
  if (result.state !== 'hidden') return result;
  onHidden(tagOrDigest.includes(':') ? `@${tagOrDigest}` : `:${tagOrDigest}`, result.lastUpdated);
  return { state: 'quarantined' };
}
