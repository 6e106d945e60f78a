import { openUsage, type UsageSource } from '../../evidence/usage.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { isPurge, type RunRecord } from '../../ledger/records.ts';
import type { StorageRecord, UsedRecord } from '../../ledger/storage.ts';
import type { TimeBudget } from '../../policy/duration.ts';
import { resourceOf } from '../../policy/pulls.ts';
import type { Settings } from '../../policy/settings.ts';
import { type Clock, inTime, systemClock, timeOf } from '../../registry/clock.ts';
import { cloudOf, entraOf } from '../../registry/identity.ts';
import type { RunContext } from '../context.ts';

/*
 * What a run is told about storage. A run asks what the registry uses when it begins and when it ends, and says it. Nothing
 * that a run does depends on it.
 */

export interface StorageOptions {
  /** What a GiB costs in a month, in whatever currency. */
  readonly price?: number;
  /** What says how much a registry uses. Absent: nothing is asked. */
  readonly usage?: UsageSource;
}

type Configured = Pick<Settings, 'storage' | 'pullLog' | 'identity'>;

/** What is configured; `undefined`: what a deletion frees is not computed. */
export function storageFrom(
  { storage, pullLog: { resources }, identity }: Configured,
  clock: Clock = systemClock,
): StorageOptions | undefined {
  if (!storage) return undefined;
  const { price } = storage;
  const usage =
    resources.length > 0 &&
    openUsage({
      credential: entraOf(identity),
      clock,
      cloud: cloudOf(identity.audience),
      resourceOf: (registry) => resourceOf(resources, registry)?.id,
    });
  return { ...(price !== undefined && { price }), ...(usage && { usage }) };
}

/** Of the time of a run, the part that reading what manifests take up may have in one repository. */
const SHARE = 1 / 4;

/** A run does not wait longer for an answer. */
const LONGEST_MS = 20_000;

/** What a run does about storage: it did so since it began, or does not at all. */
export function storageIn(
  {
    ledger,
    record,
    signal,
    check,
  }: Pick<RunContext, 'record' | 'signal'> & { readonly ledger: Ledger; readonly check: () => void },
  options: StorageOptions | undefined,
  timeBudget: TimeBudget | undefined,
): Pick<RunContext, 'layers' | 'used'> {
  if (!asksStorage(record)) return {};
  const { registry } = record;
  const { clock } = ledger.system;
  const { usage } = options ?? {};
  return {
    layers: {
      file: (repository) => ledger.layers(registry, repository, check),
      failures: { count: 0 },
      ...(timeBudget && { milliseconds: timeBudget.milliseconds * SHARE }),
    },
    ...(usage && { used: () => usedBy(usage, registry, clock, signal) }),
  };
}

/** Whether it is computed what a run frees. */
export function asksStorage(record: Pick<RunRecord, 'kind' | 'storage'>): boolean {
  return record.storage !== undefined && isPurge(record);
}

/** Never throws. */
export async function usedBy(
  usage: UsageSource,
  registry: string,
  clock: Clock,
  signal?: AbortSignal,
): Promise<UsedRecord> {
  const late = { state: 'unknown', why: `Azure gave no answer within ${LONGEST_MS / 1000} s` } as const;
  const found = await inTime({ clock, milliseconds: LONGEST_MS, signal }, (until) =>
    Promise.race([usage.read(registry, until), ended(until).then(() => late)]),
  );
  return { ...found, at: timeOf(clock) };
}

function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Asks what the registry uses before anything is deleted, where that is not recorded yet. */
export async function noteUsedBefore({
  record,
  used,
  amend,
  signal,
}: Pick<RunContext, 'record' | 'used' | 'amend' | 'signal'>): Promise<void> {
  if (!used || record.storage?.before) return;
  const before = await used();
  // What was given up because the run was stopped says nothing about the registry.
  if (!signal.aborted)
    await amend(({ storage }) => (!storage || storage.before ? undefined : { storage: { ...storage, before } }));
}

/** What a run asks that carries a plan out whose run asked it. */
export function optionsBefore(record: StorageRecord | undefined): StorageOptions | undefined {
  return record && (record.price === undefined ? {} : { price: record.price });
}
