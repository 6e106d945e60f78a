import host from '../../../host.json' with { type: 'json' };
import type { Timer } from '../../../src/registry/clock.ts';
import type { Process, World } from '../world/world.ts';

/** Executes activities by name. */
export type Activities = Readonly<Record<string, (input: never) => Promise<unknown>>>;

/** A process that takes work. */
export interface Worker {
  readonly process: Process;
  readonly activities: Activities;
  /** Activities that it executes. */
  busy: number;
}

/** A piece of work that a worker has taken. */
export interface Taken {
  readonly item: Item;
  readonly worker: Worker;
  /** Which of the times that it was taken. An older one is not valid any more. */
  readonly receipt: number;
}

export interface Work {
  /** Names its draws. */
  readonly key: string;
  readonly kind: 'activity' | 'step';
  readonly begin: (taken: Taken) => void;
}

interface Item extends Work {
  receipt: number;
  /** When it is taken, or becomes visible again. */
  next: Timer | undefined;
}

const { storageProvider } = host.extensions.durableTask;

/** Until work that was taken, and was not renewed since, is visible again; for activities and orchestrators alike. */
export const INVISIBLE_MS = millisecondsOf(storageProvider.workItemQueueVisibilityTimeout);

/** The Durable Task Framework renews what a worker executes every 30 seconds, whatever the timeout is. */
export const RENEWED_EVERY_MS = 30_000;

/** Until a worker finds work that has become visible, at most. */
const POLLING_MS = 500;

/** Activities that a process executes at a time. Fewer than deployed, so that work waits more often. */
const ACTIVITIES_AT_A_TIME = 4;

/**
 * Work that waits for a worker, as the queues of Azure Storage have it: what a worker has taken is invisible to the others
 * for a while, and is there again unless the worker has renewed or removed it. So everything is done at least once.
 */
export class WorkItems {
  readonly #world: World;
  readonly #items = new Set<Item>();
  /** Visible, but no worker is free. */
  readonly #waiting = new Set<Item>();
  readonly #asked = new Set<Worker>();
  #workers: Worker[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  get isEmpty(): boolean {
    return this.#items.size === 0;
  }

  join(process: Process, activities: Activities): void {
    this.#workers.push({ process, activities, busy: 0 });
    this.look();
  }

  add(work: Work): void {
    const item: Item = { ...work, receipt: 0, next: undefined };
    this.#items.add(item);
    this.#offer(item);
  }

  /** Whether no other worker has taken it since. */
  isCurrent({ item, receipt }: Taken): boolean {
    return this.#items.has(item) && item.receipt === receipt;
  }

  /** Keeps it invisible for longer. Fails, without an error, where another worker has taken it. */
  renew(taken: Taken): void {
    if (this.isCurrent(taken)) this.#hide(taken.item);
  }

  /** Removes it, unless another worker has taken it. */
  remove(taken: Taken): void {
    if (!this.isCurrent(taken)) return;
    const { item } = taken;
    item.next?.cancel();
    this.#waiting.delete(item);
    this.#items.delete(item);
  }

  /** Workers look for work: one of them may have become free. */
  look(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const item of waiting) this.#offer(item);
  }

  #offer(item: Item): void {
    const { key, receipt } = item;
    const delay = this.#world.draws.index(`${key} ${receipt} pick-up`, POLLING_MS + 1);
    item.next = this.#world.after(delay, () => this.#take(item));
  }

  #take(item: Item): void {
    this.#workers = this.#workers.filter(({ process }) => process.isAlive);
    const free = this.#workers.filter(
      ({ process, busy }) => !process.isFrozen && (item.kind === 'step' || busy < ACTIVITIES_AT_A_TIME),
    );
    const worker = free[this.#world.draws.index(`${item.key} ${item.receipt} worker`, free.length)];
    if (!worker) {
      this.#waiting.add(item);
      for (const frozen of this.#workers.filter(({ process }) => process.isFrozen)) this.#whenThawed(frozen);
      return;
    }
    item.receipt += 1;
    this.#hide(item);
    item.begin({ item, worker, receipt: item.receipt });
  }

  #hide(item: Item): void {
    item.next?.cancel();
    this.#waiting.delete(item);
    item.next = this.#world.after(INVISIBLE_MS, () => this.#offer(item));
  }

  #whenThawed(worker: Worker): void {
    if (this.#asked.has(worker)) return;
    this.#asked.add(worker);
    worker.process.deliver(() => {
      this.#asked.delete(worker);
      this.look();
    });
  }
}

/** @param duration as .NET writes it: `00:01:00` */
function millisecondsOf(duration: string): number {
  const [hours = 0, minutes = 0, seconds = 0] = duration.split(':').map(Number);
  return ((hours * 60 + minutes) * 60 + seconds) * 1000;
}
