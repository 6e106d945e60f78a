import { digestOf } from '../../../src/dev/emulator/manifests.ts';
import type { Attributes, Emulator, RegistryState } from '../../../src/dev/emulator/index.ts';
import { restore, whatToRestore, type RestoreOptions } from '../../../src/engine/restore/restore.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import type { Decision, Restored } from '../../../src/planner/decision.ts';
import { readOnlyContent } from '../../../src/registry/content.ts';
import { readOnly, type Registry, type RunSummary } from '../../../src/index.ts';
import { connectTo, reference } from '../../support/registry.ts';

/** What there is, whatever the order: manifests byte for byte with their attributes, and tags with theirs. */
export function contentsOf(state: RegistryState): object {
  const found: Record<string, object> = {};
  for (const [name, { manifests, tags }] of Object.entries(state)) {
    const byDigest = manifests.map(({ body, locked }) => [digestOf(body), { body, ...attributesOf(locked) }] as const);
    const byName = tags.map((tag) => [tag.name, { digest: tag.digest, ...attributesOf(tag.locked) }] as const);
    if (manifests.length > 0) found[name] = { manifests: sorted(byDigest), tags: sorted(byName) };
  }
  return found;
}

function sorted(entries: readonly (readonly [string, object])[]): object {
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** Those that forbid something. */
function attributesOf(locked: Attributes = {}): Attributes {
  return Object.fromEntries(Object.entries(locked).filter(([, value]) => value === false));
}

interface Came {
  readonly summary: RunSummary;
  readonly decisions: readonly Restored[];
  /** `app:v1 restored`, by name. */
  readonly outcomes: readonly string[];
}

type More = Partial<Pick<RestoreOptions, 'force' | 'repositories' | 'signal' | 'archive'>> & {
  readonly dryRun?: boolean;
  readonly hosts?: readonly string[];
  readonly registry?: Registry;
};

/** Restores as the command line does. */
export async function restored(
  emulator: Emulator,
  ledger: Ledger,
  text: string,
  { dryRun = false, hosts, registry = connectTo(emulator), ...more }: More = {},
): Promise<Came> {
  const toRestore = await whatToRestore(ledger, text, hosts);
  const decisions: Restored[] = [];
  const reader = dryRun ? { ...readOnly(registry), content: readOnlyContent(registry.content) } : registry;
  const summary = await restore(
    { reader, writer: dryRun ? undefined : registry },
    {
      toRestore,
      ledger,
      now: emulator.start,
      onDecisions: (some: Iterable<Decision>) => {
        for (const one of some) if (one.action === 'restore') decisions.push(one);
      },
      ...more,
    },
  );
  const outcomes = decisions.map((one) => `${reference(one)} ${one.outcome}`).toSorted();
  return { summary, decisions, outcomes };
}
