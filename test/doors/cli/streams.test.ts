import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { BIN } from '../../support/cli.ts';
import { images, repositoryOf } from '../../support/contents.ts';
import { USER, withServedEmulator } from '../../support/registry.ts';

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

/** Runs the command line with these outputs; a pipe is closed as soon as something comes through it. */
function endOf(args: readonly string[], stdout: number | 'pipe', environment: NodeJS.ProcessEnv = {}): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [BIN, ...args], {
      env: { ...process.env, LOG_LEVEL: 'silent', ...environment },
      stdio: ['ignore', stdout, 'pipe'],
    });
    let stderr = '';
    child.stdout?.once('data', () => child.stdout?.destroy());
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
      // The log goes where the rest goes: `2>&1 | head`.
      if (text.includes('"event":"decision"')) child.stderr?.destroy();
    });
    child.once('exit', (code, signal) => resolve({ code, signal, stderr }));
  });
}

describe('a purge whose outputs are closed', () => {
  test('ends as on SIGTERM: in the middle, with its record closed', async () => {
    const names = Array.from({ length: 40 }, (_, n) => `app-${n}`);
    const repositories = Object.fromEntries(names.map((name) => [name, repositoryOf(...images(name, 5, 'dev'))]));
    const folder = mkdtempSync(join(tmpdir(), 'acr-retention-test-'));
    try {
      // So few that it cannot be done before it notices.
      await withServedEmulator({ repositories, faults: { deletesPerSecond: 20 } }, async (emulator) => {
        writeFileSync(join(folder, 'ca.pem'), emulator.certificate);
        const args = ['purge', '-r', emulator.loginServer, '-f', '.*:dev', '--ago', '1d', '--output', 'ndjson'];
        const { code, signal } = await endOf([...args, '--runs', join(folder, 'runs')], 'pipe', {
          NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem'),
          ACR_USERNAME: USER.username,
          ACR_PASSWORD: USER.password,
          LOG_LEVEL: 'info',
          LOG_FORMAT: 'json',
        });
        expect({ code, signal }).toEqual({ code: 1, signal: null });
        expect(emulator.tagsLeft().length).toBeGreaterThan(0);
        const all = join(folder, 'runs', 'runs');
        const [run = ''] = readdirSync(all);
        expect(JSON.parse(readFileSync(join(all, run, 'run.json'), 'utf8'))).toMatchObject({
          state: 'stopped',
          stopped: { by: 'signal', detail: expect.stringContaining('was closed by its reader') as string },
        });
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

const FULL = '/dev/full';

describe.runIf(existsSync(FULL))('standard output on a full disk', () => {
  test.each([
    [['schedule', '0 1 * * Sun'], 1],
    [['demo'], 1],
    [['runs', '--runs', tmpdir()], 1],
    [['--help'], 1],
    [['purge', '--nonsense'], 2],
  ])('is a failure that is said: %s', async (args, code) => {
    const ended = await endOf(args, openSync(FULL, 'w'));
    expect(ended).toMatchObject({ code, signal: null });
    if (code === 1) expect(ended.stderr).toContain('standard output cannot be written: ENOSPC');
  });
});
