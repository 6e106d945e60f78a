import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Emulator } from '../../src/dev/emulator/index.ts';
import type { Environment } from '../../src/policy/settings.ts';
import { held } from './openapi.ts';

export const KEY = 'function-key-of-the-tests';
export const MASTER_KEY = 'master-key-of-the-tests';

/** Settings of a purge that deletes, however much. */
export const DELETING = { PURGE_DRY_RUN: 'false', MAX_DELETION_PERCENT: '100', KEEP_LAST_TAG: 'false' };

const FLAGS = ['--port', '0', '--key', KEY, '--master-key', MASTER_KEY];
const HOST = fileURLToPath(new URL('../../dist/src/dev/host/main.js', import.meta.url));

export type LogRecord = Readonly<Record<string, unknown>>;

/** The built app, as the local host serves it. */
export interface App {
  readonly url: string;
  /** With the function key, unless another is given. What it answers is held against openapi.json. */
  readonly ask: (path: string, init?: RequestInit & { readonly key?: string }) => Promise<Response>;
  /** Fires a timer, `scheduledPurge` unless it is named, and waits until its function has ended. */
  readonly fireTimer: (name?: string) => Promise<void>;
  /** Everything that the host printed, a line each. */
  readonly lines: () => readonly string[];
  /** The records of the app's own log, but those of `watch`, which is fired by the clock whenever a test runs. */
  readonly log: () => readonly LogRecord[];
  /** Those of `watch`. */
  readonly watchLog: () => readonly LogRecord[];
  readonly process: ChildProcess;
}

/**
 * Runs the app with these settings, and with the managed identity of the emulator, for the length of a test. Of several
 * emulators that is the first one's, which no other one takes: then the settings have to say who asks.
 * @param args more flags of the host; without `--as` there is no sign-in
 */
export async function withApp<T>(
  emulators: Emulator | readonly [Emulator, ...Emulator[]],
  settings: Environment,
  test: (app: App) => Promise<T>,
  args: readonly string[] = [],
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'acr-retention-test-'));
  const certificate = join(folder, 'ca.pem');
  const [emulator, ...others] = 'url' in emulators ? [emulators] : emulators;
  const all = [emulator, ...others];
  writeFileSync(certificate, all.map((one) => one.certificate).join('\n'));
  const child = spawn(process.execPath, [HOST, ...FLAGS, ...(args.includes('--as') ? [] : ['--no-sign-in']), ...args], {
    env: {
      PATH: process.env['PATH'],
      NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
      ACR_REGISTRY: all.map(({ loginServer }) => loginServer).join(' '),
      NODE_EXTRA_CA_CERTS: certificate,
      ...emulator.environment,
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  try {
    const url = await new Promise<string>((resolve, reject) => {
      createInterface(child.stdout).on('line', (line) => {
        lines.push(line);
        const found = /serves on (http:\S+)\. /.exec(line)?.[1];
        if (found !== undefined) resolve(found);
      });
      child.once('exit', (code) => reject(new Error(`the host ended with ${String(code)}`)));
    });
    const ask: App['ask'] = async (path, { key = KEY, headers, ...init } = {}) =>
      held(
        init.method ?? 'GET',
        path,
        await fetch(url + path, {
          ...init,
          headers: { 'x-functions-key': key, ...(headers as Record<string, string>) },
        }),
      );
    return await test({
      url,
      ask,
      process: child,
      lines: () => lines,
      log: () => recordsIn(lines, (name) => name !== 'watch'),
      watchLog: () => recordsIn(lines, (name) => name === 'watch'),
      async fireTimer(name = 'scheduledPurge') {
        const ended = () => lines.filter((line) => line.includes(`[${name}] executed`)).length;
        const before = ended();
        await ask(`/admin/functions/${name}`, { method: 'POST', key: MASTER_KEY });
        await until(() => ended() > before);
      },
    });
  } finally {
    child.kill('SIGTERM');
    if (child.exitCode === null) await new Promise((resolve) => child.once('exit', resolve));
    rmSync(folder, { recursive: true });
  }
}

export function recordsIn(lines: readonly string[], isWanted: (name: string) => boolean): readonly LogRecord[] {
  return lines.flatMap((line) => {
    const [, name = '', record] = /^\S+ \w+ \[(\w+)\] (\{.*\})$/.exec(line) ?? [];
    return record === undefined || !isWanted(name) ? [] : [JSON.parse(record) as LogRecord];
  });
}

/** Waits for something to become true; the test's own time limit ends it. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
}
