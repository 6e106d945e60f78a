import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';

/*
 * What a process took, as Linux tells it. Elsewhere, and of a process that has ended, all of these throw.
 */

type Pid = number | string;

/** Peak resident memory in megabytes: the system's own high-water mark. `undefined` before a process has any. */
export function peakMegabytes(pid: Pid): number | undefined {
  const kilobytes = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) / 1024;
}

/** USER_HZ, which Linux has fixed at 100. */
const TICKS_PER_SECOND = 100;

/** Processor time of all threads, in seconds: it depends less than the clock on what else the machine does. */
export function cpuSeconds(pid: Pid): number {
  // The name of the program, in parentheses, may hold spaces.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** The first process that another one has started, such as the worker of a host. */
export function childOf(pid: Pid): string {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ')[0] ?? '';
}

/** What a measurement was made on. */
export function machine(): string {
  return `${cpus()[0]?.model ?? ''} × ${cpus().length}, Node ${process.versions.node}`;
}
