import { attempts, InvalidPolicy, PolicyError } from './errors.ts';

/** What says which images are in use. */
export type InUseSource = { readonly text: string } & (
  | { readonly kind: 'kube'; readonly context: string | undefined }
  /** One cluster by its resource id, or all of a subscription. */
  | { readonly kind: 'aks'; readonly cluster: string }
  | { readonly kind: 'aks' | 'containerapps' | 'appservice' | 'aci'; readonly subscription: string }
  /** A path, or an https URL. */
  | { readonly kind: 'list'; readonly from: string }
);

/** What is asked before something is deleted. */
export interface InUse {
  /** At least one. */
  readonly sources: readonly InUseSource[];
  /** How long an image stays protected after it was seen in use last. */
  readonly rememberMilliseconds: number;
  /** How old a list may be. */
  readonly listMaxAgeMilliseconds: number;
  /** Where relative paths of lists start; absent: where the process was started. */
  readonly root?: string;
}

const KINDS = ['kube', 'kube:<context>', 'aks:<resource id>', 'aks:<subscription id>', 'containerapps:<subscription id>', 'appservice:<subscription id>', 'aci:<subscription id>', 'list:<path or https URL>'] as const; // prettier-ignore

const SUBSCRIPTION = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;
const CLUSTER =
  /^\/subscriptions\/[0-9a-f-]{36}\/resourceGroups\/[^/?#]+\/providers\/Microsoft\.ContainerService\/managedClusters\/[^/?#]+$/i;

/**
 * Sources, one a line or separated by blanks.
 * @param name the flag or setting that they stand in
 * @throws {InvalidPolicy} which names every mistake
 */
export function readInUse(texts: readonly string[], name: string): readonly InUseSource[] {
  const { problems, attempt } = attempts();
  const sources = texts
    .flatMap((text) => text.split(/\s+/))
    .filter((text) => text !== '')
    .flatMap((text) => attempt(() => sourceIn(text, name)) ?? []);
  if (problems.length > 0) throw new InvalidPolicy(problems);
  // Two addresses may be shown alike: what follows the `?` is not shown.
  return [...new Map(sources.map((source) => [JSON.stringify(source), source])).values()];
}

/** Whether it may be an address, which may hold a key, also where `list:` was forgotten. */
const isAddress = (text: string): boolean => /^list:|:\/\/|[?@]/i.test(text);

/** Sources as they may be shown, right or wrong. */
export function shownSources(text: string): string {
  const shown = (source: string): string => {
    try {
      return sourceIn(source, 'IN_USE').text;
    } catch {
      return isAddress(source) ? '(not shown: it may hold a secret)' : source;
    }
  };
  return text
    .split(/\s+/)
    .filter((source) => source !== '')
    .map(shown)
    .join(' ');
}

/** Where a list is written. */
export interface ListTarget {
  /** A path, or an https URL. */
  readonly to: string;
  /** As it may be shown. */
  readonly text: string;
}

/** @throws {PolicyError} for an address that no list is written to */
export function readListTarget(to: string, name: string): ListTarget {
  const wrong = (problem: string): PolicyError => new PolicyError(name, undefined, problem);
  const text = listName(to, wrong).replace(/^list:/, '');
  // A storage account alone, or a container.
  if (/^https:/i.test(to) && !/\/[^/]+\/[^/]+$/.test(new URL(to).pathname))
    throw wrong('names no blob; write https://ACCOUNT.blob.core.windows.net/CONTAINER/NAME');
  return { to, text };
}

function sourceIn(text: string, name: string): InUseSource {
  const colon = text.indexOf(':');
  const kind = (colon === -1 ? text : text.slice(0, colon)).toLowerCase();
  const rest = colon === -1 ? '' : text.slice(colon + 1);
  const shownKind = /^[a-z]+$/.test(kind) ? `${kind}:…` : undefined;
  const wrong = (problem: string): PolicyError => new PolicyError(name, isAddress(text) ? shownKind : text, problem);
  switch (kind) {
    case 'kube':
      return { kind, text, context: rest === '' ? undefined : rest };
    case 'aks':
      if (CLUSTER.test(rest)) return { kind, text, cluster: rest };
      if (SUBSCRIPTION.test(rest)) return { kind, text, subscription: rest.toLowerCase() };
      throw wrong(
        'names no cluster; write its resource id (az aks show --query id), or the id of a subscription, a GUID',
      );
    case 'containerapps':
    case 'appservice':
    case 'aci':
      if (SUBSCRIPTION.test(rest)) return { kind, text, subscription: rest.toLowerCase() };
      throw wrong('names no subscription; write its id, a GUID (az account show --query id)');
    case 'list':
      return { kind, text: listName(rest, wrong), from: rest };
    default:
      throw wrong(`is no source; there are ${KINDS.join(', ')}`);
  }
}

/** A list as it may be shown: without what may be a key in its address. */
function listName(from: string, wrong: (problem: string) => PolicyError): string {
  if (from === '') throw wrong('names no list; write list: and a path, or an https:// URL');
  if (!/^[a-z][a-z+.-]+:/i.test(from)) return `list:${from}`;
  if (!URL.canParse(from)) throw wrong('is no URL');
  const { protocol, origin, pathname, username, password, search } = new URL(from);
  if (protocol !== 'https:') throw wrong('must be an https:// URL: the identity of the app is shown to it');
  if (username !== '' || password !== '') throw wrong('holds a user name or a password; a list is read without one');
  return `list:${origin}${pathname}${search === '' ? '' : '?…'}`;
}
