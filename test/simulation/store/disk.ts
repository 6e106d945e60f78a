import { constants } from 'node:os';

/*
 * A file system without time: what POSIX promises of it, and the ledger in a folder relies on. Every operation is one
 * step. What was written is there; that a machine loses what was not synced is not simulated.
 */

/** What a name leads to. It lives on without a name while a process has it open. */
export type Node = FileNode | FolderNode;

export interface FileNode {
  readonly kind: 'file';
  bytes: Buffer;
  mtimeMs: number;
}

export interface FolderNode {
  readonly kind: 'folder';
  readonly entries: Map<string, Node>;
  mtimeMs: number;
}

const TEXTS = {
  EBADF: 'bad file descriptor',
  EEXIST: 'file already exists',
  EIO: 'i/o error',
  EISDIR: 'illegal operation on a directory',
  ENOENT: 'no such file or directory',
  ENOSPC: 'no space left on device',
  ENOTDIR: 'not a directory',
  ENOTEMPTY: 'directory not empty',
  EPERM: 'operation not permitted',
} as const;

export type Code = keyof typeof TEXTS;

/** What was asked of the system, for its errors. */
export interface Asked {
  readonly syscall: string;
  readonly path?: string;
  readonly dest?: string;
}

/** An error as Node makes it of one of the system: it has no stack, since it comes from a thread. */
export function systemError(code: Code, { syscall, path, dest }: Asked): NodeJS.ErrnoException {
  const where = path === undefined ? '' : ` '${path}'${dest === undefined ? '' : ` -> '${dest}'`}`;
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  const error = new Error(`${code}: ${TEXTS[code]}, ${syscall}${where}`);
  Error.stackTraceLimit = stackTraceLimit;
  const of = { ...(path !== undefined && { path }), ...(dest !== undefined && { dest }) };
  return Object.assign(error, { errno: -constants.errno[code], code, syscall, ...of });
}

export interface OpenFlags {
  readonly write: boolean;
  readonly create: boolean;
}

export class Disk {
  readonly #root: FolderNode = { kind: 'folder', entries: new Map(), mtimeMs: 0 };
  readonly #now: () => number;

  /** @param now its clock */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** All files below a folder, by their paths from there. */
  files(folder: string): ReadonlyMap<string, FileNode> {
    const files = new Map<string, FileNode>();
    const look = (node: Node | undefined, path: string): void => {
      if (node?.kind === 'file') files.set(path, node);
      else for (const [name, entry] of node?.entries ?? []) look(entry, path === '' ? name : `${path}/${name}`);
    };
    let top: Node | undefined = this.#root;
    for (const part of partsOf(folder)) top = top?.kind === 'folder' ? top.entries.get(part) : undefined;
    look(top, '');
    return files;
  }

  /** @throws ENOENT, ENOTDIR */
  find(path: string, asked: Asked): Node {
    const parts = partsOf(path);
    let node: Node = this.#root;
    for (const part of parts) {
      if (node.kind === 'file') throw systemError('ENOTDIR', asked);
      const next = node.entries.get(part);
      if (!next) throw systemError('ENOENT', asked);
      node = next;
    }
    return node;
  }

  /** `create`: it must not exist. */
  open(path: string, { write, create }: OpenFlags, asked: Asked): Node {
    if (!create) {
      const found = this.find(path, asked);
      if (found.kind === 'folder' && write) throw systemError('EISDIR', asked);
      return found;
    }
    const made: FileNode = { kind: 'file', bytes: Buffer.alloc(0), mtimeMs: this.#now() };
    this.#add(path, made, asked);
    return made;
  }

  write(file: FileNode, bytes: Uint8Array, at: number): void {
    const length = Math.max(file.bytes.length, at + bytes.length);
    const next = Buffer.alloc(length);
    next.set(file.bytes);
    next.set(bytes, at);
    file.bytes = next;
    file.mtimeMs = this.#now();
  }

  truncate(file: FileNode, length: number): void {
    const next = Buffer.alloc(length);
    next.set(file.bytes.subarray(0, length));
    file.bytes = next;
    file.mtimeMs = this.#now();
  }

  /** @throws EEXIST */
  makeFolder(path: string, asked: Asked): void {
    if (partsOf(path).length === 0) throw systemError('EEXIST', asked);
    this.#add(path, { kind: 'folder', entries: new Map(), mtimeMs: this.#now() }, asked);
  }

  /** @throws EEXIST */
  link(path: string, dest: string, asked: Asked): void {
    const found = this.find(path, asked);
    if (found.kind === 'folder') throw systemError('EPERM', asked);
    this.#add(dest, found, asked);
  }

  /** What is there is replaced in the same step. */
  rename(path: string, dest: string, asked: Asked): void {
    const found = this.find(path, asked);
    const [folder, name] = this.#placeOf(dest, asked);
    const there = folder.entries.get(name);
    // Two names of one file: POSIX leaves both.
    if (there === found) return;
    if (there?.kind === 'folder') {
      if (found.kind === 'file') throw systemError('EISDIR', asked);
      if (there.entries.size > 0) throw systemError('ENOTEMPTY', asked);
    } else if (there && found.kind === 'folder') throw systemError('ENOTDIR', asked);
    folder.entries.set(name, found);
    this.#remove(path, asked);
  }

  unlink(path: string, asked: Asked): void {
    if (this.find(path, asked).kind === 'folder') throw systemError('EISDIR', asked);
    this.#remove(path, asked);
  }

  removeFolder(path: string, asked: Asked): void {
    const found = this.find(path, asked);
    if (found.kind === 'file') throw systemError('ENOTDIR', asked);
    if (found.entries.size > 0) throw systemError('ENOTEMPTY', asked);
    this.#remove(path, asked);
  }

  #add(path: string, node: Node, asked: Asked): void {
    const [folder, name] = this.#placeOf(path, asked);
    if (folder.entries.has(name)) throw systemError('EEXIST', asked);
    folder.entries.set(name, node);
    folder.mtimeMs = this.#now();
  }

  #remove(path: string, asked: Asked): void {
    const [folder, name] = this.#placeOf(path, asked);
    folder.entries.delete(name);
    folder.mtimeMs = this.#now();
  }

  #placeOf(path: string, asked: Asked): readonly [FolderNode, string] {
    const parts = partsOf(path);
    const name = parts.pop();
    const folder = this.find(parts.join('/'), asked);
    if (folder.kind === 'file') throw systemError('ENOTDIR', asked);
    if (name === undefined) throw systemError('EPERM', asked);
    return [folder, name];
  }
}

const partsOf = (path: string): string[] => path.split('/').filter((part) => part !== '');
