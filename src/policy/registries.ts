import { parseRegistry, splitRegistries } from './address.ts';
import type { PurgeCommand } from './purge-command.ts';
import { PolicyError } from './errors.ts';
import { attempts, InvalidPolicy } from './purge-policy.ts';

/** A registry that the app serves. */
export interface RegistrySettings {
  readonly endpoint: URL;
  /** In the order in which they are carried out in each repository. None: the schedule passes it over. */
  readonly commands: readonly PurgeCommand[];
}

/**
 * The registries of the app, or else those that commands name, each with its commands: those that name it, and those
 * that name none.
 *
 * @throws {InvalidPolicy} with every mistake
 */
export function readRegistries(
  text: string | undefined,
  commands: readonly PurgeCommand[],
): readonly RegistrySettings[] {
  const { problems, attempt } = attempts();
  const named = commands.map((command) => {
    const { registry } = command;
    return { command, registry, endpoint: registry === undefined ? undefined : attempt(() => parseRegistry(registry)) };
  });
  // Not taken apart: what stands before an @ may be a password, and have a comma in it.
  const names = text === undefined ? [] : text.includes('@') ? [text] : splitRegistries(text);
  const endpoints =
    text === undefined
      ? named.map(({ endpoint }) => endpoint)
      : names.map((name) => attempt(() => parseRegistry(name, 'ACR_REGISTRY')));
  if (problems.length > 0) throw new InvalidPolicy(problems);
  const served = new Map(endpoints.filter((one) => one !== undefined).map((endpoint) => [endpoint.host, endpoint]));
  if (served.size === 0)
    throw new PolicyError(
      'ACR_REGISTRY',
      undefined,
      'is not set; write the name of the registry, e.g. contoso, or of several, separated by blanks or commas',
    );
  const other = named.find(({ endpoint }) => endpoint && !served.has(endpoint.host))?.registry;
  if (other !== undefined) throw new PolicyError('--registry', other, notServed([...served.keys()]));
  return Array.from(served.values(), (endpoint) => ({
    endpoint,
    commands: named
      .filter((one) => one.endpoint === undefined || one.endpoint.host === endpoint.host)
      .map(({ command }) => command),
  }));
}

/** What is wrong with a registry that is not among those that the app serves. */
function notServed(hosts: readonly string[]): string {
  const [host = ''] = hosts;
  return hosts.length === 1
    ? `is another registry than ${host}, which this app serves`
    : `is none of the registries that this app serves: ${hosts.join(', ')}`;
}
