import type { Emulator } from '../../src/dev/emulator/index.ts';
import { digestOf } from '../../src/dev/emulator/manifests.ts';
import { type Ledger, openLedger } from '../../src/ledger/ledger.ts';
import type { QuarantineEntry } from '../../src/ledger/quarantine.ts';
import { memoryStore } from '../../src/ledger/store/memory.ts';
import { realSystem } from '../../src/ledger/store/system.ts';

export const DAY = 86_400_000;

/** A ledger whose clock can be set on. */
export function ledgerOnAClock(): { readonly ledger: Ledger; readonly later: (milliseconds: number) => void } {
  let ahead = 0;
  const { clock } = realSystem;
  const system = { ...realSystem, clock: { ...clock, now: () => clock.now() + ahead } };
  return {
    ledger: openLedger(memoryStore(undefined, undefined, system)),
    later: (milliseconds) => (ahead += milliseconds),
  };
}

/** `repo:tag` and `repo@digest` of what no client can pull. */
export function unreadable(emulator: Pick<Emulator, 'repositories'>): readonly string[] {
  return Object.entries(emulator.repositories())
    .flatMap(([name, { tags, manifests }]) => [
      ...tags.filter(({ locked }) => locked?.readEnabled === false).map((tag) => `${name}:${tag.name}`),
      ...manifests.filter(({ locked }) => locked?.readEnabled === false).map(({ body }) => `${name}@${digestOf(body)}`),
    ])
    .toSorted();
}

/** The same of what the ledger knows to be in quarantine. */
export async function waitingIn(
  ledger: Ledger,
  { loginServer }: Pick<Emulator, 'loginServer'>,
): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const { repository, entries } of ledger.quarantines(loginServer))
    names.push(...entries.map((entry) => `${repository}${suffixOf(entry)}`));
  return names.toSorted();
}

function suffixOf({ kind, tag = '', digest }: QuarantineEntry): string {
  return kind === 'tag' ? `:${tag}` : `@${digest}`;
}
