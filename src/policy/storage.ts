import { PolicyError } from './errors.ts';

/** A store for the ledger: a folder, or an account of Azure Blob Storage. */
export type StorageLocation =
  | { readonly kind: 'folder'; readonly folder: string }
  | { readonly kind: 'blob'; readonly connectionString: string }
  /** With the identity of the app. */
  | { readonly kind: 'blob'; readonly accountUrl: string };

/** @throws {PolicyError} for what is none of these; it never repeats what may hold a key */
export function readStorage(text: string, name: string): StorageLocation {
  if (text.split(';').every((part) => part === '' || /^[\w-]+=/.test(part)))
    return { kind: 'blob', connectionString: text };
  if (/^(?:\.{0,2}[/\\]|[a-z]:[/\\])/i.test(text)) return { kind: 'folder', folder: text };
  const wrong = (problem: string) => new PolicyError(name, undefined, problem);
  if (!URL.canParse(text))
    throw wrong('must be a connection string, the https:// URL of an account, or a folder such as ./runs');
  const url = new URL(text);
  if (url.protocol !== 'https:') throw wrong('must be an https:// URL: the identity of the app is shown to it');
  if (url.search !== '' || url.username !== '')
    throw wrong('must be the URL of the account alone; to use a key, write a connection string');
  return { kind: 'blob', accountUrl: url.href };
}
