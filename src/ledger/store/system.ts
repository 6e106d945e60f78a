import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { type Clock, systemClock } from '../../registry/clock.ts';
import type { Holder } from './store.ts';

/** What a process has from the system that it runs on. */
export interface System {
  readonly clock: Clock;
  /** How this process is named where it holds something. */
  readonly self: () => ProcessName;
  /** Whether a process runs. */
  readonly stateOf: (holder: ProcessName) => ProcessState;
}

export type ProcessName = Pick<Holder, 'host' | 'pid' | 'process'>;

export const realSystem: System = {
  clock: systemClock,
  self() {
    const identity = processIdentity(process.pid);
    return { host: hostname(), pid: process.pid, ...(identity !== undefined && { process: identity }) };
  },
  stateOf,
};

/**
 * What tells a process from every other one: the kernel's boot and the machine's name, the namespace of its process ids
 * (containers on one machine have their own), its id, and its start, because ids are used again. `undefined` where the
 * system has no /proc: then it cannot be found out that the process has ended.
 */
export function processIdentity(pid: number): string | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    // Behind the name, which is in parentheses and may hold anything: state is the third field, the start the 22nd.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    return [`${boot}/${hostname()}`, readlinkSync('/proc/self/ns/pid'), String(pid), fields[19] ?? ''].join(' ');
  } catch {
    return undefined;
  }
}

/**
 * Whether a process runs. That is certain only of one that was started in this namespace of process ids; of any other it
 * is `unknown`, and its lock has to run out.
 */
function stateOf({ process: identity, pid }: ProcessName): ProcessState {
  const own = processIdentity(process.pid);
  if (identity === undefined || own === undefined) return 'unknown';
  const here = (one: string): string => one.split(' ').slice(0, 2).join(' ');
  if (here(identity) !== here(own)) return 'unknown';
  const now = processIdentity(pid);
  if (now !== undefined) return now === identity ? 'running' : 'ended';
  // The process may be hidden from this user: then the signal is refused, and not for want of a process.
  try {
    process.kill(pid, 0);
    return 'unknown';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH' ? 'ended' : 'unknown';
  }
}

type ProcessState = 'running' | 'ended' | 'unknown';

/** Whether it is certain that a process has ended. */
export function hasEnded(system: System, holder: ProcessName): boolean {
  return system.stateOf(holder) === 'ended';
}
