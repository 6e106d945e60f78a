import type { Notifying } from '../../../src/engine/notify/notify.ts';
import { type Ledger, openLedger } from '../../../src/ledger/ledger.ts';
import type { RunRecord } from '../../../src/ledger/records.ts';
import { type Memory, memoryStore, newMemory } from '../../../src/ledger/store/memory.ts';
import { realSystem } from '../../../src/ledger/store/system.ts';
import type { Delivery, send } from '../../../src/notify/send.ts';
import type { Decision } from '../../../src/planner/decision.ts';
import { NOTIFY_KINDS, type Notify } from '../../../src/policy/notify.ts';
import { type Clock, systemClock } from '../../../src/registry/clock.ts';
import { createLog, inInvocation } from '../../../src/report/log.ts';
import type { Notification } from '../../../src/report/notification.ts';
import { recordOf } from '../../support/review.ts';

/* Runs as a ledger has them, and receivers that note what comes. */

export const DAY = 86_400_000;
export const HOUR = 3_600_000;

/** As many tags that were deleted. */
export function deletions(count: number): readonly Decision[] {
  return Array.from({ length: count }, (_, n): Decision => ({
    repository: 'team/app',
    kind: 'tag',
    tag: `dev-${n}`,
    digest: `sha256:${'0'.repeat(64)}`,
    action: 'delete',
    reason: 'matched-and-expired',
    detail: 'it is old',
    beyondAcrPurge: false,
    outcome: 'deleted',
  }));
}

/** A moment that a test moves on. */
export interface Moment {
  at: number;
}

export const clockAt = (moment: Moment): Clock => ({ ...systemClock, now: () => moment.at });

/** A ledger of one process; several on the same memory are several processes. */
export function ledgerOn(
  memory: Memory = newMemory(),
  moment: Moment = { at: Date.parse('2026-11-01T02:00:00Z') },
): Ledger {
  return openLedger(memoryStore(memory, undefined, { ...realSystem, clock: clockAt(moment) }));
}

/** Records a run as it has ended. */
export async function recorded(
  ledger: Ledger,
  started: string,
  over: Partial<RunRecord> = {},
  decisions: readonly Decision[] = [],
): Promise<RunRecord> {
  const { run, repositories } = recordOf(started, decisions, over);
  const { ended, state, totals, ...beginning } = run;
  const written = await ledger.begin({ ...beginning, state: 'running', progress: run.progress });
  await written.end({ state, ...(ended !== undefined && { ended }), ...(totals && { totals }) }, repositories);
  return run;
}

export const NOTIFY: Notify = {
  receivers: [
    { kind: 'slack', address: 'https://hooks.slack.com/services/T0/B0/first', place: 1 },
    { kind: 'cloudevents', address: 'https://events.example/hook', place: 2 },
  ],
  kinds: NOTIFY_KINDS,
  remindMilliseconds: 3 * DAY,
  reviewUrl: 'https://retention.example',
};

export interface Outbox {
  /** What was taken, with the place of its receiver. */
  readonly sent: (Notification & { readonly place: number })[];
  readonly send: typeof send;
  /** What comes of the next messages; after these all are taken. */
  readonly deliveries: Delivery[];
}

export function newOutbox(): Outbox {
  const sent: Outbox['sent'] = [];
  const deliveries: Delivery[] = [];
  return {
    sent,
    deliveries,
    async send({ place }, notification) {
      // Others have their turn between the claim and the message.
      await new Promise((resolve) => setImmediate(resolve));
      const delivery = deliveries.shift() ?? { state: 'sent', status: 200, attempts: 1 };
      if (delivery.state === 'sent') sent.push({ ...notification, place });
      return delivery;
    },
  };
}

/** What is logged while something is done, by event. */
export async function logging(
  work: (log: Notifying['log']) => Promise<void>,
): Promise<readonly Record<string, unknown>[]> {
  const lines: Record<string, unknown>[] = [];
  const take = (line: string): void => void lines.push(JSON.parse(line) as Record<string, unknown>);
  const log = { invocationId: 'one', trace: take, debug: take, info: take, warn: take, error: take };
  await inInvocation(log, () => work(createLog('info')));
  return lines;
}
