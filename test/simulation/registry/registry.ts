import { Dispatcher } from 'undici';
import type { Answer } from '../../../src/dev/emulator/answers.ts';
import { newEmulator, type UnservedEmulator } from '../../../src/dev/emulator/emulator.ts';
import { type Route, routeOf } from '../../../src/dev/emulator/routes.ts';
import type { RegistryState } from '../../../src/dev/emulator/index.ts';
import { digestOf } from '../../../src/dev/emulator/manifests.ts';
import type { Attributes } from '../../../src/dev/emulator/types.ts';
import type { Conduct } from '../invariants/conduct.ts';
import { Controller, respond } from './controller.ts';
import { type Patch, patchOf } from './patch.ts';
import { type Call, type Fault, Faults, type Meanwhile } from './faults.ts';
import { History, type What } from '../invariants/history.ts';
import { BEGINNING, type Process, type World } from '../world/world.ts';

/** The registry of all stories. */
export const HOST = '127.0.0.1:5000';
export const USER = { username: 'simulated', password: 'not-a-secret' } as const;

/** A request of a process. */
interface Made {
  readonly process: Process;
  readonly route: Route;
  readonly body: string;
  /** True time at which it was written to the connection. */
  readonly sentAt: number;
}

export interface RegistryOptions {
  readonly state: RegistryState;
  readonly pageSize: number;
  /** A change of attributes moves the time of the last update. */
  readonly patchMovesTime?: boolean | undefined;
  /** The run that a process changes something for, as far as it has announced that. */
  readonly runOf: (process: Process, repository: string, key: string, patch: Patch | undefined) => string | undefined;
  readonly conduct?: Conduct | undefined;
  /** What others do right after a call. */
  readonly between?: ((call: Call) => Meanwhile | undefined) | undefined;
  /** Seconds that an access token lives. */
  readonly tokenLife?: number | undefined;
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
  /** What a process has asked for last. */
  asked: { readonly repository: string; readonly reference: string | undefined } | undefined;
  /** Everything that was changed, by processes and by others. */
  readonly history: History;
  readonly #counts = new Map<Process, number>();
  readonly #faults: Faults;
  readonly #pace: number;
  readonly #patchMovesTime: boolean;
  readonly #runOf: RegistryOptions['runOf'];
  readonly #conduct: Conduct | undefined;
  readonly #between: (call: Call) => Meanwhile | undefined;

  constructor(
    world: World,
    { state, pageSize, tokenLife = 4_500, runOf, conduct, between, patchMovesTime = false }: RegistryOptions,
  ) {
    const options = { repositories: state, basic: USER, start: new Date(BEGINNING), now: () => world.now };
    const { emulator, answers, identityToken } = newEmulator(
      { ...options, pageSizeLimit: pageSize, tokenLifeSeconds: tokenLife, patchMovesTime },
      () => HOST,
    );
    this.identityToken = identityToken;
    this.contents = emulator;
    this.#answers = answers;
    this.#world = world;
    // In a slow registry seconds pass between a plan and its deletions, in which others have their turn.
    this.#patchMovesTime = patchMovesTime;
    this.#pace = world.draws.number('pace of the registry') < 0.2 ? 40 : 1;
    this.#runOf = runOf;
    this.#conduct = conduct;
    this.#between = between ?? (() => undefined);
    this.#faults = new Faults(world);
    this.history = new History(state, BEGINNING);
  }

  // What other clients do. Each is recorded.
  push(repository: string, body: string, tag?: string): void {
    const digest = this.contents.push(repository, body);
    this.#byOthers(repository, { kind: 'push', digest, body });
    if (tag !== undefined) this.tag(repository, tag, digest);
  }

  tag(repository: string, tag: string, digest: string): void {
    this.contents.tag(repository, tag, digest);
    this.#byOthers(repository, { kind: 'tag', tag, digest });
  }

  untag(repository: string, tag: string): void {
    this.contents.untag(repository, tag);
    this.#byOthers(repository, { kind: 'delete-tag', tag });
  }

  /** Also its tags and its referrers. */
  remove(repository: string, digest: string): void {
    this.contents.remove(repository, digest);
    this.#byOthers(repository, { kind: 'delete-manifest', digest });
  }

  removeAll(repository: string): void {
    const digests = (): readonly string[] =>
      (this.contents.repositories()[repository]?.manifests ?? []).map(({ body }) => digestOf(body));
    for (let [digest] = digests(); digest !== undefined; [digest] = digests()) this.contents.remove(repository, digest);
    this.#byOthers(repository, { kind: 'delete-repository' });
  }

  /** Changes attributes of a tag, a manifest or the repository. */
  change(repository: string, reference: string | undefined, attributes: Attributes): void {
    this.contents.lock(repository, reference, attributes);
    this.#byOthers(repository, { kind: 'attributes', ...this.#attributes(repository, reference) });
  }

  #byOthers(repository: string, what: What): void {
    this.history.record({ at: this.#world.now, by: 'others', repository, ...what });
  }

  #attributes(repository: string, reference: string | undefined) {
    const { manifests = [], tags = [], locked = {} } = this.contents.repositories()[repository] ?? {};
    if (reference === undefined) return { attributes: locked };
    if (reference.includes(':'))
      return {
        digest: reference,
        attributes: manifests.find(({ body }) => digestOf(body) === reference)?.locked ?? {},
      };
    return { tag: reference, attributes: tags.find(({ name }) => name === reference)?.locked ?? {} };
  }

  /** Records what a process has changed. */
  #byProcess({ process, route, body, sentAt }: Made): void {
    const { kind, repository = '', reference = '' } = route;
    const patch = patchOf({ route, body });
    const run = this.#runOf(process, repository, reference.includes(':') ? `@${reference}` : `:${reference}`, patch);
    const by = { process: process.name, sentAt, ...(run !== undefined && { run }) };
    const record = (what: What): void => {
      this.history.record({ at: this.#world.now, by, repository, ...what });
    };
    if (kind === 'delete-tag') record({ kind, tag: reference });
    else if (kind === 'delete-manifest') record({ kind, digest: reference });
    else {
      const isReadability = patch === 'hides' || patch === 'shows';
      const attributes = this.#attributes(repository, kind === 'other' ? undefined : reference);
      // What is made unreadable has its own time all the same: the run that did it knows that.
      const isMoved = this.#patchMovesTime && patch === 'shows';
      record({ kind: 'attributes', ...attributes, isReadability, isMoved });
    }
    if (patch === 'takes a lock off') this.#world.moment('lock off', process);
    if (patch === 'hides') this.#world.moment('hidden', process);
    if (patch === 'shows') this.#world.moment('shown', process);
  }

  now(): number {
    return this.#world.now;
  }

  /** The connections of a process. */
  dispatcher(process: Process): Dispatcher {
    const connection = {};
    const dispatch = (options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void => {
      const nth = (this.#counts.get(process) ?? 0) + 1;
      this.#counts.set(process, nth);
      void this.#exchange({ process, connection, nth, options, handler });
    };
    return new (class extends Dispatcher {
      override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
        dispatch(options, handler);
        return true;
      }
    })();
  }

  async #exchange({ process, connection, nth, options, handler }: Exchange): Promise<void> {
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
    const { repository, reference } = route;
    if (repository !== undefined) this.asked = { repository, reference };
    this.#conduct?.sends(process, connection, route, call.body, world.now);
    if (isChange(route)) world.moment('change sent', process);
    const meanwhile = this.#between({ ...call, key });
    const fault = meanwhile?.fault ?? this.#faults.draw(key, route, wordsFor(route, process), process.isAlive);
    // A registry does not make a change much later than it was asked to: the product waits two seconds for that.
    const there = fault.slow === undefined ? this.#pace * between('there', 2, 30) : Math.min(fault.slow, 1_500);
    const back = fault.slow ?? this.#pace * between('back', 2, 30);
    world.after(there, () => {
      void this.#answer(call, options, fault).then((answer) => {
        meanwhile?.happens();
        if (answer === 'never') return;
        world.after(fault.late ?? back, () => {
          told(() => {
            if (!(answer instanceof Error))
              this.#conduct?.answered(connection, route, answer.status, answer.headers?.['Retry-After'], world.now);
            respond(handler, controller, method, answer);
          });
        });
      });
    });
  }

  async #answer(call: Made, options: Dispatcher.DispatchOptions, fault: Fault): Promise<Answer | Error | 'never'> {
    const world = this.#world;
    if (fault.lost === 'request') return fault.isSilent ? 'never' : disconnected();
    world.moment('call', call.process);
    if (fault.instead && !fault.isDone) return fault.instead;
    const { method, path, headers } = options;
    const { authorization } = headers as Readonly<Record<string, string | undefined>>;
    const body = (): Promise<string> => Promise.resolve(call.body);
    const asked = { method, url: path, authorization, host: HOST, body };
    const answer = await this.#answers(asked);
    if (isChange(call.route)) {
      if (answer !== 'drop' && answer.status < 300) this.#byProcess(call);
      world.moment('change made', call.process);
    }
    if (fault.lost === 'answer') return fault.isSilent ? 'never' : disconnected();
    return fault.instead ?? (answer === 'drop' ? disconnected() : answer);
  }
}

const isChange = ({ method }: Route): boolean => method === 'DELETE' || method === 'PATCH';

interface Exchange {
  readonly process: Process;
  /** Of all calls that wait for each other. */
  readonly connection: object;
  readonly nth: number;
  readonly options: Dispatcher.DispatchOptions;
  readonly handler: Dispatcher.DispatchHandler;
}

function disconnected(): Error {
  return Object.assign(new Error('other side closed'), { code: 'UND_ERR_SOCKET' });
}

const WORDS: Readonly<Partial<Record<Route['kind'], string>>> = {
  catalog: 'the list of repositories',
  'list-tags': 'a list of the tags',
  'list-manifests': 'a list of the manifests',
  'delete-tag': 'the deletion of the tag',
  'delete-manifest': 'the deletion of the manifest',
};

/** What a call is, for the story: `a's deletion of the tag v1 in shop/app`. */
function wordsFor({ kind, method, repository, reference }: Route, process: Process): string {
  const what = WORDS[kind] ?? `${method} ${kind}`;
  const which = reference === undefined ? '' : ` ${short(reference)}`;
  return `${process.name}: ${what}${which}${repository === undefined ? '' : ` in ${repository}`}`;
}

export const short = (reference: string): string => reference.replace(/^(sha256:.{6}).*/, '$1');
