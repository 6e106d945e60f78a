import type { Released } from '../ledger/quarantine.ts';
import type { Restored } from '../planner/decision.ts';
import type { RunContext } from './context.ts';

/**
 * What comes back is as old as it was, and the next run would delete it again: it is kept for as long as what is released
 * from quarantine. Recorded before anything is back, so that no run finds it without that.
 */
export async function keepForAWhile(
  { quarantine, record }: Pick<RunContext, 'quarantine' | 'record'>,
  name: string,
  decisions: readonly Restored[],
): Promise<void> {
  const now = quarantine.clock.now();
  const at = new Date(now).toISOString();
  const until = new Date(now + quarantine.keepMilliseconds).toISOString();
  const why = `restored by the run ${record.id}`;
  const kept = decisions
    .filter(({ outcome }) => outcome === 'planned' || outcome === 'already-there')
    .map(({ tag, digest = '' }) => ({ digest, ...(tag !== undefined && { tag }), at, until, why }));
  if (kept.length === 0) return;
  await quarantine.change(name, ({ entries, released }) => {
    const isKept = new Set(kept.map(releasedKey));
    const others = released.filter((one) => !isKept.has(releasedKey(one)) && Date.parse(one.until) > now);
    return { entries, released: [...others, ...kept] };
  });
}

function releasedKey({ digest, tag = '' }: Pick<Released, 'digest' | 'tag'>): string {
  return `${digest} ${tag}`;
}
