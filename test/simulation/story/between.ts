import { digestOf } from '../../../src/dev/emulator/manifests.ts';
import { type Call, type Meanwhile, refused } from '../registry/faults.ts';
import { patchOf } from '../registry/patch.ts';
import { type RegistryService, short } from '../registry/registry.ts';
import type { Draws } from '../world/draws.ts';
import type { Process, World } from '../world/world.ts';
import { type Aim, type Deed, others } from './others.ts';

/** Others read a lot, and what they do matters only to what a run has seen, and has not deleted so far. */
const READS: readonly string[] = ['list-tags', 'list-manifests', 'read-manifest'];

const DEEDS: readonly Deed[] = ['push', 'lock', 'hide', 'readable'];

/** Longer than a look counts: what was done at the beginning of it must be seen. */
const LEAST_MS = 5_500;

interface Parts {
  readonly world: World;
  readonly registry: RegistryService;
  readonly kill: (process: Process, key: string) => void;
}

/**
 * Draws what others do between what a process has seen of an artifact and what it does with it: all that the look right
 * before a deletion is for. Left to chance it would hardly ever happen, for a run deletes in the second in which it looks.
 */
export function between(parts: Parts, call: Call): Meanwhile | undefined {
  const { method, kind } = call.route;
  if (READS.includes(kind)) return afterRead(parts, call);
  const patch = patchOf(call);
  if (patch === 'puts a lock on') return beforeLocking(parts, call);
  if (patch === 'takes a lock off') return afterUnlocking(parts, call) ?? afterChange(parts, call, UNLOCKING);
  return method === 'DELETE' || patch === 'hides' ? afterChange(parts, call, DELETING) : undefined;
}

/** The answer to a read comes late, and is not true any more by then. */
function afterRead({ world, registry }: Parts, { route: { repository = '' }, key }: Call): Meanwhile | undefined {
  const { draws } = world;
  const deed = DEEDS.find((one) => draws.happens(one, `${one} after ${key}`, 0.015));
  if (!deed) return undefined;
  const late = pauseOf(draws, key);
  return {
    fault: { late },
    happens: () => {
      const aim = aimAt(registry, repository, draws.number(`which after ${key}`));
      if (!aim) return;
      others(world, registry, deed, `after ${key}`, aim);
      world.tell(`what was read of ${repository} before comes ${Math.round(late / 1_000)} s late`);
    },
  };
}

/** How often something comes in between, and how often the change is made all the same. */
interface Rates {
  readonly rate: number;
  readonly done: number;
}

const DELETING: Rates = { rate: 0.08, done: 0.4 };
/** A lock is rarely taken off, and what is in doubt then must not stay unlocked. */
const UNLOCKING: Rates = { rate: 0.25, done: 0.7 };

/** A change is not made, or its answer is lost, and the registry asks to wait before the next attempt. */
function afterChange(
  { world, registry }: Parts,
  { process, route, key }: Call,
  { rate, done }: Rates,
): Meanwhile | undefined {
  const { draws } = world;
  const { repository = '', reference = '' } = route;
  const deed = DEEDS.find((one) => draws.happens(one, `${one} after ${key}`, rate));
  if (!deed) return undefined;
  const status = draws.pick(`status after ${key}`, [429, 503, 503]);
  const isDone = status === 503 && draws.number(`done after ${key}`) < done;
  const wait = String(Math.ceil(pauseOf(draws, key) / 1_000));
  return {
    fault: { instead: refused(status, 'UNAVAILABLE', wait), isDone },
    happens: () => {
      const words = `${process.name}: ${route.kind} ${short(reference)} in ${repository}`;
      world.tell(
        `${words} is answered ${status}, Retry-After: ${wait}, ${isDone ? 'after it was done' : 'and not done'}`,
      );
      others(world, registry, deed, `after ${key}`, { repository, reference });
    },
  };
}

/** A process is killed right after it has taken a lock off, and then the artifact may have to be kept. */
function afterUnlocking({ world, registry, kill }: Parts, { process, route, key }: Call): Meanwhile | undefined {
  const { draws } = world;
  const { repository = '', reference = '' } = route;
  if (!draws.happens('kill', `kill after ${key}`, 0.1)) return undefined;
  return {
    fault: {},
    happens: () => {
      kill(process, `after ${key}`);
      if (draws.happens('push', `changed after ${key}`, 0.7))
        others(world, registry, 'push', `after ${key}`, { repository, reference });
    },
  };
}

/** A process may not put back the lock that it, or one that was killed, has taken off. */
function beforeLocking({ world }: Parts, { process, route, key }: Call): Meanwhile | undefined {
  if (!world.draws.happens('forbidden', `no lock ${key}`, 0.25)) return undefined;
  return {
    fault: { instead: refused(403, 'DENIED') },
    happens: () => {
      const { repository = '', reference = '' } = route;
      world.tell(`${process.name}: ${route.kind} ${short(reference)} in ${repository} is answered 403`);
    },
  };
}

/** In milliseconds. */
function pauseOf(draws: Draws, key: string): number {
  return LEAST_MS + draws.index(`pause ${key}`, 6_000);
}

const DAY_SECONDS = 86_400;

/** An artifact that a run may want to delete: not a new one, and in plain sight. @param drawn from 0 to 1 */
function aimAt({ contents }: RegistryService, repository: string, drawn: number): Aim | undefined {
  const { manifests = [], tags = [] } = contents.repositories()[repository] ?? {};
  const isPlain = ({ age, locked = {} }: { readonly age: number; readonly locked?: object }): boolean =>
    age >= DAY_SECONDS && Object.keys(locked).every((name) => name === 'readEnabled');
  const references = [
    ...manifests.filter(isPlain).map(({ body }) => digestOf(body)),
    ...tags.filter(isPlain).map(({ name }) => name),
  ].sort();
  const reference = references[Math.floor(drawn * references.length)];
  return reference === undefined ? undefined : { repository, reference };
}
