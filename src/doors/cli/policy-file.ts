import { closeSync, openSync, readSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { PolicyError } from '../../policy/errors.ts';
import { parsePolicyFile } from '../../policy/file/parse.ts';
import { LONGEST_FILE } from '../../policy/file/yaml.ts';
import type { PolicyFile } from '../../policy/purge-policy.ts';
import type { Environment } from '../../policy/settings.ts';

const STANDARD_INPUT = '-';

/**
 * Reads a policy file, and the lists that it names.
 *
 * @param name what says which file it is, for messages
 * @throws {PolicyError} where it cannot be read
 * @throws {InvalidPolicy} with every mistake
 */
export function readPolicyFile(path: string, name = '--policy'): PolicyFile {
  return parseIn(dirname(path), readText(path, name), path);
}

const SETTING = 'RETENTION_POLICY_FILE';

/** The policy file that the environment names, as the setting of the app does; a path from the current folder. */
export function policyFileIn(environment: Environment): string | undefined {
  const path = environment[SETTING]?.trim();
  return path === '' ? undefined : path;
}

/**
 * The policy file of a flag, else that of the environment.
 * @throws as `readPolicyFile`
 */
export function policyFileOf(path: string | undefined, environment: Environment): PolicyFile | undefined {
  if (path !== undefined) return readPolicyFile(path);
  const named = policyFileIn(environment);
  return named === undefined ? undefined : readPolicyFile(named, SETTING);
}

/**
 * The path of a policy file: the argument, else that of the environment.
 * @throws {PolicyError} where there is neither
 */
export function pathOf(file: string | undefined, environment: Environment): string {
  const path = file ?? policyFileIn(environment);
  if (path === undefined) throw new PolicyError('file', undefined, `name the policy file, or set ${SETTING}`);
  return path;
}

/** The text of a file that is no longer than a policy file may be. @throws {PolicyError} where it cannot be read */
export function readText(path: string, name: string): string {
  try {
    return readBounded(path);
  } catch (cause) {
    throw new PolicyError(name, path, (cause as Error).message, { cause });
  }
}

/** As `readPolicyFile`, and `-` is the standard input. Lists are then relative to the current folder. */
export async function readPolicyFrom(
  path: string,
  name: string,
  stdin: AsyncIterable<Uint8Array | string>,
): Promise<PolicyFile> {
  if (path !== STANDARD_INPUT) return readPolicyFile(path, name);
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of stdin) {
    pieces.push(Buffer.from(piece));
    size += piece.length;
    if (size > LONGEST_FILE) throw new PolicyError(name, path, TOO_LONG);
  }
  try {
    return parseIn('.', decoded(Buffer.concat(pieces)), 'standard input');
  } catch (cause) {
    throw cause instanceof TypeError ? new PolicyError(name, path, NO_TEXT, { cause }) : cause;
  }
}

function parseIn(folder: string, text: string, file: string): PolicyFile {
  const readFile = (list: string): string => readBounded(resolve(folder, list));
  return { name: file, retention: parsePolicyFile(text, { file, readFile }) };
}

const TOO_LONG = `is longer than ${LONGEST_FILE / 1024} KiB`;
const NO_TEXT = 'is no text in UTF-8';
const WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EISDIR: 'is a folder',
  EACCES: 'may not be read by this user',
};

/** The text of a file that is not too long. @throws with a message that says why it cannot be read */
export function readBounded(path: string): string {
  // A pipe has no size, so the file is read until it is too long.
  const bytes = Buffer.alloc(LONGEST_FILE + 1);
  let length = 0;
  try {
    const file = openSync(path, 'r');
    try {
      for (let read = 1; read > 0 && length < bytes.length; length += read)
        read = readSync(file, bytes, length, bytes.length - length, null);
    } finally {
      closeSync(file);
    }
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException;
    throw new Error(WORDS[code] ?? `cannot be read (${code})`, { cause });
  }
  if (length > LONGEST_FILE) throw new Error(TOO_LONG);
  try {
    return decoded(bytes.subarray(0, length));
  } catch (cause) {
    throw new Error(NO_TEXT, { cause });
  }
}

/** @throws {TypeError} for what is no UTF-8 */
function decoded(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
}
