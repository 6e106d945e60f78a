import { parseDuration } from './duration.ts';
import { attempts, InvalidPolicy, PolicyError } from './errors.ts';

/** Where pulls are looked up, and which count. */
export interface PullLogSettings {
  /** Object ids of identities, and clients as they begin a product of a user agent: their pulls do not count. */
  readonly ignored: readonly string[];
  /** A stretch of the log without any event counts as a gap from there on. */
  readonly maxSilenceMilliseconds: number;
  readonly resources: readonly RegistryResource[];
}

/** What was pulled lately is kept. */
export interface Pulled extends PullLogSettings {
  /** How long ago a pull may be that keeps anything. Zero: only rules of a policy file ask for pulls. */
  readonly withinMilliseconds: number;
  /** The same, as it was given. */
  readonly within: string;
  /** What the rules of a policy file ask for. */
  readonly byRules?: PullWindows;
}

/** Times within which a pull counts, in milliseconds. */
export interface PullWindows {
  readonly shortest: number;
  readonly longest: number;
}

/** Where the log of a registry is found. */
export interface RegistryResource {
  /** The login server, where it was given. */
  readonly host: string | undefined;
  /** The name of the registry: the login server begins with it. */
  readonly name: string;
  readonly id: string;
}

const RESOURCE =
  /^\/subscriptions\/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\/resourceGroups\/[\w.()-]{1,90}\/providers\/Microsoft\.ContainerRegistry\/registries\/([a-z0-9]{5,50})$/i;

/** What stands in a user agent, or is an object id or the name of a token. Nothing of it means anything in a query. */
const IGNORED = /^[\w.:@/+-]{1,100}$/;

/** @throws {PolicyError} for a text that is no duration */
export function readWithin(text: string, name: string): Pick<Pulled, 'within' | 'withinMilliseconds'> {
  return { within: text.trim(), withinMilliseconds: parseDuration(text, name).milliseconds };
}

/**
 * Whose pulls do not count, one a line or separated by blanks.
 * @throws {InvalidPolicy}
 */
export function readPullIgnore(texts: readonly string[], name: string): readonly string[] {
  const ignored = listIn(texts, (text) => {
    if (IGNORED.test(text)) return text.toLowerCase();
    throw new PolicyError(
      name,
      text,
      'is no object id, and no client; write a GUID, or how a client begins its user agent, e.g. trivy or Go-http-client/1.1',
    );
  });
  return [...new Set(ignored)];
}

/**
 * Resource ids of registries, each alone or after `<login server>=`.
 * @throws {InvalidPolicy}
 */
export function readRegistryResources(text: string, name: string): readonly RegistryResource[] {
  return listIn([text], (item) => {
    const [first = '', second] = item.split('=');
    const id = second ?? first;
    const found = RESOURCE.exec(id)?.[1];
    if (found === undefined)
      throw new PolicyError(name, item, 'is no resource id of a registry (az acr show --name contoso --query id)');
    return { host: second === undefined ? undefined : first.toLowerCase(), name: found.toLowerCase(), id };
  });
}

/** The resource of the registry with this login server. */
export function resourceOf(resources: readonly RegistryResource[], host: string): RegistryResource | undefined {
  const server = host.toLowerCase();
  const [label = ''] = server.split('.');
  return (
    resources.find((one) => one.host === server) ??
    // Behind the name of the registry there may be a hash: the domain name label.
    resources.find((one) => one.host === undefined && (label === one.name || label.startsWith(`${one.name}-`)))
  );
}

/** @throws {PolicyError} where a registry has no resource id, and its pulls shall count */
export function checkResources({ resources }: Pulled, hosts: readonly string[]): void {
  const missing = hosts.filter((host) => !resourceOf(resources, host));
  if (missing.length > 0)
    throw new PolicyError(
      'REGISTRY_RESOURCE_ID',
      undefined,
      `names no resource of ${missing.join(', ')}, where KEEP_PULLED_WITHIN looks up pulls; write its resource id (az acr show --name contoso --query id)`,
    );
}

function listIn<T>(texts: readonly string[], read: (text: string) => T): readonly T[] {
  const { problems, attempt } = attempts();
  const values = texts
    .flatMap((text) => text.split(/\s+/))
    .filter((text) => text !== '')
    .flatMap((text) => attempt(() => read(text)) ?? []);
  if (problems.length > 0) throw new InvalidPolicy(problems);
  return values;
}
