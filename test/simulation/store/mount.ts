import { type Asked, type Code, Disk, type FileNode, systemError } from './disk.ts';
import type { Process, World } from '../world/world.ts';

/** How often it happens, of so many calls of the system. */
const RATES = { slow: 1 / 2000, error: 1 / 1000, lostAnswer: 1 / 1000, full: 1 / 500, torn: 1 / 200 } as const;

/** Milliseconds that a call takes at most: mostly, and once in a while. */
const QUICK_MS = 1;
const SLOW_MS = 120_000;
const SLOW_LOCK_MS = 10_000;

/** How long the disk stays full, in milliseconds. */
const FULL_MS = [5_000, 600_000] as const;

/** A kernel may write less than it is asked to, and Node asks again: how often. */
const SHORT_WRITES = 0.05;

export interface FileSystemOptions {
  /** Absent: it has. Some network shares have none. */
  readonly hasLinks?: boolean;
  /** A share: the answer to a change may be lost. */
  readonly isNetwork?: boolean;
  /** Milliseconds between two times that it tells apart. FAT has 2,000. */
  readonly timeStep?: number;
  /** Is told which process was killed in the middle of a write. */
  readonly onKilled?: (process: Process) => void;
}

interface Mounted {
  readonly world: World;
  readonly disk: Disk;
  readonly options: FileSystemOptions;
  /** Calls until now, of each process and kind. */
  readonly counts: Map<string, number>;
  fullUntil: number;
}

let mounted: Mounted | undefined;

/**
 * Gives a world an empty file system. A process opens `/<its name>/ledger`: the first part of a path says which process
 * asks, and all of them lead to the same files.
 *
 * @returns the files, for a look without time
 */
export function mount(world: World, options: FileSystemOptions = {}): Disk {
  const { timeStep = 0 } = options;
  const disk = new Disk(() => (timeStep > 0 ? Math.floor(world.now / timeStep) * timeStep : world.now));
  mounted = { world, disk, options, counts: new Map(), fullUntil: 0 };
  return disk;
}

/** A path as a process gave it. */
export interface Place {
  readonly process: Process;
  /** As it was given. */
  readonly path: string;
  /** The same for all processes. */
  readonly file: string;
}

export function placeOf(path: string): Place {
  const [, name, ...parts] = path.split('/');
  const process = mounted?.world.processes.find((one) => one.name === name);
  if (!process) throw new Error(`${path} is no path of a simulated process: /<name of the process>/ledger`);
  return { process, path, file: parts.join('/') };
}

export interface Call extends Asked {
  readonly syscall: keyof typeof WORDS;
  readonly place: Place;
  /** `change`: of a name or a file; `end`: it fails only after it was done. */
  readonly use: 'look' | 'change' | 'end';
}

const WORDS = {
  open: 'opens',
  read: 'reads',
  write: 'writes to',
  stat: 'looks at',
  fstat: 'looks at',
  scandir: 'lists',
  link: 'gives another name to',
  rename: 'moves',
  unlink: 'removes',
  mkdir: 'makes the folder',
  rmdir: 'removes the folder',
  copyfile: 'copies',
  ftruncate: 'cuts',
  fdatasync: 'waits for the disk to have',
  fsync: 'waits for the disk to have',
  close: 'closes',
} as const;

/** A call of the system: it takes its time, and may fail. @param act what it does, in one step */
export function ask<T>(call: Call, act: (files: Disk, key: string) => T | 'never'): Promise<T> {
  const files = current();
  const { world, disk } = files;
  const { process } = call.place;
  const kind = `${process.name} ${call.syscall}`;
  const nth = (files.counts.get(kind) ?? 0) + 1;
  files.counts.set(kind, nth);
  const key = `files ${kind} ${nth}`;
  const { draws } = world;
  process.doing = stepOf(call);
  let [there, back] = [draws.number(`${key} there`) * QUICK_MS, draws.number(`${key} back`) * QUICK_MS];
  const isSlow = process.isSlowWithLocks && call.place.file.startsWith('ledger/locks/');
  if (draws.happens('store-slow', `${key} slow`, isSlow ? 0.3 : RATES.slow)) {
    const long = draws.number(`${key} how slow`) * (isSlow ? SLOW_LOCK_MS : SLOW_MS);
    if (draws.number(`${key} slow there`) < 0.5) there += long;
    else back += long;
    tell(call, `waits ${Math.ceil(long / 1000)} s for the file system when it`);
  }
  process.systemCalls += 1;
  return process.call(
    there,
    () => {
      process.systemCalls -= 1;
      const fails = draws.happens('store-error', `${key} error`, RATES.error);
      if (fails && call.use !== 'end') throw refused(call);
      const answer = act(disk, key);
      if (call.use !== 'look') world.moment('store');
      if (fails) throw refused(call);
      if (call.use !== 'change' || answer === 'never' || files.options.isNetwork !== true) return answer;
      if (!draws.happens('store-lost-answer', `${key} lost`, RATES.lostAnswer)) return answer;
      tell(call, 'is told of an I/O error although it is done when it');
      throw systemError('EIO', call);
    },
    back,
  );
}

/**
 * Writes to a file, in one step: perhaps less than it is given, and a part where the disk gets full or the process is
 * killed meanwhile.
 *
 * @param isLooped the caller writes the rest by another call
 * @returns how many bytes were written
 */
export function put(
  call: Call,
  node: FileNode,
  bytes: Uint8Array,
  { at, isLooped, key }: { readonly at: number; readonly isLooped: boolean; readonly key: string },
): number | 'never' {
  const files = current();
  const { world, disk } = files;
  const { draws } = world;
  const part = (): number => draws.index(`${key} part`, bytes.length);
  const write = (length: number): number => {
    if (length > 0) disk.write(node, bytes.subarray(0, length), at);
    return length;
  };
  if (draws.happens('torn-write', `${key} torn`, RATES.torn)) {
    const written = write(part());
    tell(call, `is killed after ${written} of ${bytes.length} bytes when it`);
    call.place.process.kill();
    files.options.onKilled?.(call.place.process);
    return 'never';
  }
  const grows = at + bytes.length > node.bytes.length;
  if (grows && world.now < files.fullUntil && !draws.isCalm) throw systemError('ENOSPC', call);
  if (grows && draws.happens('store-full', `${key} full`, RATES.full)) {
    const [least, most] = FULL_MS;
    const long = least + draws.number(`${key} how long full`) * (most - least);
    files.fullUntil = world.now + long;
    const written = write(part());
    tell(
      call,
      `finds the disk full for ${Math.round(long / 1000)} s, after ${written} of ${bytes.length} bytes, when it`,
    );
    if (written === 0) throw systemError('ENOSPC', call);
    return written;
  }
  const isShort = isLooped && bytes.length > 1 && draws.number(`${key} short`) < SHORT_WRITES;
  return write(isShort ? Math.max(1, part()) : bytes.length);
}

export function hasLinks(): boolean {
  return current().options.hasLinks ?? true;
}

/** An error of the system, which says what was asked. */
export function fail(code: Code, call: Call): NodeJS.ErrnoException {
  return systemError(code, call);
}

function refused(call: Call): Error {
  tell(call, 'is told of an I/O error when it');
  return systemError('EIO', call);
}

function tell(call: Call, what: string): void {
  const { process, file } = call.place;
  process.world.tell(`${process.name} ${what} ${WORDS[call.syscall]} ${file}`);
}

/** What is done with which kind of file, for a table: `write journal`. */
function stepOf({ syscall, place }: Call): string {
  const [, folder = '', ...parts] = place.file.split('/');
  return `${syscall} ${folder === 'runs' ? (parts[1] ?? folder) : folder}`.trim();
}

function current(): Mounted {
  if (!mounted) throw new Error('there is no file system: mount(world)');
  return mounted;
}
