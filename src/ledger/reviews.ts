import { z } from 'zod';
import { maybeText, type Shape, text, texts, time, word } from './schema-fields.ts';

/** Who did something, as far as it is known. */
export interface Actor {
  /**
   * `person`: signed in at the app; `account`: that of a machine, on the command line; `key`: a client that has a key of
   * the app; `schedule`: the timer
   */
  readonly kind: 'person' | 'account' | 'key' | 'schedule';
  readonly name: string;
  /** Of a person: the object id in Microsoft Entra. */
  readonly id?: string;
}

/** What a person or a machine decided about a plan. */
export interface PlanReview {
  readonly verdict: 'approved' | 'rejected';
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly by: Actor;
  readonly comment?: string;
  /** Of the plan that was looked at. */
  readonly hash: string;
  /** What is approved; absent: all that was left of the plan. */
  readonly repositories?: readonly string[];
  /** The run that carries out what is approved. */
  readonly runId?: string;
}

export const actorSchema = z.looseObject({
  kind: word<Actor['kind']>(),
  name: text,
  id: maybeText,
} satisfies Shape<Actor>);

export const reviewSchema = z.looseObject({
  verdict: z.enum(['approved', 'rejected']),
  at: time,
  by: actorSchema,
  comment: maybeText,
  hash: text,
  repositories: texts.exactOptional(),
  runId: maybeText,
} satisfies Shape<PlanReview>);

/** What is recorded of who began, resumed or cancelled a run. */
interface Recorded {
  readonly actor?: Actor;
  /** `schedule`, `request` or `command line`; of a cancellation, `askedBy`. */
  readonly startedBy: string;
  /** The account on the command line; else the invocation of a function, which names no person. */
  readonly by?: string;
}

/** Who began, resumed or cancelled a run. */
export function actorOf({ actor, startedBy, by }: Recorded): Actor {
  if (actor) return actor;
  if (startedBy === 'schedule') return { kind: 'schedule', name: 'the schedule' };
  if (startedBy === 'command line') return { kind: 'account', name: by ?? 'an account on the command line' };
  return { kind: 'key', name: 'a client with a key' };
}

/** The latest rejection of a plan; `undefined`: it was not rejected. */
export function rejectionOf(plan: { readonly state: string; readonly reviews?: readonly PlanReview[] }) {
  return plan.state === 'rejected' ? plan.reviews?.findLast(({ verdict }) => verdict === 'rejected') : undefined;
}

/** `rejected by Ada Lovelace at 2026-11-29T15:04:00.000Z: too many of shop/api`. */
export function reviewInWords({ verdict, by, at, comment }: PlanReview): string {
  return `${verdict} by ${by.name} at ${at}${comment === undefined ? '' : `: ${comment}`}`;
}
