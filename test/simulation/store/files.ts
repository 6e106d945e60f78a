import { Readable } from 'node:stream';
import { constants } from 'node:fs';
import type { FileNode, Node } from './disk.ts';
import { ask, type Call, fail, hasLinks, type Place, placeOf, put } from './mount.ts';

/*
 * `node:fs` and `node:fs/promises` for the ledger in a folder: what `folder*.ts` import, and no more, on the file system
 * of the current world (see `mount.ts`). Each call of the system is one event of the world, as many of them and in the
 * order in which Node makes them: a process can be killed or frozen between any two.
 */

export { constants };
export { type FileSystemOptions, mount } from './mount.ts';

/** What Node reads and writes by one call at most. */
const CHUNK_BYTES = 512 * 1024;

interface Stats {
  readonly size: number;
  readonly mtimeMs: number;
  readonly isFile: () => boolean;
  readonly isDirectory: () => boolean;
}

interface Entry {
  readonly name: string;
  readonly isFile: () => boolean;
  readonly isDirectory: () => boolean;
}

const kindOf = ({ kind }: Node): Pick<Stats, 'isFile' | 'isDirectory'> => ({
  isFile: () => kind === 'file',
  isDirectory: () => kind === 'folder',
});

const statsOf = (node: Node): Stats => ({
  size: node.kind === 'file' ? node.bytes.length : 0,
  mtimeMs: node.mtimeMs,
  ...kindOf(node),
});

/** Reading is all that is done with a folder that was opened, and that fails. */
function fileOf(node: Node, call: Call): FileNode {
  if (node.kind === 'folder') throw fail('EISDIR', call);
  return node;
}

type Written = string | Uint8Array | AsyncIterable<Uint8Array>;

/** A file that a process has open, whatever becomes of its name. */
class Handle {
  readonly #node: Node;
  readonly #place: Place;
  readonly #isAppending: boolean;
  #position = 0;
  #isOpen = true;

  constructor(node: Node, place: Place, isAppending: boolean) {
    this.#node = node;
    this.#place = place;
    this.#isAppending = isAppending;
  }

  stat(): Promise<Stats> {
    return this.#ask('fstat', 'look', () => statsOf(this.#node));
  }

  async read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesRead: number; readonly buffer: Buffer }> {
    const piece = await this.#read(length, position);
    return { bytesRead: piece.copy(buffer, offset), buffer };
  }

  /** From its position on, and none where it has no more. */
  async next(length: number): Promise<Buffer> {
    const piece = await this.#read(length, this.#position);
    this.#position += piece.length;
    return piece;
  }

  #read(length: number, position: number): Promise<Buffer> {
    return this.#ask('read', 'look', (call) =>
      Buffer.from(fileOf(this.#node, call).bytes.subarray(position, position + length)),
    );
  }

  readFile(): Promise<Buffer>;
  readFile(encoding: 'utf8'): Promise<string>;
  async readFile(encoding?: 'utf8'): Promise<Buffer | string> {
    const { size } = await this.stat();
    const pieces: Buffer[] = [];
    for (let left = size; left > 0;) {
      const piece = await this.next(Math.min(left, CHUNK_BYTES));
      if (piece.length === 0) break;
      pieces.push(piece);
      left -= piece.length;
    }
    const all = Buffer.concat(pieces);
    return encoding ? all.toString(encoding) : all;
  }

  async write(text: string, position: number): Promise<{ readonly bytesWritten: number }> {
    return { bytesWritten: await this.#put(Buffer.from(text), false, position) };
  }

  async writeFile(content: Written): Promise<void> {
    if (typeof content === 'string') return this.#putAll(Buffer.from(content));
    if (content instanceof Uint8Array) return this.#putAll(content);
    for await (const piece of content) await this.#putAll(piece);
  }

  truncate(length: number): Promise<void> {
    return this.#ask('ftruncate', 'change', (call, disk) => disk.truncate(fileOf(this.#node, call), length));
  }

  datasync(): Promise<void> {
    return this.#ask('fdatasync', 'end', () => undefined);
  }

  sync(): Promise<void> {
    return this.#ask('fsync', 'end', () => undefined);
  }

  close(): Promise<void> {
    if (!this.#isOpen) return Promise.resolve();
    const closing = this.#ask('close', 'end', () => undefined);
    this.#isOpen = false;
    return closing;
  }

  async #putAll(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await this.#put(bytes.subarray(at, at + CHUNK_BYTES), true);
  }

  #put(bytes: Uint8Array, isLooped: boolean, position?: number): Promise<number> {
    return this.#ask('write', 'change', (call, _disk, key) => {
      const node = fileOf(this.#node, call);
      const at = this.#isAppending ? node.bytes.length : (position ?? this.#position);
      const written = put(call, node, bytes, { at, isLooped, key });
      if (written !== 'never' && position === undefined) this.#position = at + written;
      return written;
    });
  }

  #ask<T>(
    syscall: Call['syscall'],
    use: Call['use'],
    act: (call: Call, ...given: Parameters<Parameters<typeof ask<T>>[1]>) => T | 'never',
  ): Promise<T> {
    const call: Call = { syscall, use, place: this.#place };
    if (!this.#isOpen) return Promise.reject(fail('EBADF', call));
    return ask(call, (disk, key) => act(call, disk, key));
  }
}

export type FileHandle = Handle;
export type Dirent = Entry;

/** A call that names a file. */
function named(syscall: Call['syscall'], use: Call['use'], path: string, dest?: string): Call {
  return { syscall, use, path, ...(dest !== undefined && { dest }), place: placeOf(path) };
}

const { O_RDONLY, O_RDWR, O_APPEND } = constants;

export function open(path: string, flags: string | number): Promise<Handle> {
  const known: readonly (string | number)[] = ['r', 'r+', 'wx', O_RDONLY, O_RDWR | O_APPEND];
  if (!known.includes(flags)) throw new Error(`open() with ${flags} is not simulated`);
  const create = flags === 'wx';
  const call = named('open', create ? 'change' : 'look', path);
  return ask(call, (disk) => {
    const node = disk.open(call.place.file, { write: flags !== 'r' && flags !== O_RDONLY, create }, call);
    return new Handle(node, call.place, flags === (O_RDWR | O_APPEND));
  });
}

export async function readFile(path: string): Promise<Buffer> {
  const handle = await open(path, 'r');
  try {
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

export function stat(path: string): Promise<Stats> {
  const call = named('stat', 'look', path);
  return ask(call, (disk) => statsOf(disk.find(call.place.file, call)));
}

export function unlink(path: string): Promise<void> {
  const call = named('unlink', 'change', path);
  return ask(call, (disk) => disk.unlink(call.place.file, call));
}

export function rename(path: string, dest: string): Promise<void> {
  const call = named('rename', 'change', path, dest);
  return ask(call, (disk) => disk.rename(call.place.file, placeOf(dest).file, call));
}

export function link(path: string, dest: string): Promise<void> {
  const call = named('link', 'change', path, dest);
  return ask(call, (disk) => {
    if (!hasLinks()) throw fail('EPERM', call);
    disk.link(call.place.file, placeOf(dest).file, call);
  });
}

/** In two steps: the file appears, and is filled. */
export async function copyFile(path: string, dest: string, mode: number): Promise<void> {
  if (mode !== constants.COPYFILE_EXCL) throw new Error(`copyFile() with ${mode} is not simulated`);
  const call = named('copyfile', 'change', path, dest);
  const to = placeOf(dest);
  const [from, made] = await ask(call, (disk) => [
    fileOf(disk.find(call.place.file, call), call),
    fileOf(disk.open(to.file, { write: true, create: true }, call), call),
  ]);
  try {
    for (let at = 0; at < from.bytes.length;)
      at += await ask(call, (_disk, key) =>
        put({ ...call, place: to }, made, from.bytes.subarray(at), { at, isLooped: true, key }),
      );
  } catch (error) {
    await ask(named('unlink', 'change', dest), (disk) => disk.unlink(to.file, call)).catch(() => undefined);
    throw error;
  }
}

export function rmdir(path: string): Promise<void> {
  const call = named('rmdir', 'change', path);
  return ask(call, (disk) => disk.removeFolder(call.place.file, call));
}

/** Always `recursive`: makes those above it that are missing, too, one by one. @returns the first that was made */
export async function mkdir(path: string): Promise<string | undefined> {
  const waiting = [path];
  let first: string | undefined;
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const call = named('mkdir', 'change', next);
    try {
      await ask(call, (disk) => disk.makeFolder(call.place.file, call));
      first ??= next;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') waiting.push(next, next.slice(0, next.lastIndexOf('/')));
      else if (code !== 'EEXIST') throw error;
      else if (waiting.length === 0) {
        if (!(await stat(next)).isDirectory()) throw error;
        // Node says so, too, where the folder was removed meanwhile.
      } else if (!(await stat(next).catch(() => undefined))?.isDirectory()) throw fail('ENOTDIR', call);
    }
  }
  return first;
}

export function readdir(path: string): Promise<string[]>;
export function readdir(path: string, options: { readonly withFileTypes: true }): Promise<Entry[]>;
export function readdir(path: string, options?: { readonly withFileTypes: true }): Promise<(string | Entry)[]> {
  const call = named('scandir', 'look', path);
  return ask(call, (disk) => {
    const folder = disk.find(call.place.file, call);
    if (folder.kind === 'file') throw fail('ENOTDIR', call);
    return [...folder.entries].map(([name, node]) => (options ? { name, ...kindOf(node) } : name));
  });
}

export function createReadStream(path: string, { highWaterMark = 64 * 1024 } = {}): Readable {
  let handle: Handle | undefined;
  return new Readable({
    highWaterMark,
    construct(done) {
      open(path, 'r').then((opened) => {
        handle = opened;
        done();
      }, done);
    },
    read(size) {
      handle?.next(size).then(
        (piece) => this.push(piece.length > 0 ? piece : null),
        (error: unknown) => this.destroy(error instanceof Error ? error : new Error(String(error))),
      );
    },
    destroy(error, done) {
      if (!handle) done(error);
      else handle.close().then(() => done(error), done);
    },
  });
}
