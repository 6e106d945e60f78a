import { Dispatcher } from 'undici';
import type { Answer } from '../../src/dev/emulator/answers.ts';
import { newEmulator, type UnservedEmulator } from '../../src/dev/emulator/emulator.ts';
import { type Route, routeOf } from '../../src/dev/emulator/routes.ts';
import type { RegistryState } from '../../src/dev/emulator/index.ts';
import { BEGINNING, type Process, type World } from './world.ts';

/** The registry of all stories. */
export const HOST = '127.0.0.1:5000';
export const USER = { username: 'simulated', password: 'not-a-secret' } as const;

/** A change by a process that the registry has made. */
export interface Made {
  readonly process: Process;
  readonly route: Route;
  readonly body: string;
  /** True time at which it was written to the connection. */
  readonly sentAt: number;
}

export interface RegistryOptions {
  readonly state: RegistryState;
  readonly pageSize: number;
  /** Seconds that an access token lives. */
  readonly tokenLife?: number | undefined;
  /** Told of a change that was asked for, once the registry has answered it to itself; 0: it answered nothing. */
  readonly onChange: (made: Made, status: number) => void;
}

/**
 * The embedded registry without sockets: what it answers comes later by the time of the world, and not always. Whatever is
 * between undici and the registry is part of it.
 */
export class RegistryService {
  readonly contents: UnservedEmulator['emulator'];
  /** A token of an identity that the registry knows. */
  readonly identityToken: () => string;
  readonly #world: World;
  readonly #answers: UnservedEmulator['answers'];
  readonly #onChange: RegistryOptions['onChange'];
  readonly #counts = new Map<Process, number>();
  readonly #lasting = new Map<string, string>();

  constructor(world: World, { state, pageSize, tokenLife = 4_500, onChange }: RegistryOptions) {
    const options = { repositories: state, basic: USER, start: new Date(BEGINNING), now: () => world.now };
    const { emulator, answers, identityToken } = newEmulator(
      { ...options, pageSizeLimit: pageSize, tokenLifeSeconds: tokenLife },
      () => HOST,
    );
    this.identityToken = identityToken;
    this.contents = emulator;
    this.#answers = answers;
    this.#world = world;
    this.#onChange = onChange;
  }

  now(): number {
    return this.#world.now;
  }

  /** The connections of a process. */
  dispatcher(process: Process): Dispatcher {
    const dispatch = (options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void => {
      const nth = (this.#counts.get(process) ?? 0) + 1;
      this.#counts.set(process, nth);
      void this.#exchange({ process, nth, options, handler });
    };
    return new (class extends Dispatcher {
      override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
        dispatch(options, handler);
        return true;
      }
    })();
  }

  async #exchange({ process, nth, options, handler }: Exchange): Promise<void> {
    const world = this.#world;
    const { draws } = world;
    const key = `registry ${process.name} ${nth}`;
    const between = (what: string, least: number, most: number): number =>
      least + draws.index(`${what} ${key}`, most - least + 1);
    const controller = new Controller(handler);
    const told = (tell: () => void): void => {
      process.deliver(() => {
        if (!controller.aborted) tell();
      });
    };
    // The connection is opened first, or one is free.
    await process.call(between('open', 0, 3), () => undefined, 0);
    try {
      handler.onRequestStart?.(controller, {});
    } catch (error) {
      handler.onResponseError?.(controller, error as Error);
      return;
    }
    if (controller.aborted) return;
    const { method, path } = options;
    const route = routeOf(method, path.split('?', 1)[0] ?? '') ?? { kind: 'other', method, path };
    const call = { process, route, body: typeof options.body === 'string' ? options.body : '', sentAt: world.now };
    process.doing = route.kind;
    if (isChange(route)) world.moment('change sent');
    const fault = this.#faultOf(key, route, wordsFor(route, process));
    // A registry does not make a change much later than it was asked to: the product waits two seconds for that.
    const there = fault.slow === undefined ? between('there', 2, 30) : Math.min(fault.slow, 1_500);
    const back = fault.slow ?? between('back', 2, 30);
    world.after(there, () => {
      void this.#answer(call, options, fault).then((answer) => {
        if (answer === 'never') return;
        world.after(fault.late ?? back, () => {
          told(() => {
            respond(handler, controller, method, answer);
          });
        });
      });
    });
  }

  async #answer(call: Made, options: Dispatcher.DispatchOptions, fault: Fault): Promise<Answer | Error | 'never'> {
    const world = this.#world;
    if (fault.lost === 'request') return fault.isSilent ? 'never' : disconnected();
    world.moment('call');
    if (fault.instead && !fault.isDone) return fault.instead;
    const { method, path, headers } = options;
    const { authorization } = headers as Readonly<Record<string, string | undefined>>;
    const body = (): Promise<string> => Promise.resolve(call.body);
    const asked = { method, url: path, authorization, host: HOST, body };
    const answer = await this.#answers(asked);
    if (isChange(call.route)) {
      this.#onChange(call, answer === 'drop' ? 0 : answer.status);
      world.moment('change made');
    }
    if (fault.lost === 'answer') return fault.isSilent ? 'never' : disconnected();
    return fault.instead ?? (answer === 'drop' ? disconnected() : answer);
  }

  #faultOf(key: string, route: Route, words: string): Fault {
    const world = this.#world;
    const { draws } = world;
    const { kind } = route;
    if (kind === 'token' || kind === 'exchange') return {};
    // For some seconds a kind of call is refused each time.
    if (this.#lasts('throttle', 0.06, route)) return { instead: throttled(draws.number(`wait ${key}`)) };
    if (draws.happens('throttle', `throttle ${key}`, 0.02)) {
      const instead = throttled(draws.number(`wait ${key}`));
      world.tell(`${words} is answered 429, Retry-After: ${instead.headers?.['Retry-After'] ?? 'none'}`);
      return { instead };
    }
    if (this.#lasts('forbidden', 0.02, route)) return { instead: refused(403, 'DENIED') };
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

const LASTING_MS = 8_000;

const isChange = ({ kind, method }: Route): boolean => method !== 'GET' && method !== 'HEAD' && kind !== 'token';

interface Exchange {
  readonly process: Process;
  readonly nth: number;
  readonly options: Dispatcher.DispatchOptions;
  readonly handler: Dispatcher.DispatchHandler;
}

interface Fault {
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

class Controller implements Dispatcher.DispatchController {
  readonly paused = false;
  reason: Error | null = null;
  readonly #handler: Dispatcher.DispatchHandler;

  constructor(handler: Dispatcher.DispatchHandler) {
    this.#handler = handler;
  }

  get aborted(): boolean {
    return this.reason !== null;
  }

  abort(error: Error): void {
    if (this.reason) return;
    this.reason = error;
    queueMicrotask(() => this.#handler.onResponseError?.(this, error));
  }

  pause(): void {
    // Answers come whole.
  }

  resume(): void {
    // The same.
  }
}

function respond(
  handler: Dispatcher.DispatchHandler,
  controller: Controller,
  method: string,
  answer: Answer | Error,
): void {
  if (answer instanceof Error) {
    handler.onResponseError?.(controller, answer);
    return;
  }
  const { status, headers = {}, body } = answer;
  const named = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const);
  handler.onResponseStart?.(controller, status, Object.fromEntries(named));
  if (body !== undefined && method !== 'HEAD') handler.onResponseData?.(controller, Buffer.from(body));
  handler.onResponseEnd?.(controller, {});
}

function disconnected(): Error {
  return Object.assign(new Error('other side closed'), { code: 'UND_ERR_SOCKET' });
}

function refused(status: number, code: string, retryAfter?: string): Answer {
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

const WORDS: Readonly<Partial<Record<Route['kind'], string>>> = {
  catalog: 'the list of repositories',
  'list-tags': 'a list of the tags',
  'list-manifests': 'a list of the manifests',
  'delete-tag': 'the deletion of the tag',
  'delete-manifest': 'the deletion of the manifest',
};

/** What a call is, for the story: `a's deletion of the tag v1 in shop/app`. */
export function wordsFor({ kind, method, repository, reference }: Route, process: Process): string {
  const what = WORDS[kind] ?? `${method} ${kind}`;
  const which = reference === undefined ? '' : ` ${short(reference)}`;
  return `${process.name}: ${what}${which}${repository === undefined ? '' : ` in ${repository}`}`;
}

export const short = (reference: string): string => reference.replace(/^(sha256:.{6}).*/, '$1');
