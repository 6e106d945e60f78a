import type { QuarantineView } from '../../src/doors/http/quarantine.ts';
import { listQuarantine } from '../../src/engine/quarantine/quarantine-listing.ts';
import { openLedger } from '../../src/ledger/ledger.ts';
import type { QuarantineEntry, Released } from '../../src/ledger/quarantine.ts';
import { memoryStore, newMemory } from '../../src/ledger/store/memory.ts';
import { realSystem } from '../../src/ledger/store/system.ts';
import { NOW } from './review.ts';

/* What is in quarantine, as a ledger has it: plain data, for what shows it. */

export const REGISTRY = 'contoso.azurecr.io';

/** The digest of a made-up manifest. */
export const digestOf = (letter: string): string => `sha256:${letter.repeat(64).slice(0, 64)}`;

/** A manifest in quarantine; its time is over after so many days. */
export function entryOf(
  digest: string,
  { days = 7, ...over }: Partial<QuarantineEntry> & { readonly days?: number } = {},
): QuarantineEntry {
  return {
    kind: 'manifest',
    digest,
    tags: [],
    state: 'quarantined',
    since: '2026-11-20T01:00:00.000Z',
    until: new Date(NOW.getTime() + days * 86_400_000).toISOString(),
    runId: '20261120T010000Z-3f9a0c',
    policy: { hash: 'a', from: 'settings' },
    reason: 'untagged-and-expired',
    detail: 'has no tag, and is 41 days old',
    size: 100_000_000,
    root: digest,
    ...over,
  };
}

type Held = Readonly<
  Record<string, { readonly entries: readonly QuarantineEntry[]; readonly released?: readonly Released[] }>
>;

/** An image for two platforms with its signature, one whose time is over, a tag alone, and one that was released. */
export const SAMPLE: Held = {
  'shop/web': {
    entries: [
      entryOf(digestOf('a'), {
        tags: ['pr-17', 'pr-17-hotfix'],
        reason: 'rule-matched',
        rule: 'pull requests',
        detail: 'older than 14 days',
      }),
      entryOf(digestOf('b'), { root: digestOf('a') }),
      entryOf(digestOf('c'), { root: digestOf('a') }),
      entryOf(digestOf('d'), { root: digestOf('a'), size: 1_000, reason: 'referrer-of-deleted' }),
      entryOf(digestOf('e'), { days: -1 }),
      entryOf(digestOf('f'), {
        kind: 'tag',
        tag: 'dev-3',
        state: 'pending',
        reason: 'matched-and-expired',
        detail: 'matches "^dev-"',
      }),
    ],
    released: [
      {
        digest: digestOf('0'),
        at: '2026-11-22T09:00:00.000Z',
        until: '2026-12-06T09:00:00.000Z',
        why: 'released by Ada Lovelace',
        by: { kind: 'person', name: 'Ada Lovelace', id: '00000000-0000-4000-8000-000000000004' },
      },
    ],
  },
  'shop/api': { entries: [entryOf(digestOf('9'), { days: 3, size: 50_000_000 })] },
};

/** What the page is given of it. */
export async function quarantineViewOf(
  held: Held,
  registries: readonly string[] = [REGISTRY],
): Promise<QuarantineView> {
  const clock = { ...realSystem.clock, now: () => NOW.getTime() };
  const ledger = openLedger(memoryStore(newMemory(), undefined, { ...realSystem, clock }));
  for (const [repository, { entries, released = [] }] of Object.entries(held))
    await ledger.changeQuarantine(REGISTRY, repository, () => ({ entries, released }));
  return {
    registries,
    read: (query) => listQuarantine(ledger, query.get('registry') ?? REGISTRY, query.getAll('repository')),
  };
}
