import type { RunKind } from '../ledger/records.ts';

/** What the name of a run is made of; of the runs of several registries that began together as well. */
export interface Titled {
  readonly kind: RunKind;
  readonly dryRun: boolean;
  /** ISO 8601. */
  readonly started: string;
  readonly registry?: string;
  readonly registries?: readonly string[];
}

/** What people call a run: `Scheduled dry run, contoso, 29 Nov 15:04`. Times are UTC. */
export function titleOf(run: Titled, now: Date): string {
  return `${whatOf(run)}, ${whereOf(run)}, ${whenOf(run.started, now)}`;
}

/** `Scheduled dry run` */
export function whatOf({ kind, dryRun }: Pick<Titled, 'kind' | 'dryRun'>): string {
  if (kind === 'scheduled') return dryRun ? 'Scheduled dry run' : 'Scheduled run';
  if (kind === 'apply') return 'Apply of a plan';
  if (kind === 'restore') return dryRun ? 'Dry run of a restore' : 'Restore';
  if (kind === 'release') return dryRun ? 'Dry run of a release' : 'Release';
  return dryRun ? 'Dry run' : 'Purge';
}

/** `contoso`, without the domain that all registries of a cloud have; or `3 registries`. */
export function whereOf({ registry, registries = [] }: Pick<Titled, 'registry' | 'registries'>): string {
  if (registry === undefined) return registries.length === 1 ? '1 registry' : `${registries.length} registries`;
  return registry.replace(/^([a-z0-9-]+)\.azurecr\.[a-z]+$/i, '$1');
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;

/** `29 Nov`, with the year where that is not this one. */
export function dayOf(time: Date, now: Date): string {
  const year = time.getUTCFullYear();
  const day = `${time.getUTCDate()} ${MONTHS[time.getUTCMonth()] ?? ''}`;
  return year === now.getUTCFullYear() ? day : `${day} ${year}`;
}

/** `29 Nov 15:04` in UTC, with the year where that is not this one. What is no time is left as it is. */
export function whenOf(iso: string, now: Date): string {
  const time = new Date(iso);
  return Number.isNaN(time.getTime()) ? iso : `${dayOf(time, now)} ${time.toISOString().slice(11, 16)}`;
}

/** A run of which only the id is known, which begins with its time: `29 Nov 15:04`. */
export function whenOfId(id: string, now: Date): string {
  const [, year, month, day, hour, minute] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)\d\dZ/.exec(id) ?? [];
  return minute === undefined ? id : whenOf(`${year}-${month}-${day}T${hour}:${minute}Z`, now);
}
