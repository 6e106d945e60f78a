import type { Registry } from '../../registry/types.ts';
import { openRegistry, type TargetOptions } from '../target.ts';

/** Lends out connections to registries: one to each worker at a time, so that each has its share of the calls in flight. */
export interface Connections {
  readonly using: <T>(target: TargetOptions, work: (registry: Registry) => Promise<T>) => Promise<T>;
}

/**
 * Keeps connections from one worker to the next: each knows tokens already, and how fast the registry takes calls. As
 * many are kept as there were workers at once.
 */
export function newConnections(open = openRegistry): Connections {
  const idle = new Map<string, Registry[]>();
  return {
    async using(target, work) {
      const key = `${target.endpoint.host} ${target.concurrency}`;
      const free = idle.get(key) ?? [];
      idle.set(key, free);
      const registry = free.pop() ?? (await open(target));
      try {
        return await work(registry);
      } finally {
        free.push(registry);
      }
    },
  };
}
