import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Emulator, sampleRegistry } from '../../../src/dev/emulator/index.ts';
import { BIN, cli, folder, type Ran } from '../../support/cli.ts';
import { call } from '../../dev/emulator/support.ts';
import { USER, withServedEmulator } from '../../support/registry.ts';

/** `purge` at an emulator, as a user of the sample registry types it. */
function purge(emulator: Emulator, ...args: readonly string[]): Promise<Ran> {
  return purgeWith({}, emulator, ...args);
}

function purgeWith(environment: NodeJS.ProcessEnv, emulator: Emulator, ...args: readonly string[]): Promise<Ran> {
  const file = join(folder, `${emulator.loginServer.replace(':', '-')}.pem`);
  writeFileSync(file, emulator.certificate);
  return cli(['purge', '--registry', emulator.loginServer, ...args], {
    NODE_EXTRA_CA_CERTS: file,
    ACR_USERNAME: USER.username,
    ACR_PASSWORD: USER.password,
    ...environment,
  });
}

const sample = { repositories: sampleRegistry() };
const DEV = ['--filter', '.*:^(dev|pr)-', '--ago', '30d', '--untagged'];

test('--help and --version', async () => {
  const help = await cli(['--help']);
  expect(help).toMatchObject({ code: 0, stderr: '' });
  expect(help.stdout).toMatch(/purge[\s\S]*emulator[\s\S]*demo/);
  expect(await cli(['--version'])).toEqual({ code: 0, stdout: '0.1.0\n', stderr: '' });
});

test('ndjson: a decision a line, the summary last, nothing else on standard output; a dry run deletes nothing', async () => {
  await withServedEmulator(sample, async (emulator) => {
    const before = emulator.manifestsLeft();
    const { code, stdout, stderr } = await purge(emulator, ...DEV, '--dry-run', '--output', 'ndjson');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const records = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const summary = records.pop();
    expect(summary).toMatchObject({ summary: { dryRun: true, succeeded: true } });
    expect(records.length).toBeGreaterThan(100);
    for (const record of records) {
      expect(record).toMatchObject({
        repository: expect.any(String) as unknown,
        reason: expect.any(String) as unknown,
      });
      expect(record['outcome']).toBe(record['action'] === 'delete' ? 'planned' : undefined);
    }
    expect(emulator.manifestsLeft()).toEqual(before);
  });
});

test('json: one document; what it calls deleted is gone', async () => {
  await withServedEmulator(sample, async (emulator) => {
    const { code, stdout } = await purge(emulator, ...DEV, '--output', 'json');
    expect(code).toBe(0);
    const { decisions, summary } = JSON.parse(stdout) as {
      readonly decisions: readonly {
        readonly repository: string;
        readonly tag?: string;
        readonly kind: string;
        readonly outcome?: string;
      }[];
      readonly summary: { readonly totals: { readonly tags: { readonly deleted: number } } };
    };
    const deleted = decisions.filter(({ kind, outcome }) => kind === 'tag' && outcome === 'deleted');
    expect(deleted.length).toBe(summary.totals.tags.deleted);
    expect(deleted.length).toBeGreaterThan(0);
    for (const { repository, tag } of deleted) expect(emulator.tagsLeft()).not.toContain(`${repository}:${tag ?? ''}`);
  });
});

test('json is a document also where there is no decision', async () => {
  await withServedEmulator({ repositories: {} }, async (emulator) => {
    const { stdout } = await purge(emulator, ...DEV, '--output', 'json');
    expect(JSON.parse(stdout)).toMatchObject({ decisions: [], summary: { repositories: [] } });
  });
});

test('the log, on standard error: JSON, a line each for the start, every deletion, and the end', async () => {
  await withServedEmulator(sample, async (emulator) => {
    const { stdout, stderr } = await purgeWith(
      { LOG_LEVEL: '' },
      emulator,
      ...[...DEV, '--dry-run', '--output', 'ndjson', '--log-format', 'json'],
    );
    const parse = (text: string) =>
      text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    const [start, ...lines] = parse(stderr);
    const end = lines.pop();
    expect(start).toMatchObject({ event: 'run-started', startedBy: 'command line', registry: emulator.loginServer });
    expect(end).toMatchObject({ event: 'run-ended', succeeded: true, dryRun: true });
    const decisions = parse(stdout).filter(({ action }) => action === 'delete');
    expect(lines.map(({ tag, digest, reason }) => [tag, digest, reason])).toEqual(
      decisions.map(({ tag, digest, reason }) => [tag, digest, reason]),
    );
    expect(stderr).not.toContain(USER.password);
    expect(stderr).not.toContain('invocationId');
  });
});

test('a level of the log that there is not is refused before anything is asked', async () => {
  await withServedEmulator(sample, async (emulator) => {
    const { code, stderr } = await purgeWith({ LOG_LEVEL: 'loud' }, emulator, ...DEV);
    expect(code).toBe(2);
    expect(stderr).toContain('LOG_LEVEL "loud"');
    expect(emulator.requests()).toEqual([]);
  });
});

test('text: totals and an example a reason; --verbose lists every decision', async () => {
  await withServedEmulator(sample, async (emulator) => {
    const brief = await purge(emulator, ...DEV, '--dry-run', '--quiet');
    expect(brief.stdout).not.toMatch(/^- would delete /m);
    expect(brief.stdout).toMatch(/tags \(\d+ %\) and \d+ manifests \(\d+ %\) would be deleted, at most .*B;/);
    expect(brief.stdout).toContain('DRY RUN: nothing was deleted.');
    expect(brief.stdout.split('\n').every((line) => line.length <= 120)).toBe(true);
    const verbose = await purge(emulator, ...DEV, '--dry-run', '--verbose');
    expect(verbose.stdout.match(/^- would delete /gm)?.length).toBeGreaterThan(20);
  });
});

describe('wrong input exits with 2, names the flag, and contacts nothing', () => {
  test.each([
    ['--ago', ['--filter', 'app:.*', '--ago', '1.5d']],
    ['--ago', ['--filter', 'app:.*', '--ago', '-1d']],
    ['--ago', ['--filter', 'app:.*']],
    ['--filter', ['--ago', '1d']],
    ['--filter', ['--filter', 'app', '--ago', '1d']],
    ['--filter', ['--filter', 'app:(', '--ago', '1d']],
    ['--keep', ['--untagged-only', '--keep', '-1']],
    ['--keep', ['--untagged-only', '--keep', '010']],
    ['--concurrency', ['--untagged-only', '--concurrency', 'many']],
    ['--repository-page-size', ['--untagged-only', '--repository-page-size', '0']],
    ['--filter-timeout-seconds', ['--untagged-only', '--filter-timeout-seconds', '1s']],
    ['--untagged-only', ['--untagged', '--untagged-only', '--filter', 'app:.*', '--ago', '1d']],
    ['--output', ['--untagged-only', '--output', 'xml']],
    ['--no-such-flag', ['--untagged-only', '--no-such-flag']],
    ['--registry', ['--untagged-only', '--registry', 'http://127.0.0.1']],
  ])('%s: %j', async (flag, args) => {
    await withServedEmulator(sample, async (emulator) => {
      const { code, stdout, stderr } = await purge(emulator, ...args);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toContain(flag);
      expect(stderr).not.toMatch(/\n\s+at /);
      expect(emulator.requests()).toEqual([]);
    });
  });
});

test('every mistake is named at once', async () => {
  const { code, stderr } = await cli(['purge', '-r', 'contoso', '-f', 'app', '--ago', 'abc', '--keep', 'x']);
  expect(code).toBe(2);
  expect(stderr).toMatch(/--ago "abc"[\s\S]*--filter "app"[\s\S]*--keep "x"/);
});

test('a hostile filter ends, names itself, and deletes nothing', async () => {
  const name = `${'a'.repeat(60)}!`.replace('!', '-');
  const [manifest] = sample.repositories['tools/load-test']?.manifests ?? [];
  const [tag] = sample.repositories['tools/load-test']?.tags ?? [];
  if (!manifest || !tag) throw new Error('the sample has no such repository');
  await withServedEmulator(
    { repositories: { app: { manifests: [manifest], tags: [{ ...tag, name }] } } },
    async (emulator) => {
      const { code, stderr } = await purge(
        emulator,
        '--filter',
        'app:^(a+)+$',
        '--ago',
        '1d',
        '--filter-timeout-seconds',
        '1',
      );
      expect(code).toBe(2);
      expect(stderr).toContain('--filter-timeout-seconds');
      expect(emulator.tagsLeft()).toHaveLength(1);
    },
  );
});

test('an absent registry and a refusing one exit with 1 and the reason, without the password', async () => {
  await withServedEmulator(sample, async (emulator) => {
    const args = ['purge', '-r', emulator.loginServer, '--untagged-only', '-u', 'somebody', '-p', 'hunter2-secret'];
    const certificate = join(folder, 'refusing.pem');
    writeFileSync(certificate, emulator.certificate);
    const refused = await cli(args, { NODE_EXTRA_CA_CERTS: certificate });
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toMatch(/list the repositories: 401 UNAUTHORIZED/);
    await emulator.close();
    const absent = await cli(args, { NODE_EXTRA_CA_CERTS: certificate });
    expect(absent).toMatchObject({ code: 1, stdout: '' });
    expect(absent.stderr).toContain('ECONNREFUSED');
    expect(refused.stderr + absent.stderr).not.toContain('hunter2');
  });
});

test('a filter that matches nothing warns, and so does a negated class that looks like an alternation', async () => {
  await withServedEmulator(sample, async (emulator) => {
    const { code, stdout } = await purge(
      emulator,
      '-f',
      '^.*:[^F|f]eature[-0-9]*$',
      '-f',
      'nowhere:.*',
      '--ago',
      '30d',
      '--dry-run',
    );
    expect(code).toBe(0);
    expect(stdout).toContain('Warning: the filter "nowhere:.*" matches no repository');
    expect(stdout).toContain('matches no tag');
    expect(stdout).toContain('[^F|f] is a negated character class');
  });
});

test('a failed deletion exits with 1 and says which, with the correlation id', async () => {
  await withServedEmulator(sample, async (emulator) => {
    emulator.faults({ failing: ({ kind }) => (kind === 'delete-manifest' ? 405 : undefined) });
    const { code, stdout } = await purge(emulator, ...DEV);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^REFUSED: .*405.*correlation id/m);
  });
});

test('schedule: in words, with its next runs; several words are told to be quoted', async () => {
  const told = await cli([
    'schedule',
    '0 1 * * Sun',
    '--from',
    '2026-11-24T00:00:00Z',
    '--count',
    '1',
    '--output',
    'json',
  ]);
  expect(told.code).toBe(0);
  expect(JSON.parse(told.stdout)).toEqual({
    expression: '0 1 * * Sun',
    description: 'At 01:00, only on Sunday (UTC)',
    next: ['2026-11-29T01:00:00Z'],
  });
  const unquoted = await cli(['schedule', '0', '1', '*', '*', 'Sun']);
  expect(unquoted).toMatchObject({ code: 2, stdout: '' });
  expect(unquoted.stderr).toContain("write acr-retention schedule '0 1 * * Sun'");
  expect(await cli(['schedule', '0 1 * * 7'])).toMatchObject({ code: 2, stdout: '' });
});

test('emulator: serves what a file holds until it is told to stop', async () => {
  const state = join(folder, 'state.json');
  writeFileSync(state, JSON.stringify(sample.repositories));
  const child = spawn(process.execPath, [
    BIN,
    'emulator',
    '--state',
    state,
    '--port',
    '0',
    '--username',
    'me',
    '--password',
    'secret',
    '--soft-delete',
    '7',
  ]);
  const printed = await new Promise<string>((resolve) => child.stdout.setEncoding('utf8').on('data', resolve));
  const environment = Object.fromEntries(
    [...printed.matchAll(/^export (\w+)=(.*)$/gm)].map(([, name = '', value]) => [name, value]),
  );
  const url = /^registry: (.*)$/m.exec(printed)?.[1] ?? '';
  // Once with the user, and once with the managed identity that it serves besides.
  for (const user of [['-u', 'me', '-p', 'secret'], []]) {
    const ran = await cli(['purge', '-r', url, ...user, '--untagged-only', '--dry-run'], environment);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
  }
  const served = { url, certificate: readFileSync(environment['NODE_EXTRA_CA_CERTS'] ?? '', 'utf8') };
  const [name = '', { tags = [] } = {}] = Object.entries(sample.repositories)[0] ?? [];
  const tag = tags.find(({ locked }) => locked === undefined)?.name ?? '';
  const auth = 'me:secret';
  expect(await call(served, `/acr/v1/${name}/_tags/${tag}`, { method: 'DELETE', auth })).toMatchObject({ status: 202 });
  const deleted = await call(served, `/acr/v1/_deleted/${name}/_tags`, { auth });
  expect(JSON.parse(deleted.body)).toMatchObject({ tags: [{ tag }] });
  const ended = new Promise((resolve) => child.on('close', resolve));
  child.kill('SIGTERM');
  expect(await ended).toBe(0);
});

test('emulator: says where a state is wrong', async () => {
  const state = join(folder, 'wrong.json');
  writeFileSync(state, '{"app":{"manifests":[],"tags":[{"name":1}]}}');
  const { code, stderr } = await cli(['emulator', '--state', state]);
  expect(code).toBe(2);
  expect(stderr).toContain('app.tags[0]');
});

test('emulator: keeps what is deleted for 1 to 90 days', async () => {
  for (const days of ['0', '91', '1.5']) {
    const { code, stderr } = await cli(['emulator', '--soft-delete', days]);
    expect(code).toBe(2);
    expect(stderr).toContain('must be 1 to 90 days');
  }
});

test('demo: shows what goes and what stays and why, tells what is wrong with the filter, and ends', async () => {
  const { code, stdout, stderr } = await cli(['demo']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  for (const word of [
    'matched-and-expired',
    'child-of-kept-index',
    'signature-of-kept',
    'locked',
    'microtodo-frontendapi:pr-43: runs in list:running.txt, namespace review, deployment',
    '[^F|f] is a negated',
    'What was meant is [Ff]',
  ]) {
    expect(stdout).toContain(word);
  }
  // The last line is the sum of what the purge said.
  const [, removed, kept] = /^Findings: (\d+) removed \(.*\), (\d+) kept /m.exec(stdout) ?? [];
  const before = Number(removed) + Number(kept);
  expect(Number(removed)).toBeGreaterThan(100);
  expect(stdout.trimEnd().split('\n').at(-1)).toBe(
    `Findings: ${before} before, ${String(removed)} removed, ${String(kept)} left`,
  );
});
