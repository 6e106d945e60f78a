import type { Dispatcher } from 'undici';
import { PolicyError } from '../policy/errors.ts';
import type { PurgePolicy } from '../policy/purge-policy.ts';
import { parseRegistry } from '../policy/registries.ts';
import type { Configuration, RegistrySettings, Settings } from '../policy/settings.ts';
import type { Clock } from '../registry/clock.ts';
import { readOnlyContent } from '../registry/content.ts';
import { credentialsOf, type IdentitySettings } from '../registry/identity.ts';
import type { ReadOnlyRegistry, Registry, RegistryReader } from '../registry/types.ts';
import type { Log } from '../report/log.ts';
import type { RunOptions } from './run.ts';
import type { OpenSources } from './sources.ts';

/** What is asked for cannot be done, because the app's settings are wrong. Says every mistake. */
export class Misconfigured extends Error {
  override readonly name = 'Misconfigured';
  readonly mistakes: readonly PolicyError[];

  constructor(mistakes: readonly PolicyError[]) {
    super(`the app settings are wrong: ${mistakes.map(({ message }) => message).join('; ')}`);
    this.mistakes = mistakes;
  }
}

/** @throws {Misconfigured} */
export function settingsOf(configuration: Configuration): Settings {
  if (configuration.state === 'invalid') throw new Misconfigured(configuration.mistakes);
  return configuration.settings;
}

export function logMistakes(mistakes: readonly PolicyError[], log: Log): void {
  const messages = mistakes.map(({ message }) => message);
  log.error({ event: 'misconfigured', mistakes: messages }, 'nothing was done: the app settings are wrong');
}

/**
 * The settings, for a timer: it logs what is wrong with them, for no client is told.
 * @throws {Misconfigured}
 */
export function configured(configuration: Configuration, log: Log): Settings {
  if (configuration.state === 'invalid') logMistakes(configuration.mistakes, log);
  return settingsOf(configuration);
}

/** What a function is started with: everything of a run but what is wanted. */
export type Trigger = Omit<
  RunOptions,
  'policies' | 'kind' | 'policyFrom' | 'guards' | 'evidence' | 'archive' | 'timeBudget'
> & {
  readonly log: Log;
  /** How registries are reached. Absent: over TLS. */
  readonly open?: OpenRegistry;
  /** How sources of evidence are reached. Absent: as they are configured. */
  readonly openSources?: OpenSources;
};

/** What is said of a registry that the app does not serve. */
export function notServed({ registries }: Settings): string {
  const hosts = registries.map(({ endpoint }) => endpoint.host);
  return `this app serves ${hosts.join(', ')} only`;
}

/**
 * The registry of the app that a request names.
 * @param name of the registry; `undefined`: the only one
 * @throws {PolicyError} where the app does not serve it, or serves several and none is named
 */
export function servedRegistry(settings: Settings, name: string | undefined): RegistrySettings {
  const { registries } = settings;
  const wanted = name === undefined ? undefined : parseRegistry(name).host;
  const [only, ...others] =
    wanted === undefined ? registries : registries.filter(({ endpoint }) => endpoint.host === wanted);
  if (only === undefined) throw new PolicyError('--registry', name, notServed(settings));
  if (others.length > 0) throw new PolicyError('--registry', undefined, `say which one: ${notServed(settings)}`);
  return only;
}

export interface TargetOptions extends IdentitySettings {
  readonly endpoint: URL;
  /** Calls in flight at once. */
  readonly concurrency: number;
  /** A certificate authority to trust besides the system's (PEM). */
  readonly certificate?: string;
  /** Absent: the system's. */
  readonly clock?: Clock;
  /** How requests are sent. Absent: over TLS. */
  readonly dispatcher?: Dispatcher;
}

export type OpenRegistry = (target: TargetOptions) => Promise<Registry>;

/** A registry to purge. Nothing is sent before it is used. */
export async function openRegistry({
  endpoint,
  concurrency,
  certificate,
  clock,
  dispatcher,
  ...identity
}: TargetOptions): Promise<Registry> {
  // Loaded when it is needed: the SDK takes as long to load as all the rest, and a wrong request needs none of it.
  const { openRegistry: open } = await import('../registry/registry.ts');
  return open({
    endpoint,
    concurrency,
    clock,
    dispatcher,
    credentials: credentialsOf(identity),
    ...(certificate !== undefined && { certificate }),
  });
}

/** A registry to look at. It has no function that could change one, whatever it is cast to. */
export async function openReader(target: TargetOptions, open: OpenRegistry = openRegistry): Promise<ReadOnlyRegistry> {
  return readOnly(await open(target));
}

/** What of a registry reads it, and nothing else of it. */
export function readOnly(registry: RegistryReader): ReadOnlyRegistry {
  return {
    loginServer: registry.loginServer,
    manifestCount: registry.manifestCount,
    attributes: registry.attributes,
    manifestAttributes: registry.manifestAttributes,
    repositories: registry.repositories,
    tags: registry.tags,
    lookAtTags: registry.lookAtTags,
    manifests: registry.manifests,
    manifest: registry.manifest,
    referrers: registry.referrers,
    ...(registry.content && { content: readOnlyContent(registry.content) }),
  };
}

/** A registry of the app, for its commands or for these. */
export function targetOf(
  { identity }: Settings,
  { endpoint, commands }: RegistrySettings,
  concurrency = concurrencyOf(commands.map(({ policy }) => policy)),
): TargetOptions {
  return { endpoint, concurrency, ...identity };
}

export function concurrencyOf(policies: readonly PurgePolicy[]): number {
  return policies.reduce((most, { concurrency }) => Math.max(most, concurrency), 1);
}

/** Whether the scheduled purge of a registry deletes nothing. One `--dry-run` holds for all: what is written after it was meant to be tried, too. */
export function isDryRun({ dryRun }: Settings, { commands }: RegistrySettings): boolean {
  return dryRun || commands.some(({ policy }) => policy.dryRun);
}
