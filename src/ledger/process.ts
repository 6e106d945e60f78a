import { readFileSync, readlinkSync } from 'node:fs';

/**
 * What tells a process from every other one: the kernel's boot, the namespace of its process ids (containers on one
 * machine have their own), its id, and its start, because ids are used again. `undefined` where the system has no /proc:
 * then nobody can say that it has ended.
 */
export function processIdentity(pid: number): string | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    // Behind the name, which is in parentheses and may hold anything: state is the third field, the start the 22nd.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    return [boot, readlinkSync('/proc/self/ns/pid'), String(pid), fields[19] ?? ''].join(' ');
  } catch {
    return undefined;
  }
}

/**
 * Whether it is certain that a process has ended: it ran here, in this namespace of process ids, and does not any more.
 * Whoever cannot know has to wait for its lock to run out.
 */
export function hasEnded({ process: identity, pid }: { readonly process?: string; readonly pid: number }): boolean {
  const own = processIdentity(process.pid);
  if (identity === undefined || own === undefined) return false;
  const here = (one: string): string => one.split(' ').slice(0, 2).join(' ');
  return here(identity) === here(own) && processIdentity(pid) !== identity;
}
