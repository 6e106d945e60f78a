import { PolicyError } from './errors.ts';

/** Registries of the public cloud; a bare name is one of these, as for `acr purge`. */
const PUBLIC_SUFFIX = '.azurecr.io';

/** What a registry is called, for messages. */
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
