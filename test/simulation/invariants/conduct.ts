import { LOOK_VALID_MILLISECONDS } from '../../../src/registry/look.ts';
import type { Route } from '../../../src/dev/emulator/routes.ts';
import { patchOf } from '../registry/patch.ts';
import { short } from '../registry/registry.ts';
import { inWords } from './wanted.ts';
import type { Process } from '../world/world.ts';

/** A lock as a process has taken it. */
interface Taken {
  readonly process: Process;
  /** Who shares it, or its holder alone. */
  readonly by: string;
  readonly askedAt: number;
  /** When the process knew that it has it. */
  readonly at: number;
}

/** A deletion, or what makes something unreadable, as it was sent. All times are true times. */
export interface Sent {
  readonly process: Process;
  readonly repository: string;
  /** `:v1` or `@sha256:…` */
  readonly key: string;
  readonly at: number;
  /** What the clock of the process said then. */
  readonly clock: number;
  readonly isDeleting: boolean;
  /** When the process took the lock of the repository, or, where it has none, of the registry. */
  readonly lockedAt: number;
}

/** How long a connection was asked to wait, and what it sent all the same. */
interface Wait {
  readonly until: number;
  calls: number;
}

/** What a process has to keep to. */
export interface Terms {
  /** The locks that it must have to delete in a repository: of the registry, and where workers share a run, of the repository. */
  readonly locksFor: (process: Process, repository: string) => readonly string[];
}

/** A lock that is lost is noticed a little later than it is taken by another process: a request may be on its way to its connection. */
const GRACE_MS = 100;

/** Calls that may have had their turn before the answer came: they fetched a token meanwhile, or were sent again with one. */
const UNDER_WAY = 12;

/** After its time a run still sends what has its turn. */
const OVERTIME_MS = 1_000;

/** The product waits no longer, whatever it is told. */
const LONGEST_WAIT_MS = 120_000;

/**
 * Judges each deletion, and what makes something unreadable, at the moment at which it is written to its connection: by the look that it rests on, by the locks that
 * its process has, and by the time that its run may take. And each call, by whether the registry has asked to wait.
 */
export class Conduct {
  /** In words, what was wrong. */
  readonly problems = new Set<string>();
  readonly sent: Sent[] = [];
  readonly #terms: Terms;
  /** When a process last asked for an artifact, or a list that it is on. */
  readonly #looks = new Map<Process, Map<string, number>>();
  readonly #locks = new Map<string, Taken[]>();
  /** Until when a connection was asked to wait with a kind of calls. */
  readonly #waits = new Map<object, Map<string, Wait>>();
  /** When the time is over that runs which a process begins may take. */
  readonly #budgets = new Map<Process, number>();

  constructor(terms: Terms) {
    this.#terms = terms;
  }

  /** A process begins with a run that has so much time from when it has its lock. */
  allow(process: Process, milliseconds: number): void {
    this.#budgets.set(process, Math.max(milliseconds, this.#budgets.get(process) ?? 0));
  }

  /** A process has a lock now. @returns to be called once it gives the lock back */
  took(process: Process, name: string, about: Pick<Taken, 'by' | 'askedAt' | 'at'>): () => void {
    const all = this.#locks.get(name) ?? [];
    this.#locks.set(name, all);
    const one: Taken = { process, ...about };
    all.push(one);
    return () => {
      const nth = all.indexOf(one);
      if (nth >= 0) all.splice(nth, 1);
    };
  }

  /** A request is written to its connection. */
  sends(process: Process, connection: object, route: Route, body: string, now: number): void {
    const { kind, method, repository } = route;
    const wait = this.#waits.get(connection)?.get(queueOf(route));
    if (wait && now < wait.until - GRACE_MS && (wait.calls += 1) > UNDER_WAY)
      this.#wrong(
        process,
        route,
        `was sent ${inWords(wait.until - now)} before the registry was ready, as it had said`,
      );
    if (repository === undefined) return;
    const looks = this.#looks.get(process) ?? new Map<string, number>();
    this.#looks.set(process, looks);
    if (method === 'GET') looks.set(placeOf(route), now);
    const patch = patchOf({ route, body });
    if (method === 'DELETE' || patch === 'takes a lock off' || patch === 'hides')
      this.#checkLook(process, route, looks, now);
    const isDeleting = kind === 'delete-tag' || kind === 'delete-manifest';
    // A run does that for another one as well, which had more than this lock.
    if (patch === 'shows') this.#checkLocks(process, repository, route, now, 1);
    if (!isDeleting && patch !== 'hides') return;
    const lockedAt = this.#checkLocks(process, repository, route, now);
    const { reference = '' } = route;
    const key = reference.includes(':') ? `@${reference}` : `:${reference}`;
    const clock = process.system.clock.now();
    this.sent.push({ process, repository, key, at: now, clock, lockedAt, isDeleting });
  }

  /** An answer came. */
  answered(connection: object, route: Route, status: number, retryAfter: string | undefined, now: number): void {
    if (status !== 429 || retryAfter === undefined || !/^\d+$/.test(retryAfter)) return;
    const waits = this.#waits.get(connection) ?? new Map<string, Wait>();
    this.#waits.set(connection, waits);
    const before = waits.get(queueOf(route));
    const until = now + Math.min(LONGEST_WAIT_MS, Number(retryAfter) * 1_000);
    waits.set(queueOf(route), {
      until: Math.max(until, before?.until ?? 0),
      calls: before && now < before.until ? before.calls : 0,
    });
  }

  #checkLook(process: Process, route: Route, looks: ReadonlyMap<string, number>, now: number): void {
    const isTag = route.reference?.includes(':') === false;
    const lists = [isTag ? 'list-tags' : 'list-manifests', isTag ? 'tag-properties' : 'manifest-properties'];
    const places = lists.map((kind) => `${kind} ${route.repository ?? ''}`);
    const last = Math.max(...places.flatMap((place) => [looks.get(place), looks.get(`${place} ${route.reference ?? ''}`)].map((at) => at ?? -Infinity))); // prettier-ignore
    if (now - last > LOOK_VALID_MILLISECONDS)
      this.#wrong(process, route, `was sent ${inWords(now - last)} after the last look at it`);
  }

  /** @returns when it took the last of its locks */
  #checkLocks(process: Process, repository: string, route: Route, now: number, most = Infinity): number {
    let lockedAt = -Infinity;
    for (const name of this.#terms.locksFor(process, repository).slice(0, most)) {
      const all = this.#locks.get(name) ?? [];
      const own = all.findLast((one) => one.process === process);
      if (!own) {
        this.#wrong(process, route, `was sent without the lock ${name}`);
        continue;
      }
      const other = all.find(
        (one) => one.by !== own.by && one.process.isAlive && one.askedAt > own.askedAt && one.at < now - GRACE_MS,
      );
      if (other) this.#wrong(process, route, `was sent after ${other.process.name} had taken the lock ${name}`);
      lockedAt = Math.max(lockedAt, own.at);
    }
    const over = lockedAt + (this.#budgets.get(process) ?? Infinity) + OVERTIME_MS;
    if (now > over) this.#wrong(process, route, `was sent ${inWords(now - over)} after the time of its run was over`);
    return lockedAt;
  }

  #wrong(process: Process, { kind, repository = '', reference = '' }: Route, what: string): void {
    this.problems.add(`${repository} ${short(reference)}: ${kind} by ${process.name} ${what}`);
  }
}

function placeOf({ kind, repository = '', reference }: Route): string {
  return reference === undefined ? `${kind} ${repository}` : `${kind} ${repository} ${reference}`;
}

/** What a registry limits by itself. */
function queueOf({ kind, method }: Route): string {
  if (kind === 'token' || kind === 'exchange' || kind === 'referrers') return kind;
  return method === 'GET' ? 'reads' : method;
}
