import { attempts, InvalidPolicy, PolicyError } from './errors.ts';
import type { PurgeCommand } from './purge-command.ts';

/** Registries of the public cloud; a bare name is one of these, as for `acr purge`. */
const PUBLIC_SUFFIX = '.azurecr.io';

/** For messages. */
const REGISTRY_NAME =
  'a registry is named by 5 to 50 letters and digits, e.g. contoso, or by its login server, e.g. contoso.azurecr.io';

/** What a shell, a pipeline or a template puts in the place of a name: `$NAME`, `${{ x }}`, `{{.Run.Registry}}`, `%NAME%`, `<registry>`. */
const PLACEHOLDER = /[${}<>%#]|^__.*__$/;

/** Labels of a host name, or an address of IPv6 in brackets; with a port. */
const HOST = /^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*|\[[0-9a-f:.]+\])(?::\d+)?$/i;

/**
 * The address that `--registry`, or the setting `name`, means: a bare name (`contoso`), a host with a dot or a port, or an `https://` URL.
 *
 * @throws {PolicyError} for what is none of these, `http://` included: credentials are sent to it
 */
export function parseRegistry(text: string, name = '--registry'): URL {
  const wrong = (problem: string, cause?: unknown) => new PolicyError(name, text, problem, { cause });
  const trimmed = text.trim();
  // Not repeated: what stands before an @ may be a password.
  if (trimmed.includes('@'))
    throw new PolicyError(name, undefined, 'no user name belongs into it; credentials are given by themselves');
  if (trimmed === '') throw wrong('no registry is given; write its name, e.g. contoso, or its login server');
  if (PLACEHOLDER.test(trimmed))
    throw wrong(
      `that is a template or a shell variable that was not filled in, and no name of a registry; ${REGISTRY_NAME}`,
    );
  if (/^http:/i.test(trimmed)) throw wrong('credentials are sent over https only; write https://…');
  const resource = /\/registries\/([a-z0-9-]+)\/?$/i.exec(trimmed);
  if (resource) throw wrong(`that is a resource id; write the name of the registry, ${resource[1] ?? ''}`);
  const [host = '', ...path] = trimmed.replace(/^https:\/\//i, '').split('/');
  if (path.some((part) => part !== '') || /[?#]/.test(trimmed))
    throw wrong(`a registry is a host, without a path; write ${host}, and put a repository into --filter`);
  if (host.endsWith('.') && HOST.test(host.slice(0, -1)))
    throw wrong(`a dot stands at the end; write ${host.slice(0, -1)}`);
  if (!HOST.test(host)) throw wrong(`that is no host name; ${REGISTRY_NAME}`);
  let url: URL;
  try {
    url = new URL(`https://${host}`);
  } catch (cause) {
    throw wrong(`that is no host name; ${REGISTRY_NAME}`, cause);
  }
  const isBareName = /^[a-z0-9-]+$/i.test(trimmed) && trimmed !== 'localhost';
  return isBareName ? new URL(`https://${trimmed.toLowerCase()}${PUBLIC_SUFFIX}`) : url;
}

/** The names in a list of registries: separated by white space, commas or semicolons. */
export function splitRegistries(text: string): readonly string[] {
  return text.split(/[\s,;]+/).filter((name) => name !== '');
}

/** A registry that the app serves. */
export interface RegistrySettings {
  readonly endpoint: URL;
  /** In the order in which they run in each repository. A registry without commands is not purged. */
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
