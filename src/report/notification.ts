import type { NotifyKind } from '../policy/notify.ts';

/**
 * What people are told of an event, before it has the form of a receiver. All of it is text: the names of repositories
 * and tags stand in it as the registry gave them, and no part is markup.
 */
export interface Notification {
  /** Of the event, the same each time that it is sent: a receiver can tell a repetition by it. */
  readonly id: string;
  readonly kind: NotifyKind;
  /** When it happened, ISO 8601, UTC. */
  readonly at: string;
  /** Login server; absent: it is about the whole app. */
  readonly registry?: string;
  /** What it is about within that: the id of the run, as a rule. */
  readonly subject?: string;
  readonly tone: 'good' | 'warning' | 'attention';
  readonly title: string;
  readonly sentences: readonly string[];
  /** Names, and values for them. */
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly lists: readonly NotificationList[];
  /** Where a person sees all of it. It holds no key, and approves nothing. */
  readonly link?: { readonly text: string; readonly url: string };
  /** The same for programs. */
  readonly data: Readonly<Record<string, unknown>>;
}

export interface NotificationList {
  readonly title: string;
  readonly lines: readonly string[];
}
