import { newRunId } from '../ledger/paths.ts';
import type { RunRecord } from '../ledger/records.ts';
import type { RegistryOutcome, RunSummary } from '../ledger/summary.ts';
import type { DecisionError, Decisions } from '../planner/decision.ts';
import { parseRegistry } from '../policy/registries.ts';
import type { PurgeCommand } from '../policy/purge-command.ts';
import { PolicyError } from '../policy/errors.ts';
import { withQuarantine } from '../policy/quarantine.ts';
import type { Guards } from '../policy/guards.ts';
import type { RegistrySettings } from '../policy/registries.ts';
import type { Configuration, Settings } from '../policy/settings.ts';
import { runLog } from '../report/log.ts';
import { archiveFrom } from './archive/archive.ts';
import { beginBatch, eachRegistry, type Share } from './batch.ts';
import { freshRecord, noProcess } from './begin.ts';
import { cancelRun, CancelRefused } from './cancel.ts';
import { startDryRuns, type Starter } from './durable/start.ts';
import { summaryOf } from './finish.ts';
import { notServed, openReader, settingsOf, targetOf, type Trigger } from './registries.ts';
import { run } from './run.ts';
import { evidenceFrom, findingsFrom, pulledFor } from './sources.ts';
import { storageFrom, type StorageOptions } from './storage/used.ts';

/** What a client that asks for a dry run is told while it runs. */
interface Asked extends Omit<Trigger, 'onDecisions'> {
  /** Takes the decisions of a repository, one repository at a time, and one registry after the other. */
  readonly onDecisions: (decisions: Decisions, registry: string) => Promise<void>;
  /** Takes how it ended for a registry, once all its decisions were told. */
  readonly onOutcome: (outcome: RegistryOutcome) => Promise<void>;
}

/** The same of one that is an orchestration. */
interface AskedDurable extends Asked {
  readonly client: Starter;
  /** Id of the invocation: tells this start from every other one. */
  readonly by: string;
  /** Aborted where the client went away before it was told where to look: then the runs are cancelled. */
  readonly abandoned: AbortSignal;
}

/** A dry run as a client asked for it. */
export interface RequestedDryRun {
  /** Login servers of the registries that it is about. */
  readonly registries: readonly string[];
  /**
   * Does it in this process. `onBegin` is told the id of the run, or that of the batch of several.
   * @throws as `dryRun`, and `Unreadable` where there are repositories, and none could be read; of several registries only
   * where that holds for each: then what it was for the first
   */
  readonly start: (asked: Asked) => Promise<void>;
  /**
   * Has it done by orchestrations, from its beginning, and tells what they recorded once they have ended. Where `signal`
   * is aborted before that, it tells nothing more, and they run on.
   * @throws as `start`
   */
  readonly startDurable: (asked: AskedDurable) => Promise<void>;
}

/**
 * A dry run that a client asked for, of the configured commands or of its own.
 * @param guards those that it names; for the others the settings hold, as they do for a purge
 * @throws {Misconfigured}
 * @throws {PolicyError} for a command that names a registry which the app does not serve
 */
export function requestedDryRun(
  configuration: Configuration,
  { commands, guards: named }: { readonly commands?: readonly PurgeCommand[]; readonly guards: Guards },
): RequestedDryRun {
  const settings = settingsOf(configuration);
  const guards = { ...settings.guards, ...named };
  const wanted = registriesFor(settings, commands);
  const policyFrom = commands ? 'request' : 'settings';
  const one = async (registry: RegistrySettings, asked: Asked, share: Partial<Share>): Promise<RunSummary> => {
    const { host } = registry.endpoint;
    const policies = registry.commands.map(({ policy }) => policy);
    const pulled = pulledFor(settings, policies);
    const summary = await run({
      reader: await openReader(targetOf(settings, registry), asked.open),
      timeBudget: settings.timeBudget,
      guards,
      archive: archiveFrom(settings),
      storage: storageFrom(settings, asked.ledger.system.clock),
      evidence: evidenceFrom({ ...settings, pulled }, asked.ledger.system.clock, asked.openSources),
      findings: findingsFrom(settings, asked.ledger.system.clock),
      ...asked,
      ...share,
      onDecisions: (decisions) => asked.onDecisions(decisions, host),
      policies,
      policyFrom,
    });
    return readable(summary);
  };
  return {
    registries: wanted.map(({ endpoint }) => endpoint.host),
    async start(asked) {
      const [only, ...others] = wanted;
      if (only && others.length === 0)
        return asked.onOutcome({ registry: only.endpoint.host, summary: await one(only, asked, {}) });
      const { timeBudget } = settings;
      const together = { ...asked, kind: 'dry-run', startedBy: asked.startedBy ?? 'request', timeBudget } as const;
      failWhereAllFailed(
        await eachRegistry(wanted, wanted, together, (registry, share) => one(registry, asked, share)),
      );
    },
    async startDurable(asked) {
      const storage = storageFrom(settings, asked.ledger.system.clock);
      const records = await beginAll(wanted, { guards, policyFrom, storage }, asked);
      await startDryRuns(records, asked);
      const outcomes: RegistryOutcome[] = [];
      for (const record of records) {
        const outcome = await outcomeOf(record, asked);
        if (!outcome) return asked.abandoned.aborted ? cancelAll(records, asked) : undefined;
        outcomes.push(outcome);
        if (records.length === 1 && 'error' in outcome) throw outcome.cause;
        await asked.onOutcome(outcome);
      }
      failWhereAllFailed(outcomes);
    },
  };
}

/** The registries that a dry run is about, each with its commands. */
function registriesFor(settings: Settings, commands: readonly PurgeCommand[] | undefined): readonly RegistrySettings[] {
  const hosts = settings.registries.map(({ endpoint }) => endpoint.host);
  const hostOf = ({ registry }: PurgeCommand): string | undefined =>
    registry === undefined ? undefined : parseRegistry(registry).host;
  const other = commands?.find((command) => !hosts.includes(hostOf(command) ?? hosts[0] ?? ''));
  // The identity of the app is shown to the registries that its owner chose, and to no other.
  if (other) throw new PolicyError('--registry', other.registry, notServed(settings));
  return settings.registries
    .map(({ endpoint, commands: configured }) => ({
      endpoint,
      commands:
        commands
          ?.filter((one) => (hostOf(one) ?? endpoint.host) === endpoint.host)
          .map((one) => ({ ...one, policy: withQuarantine(one.policy, settings.quarantine) })) ?? configured,
    }))
    .filter((registry) => registry.commands.length > 0);
}

/** Begins the records of dry runs that orchestrations do. */
async function beginAll(
  registries: readonly RegistrySettings[],
  {
    guards,
    policyFrom,
    storage,
  }: {
    readonly guards: Guards;
    readonly policyFrom: 'request' | 'settings';
    readonly storage: StorageOptions | undefined;
  },
  { ledger, log, now, by, actor, onBegin }: AskedDurable,
): Promise<readonly RunRecord[]> {
  const startedBy = 'request';
  const hosts = registries.map(({ endpoint }) => endpoint.host);
  const parent =
    hosts.length > 1 ? await beginBatch(ledger, { kind: 'dry-run', startedBy, by, registries: hosts }) : undefined;
  const records: RunRecord[] = [];
  for (const { endpoint, commands } of registries) {
    const id = newRunId(new Date(ledger.system.clock.now()));
    const registry = endpoint.host;
    const policies = commands.map(({ policy }) => policy);
    const holder = noProcess(id, startedBy, ledger.system.clock);
    const about = { id, kind: 'dry-run', dryRun: true, startedBy, by, parent, registry, policies, policyFrom } as const;
    const record = freshRecord({ ...about, actor, now, holder, guards, storage });
    await ledger.begin(record);
    if (parent !== undefined) await ledger.child(parent, { registry, runId: id });
    const lines = parent === undefined ? log : log.child({ parent });
    runLog(lines, { runId: id, registry, dryRun: true }, 'dry-run').started(policies, {
      startedBy,
      pastDue: undefined,
    });
    records.push(record);
  }
  const [first] = records;
  if (first) onBegin?.(parent ?? first.id);
  return records;
}

/** Cancels the runs of a client that went away. What has ended stays as it is. */
async function cancelAll(records: readonly RunRecord[], { ledger, by }: AskedDurable): Promise<void> {
  for (const { id } of records)
    await cancelRun(ledger, id, { now: new Date(ledger.system.clock.now()), askedBy: 'request', by }).catch(
      (error: unknown) => {
        if (!(error instanceof CancelRefused)) throw error;
      },
    );
}

/** How often the record is read of a run that other workers do. */
const LOOK_MS = 1_000;

/** Waits until a run has ended, tells what it decided, and says how it ended; `undefined`: it is not waited for any more. */
async function outcomeOf(
  { id, registry }: RunRecord,
  { ledger, signal, onDecisions }: AskedDurable,
): Promise<RegistryOutcome | undefined> {
  for (;;) {
    if (signal?.aborted) return undefined;
    const record = await ledger.run(id);
    if (record && record.state !== 'running') {
      if (record.error)
        return { registry, error: record.error, cause: new Unreadable(record.error, record.error.message) };
      for await (const { summary } of ledger.repositories(id))
        await onDecisions(await Array.fromAsync(ledger.decisions(id, { repository: summary.repository })), registry);
      try {
        return { registry, summary: readable(await summaryOf(ledger, record)) };
      } catch (cause) {
        if (!(cause instanceof Unreadable)) throw cause;
        return { registry, error: { message: cause.message }, cause };
      }
    }
    await ledger.system.clock.sleep(LOOK_MS, signal, 'background');
  }
}

/** @throws {Unreadable} where there are repositories, and none could be read */
function readable(summary: RunSummary): RunSummary {
  const [first] = summary.repositories;
  if (first?.error && summary.repositories.every(({ state }) => state === 'failed')) throw new Unreadable(first.error);
  return summary;
}

function failWhereAllFailed(outcomes: readonly RegistryOutcome[]): void {
  const [first] = outcomes;
  if (first && 'error' in first && outcomes.every((outcome) => 'error' in outcome)) throw first.cause;
}

/** A dry run found nothing out, because of the registry: not one repository could be read, say. */
export class Unreadable extends Error {
  override readonly name = 'Unreadable';
  /** HTTP status of the registry's answer; `undefined` where none came. */
  readonly status: number | undefined;

  constructor({ message, status }: DecisionError, what = `no repository could be read: ${message}`) {
    super(what);
    this.status = status;
  }
}
