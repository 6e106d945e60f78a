/** An image as workloads and lists name it, of one registry. */
export interface NamedImage {
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
}

const DIGEST = /^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-fA-F]{32,}$/;
const TAG = /^\w[\w.-]{0,127}$/;
const REPOSITORY = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;

/**
 * An image by its name: `host/repository`, `host/repository:tag`, `host/repository@sha256:…`, or both. Without a tag and a
 * digest it is `latest`, as container runtimes have it.
 * @returns `other`: of another registry; `unreadable`: it is no name of an image
 */
export function imageIn(registry: string, name: string): NamedImage | 'other' | 'unreadable' {
  // Docker, up to Kubernetes 1.23.
  const text = name.trim().replace(/^docker-pullable:\/\//, '');
  const slash = text.indexOf('/');
  const host = text.slice(0, slash);
  // Without a host it is an image of Docker Hub.
  if (slash === -1 || !/[.:]|^localhost$/.test(host)) return /^[\w./:@+-]+$/.test(text) ? 'other' : 'unreadable';
  if (host.toLowerCase() !== registry.toLowerCase()) return 'other';
  const [rest = '', digest] = text.slice(slash + 1).split('@');
  const colon = rest.lastIndexOf(':');
  const [repository, tag] = colon === -1 ? [rest] : [rest.slice(0, colon), rest.slice(colon + 1)];
  if (!REPOSITORY.test(repository) || (tag !== undefined && !TAG.test(tag))) return 'unreadable';
  if (digest !== undefined && !DIGEST.test(digest)) return 'unreadable';
  const isNamed = tag !== undefined || digest !== undefined;
  return {
    repository,
    ...(isNamed ? tag !== undefined && { tag } : { tag: 'latest' }),
    ...(digest !== undefined && { digest }),
  };
}
