import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { PolicyError } from '../../policy/errors.ts';
import { parsePolicyFile } from '../../policy/file/parse.ts';
import type { PolicyFile } from '../../policy/purge-policy.ts';

/**
 * Reads a policy file, and the lists that it names.
 * @throws {PolicyError} where it cannot be read
 * @throws {InvalidPolicy} with every mistake
 */
export function readPolicyFile(path: string): PolicyFile {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    const isAbsent = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw new PolicyError('--policy', path, isAbsent ? 'there is no such file' : 'cannot be read', { cause });
  }
  const readFile = (name: string): string => readFileSync(resolve(dirname(path), name), 'utf8');
  return { name: path, retention: parsePolicyFile(text, { file: path, readFile }) };
}
