import { compareWithLast } from '../../ledger/compare.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { type EventKey, receiverKey } from '../../ledger/messages.ts';
import type { RunRecord } from '../../ledger/records.ts';
import type { Delivery, send as Send, Sending } from '../../notify/send.ts';
import { type Notify, type NotifyKind, type Receiver, receiverName } from '../../policy/notify.ts';
import type { Notification } from '../../report/notification.ts';
import {
  notBegunNotification,
  type Overdue,
  overdueNotification,
  runNotification,
} from '../../report/notification-words.ts';
import { duration } from '../../report/page/format.ts';
import { verdictOf } from '../../report/verdict.ts';
import { type DueOfRun, dueOf } from './due.ts';

/** Runs that began longer ago are not looked at: one that was stopped may be resumed for a week. */
const LOOK_BACK_MS = 9 * 86_400_000;
const MOST_RUNS = 500;

/** Messages to one receiver at a time: more would be a flood, and come with the next watch. */
const MOST_MESSAGES = 20;

/** A receiver that is new is told of what happened so shortly before: of the run after which it is noticed. */
const BEFORE_FIRST_MS = 3_600_000;

/** Loaded where something is to be sent: most commands and functions send nothing. */
const sendNow: typeof Send = async (receiver, notification, sending) =>
  (await import('../../notify/send.ts')).send(receiver, notification, sending);

/** What of a log is written to. */
interface Lines {
  readonly info: (fields: object, message: string) => void;
  readonly warn: (fields: object, message: string) => void;
}

export interface Notifying {
  /** Absent: nothing is sent. */
  readonly notify: Notify | undefined;
  readonly ledger: Ledger;
  readonly log: Lines | undefined;
  readonly milliseconds: number;
  /** Only of these registries: others may share the ledger, and have people of their own. Absent: of all. */
  readonly registries?: readonly string[] | undefined;
  /** How old a plan may be when it is applied; absent: not known. */
  readonly planAgeMilliseconds?: number | undefined;
  /** Aborted where the process is about to end: then nothing is begun that would be lost with it. */
  readonly signal?: AbortSignal | undefined;
  readonly overdue?: readonly Overdue[];
  /** How a message is sent. Absent: over HTTPS. */
  readonly send?: typeof Send;
}

type Looked = Extract<Awaited<ReturnType<Ledger['messages']['look']>>, { readonly state: 'open' }>;

/** Something to be told. */
interface Due {
  readonly key: EventKey;
  readonly kinds: readonly [NotifyKind, ...NotifyKind[]];
  readonly at: Date;
  readonly say: (kinds: readonly [NotifyKind, ...NotifyKind[]]) => Promise<Notification>;
}

/**
 * Sends what is due, by the record of the runs, and was not sent yet. It is called after each run and by the watch, by any
 * number of processes: each message is claimed in the ledger before it is sent. Nothing that goes wrong here is thrown: a
 * run is not repeated for a message.
 */
export async function notifyDue(about: Notifying): Promise<void> {
  const { notify, ledger, log, milliseconds, signal } = about;
  if (!notify || signal?.aborted) return;
  const { clock } = ledger.system;
  const until = clock.ticks() + milliseconds;
  const failed = (error: unknown): void => {
    const { message } = error as Error;
    log?.warn({ event: 'notification-failed', why: message }, `messages could not be sent: ${message}`);
  };
  try {
    const due = await whatIsDue(about, notify);
    // One that cannot be told holds up none of the others.
    const telling = { ...about, notify, until };
    await Promise.all(notify.receivers.map((receiver) => tell(receiver, due, telling).catch(failed)));
  } catch (error) {
    failed(error);
  }
}

async function whatIsDue(about: Notifying, notify: Notify): Promise<Due[]> {
  const { ledger, registries, planAgeMilliseconds, overdue = [] } = about;
  const isOurs = (registry: string | undefined): boolean =>
    registry === undefined || (registries?.includes(registry) ?? true);
  const now = new Date(ledger.system.clock.now());
  const { remindMilliseconds, reviewUrl } = notify;
  const from = new Date(now.getTime() - LOOK_BACK_MS - remindMilliseconds);
  const due: Due[] = overdue.map((one) => ({
    key: { of: 'overdue', registry: one.registry, since: one.since },
    kinds: ['schedule-overdue'],
    at: now,
    say: () => Promise.resolve(overdueNotification(one, now, reviewUrl)),
  }));
  for await (const note of ledger.messages.notBegun(from)) {
    if (!isOurs(note.registry)) continue;
    due.push({
      key: { of: 'not-begun', id: note.id },
      kinds: ['run-failed'],
      at: new Date(note.at),
      say: () => Promise.resolve(notBegunNotification(note, reviewUrl)),
    });
  }
  // The newest first: a later run of the schedule has been seen before the earlier ones.
  const superseded = new Set<string>();
  let looked = 0;
  for await (const run of ledger.runs({ from })) {
    const isSuperseded = superseded.has(run.registry);
    const found = isOurs(run.registry) ? dueOf(run, { now, remindMilliseconds, isSuperseded }) : [];
    for (const one of found) {
      const { news, kinds, at } = one;
      const key = { of: 'run', runId: run.id, news } as const;
      const isTooOld =
        planAgeMilliseconds !== undefined && now.getTime() - Date.parse(run.started) > planAgeMilliseconds;
      const said = new Map<string, Promise<Notification>>();
      const say = (chosen: Due['kinds']): Promise<Notification> => {
        const saying =
          said.get(chosen.join()) ?? sayOfRun(ledger, run, { ...one, kinds: chosen }, { now, isTooOld, reviewUrl });
        // The same for each receiver: what it takes is read once.
        said.set(chosen.join(), saying);
        return saying;
      };
      due.push({ key, kinds, at, say });
    }
    if (run.kind === 'scheduled' && run.totals && run.state !== 'running') superseded.add(run.registry);
    if (++looked === MOST_RUNS) break;
  }
  return due.sort((a, b) => a.at.getTime() - b.at.getTime());
}

async function sayOfRun(
  ledger: Ledger,
  run: RunRecord,
  { news, kinds, at, waitsSince }: DueOfRun,
  {
    now,
    isTooOld,
    reviewUrl,
  }: { readonly now: Date; readonly isTooOld: boolean; readonly reviewUrl?: string | undefined },
): Promise<Notification> {
  const repositories = await Array.fromAsync(ledger.repositories(run.id));
  const comparison = await compareWithLast(ledger, run, repositories);
  const judged = verdictOf({ run, repositories, comparison });
  // That there is nothing to compare with is no news.
  const verdict = comparison ? judged : { ...judged, changes: [] };
  const reminder = waitsSince && { waits: duration(now.getTime() - waitsSince.getTime()), isTooOld };
  return runNotification({
    news,
    kinds,
    at: at.toISOString(),
    now,
    run,
    verdict,
    reviewUrl,
    ...(reminder && { reminder }),
  });
}

interface Telling extends Notifying {
  readonly notify: Notify;
  /** By the ticks of the clock. */
  readonly until: number;
}

/**
 * Tells one receiver what it was not told yet, the oldest first, until one message fails: the next would fail as well. One
 * that failed before may be at fault itself: it does not hold up those after it.
 */
async function tell(receiver: Receiver, due: readonly Due[], telling: Telling): Promise<void> {
  const { notify, ledger, signal, until } = telling;
  const { clock } = ledger.system;
  const key = receiverKey(receiver.address);
  const since = new Map<NotifyKind, number>();
  for (const kind of notify.kinds)
    since.set(kind, (await ledger.messages.toldSince(key, kind)).getTime() - BEFORE_FIRST_MS);
  let sent = 0;
  let hasFailed = false;
  for (const one of due) {
    const [first, ...others] = one.kinds.filter((kind) => (since.get(kind) ?? Infinity) <= one.at.getTime());
    if (first === undefined) continue;
    if (sent === MOST_MESSAGES || clock.ticks() >= until || signal?.aborted) return;
    const delivery = await deliver(receiver, key, { ...one, kinds: [first, ...others] }, telling);
    if (!delivery) continue;
    sent += 1;
    if (delivery.state === 'sent') continue;
    if (hasFailed || !delivery.isRetry) return;
    hasFailed = true;
  }
}

type Delivered = Delivery & Pick<Looked, 'isRetry'>;

/** @returns `undefined` where another process sends it, or has sent it */
async function deliver(
  receiver: Receiver,
  receiverId: string,
  { key, kinds, say }: Due,
  { ledger, log, signal, until, send = sendNow }: Telling,
): Promise<Delivered | undefined> {
  const { clock } = ledger.system;
  const about = { kind: kinds[0], receiver: receiverName(receiver), ...namesOf(key) };
  let notification: Notification;
  let claim: Awaited<ReturnType<Looked['claim']>>;
  let isRetry: boolean;
  try {
    const found = await ledger.messages.look(key, receiverId);
    if (found?.state === 'lost') {
      const why = 'the process that sent it was killed, so it may be missing; it is not sent again';
      log?.warn({ event: 'notification-lost', ...about, why }, `a message to ${about.receiver} is lost: ${why}`);
    }
    if (found?.state !== 'open') return undefined;
    ({ isRetry } = found);
    // Before the claim: a process that is killed while it reads has lost nothing.
    notification = await say(kinds);
    claim = await found.claim();
  } catch (error) {
    const why = (error as Error).message;
    log?.warn({ event: 'notification-failed', ...about, why }, `a message to ${about.receiver} was not sent: ${why}`);
    return undefined;
  }
  if (!claim) return undefined;
  const sending: Sending = { clock, milliseconds: Math.max(1, until - clock.ticks()), signal };
  // What it throws is a mistake of ours, and whether it was sent is not known.
  const delivery = await send(receiver, notification, sending).catch((error: unknown): Delivery => ({
    state: 'unknown',
    why: (error as Error).message,
    attempts: 1,
    again: false,
  }));
  if (delivery.state === 'sent') {
    const { status, attempts } = delivery;
    log?.info({ event: 'notification-sent', ...about, status, attempts }, `a message was sent to ${about.receiver}`);
    await claim.record({ state: 'sent', status });
    return { ...delivery, isRetry };
  }
  const { state, why, again, attempts } = delivery;
  const what = state === 'unknown' ? 'may not have arrived' : 'was not sent';
  const next = again ? '; the watch tries again' : '';
  log?.warn(
    { event: 'notification-failed', ...about, why, attempts, again },
    `a message to ${about.receiver} ${what}: ${why}${next}`,
  );
  await claim.record({ state, why, ...(again && { again }) });
  return { ...delivery, isRetry };
}

function namesOf(key: EventKey): Readonly<Record<string, string>> {
  switch (key.of) {
    case 'run':
      return { runId: key.runId };
    case 'not-begun':
      return {};
    case 'overdue':
      return { registry: key.registry };
  }
}
