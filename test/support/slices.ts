import type { Emulator, RegistryState } from '../../src/dev/emulator/index.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import type { Decision } from '../../src/planner/decision.ts';
import type { Guards } from '../../src/policy/guards.ts';
import type { PurgePolicy } from '../../src/policy/purge-policy.ts';
import type { RunSummary } from '../../src/ledger/summary.ts';
import { apply, dryRun, purge, readOnly, resume, type RunOptions } from '../../src/index.ts';
import { images, repositoryOf } from './contents.ts';
import { connectTo, policyOf, reference, USER } from './registry.ts';

/** What is done with a registry, at once or in slices. */
export type Way = 'dry run' | 'purge' | 'guarded purge' | 'apply';

export const WAYS: readonly Way[] = ['dry run', 'purge', 'guarded purge', 'apply'];

/** Breakers that never trip, so that everything is planned before anything goes. */
const GUARDS: Guards = { maxDeletionPercent: 100 };

export interface Slice {
  readonly way: Way;
  readonly commands: readonly (readonly string[] | PurgePolicy)[];
  readonly ledger: Ledger;
  readonly options?: Partial<RunOptions>;
}

/** Begins a run; to apply, its plan is made first, which nothing stops. */
export async function begin(emulator: Emulator, { way, commands, ledger, options = {} }: Slice): Promise<RunSummary> {
  const usual: RunOptions = {
    policies: commands.map((given) => ('filters' in given ? given : policyOf(given))),
    now: new Date(emulator.start.getTime() + 1),
    ledger,
    onDecisions: () => undefined,
    ...(way === 'guarded purge' && { guards: GUARDS }),
  };
  if (way === 'dry run') return dryRun(readOnly(connectTo(emulator, 1)), { ...usual, ...options });
  if (way !== 'apply') return purge(connectTo(emulator, 1), { ...usual, ...options });
  const planned = await dryRun(readOnly(connectTo(emulator, 1)), usual);
  const { runId, plan } = planned;
  if (!plan) return planned;
  const applied = await apply(runId, () => targetOf(emulator), {
    ledger,
    now: new Date(),
    planAgeMilliseconds: 86_400_000,
    guards: {},
    onDecisions: () => undefined,
    approve: plan.hash,
    ...options,
  });
  if (applied.state === 'applied-before') throw new Error('nothing was to be applied');
  return applied.summary;
}

export function goOn(
  emulator: Emulator,
  ledger: Ledger,
  id: string | undefined,
  options: Partial<RunOptions> = {},
): Promise<RunSummary> {
  return resume(id, undefined, () => targetOf(emulator), {
    ledger,
    now: new Date(),
    planAgeMilliseconds: 86_400_000,
    onDecisions: () => undefined,
    ...options,
  });
}

function targetOf(emulator: Emulator) {
  return { endpoint: new URL(emulator.url), certificate: emulator.certificate, ...USER };
}

/** What a run says of each artifact, in words that can be compared. */
export async function said(ledger: Ledger, id: string): Promise<readonly string[]> {
  const lines: string[] = [];
  for await (const decision of ledger.decisions(id)) lines.push(line(decision));
  return lines.sort();
}

function line(decision: Decision): string {
  const outcome = decision.action === 'delete' ? ` ${decision.outcome}` : '';
  return `${reference(decision)} ${decision.action} ${decision.reason}${outcome}`;
}

/** Stops once something has been asked of the registry so many times. */
export function stopAfter(emulator: Emulator, count: number, isCounted: (kind: string) => boolean): AbortSignal {
  const stop = new AbortController();
  let calls = 0;
  emulator.onRequest(({ kind }) => {
    if (isCounted(kind) && ++calls === count) stop.abort();
  });
  return stop.signal;
}

export const isDeletion = (kind: string): boolean => kind.startsWith('delete-');

/** Repositories with images that a purge of `dev` deletes, and others that stay. */
export const several = (count: number, dev = 4): RegistryState =>
  Object.fromEntries(
    Array.from({ length: count }, (_, n) => [
      `app${n}`,
      repositoryOf(...images(`app${n}`, dev, 'dev'), ...images(`kept${n}`, 6, 'v')),
    ]),
  );

/** Everything that a registry holds. */
export const leftIn = (emulator: Emulator): readonly string[] => [...emulator.tagsLeft(), ...emulator.manifestsLeft()];
