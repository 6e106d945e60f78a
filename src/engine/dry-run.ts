import { notServed, settingsOf, type Trigger } from './configured.ts';
import { eachRegistry, type Share } from './batch.ts';
import type { DecisionError, Decisions } from '../planner/decision.ts';
import { parseRegistry, type RegistrySettings } from '../policy/registries.ts';
import type { PurgeCommand } from '../policy/purge-command.ts';
import { PolicyError } from '../policy/errors.ts';
import type { Guards } from '../policy/guards.ts';
import type { Configuration } from '../policy/settings.ts';
import type { RegistryOutcome, RunSummary } from '../ledger/summary.ts';
import { run } from './run.ts';
import { openReader, targetOf } from './target.ts';

/** What is told of a dry run that somebody asked for, while it goes on. */
interface Asked extends Omit<Trigger, 'onDecisions'> {
  /** Takes the decisions of a repository, one repository at a time, and one registry after the other. */
  readonly onDecisions: (decisions: Decisions, registry: string) => Promise<void>;
  /** Takes what became of a registry, once all its decisions were told. */
  readonly onOutcome: (outcome: RegistryOutcome) => Promise<void>;
}

/** A dry run as it was asked for. */
export interface RequestedDryRun {
  /** Login servers of the registries that it is about. */
  readonly registries: readonly string[];
  /**
   * Does it. `onBegin` is told the id of the run, or that of the parent of several.
   * @throws whatever `dryRun` throws, and `Unreadable` where there are repositories, and none could be read; of several
   * registries only where that holds for each: then what it was for the first
   */
  readonly start: (asked: Asked) => Promise<void>;
}

/**
 * A dry run that a client asked for, of the configured commands or of its own.
 * @param guards those that it names; for the others the settings hold, as they do for a purge
 * @throws {Misconfigured}
 * @throws {PolicyError} for a command that names a registry which the app does not serve
 */
export function requestedDryRun(
  configuration: Configuration,
  { commands, guards }: { readonly commands?: readonly PurgeCommand[]; readonly guards: Guards },
): RequestedDryRun {
  const settings = settingsOf(configuration);
  const hosts = settings.registries.map(({ endpoint }) => endpoint.host);
  const hostOf = ({ registry }: PurgeCommand): string | undefined =>
    registry === undefined ? undefined : parseRegistry(registry).host;
  const other = commands?.find((command) => !hosts.includes(hostOf(command) ?? hosts[0] ?? ''));
  // The identity of the app is shown to the registries that its owner chose, and to no other.
  if (other) throw new PolicyError('--registry', other.registry, notServed(settings));
  const wanted = settings.registries
    .map((registry) => ({
      endpoint: registry.endpoint,
      commands:
        commands?.filter((one) => (hostOf(one) ?? registry.endpoint.host) === registry.endpoint.host) ??
        registry.commands,
    }))
    .filter((registry) => registry.commands.length > 0);
  const policyFrom = commands ? 'request' : 'settings';
  const of = async (registry: RegistrySettings, asked: Asked, share: Partial<Share>): Promise<RunSummary> => {
    const { host } = registry.endpoint;
    const summary = await run(await openReader(targetOf(settings, registry)), {
      timeBudget: settings.timeBudget,
      guards: { ...settings.guards, ...guards },
      ...asked,
      ...share,
      onDecisions: (decisions) => asked.onDecisions(decisions, host),
      policies: registry.commands.map(({ policy }) => policy),
      policyFrom,
    });
    const [first] = summary.repositories;
    if (!summary.handedOver && first?.error && summary.repositories.every(({ state }) => state === 'failed'))
      throw new Unreadable(first.error);
    return summary;
  };
  return {
    registries: wanted.map(({ endpoint }) => endpoint.host),
    async start(asked) {
      const [only, ...others] = wanted;
      if (only && others.length === 0)
        return asked.onOutcome({ registry: only.endpoint.host, summary: await of(only, asked, {}) });
      const { timeBudget } = settings;
      const together = { ...asked, kind: 'dry-run', startedBy: asked.startedBy ?? 'request', timeBudget } as const;
      const outcomes = await eachRegistry(wanted, wanted, together, (registry, share) => of(registry, asked, share));
      const [first] = outcomes;
      if (first && 'error' in first && outcomes.every((outcome) => 'error' in outcome)) throw first.cause;
    },
  };
}

/** Not one repository could be read: the reason is that of the first. */
export class Unreadable extends Error {
  override readonly name = 'Unreadable';
  /** HTTP status of the registry's answer; `undefined` where none came. */
  readonly status: number | undefined;

  constructor({ message, status }: DecisionError) {
    super(`no repository could be read: ${message}`);
    this.status = status;
  }
}
