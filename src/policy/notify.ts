import { parseDuration } from './duration.ts';
import { PolicyError } from './errors.ts';

/** What people are told of. */
export const NOTIFY_KINDS = [
  /** A plan waits for a person: one that a guard held back, or that of a scheduled dry run. */
  'plan-waits',
  /** A guard held something back. */
  'guard-tripped',
  /** A run failed, or could not be begun. */
  'run-failed',
  /** Two moments of the schedule went by without a run. */
  'schedule-overdue',
  /** What was in quarantine was needed: a client asked for it, or a workload came to use it. It can be pulled again. */
  'image-released',
  /** A run deleted something, or put it into quarantine. */
  'deletion-done',
] as const;

export type NotifyKind = (typeof NOTIFY_KINDS)[number];

const RECEIVER_KINDS = ['teams', 'slack', 'cloudevents'] as const;

/** The form in which a message is sent. */
export type ReceiverKind = (typeof RECEIVER_KINDS)[number];

/** Where messages are sent. */
export interface Receiver {
  readonly kind: ReceiverKind;
  /** A secret: each client that has it can write there. */
  readonly address: string;
  /** Its place in NOTIFY, from 1: what it is called where its address must not be shown. */
  readonly place: number;
}

/** Who is told of what. */
export interface Notify {
  readonly receivers: readonly Receiver[];
  readonly kinds: readonly NotifyKind[];
  /** How long a plan waits before it is said once more. */
  readonly remindMilliseconds: number;
  /** Where the review page is; absent: messages have no link. */
  readonly reviewUrl?: string;
}

/** What a receiver is called where it is shown: never by its address. */
export function receiverName({ kind, place }: Pick<Receiver, 'kind' | 'place'>): string {
  return `address ${place} of NOTIFY (${kind})`;
}

const KNOWN_HOSTS: readonly (readonly [hosts: RegExp, kind: ReceiverKind])[] = [
  [/(?:^|\.)logic\.azure\.(?:com|us|cn)$/, 'teams'],
  [/(?:^|\.)powerplatform\.(?:com|partner\.microsoftonline\.cn|microsoft\.us)$/, 'teams'],
  [/^hooks\.slack(?:-gov)?\.com$/, 'slack'],
];

/** Where connectors of Office 365 were: they are gone, and their addresses take nothing any more. */
const GONE = /(?:^|\.)(?:webhook\.office(?:365)?\.com|outlook\.office(?:365)?\.com)$/;

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

const MOST_RECEIVERS = 20;
const LONGEST_ADDRESS = 4096;

/**
 * Reads the addresses, one a line or separated by blanks. No message repeats one: they are secrets.
 * @throws {PolicyError}
 */
export function readReceivers(text: string, name: string): readonly Receiver[] {
  const wrong = (problem: string): PolicyError => new PolicyError(name, undefined, problem);
  if (/^@Microsoft\.(?:KeyVault|AppConfiguration)\(/i.test(text))
    throw wrong(
      'is a reference that was not resolved: the identity of the app must be allowed to read that secret (Key Vault Secrets User), and the secret must exist',
    );
  const words = text.split(/\s+/).filter((word) => word !== '');
  if (words.length > MOST_RECEIVERS) throw wrong(`names ${words.length} addresses; ${MOST_RECEIVERS} are allowed`);
  const receivers = words.map((word, index) => readReceiver(word, index + 1, wrong));
  const twice = receivers.find(({ address }, index) => receivers.findIndex((one) => one.address === address) < index);
  if (twice) throw wrong(`address ${twice.place} stands there twice`);
  return receivers;
}

function readReceiver(word: string, place: number, wrong: (problem: string) => PolicyError): Receiver {
  const which = `address ${place}`;
  const [, prefix, rest = word] = /^([a-z]+):(?!\/\/)(.*)$/is.exec(word) ?? [];
  const named = RECEIVER_KINDS.find((kind) => kind === prefix?.toLowerCase());
  if (prefix !== undefined && named === undefined)
    throw wrong(
      `${which} begins with a form that there is not; write ${RECEIVER_KINDS.join(':, ')}:, or the URL alone`,
    );
  if (prefix !== undefined && rest === '')
    throw wrong(`${which} has a form and no URL; write ${prefix.toLowerCase()}:https://…, without a blank`);
  // The URL would swallow the second one, which would never be told.
  if (/[,;](?:[a-z]+:)?https?:\/\//i.test(rest)) throw wrong(`${which} holds another one; write a blank between them`);
  if (rest.length > LONGEST_ADDRESS || !URL.canParse(rest)) throw wrong(`${which} is no URL`);
  const url = new URL(rest);
  const isLocal = url.protocol === 'http:' && LOOPBACK.test(url.hostname);
  if (url.protocol !== 'https:' && !isLocal) throw wrong(`${which} must begin with https://`);
  if (url.username !== '' || url.password !== '') throw wrong(`${which} must have no user name before its host`);
  if (GONE.test(url.hostname))
    throw wrong(`${which} is that of a connector, which Teams has no more; make a workflow, and write its address`);
  const kind = named ?? KNOWN_HOSTS.find(([hosts]) => hosts.test(url.hostname))?.[1] ?? 'cloudevents';
  url.hash = '';
  return { kind, address: url.href, place };
}

/** @throws {PolicyError} for a kind that there is not, and where none is named */
export function readNotifyKinds(text: string, name: string): readonly NotifyKind[] {
  const words = text.toLowerCase().split(/[\s,;]+/);
  const kinds = words
    .filter((word) => word !== '')
    .map((word) => {
      const kind = NOTIFY_KINDS.find((one) => one === word);
      if (kind === undefined) throw new PolicyError(name, word, `must be some of ${NOTIFY_KINDS.join(', ')}`);
      return kind;
    });
  if (kinds.length === 0) throw new PolicyError(name, text, `must be some of ${NOTIFY_KINDS.join(', ')}`);
  return NOTIFY_KINDS.filter((kind) => kinds.includes(kind));
}

/** The watch looks once an hour. A reminder that is due at once would come together with the first message. */
const SHORTEST_REMIND_MS = 3_600_000;

/**
 * Reads how long a plan waits before it is said once more.
 * @throws {PolicyError}
 */
export function readRemind(text: string, name: string): number {
  const { milliseconds } = parseDuration(text, name);
  if (milliseconds < SHORTEST_REMIND_MS) throw new PolicyError(name, text, 'must be an hour (1h) or more');
  return milliseconds;
}

/**
 * Reads where the app is, for links to it. It is not taken from requests: a client could write anything there.
 * @returns without a slash at the end
 * @throws {PolicyError}
 */
export function readReviewUrl(text: string, name: string): string {
  const wrong = (problem: string): PolicyError => new PolicyError(name, undefined, problem);
  if (!URL.canParse(text)) throw wrong('must be an https:// URL');
  const url = new URL(text);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && LOOPBACK.test(url.hostname)))
    throw wrong('must be an https:// URL');
  if (url.username !== '' || url.password !== '' || url.search !== '')
    throw wrong('must be the URL alone, without a user name, a key or a query: it is sent to people');
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '').replace(/\/review$/, '');
}

/** The same, from the name of the host that the platform gives. */
export function hostedReviewUrl(hostname: string | undefined): string | undefined {
  const host = hostname?.trim() ?? '';
  if (!/^[a-z0-9][a-z0-9.-]*(?::\d{1,5})?$/i.test(host)) return undefined;
  return `${/^(?:localhost|127\.)/i.test(host) ? 'http' : 'https'}://${host.toLowerCase()}`;
}
