import { PolicyError } from './error.ts';

/** Registries of the public cloud; a bare name is one of these, as for `acr purge`. */
const PUBLIC_SUFFIX = '.azurecr.io';

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
  if (/^http:/i.test(trimmed)) throw wrong('credentials are sent over https only; write https://…');
  let url: URL;
  try {
    url = new URL(/^https:\/\//i.test(trimmed) ? trimmed : `https://${trimmed}`);
  } catch (cause) {
    throw wrong('that is no host name', cause);
  }
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') throw wrong('a registry is a host, without a path');
  const isBareName = /^[a-z0-9-]+$/i.test(trimmed) && trimmed !== 'localhost';
  return isBareName ? new URL(`https://${trimmed.toLowerCase()}${PUBLIC_SUFFIX}`) : url;
}

/** The names in a list of registries: separated by white space, commas or semicolons. */
export function splitRegistries(text: string): readonly string[] {
  return text.split(/[\s,;]+/).filter((name) => name !== '');
}
