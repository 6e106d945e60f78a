import type { Answer } from '../../../src/dev/emulator/answers.ts';
import type { Route } from '../../../src/dev/emulator/routes.ts';
import type { Process, World } from '../world/world.ts';

/** What goes wrong with one call to the registry. */
export interface Fault {
  /** Answered in the place of what the registry says. */
  readonly instead?: Answer;
  /** The registry has done it all the same. */
  readonly isDone?: boolean;
  readonly lost?: 'request' | 'answer';
  /** The client is not told that the connection is lost. */
  readonly isSilent?: boolean;
  /** Milliseconds. */
  readonly late?: number;
  readonly slow?: number;
}

/** A call of a process. */
export interface Call {
  readonly process: Process;
  readonly route: Route;
  readonly body: string;
  /** Of its draws. */
  readonly key: string;
}

/** What others do right after the registry has answered a call, and what goes wrong with that call meanwhile. */
export interface Meanwhile {
  readonly fault: Fault;
  readonly happens: () => void;
}

/** For so long calls are refused, where they are refused for a while. */
const LASTING_MS = 8_000;

/** Draws what goes wrong on the way to the registry, in it, and on the way back. */
export class Faults {
  readonly #world: World;
  /** What is refused in some seconds: `calls`, `reads`, `changes` or `none`. */
  readonly #lasting = new Map<string, string>();

  constructor(world: World) {
    this.#world = world;
  }

  /** @param key of the call, @param words for the story, @param isAlive its process, which may have sent it last of all */
  draw(key: string, route: Route, words: string, isAlive = true): Fault {
    const world = this.#world;
    const { draws } = world;
    const { kind } = route;
    // What was sent right before its process was killed may be carried out while another one looks.
    if (!isAlive && draws.happens('slow', `last ${key}`, 0.5)) return { slow: 1_500 };
    if (kind === 'token' || kind === 'exchange') return {};
    // For some seconds a kind of call is refused each time.
    if (this.#lasts('throttle', 0.06, route)) return { instead: throttled(draws.number(`wait ${key}`)) };
    if (draws.happens('throttle', `throttle ${key}`, 0.02)) {
      const instead = throttled(draws.number(`wait ${key}`));
      world.tell(`${words} is answered 429, Retry-After: ${instead.headers?.['Retry-After'] ?? 'none'}`);
      return { instead };
    }
    if (this.#lasts('forbidden', 0.02, route)) return { instead: refused(403, 'DENIED') };
    // One manifest that cannot be read, whatever is tried.
    if (kind === 'read-manifest' && draws.happens('unreadable', `unreadable ${route.reference ?? ''}`, 0.03)) {
      const status = draws.pick(`status ${route.reference ?? ''}`, [403, 500]);
      world.tell(`${words} is answered ${status}`);
      return { instead: refused(status, status === 403 ? 'DENIED' : 'UNAVAILABLE') };
    }
    if (draws.happens('token', `token ${key}`, 0.01)) {
      world.tell(`${words} is answered 401`);
      return { instead: refused(401, 'UNAUTHORIZED') };
    }
    if (draws.happens('error', `error ${key}`, 0.015)) {
      const status = draws.pick(`status ${key}`, [500, 502, 503, 504]);
      const isDone = draws.number(`done ${key}`) < 0.5;
      world.tell(`${words} is answered ${status}, ${isDone ? 'after it was done' : 'and not done'}`);
      return { instead: refused(status, 'UNAVAILABLE', draws.number(`wait ${key}`) < 0.3 ? '3' : undefined), isDone };
    }
    for (const lost of ['request', 'answer'] as const) {
      if (!draws.happens(`lost-${lost}`, `lost ${lost} ${key}`, 0.01)) continue;
      const isSilent = draws.number(`silent ${key}`) < 0.3;
      world.tell(`the ${lost} of ${words} is lost${isSilent ? ', and the connection stays open' : ''}`);
      return { lost, isSilent };
    }
    if (draws.happens('late-answer', `late ${key}`, 0.005)) {
      const late = 30_000 + draws.index(`how late ${key}`, 240_000);
      world.tell(`the answer to ${words} comes ${Math.round(late / 1000)} s late`);
      return { late };
    }
    if (draws.happens('slow', `slow ${key}`, 0.03)) return { slow: 200 + draws.index(`how slow ${key}`, 6_000) };
    return {};
  }

  /** Whether calls of this kind are refused in these seconds. */
  #lasts(kind: 'throttle' | 'forbidden', rate: number, { method }: Route): boolean {
    const { draws, elapsed } = this.#world;
    const key = `${kind} lasting ${Math.floor(elapsed / LASTING_MS)}`;
    let about = this.#lasting.get(key);
    if (about === undefined) {
      about = draws.happens(kind, key, rate) ? draws.pick(`about ${key}`, ['calls', 'reads', 'changes']) : 'none';
      this.#lasting.set(key, about);
      if (about !== 'none')
        this.#world.tell(`all ${about} are answered ${kind === 'throttle' ? 429 : 403} for some seconds`);
    }
    return about === 'calls' || about === (method === 'GET' ? 'reads' : 'changes');
  }
}

export function refused(status: number, code: string, retryAfter?: string): Answer {
  return {
    status,
    headers: { 'Content-Type': 'application/json', ...(retryAfter !== undefined && { 'Retry-After': retryAfter }) },
    body: JSON.stringify({ errors: [{ code, message: code.toLowerCase() }] }),
  };
}

/** As services and what stands before them say how long to wait, in every form that clients have met. */
const WAITS: readonly [string | undefined, ...(string | undefined)[]] = [
  undefined,
  '0',
  '1',
  '10',
  '45',
  '3600',
  '-1',
  '1.5',
  'soon',
  '',
  'Sun, 01 Mar 2026 01:05:00 GMT',
  'Sun, 01 Mar 2099 01:00:00 GMT',
];

function throttled(drawn: number): Answer {
  return refused(429, 'TOOMANYREQUESTS', WAITS[Math.floor(drawn * WAITS.length)]);
}
