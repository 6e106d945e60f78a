import { z } from 'zod';
import type { ImageFindings } from '../evidence/findings.ts';
import { changeFile } from './change-file.ts';
import { imageFindings } from './findings.ts';
import { lock } from './decision-schema.ts';
import { maybeNumber, maybeText, number, type Shape, text, texts, time } from './schema-fields.ts';
import type { LostLock } from '../planner/decision.ts';
import { parse } from './parse.ts';
import { quarantinePath, quarantinesOf } from './paths.ts';
import { type Actor, actorSchema } from './reviews.ts';
import type { Store } from './store/store.ts';

/*
 * What is in quarantine in one repository. An entry is written before its artifact is made unreadable, and removed once it
 * is readable again, or gone. So nothing is unreadable by a run that no file knows of. The same file remembers what is
 * without a lock that a run took off: planning reads it in any case.
 */

/** What a manifest holds: once it is unreadable, no run can ask the registry. */
export interface HeldFacts {
  readonly children: readonly { readonly digest: string; readonly index: boolean }[];
  readonly subject?: string;
  readonly config?: string;
}

/** A tag or a manifest that is in quarantine. */
export interface QuarantineEntry {
  readonly kind: 'tag' | 'manifest';
  readonly tag?: string;
  readonly digest: string;
  /** Of a manifest: the tags on it when it was made unreadable. */
  readonly tags: readonly string[];
  /** `pending`: written before the registry is asked, so that it may be readable still. */
  readonly state: 'pending' | 'quarantined';
  /** ISO 8601, UTC. It is not deleted before `until`. */
  readonly since: string;
  readonly until: string;
  /** The run that put it there, and what that run was to do. */
  readonly runId: string;
  readonly policy: { readonly hash: string; readonly from: string };
  /** Why it is to be deleted, as its decision says. */
  readonly reason: string;
  readonly detail: string;
  readonly rule?: string;
  /** Bytes, as the registry says. */
  readonly size?: number;
  readonly mediaType?: string;
  /** As the registry gave it before. */
  readonly lastUpdated?: string;
  /** As it gives it since, where that was seen: whether the change moves it is not documented. */
  readonly seen?: string;
  /** Another client had made it unreadable before, so that a release leaves it so. */
  readonly wasUnreadable?: true;
  readonly wasLocked?: true;
  /** Of a manifest. */
  readonly facts?: HeldFacts;
  /** What was known of its vulnerabilities then: what nothing can pull may not be scanned any more. */
  readonly findings?: ImageFindings;
  /** The digest of the image that it belongs to: its index, the image that it signs or refers to, or its own. */
  readonly root: string;
}

/** An image that was released by a person, or by another client, and is kept for a while. */
export interface Released {
  readonly digest: string;
  readonly tag?: string;
  /** ISO 8601, UTC. It is kept until `until`. */
  readonly at: string;
  readonly until: string;
  /** A part of a sentence: `released by Ada Lovelace`. */
  readonly why: string;
  readonly by?: Actor;
}

/** A tag or a manifest whose lock a run took off, and could not put back. It counts as locked until it is, or is gone. */
export interface WithoutLock extends LostLock {
  /** `:tag` or `@digest`, see `keyOf`. */
  readonly key: string;
  /** The run that could not put it back, and since when that is known (ISO 8601, UTC). */
  readonly runId: string;
  readonly since: string;
}

export interface RepositoryQuarantine {
  readonly repository: string;
  readonly entries: readonly QuarantineEntry[];
  readonly released: readonly Released[];
  /** Absent: no lock is missing. */
  readonly withoutLock?: readonly WithoutLock[];
}

/** What of a repository is changed; what is absent stays as it is. */
export type QuarantineChange = Partial<Pick<RepositoryQuarantine, 'entries' | 'released' | 'withoutLock'>>;

const entrySchema = z.looseObject({
  kind: z.enum(['tag', 'manifest']),
  tag: maybeText,
  digest: text,
  tags: texts,
  state: z.enum(['pending', 'quarantined']),
  since: time,
  until: time,
  runId: text,
  policy: z.looseObject({ hash: text, from: text }),
  reason: text,
  detail: text,
  rule: maybeText,
  size: maybeNumber,
  mediaType: maybeText,
  lastUpdated: maybeText,
  seen: maybeText,
  wasUnreadable: z.literal(true).exactOptional(),
  wasLocked: z.literal(true).exactOptional(),
  facts: z
    .looseObject({
      children: z.array(z.looseObject({ digest: text, index: z.boolean() })),
      subject: maybeText,
      config: maybeText,
    } satisfies Shape<HeldFacts>)
    .exactOptional(),
  findings: imageFindings.exactOptional(),
  root: text,
} satisfies Shape<QuarantineEntry>);

const releasedSchema = z.looseObject({
  digest: text,
  tag: maybeText,
  at: time,
  until: time,
  why: text,
  by: actorSchema.exactOptional(),
} satisfies Shape<Released>);

const withoutLockSchema = z.looseObject({
  ...lock,
  restore: text,
  key: text,
  runId: text,
  since: time,
} satisfies Shape<WithoutLock>);

const quarantineSchema = z.looseObject({
  format: number.exactOptional(),
  repository: text,
  entries: z.array(entrySchema),
  released: z.array(releasedSchema),
  withoutLock: z.array(withoutLockSchema).exactOptional(),
});

/** What is in quarantine in a repository; nothing where there is no file. */
export async function readQuarantine(
  store: Store,
  registry: string,
  repository: string,
): Promise<RepositoryQuarantine> {
  const path = quarantinePath(registry, repository);
  const file = await store.read(path);
  return file ? parse<RepositoryQuarantine>(store, path, quarantineSchema, file.text) : emptyQuarantine(repository);
}

function emptyQuarantine(repository: string): RepositoryQuarantine {
  return { repository, entries: [], released: [] };
}

/** What is in quarantine in each repository of a registry, in no order. */
export async function* listQuarantine(store: Store, registry: string): AsyncGenerator<RepositoryQuarantine, void> {
  for await (const path of store.list(quarantinesOf(registry))) {
    const file = await store.read(path);
    if (file) yield parse<RepositoryQuarantine>(store, path, quarantineSchema, file.text);
  }
}

/**
 * Changes what is in quarantine in a repository, from what the change before it has left.
 * @returns what is there afterwards
 */
export function changeQuarantine(
  store: Store,
  registry: string,
  repository: string,
  change: (now: RepositoryQuarantine) => QuarantineChange,
): Promise<RepositoryQuarantine> {
  const path = quarantinePath(registry, repository);
  return changeFile<RepositoryQuarantine, RepositoryQuarantine>(
    store,
    path,
    quarantineSchema,
    (now = emptyQuarantine(repository)) => {
      const content = { ...now, ...change(now), repository };
      return { content, told: content };
    },
  );
}
