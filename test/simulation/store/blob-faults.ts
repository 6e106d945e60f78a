import type { Draws } from '../world/draws.ts';
import type { Operation } from './blob-requests.ts';
import { Refusal } from './blob-requests.ts';

/** How a request and its answer travel, and what happens to them on the way. */
export interface Journey {
  /** Milliseconds until the request arrives. */
  readonly there: number;
  /** Milliseconds until the answer is back. */
  readonly back: number;
  /** Absent: nothing goes wrong. */
  readonly fault?: Fault;
}

export type Fault =
  /** The service answers that it cannot do it. `isDone`: it has done it all the same. */
  | { readonly kind: 'answers'; readonly refusal: Refusal; readonly isDone: boolean }
  /** The service has too much to do, for this and all other requests of some time. */
  | { readonly kind: 'busy'; readonly milliseconds: number }
  /** The account refuses requests for some time. */
  | { readonly kind: 'closed'; readonly closed: Closed; readonly milliseconds: number }
  /** The connection is lost; or nothing arrives any more and it stays open. */
  | { readonly kind: 'lost'; readonly isDone: boolean; readonly isSilent: boolean }
  /** The connection is lost in the middle of the answer's body. */
  | { readonly kind: 'cut' }
  | { readonly kind: 'slow' }
  /** What is appended does not arrive for some time, in the middle of a line; or its process is killed there. */
  | { readonly kind: 'torn'; readonly milliseconds: number; readonly isKilled: boolean };

/** Why an account refuses requests, in the service's words. */
export interface Closed {
  readonly code: string;
  readonly message: string;
  /** Reads, too. */
  readonly isWhole: boolean;
}

const CLOSED: readonly [Closed, ...Closed[]] = [
  // The role that may write was taken away.
  {
    code: 'AuthorizationPermissionMismatch',
    message: 'This request is not authorized to perform this operation using this permission.',
    isWhole: false,
  },
  // A rule of its firewall.
  {
    code: 'AuthorizationFailure',
    message: 'This request is not authorized to perform this operation.',
    isWhole: true,
  },
  // The key was rotated.
  {
    code: 'AuthenticationFailed',
    message: 'Server failed to authenticate the request.',
    isWhole: true,
  },
  // The subscription was not paid for.
  { code: 'AccountIsDisabled', message: 'The specified account is disabled.', isWhole: true },
];

export const busy = (): Refusal => new Refusal(503, 'ServerBusy', 'The server is busy.');

/** What the service answers with 500. The documentation says of the second that it may have been done. */
const ERRORS: readonly [Refusal, ...Refusal[]] = [
  new Refusal(500, 'InternalError', 'The server encountered an internal error. Please retry the request.'),
  new Refusal(500, 'OperationTimedOut', 'Operation could not be completed within the specified time.'),
];

/** How often it happens, of so many requests. */
const RATES = { error: 1 / 200, lost: 1 / 200, slow: 1 / 300, full: 1 / 1000, torn: 1 / 20 } as const;

export interface Drawn {
  readonly operation: Operation;
  /** It appends to what ends in the middle of a line. */
  readonly tears: boolean;
  /** Calls of this kind take seconds just now. */
  readonly isSlow: boolean;
}

/** @param key of the request: `store a write 3` */
export function journeyOf(draws: Draws, key: string, { operation, tears, isSlow }: Drawn): Journey {
  const between = (what: string, least: number, most: number): number =>
    Math.round(least + draws.number(`${key} ${what}`) * (most - least));
  const chance = (what: string): number => draws.number(`${key} ${what}`);
  const journey = { there: between('there', 5, 20), back: between('back', 5, 20) };

  if (draws.happens('store-full', `${key} full`, RATES.full)) {
    // Some end while the client still tries, some after all that it would wait for.
    const milliseconds = Math.round(1000 * 600 ** chance('closed for'));
    return { ...journey, fault: { kind: 'closed', closed: draws.pick(`${key} closed`, CLOSED), milliseconds } };
  }
  if (tears && draws.happens('torn-write', `${key} torn`, RATES.torn))
    return {
      ...journey,
      fault: { kind: 'torn', milliseconds: between('torn for', 1000, 120_000), isKilled: chance('torn how') < 0.4 },
    };
  if (draws.happens('store-error', `${key} error`, RATES.error)) {
    const drawn = chance('error how');
    if (drawn < 0.25) return { ...journey, fault: { kind: 'busy', milliseconds: between('busy for', 1000, 60_000) } };
    if (drawn < 0.5) return { ...journey, fault: { kind: 'answers', refusal: busy(), isDone: false } };
    return { ...journey, fault: { kind: 'answers', refusal: draws.pick(`${key} 500`, ERRORS), isDone: drawn < 0.75 } };
  }
  if (draws.happens('store-lost-answer', `${key} lost`, RATES.lost)) {
    const drawn = chance('lost how');
    if (operation === 'read' && drawn < 0.3) return { ...journey, fault: { kind: 'cut' } };
    return { ...journey, fault: { kind: 'lost', isDone: drawn < 0.75, isSilent: chance('silent') < 0.3 } };
  }
  if (draws.happens('store-slow', `${key} slow`, isSlow ? 1 : RATES.slow)) {
    const whole = between('slow for', 500, 30_000);
    // The way there may take the time, or the way back: with the first it is done after the client has given up.
    const there = Math.round(whole * draws.pick(`${key} slow where`, [0, 0.5, 1]));
    const fault = { kind: 'slow' } as const;
    return { there: journey.there + there, back: journey.back + whole - there, fault };
  }
  return journey;
}
