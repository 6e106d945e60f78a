/** An image as workloads and lists name it, of one registry. */
export interface NamedImage {
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
  /** Of its configuration. */
  readonly config?: string;
}

/** An image of whatever registry. */
export interface LocatedImage extends NamedImage {
  /** `host[:port]`, in lower case. */
  readonly registry: string;
}

const DIGEST = /^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-fA-F]{32,}$/;
const TAG = /^\w[\w.-]{0,127}$/;
const REPOSITORY = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;

/** Before the digest of a configuration: `host/repository@config=sha256:…`. Only lists of ours name an image like this. */
const CONFIG = 'config=';

/**
 * An image by its name: `host/repository`, `host/repository:tag`, `host/repository@sha256:…`, or both. Without a tag and a
 * digest it is `latest`, as container runtimes have it.
 * @returns `other`: of another registry; `unreadable`: it is no name of an image
 */
export function imageIn(registry: string, name: string): NamedImage | 'other' | 'unreadable' {
  const split = splitHost(name);
  if (typeof split === 'string') return split;
  return split.host === hostOf(registry) ? imageOf(split.rest) : 'other';
}

/** An image by its name, of whatever registry but Docker Hub. */
export function imageAnywhere(name: string): LocatedImage | 'other' | 'unreadable' {
  const split = splitHost(name);
  if (typeof split === 'string') return split;
  const image = imageOf(split.rest);
  return image === 'unreadable' ? image : { registry: split.host, ...image };
}

/** The name of an image, as `imageIn` reads it. */
export function nameOfImage({ registry, repository, tag, digest, config }: LocatedImage): string {
  const parts = [tag !== undefined && `:${tag}`, digest !== undefined && `@${digest}`, config !== undefined && `@${CONFIG}${config}`]; // prettier-ignore
  return `${registry}/${repository}${parts.filter((part) => part !== false).join('')}`;
}

/**
 * `contoso.westeurope.geo.azurecr.io`: one replica of `contoso.azurecr.io`, by an endpoint of its own. The one for data,
 * `contoso.westeurope.data.azurecr.io`, takes no pull; what names it means the registry all the same. A sovereign cloud may
 * have more behind: `azurecr.microsoft.scloud`.
 */
const REGIONAL = /^([a-z0-9-]+)\.[a-z0-9-]+\.(?:geo|data)\.(azurecr\.[a-z0-9.-]+)$/;

/** A registry in one spelling: 443 is the port of those that name none, and an endpoint for one region is the registry's. */
export const hostOf = (registry: string): string =>
  registry
    .toLowerCase()
    .replace(/\.?(?::443)?$/, '')
    .replace(REGIONAL, '$1.$2');

function splitHost(name: string): { readonly host: string; readonly rest: string } | 'other' | 'unreadable' {
  // Docker, up to Kubernetes 1.23.
  const text = name.trim().replace(/^docker-pullable:\/\//, '');
  const slash = text.indexOf('/');
  const host = text.slice(0, slash);
  // Without a host it is an image of Docker Hub.
  if (slash === -1 || !/[.:]|^localhost$/.test(host)) return /^[\w./:@+-]+$/.test(text) ? 'other' : 'unreadable';
  return { host: hostOf(host), rest: text.slice(slash + 1) };
}

function imageOf(text: string): NamedImage | 'unreadable' {
  const [rest = '', ...marked] = text.split('@');
  const colon = rest.lastIndexOf(':');
  const [repository, tag] = colon === -1 ? [rest] : [rest.slice(0, colon), rest.slice(colon + 1)];
  if (!REPOSITORY.test(repository) || (tag !== undefined && !TAG.test(tag))) return 'unreadable';
  const last = marked.at(-1);
  const config = last?.startsWith(CONFIG) ? marked.pop()?.slice(CONFIG.length) : undefined;
  const [digest, ...others] = marked;
  if (others.length > 0 || [digest, config].some((one) => one !== undefined && !DIGEST.test(one))) return 'unreadable';
  const isNamed = tag !== undefined || digest !== undefined || config !== undefined;
  return {
    repository,
    ...(isNamed ? tag !== undefined && { tag } : { tag: 'latest' }),
    ...(digest !== undefined && { digest: digest.toLowerCase() }),
    ...(config !== undefined && { config: config.toLowerCase() }),
  };
}
