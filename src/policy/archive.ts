import { PolicyError } from './errors.ts';

/** Where what is deleted is archived first: a folder, or a container of Azure Blob Storage. */
export type ArchiveLocation =
  | {
      readonly kind: 'folder';
      readonly folder: string;
      /** Where a relative folder starts. Absent: where the process is. */
      readonly root?: string;
    }
  | {
      readonly kind: 'blob';
      /** With the identity of the app. */
      readonly accountUrl: string;
      readonly container: string;
      /** Of all paths in the container: empty, or it ends with `/`. */
      readonly prefix: string;
    };

/** A name of a container (Azure Storage, "Naming and referencing containers"). */
const CONTAINER = /^(?=.{3,63}$)[a-z0-9]+(?:-[a-z0-9]+)*$/;

/** A part of a path below it. */
const PART = /^[\w-](?:[\w.-]*[\w-])?$/;

/** @throws {PolicyError} for what is none of these; it never repeats what may hold a key */
export function readArchive(text: string, name: string): ArchiveLocation {
  const wrong = (problem: string) => new PolicyError(name, undefined, problem);
  // Two slashes begin an address without its protocol, which may have a key.
  if (/^(?:\.{0,2}[/\\]|[a-z]:[/\\])/i.test(text) && !text.startsWith('//')) return { kind: 'folder', folder: text };
  if (!URL.canParse(text))
    throw wrong(
      'must be the https:// URL of a container, such as https://contoso.blob.core.windows.net/archive, or a folder such as ./archive',
    );
  const url = new URL(text);
  if (url.protocol === 'file:' && url.host === '') {
    const folder = decodedPath(url);
    if (folder === undefined) throw wrong('has a % that stands for nothing');
    return { kind: 'folder', folder: folder.replace(/^\/(?=[a-z]:)/i, '') };
  }
  if (url.protocol !== 'https:') throw wrong('must be an https:// URL: the identity of the app is shown to it');
  if (url.search !== '' || url.hash !== '' || url.username !== '' || url.password !== '')
    throw wrong('must be the URL of the container alone, without a key: the identity of the app signs in');
  const parts = url.pathname.split('/').filter((part) => part !== '');
  // An emulator has the account in its path.
  const account = /^(?:localhost|\[.*\]|[\d.]+)$/.test(url.hostname) ? parts.splice(0, 1) : [];
  const [container, ...path] = parts;
  if (container === undefined) throw wrong('must name a container: https://contoso.blob.core.windows.net/archive');
  if (!CONTAINER.test(container))
    throw wrong('has no name of a container after the account: 3 to 63 small letters, digits and single hyphens');
  if (!path.every((part) => PART.test(part)))
    throw wrong('has a path below the container that is not letters, digits, dots, hyphens and underscores');
  return {
    kind: 'blob',
    accountUrl: [url.origin, ...account].join('/'),
    container,
    prefix: path.map((part) => `${part}/`).join(''),
  };
}

function decodedPath({ pathname }: URL): string | undefined {
  try {
    return decodeURIComponent(pathname);
  } catch {
    return undefined;
  }
}
