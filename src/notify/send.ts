import { Agent, type Dispatcher, EnvHttpProxyAgent, request } from 'undici';
import { addAddressesIn } from '../ledger/redact/environment.ts';
import { secrets } from '../ledger/redact/known.ts';
import { redact } from '../ledger/redact/redact.ts';
import type { Receiver } from '../policy/notify.ts';
import { type Clock, inTime } from '../registry/clock.ts';
import type { Notification } from '../report/notification.ts';
import { CLOUD_EVENT_TYPE, cloudEvent } from './cloud-events.ts';
import { slackMessage } from './slack.ts';
import { teamsMessage } from './teams.ts';
import { plain } from './text.ts';

/** What came of sending a message. No word of it names the address. */
export type Delivery =
  | { readonly state: 'sent'; readonly status: number; readonly attempts: number }
  | {
      /** `failed`: it was certainly not taken. `unknown`: it may have been. */
      readonly state: 'failed' | 'unknown';
      readonly why: string;
      readonly attempts: number;
      /** The same message may be sent again, and may be taken then. */
      readonly again: boolean;
    };

export interface Sending {
  readonly clock: Clock;
  /** How long all attempts may take together, with the pauses between them. */
  readonly milliseconds: number;
  /** Aborted where the process is about to end. */
  readonly signal?: AbortSignal | undefined;
}

/** What one attempt came to. */
type Attempt = Delivery & { readonly pauseMilliseconds?: number };

const ATTEMPT_MS = 10_000;
const MOST_ATTEMPTS = 5;

/** The pause after the first attempt. It doubles each time. */
const FIRST_PAUSE_MS = 500;

/** Of an answer no more is read: enough for what a receiver says is wrong. */
const MOST_ANSWER_BYTES = 1_000;
const LONGEST_ANSWER = 120;

/** By which a request certainly did not arrive. */
const NOT_SENT =
  /^(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|EPROTO|ERR_(?:TLS|SSL)_\w+|\w*CERT\w*|UNABLE_TO_\w+)$/;

/** Answers by which a receiver says that it did not take the message, and may do so later. */
const NOT_TAKEN: readonly number[] = [408, 425, 429, 500, 503];

/**
 * Sends a message, several times where that is needed and safe. A chat would show a message twice, so it is sent again only
 * where it was certainly not taken. A receiver of CloudEvents can tell a repetition by its id, so it is sent again after
 * every failure that may pass.
 *
 * A loop of its own, and no client's retries: those of undici and of the Azure SDK send again whatever had no answer, and
 * wait by the system's timers.
 */
export async function send(
  receiver: Receiver,
  notification: Notification,
  { clock, milliseconds, signal }: Sending,
): Promise<Delivery> {
  // An error or an answer may repeat it.
  addAddressesIn(receiver.address);
  const until = clock.ticks() + milliseconds;
  const body = JSON.stringify(bodyFor(receiver, notification));
  for (let attempts = 1; ; attempts += 1) {
    const left = Math.min(ATTEMPT_MS, until - clock.ticks());
    const { pauseMilliseconds, ...came } = await attempt(receiver, body, { clock, milliseconds: left, signal });
    const delivery = { ...came, attempts };
    const pause = Math.max(pauseMilliseconds ?? 0, FIRST_PAUSE_MS * 2 ** (attempts - 1));
    const isOver = delivery.state === 'sent' || !delivery.again || attempts === MOST_ATTEMPTS;
    if (isOver || signal?.aborted || clock.ticks() + pause >= until) return delivery;
    await clock.sleep(pause, signal);
    if (signal?.aborted) return delivery;
  }
}

function bodyFor({ kind }: Receiver, notification: Notification): unknown {
  switch (kind) {
    case 'teams':
      return teamsMessage(notification);
    case 'slack':
      return slackMessage(notification);
    case 'cloudevents':
      return cloudEvent(notification);
  }
}

/** Connections are not kept: there are minutes between two messages, and a command ends after its last. */
const OPTIONS = { connect: { timeout: 5_000 }, headersTimeout: 0, bodyTimeout: 0, pipelining: 0 } as const;

async function attempt(receiver: Receiver, body: string, ends: Sending): Promise<Attempt> {
  const { kind, address } = receiver;
  const canRepeat = kind === 'cloudevents';
  const isLocal = address.startsWith('http:');
  const dispatcher: Dispatcher = isLocal ? new Agent(OPTIONS) : new EnvHttpProxyAgent(OPTIONS);
  try {
    return await inTime({ ...ends, signal: ends.signal }, async (until, late) => {
      try {
        return await exchange(address, { kind, body, dispatcher, signal: until }, ends.clock);
      } catch (error) {
        const code = codeOf(error);
        if (NOT_SENT.test(code))
          return { state: 'failed', why: `it cannot be reached (${code})`, again: true, attempts: 1 };
        const why = late.aborted
          ? `it did not answer within ${Math.round(ends.milliseconds / 1000)} s`
          : ends.signal?.aborted
            ? 'the process ended before it answered'
            : `the connection broke off before it answered (${code})`;
        return { state: 'unknown', why, again: canRepeat, attempts: 1 };
      }
    });
  } finally {
    // Destroyed, and not closed: a receiver that hangs would keep it open.
    await dispatcher.destroy().catch(() => undefined);
  }
}

interface Posted {
  readonly kind: Receiver['kind'];
  readonly body: string;
  readonly dispatcher: Dispatcher;
  readonly signal: AbortSignal;
}

async function exchange(address: string, { kind, body, dispatcher, signal }: Posted, clock: Clock): Promise<Attempt> {
  const answer = await request(address, {
    method: 'POST',
    headers: { 'content-type': kind === 'cloudevents' ? CLOUD_EVENT_TYPE : 'application/json; charset=utf-8' },
    body,
    dispatcher,
    signal,
  });
  const { statusCode: status, headers } = answer;
  const said = await beginningOf(answer.body);
  if (status >= 200 && status < 300) return { state: 'sent', status, attempts: 1 };
  if (status >= 300 && status < 400)
    // Where it points was not chosen by the owner of the app.
    return failed(`it answered ${status}, and a redirect is not followed`, false);
  const why = `it answered ${status}${said === '' ? '' : `: ${said}`}`;
  if (NOT_TAKEN.includes(status)) {
    const pauseMilliseconds = retryAfter(headers['retry-after'], clock);
    return { ...failed(why, true), ...(pauseMilliseconds !== undefined && { pauseMilliseconds }) };
  }
  // A gateway that had no answer does not know whether the message arrived behind it.
  if (status >= 500) return { state: 'unknown', why, again: kind === 'cloudevents', attempts: 1 };
  return failed(why, false);
}

function failed(why: string, again: boolean): Attempt {
  return { state: 'failed', why, again, attempts: 1 };
}

/** How an answer begins, as it may be shown: it comes from outside, and may repeat the address. */
async function beginningOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const piece of body) {
      pieces.push(piece);
      if ((bytes += piece.length) >= MOST_ANSWER_BYTES) break;
    }
  } catch {
    // The status says it all.
  }
  const text = Buffer.concat(pieces).toString('utf8', 0, MOST_ANSWER_BYTES);
  return plain(redact(secrets.redactAnswer(text)).replace(/\s+/g, ' ').trim(), LONGEST_ANSWER);
}

/** Milliseconds that a receiver asks to wait; `undefined` where it does not say. */
function retryAfter(header: string | string[] | undefined, clock: Clock): number | undefined {
  const text = String(header ?? '').trim();
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.max(0, at - clock.now());
}

function codeOf(error: unknown): string {
  const { code } = error as { readonly code?: unknown };
  return typeof code === 'string' && /^\w{1,60}$/.test(code) ? code : 'no code';
}
