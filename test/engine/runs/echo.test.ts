import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import type { Emulator } from '../../../src/dev/emulator/index.ts';
import { DELETING, withApp } from '../../support/app.ts';
import { cli } from '../../support/cli.ts';
import { images, repositoryOf } from '../../support/contents.ts';
import { type Asked, behindProxy } from '../../support/proxy.ts';
import { withServedEmulator } from '../../support/registry.ts';

/*
 * A registry, or a firewall in front of it, that repeats in its errors what it was sent: header, password, address, in
 * every form that a program may write them in. None of it may leave this process.
 */

const USER = { username: 'robot', password: 'pa"ss/w&rd+hunter2' };
const PAIR = `${USER.username}:${USER.password}`;
const basic = Buffer.from(PAIR).toString('base64');

const LEAKS: readonly string[] = [
  USER.password,
  JSON.stringify(USER.password).slice(1, -1),
  JSON.stringify(JSON.stringify(USER.password)).slice(3, -3),
  encodeURIComponent(USER.password),
  USER.password.replaceAll('"', '&quot;').replaceAll('&', '&amp;'),
  basic.replace(/=+$/, ''),
  Buffer.from(PAIR).toString('base64url'),
  Buffer.from(USER.password).toString('base64').replace(/=+$/, ''),
  'hunter2',
];

function echo({ path, headers }: Asked, status: number) {
  const { authorization = '' } = headers;
  const [, encoded = ''] = authorization.split(' ');
  const decoded = Buffer.from(encoded, 'base64').toString();
  const password = decoded.slice(decoded.indexOf(':') + 1);
  const message = [
    ...[authorization, encoded, decoded, password, JSON.stringify(headers), encodeURIComponent(decoded)],
    ...[new URLSearchParams({ password }).toString(), Buffer.from(password).toString('base64url')],
    `https://${decoded}@${headers.host ?? ''}${path}`,
  ];
  const body = { errors: [{ code: password, message: message.reverse().join(' | ') }] };
  return { status, body: JSON.stringify(body), headers: { 'x-ms-correlation-request-id': encoded } };
}

/** Reading `sealed` and deleting in `kept` fail, and say so with all that they were sent. */
async function atEchoes(work: (emulator: Emulator, folder: string) => Promise<void>): Promise<void> {
  const repositories = {
    kept: repositoryOf(...images('kept', 3, 'dev')),
    sealed: repositoryOf(...images('sealed', 2, 'dev')),
  };
  const folder = mkdtempSync(join(tmpdir(), 'acr-retention-test-'));
  try {
    await withServedEmulator({ repositories, basic: USER }, (emulator) =>
      behindProxy(
        emulator,
        (asked) => {
          if (asked.method === 'DELETE') return echo(asked, 405);
          return asked.path.includes('/sealed/') ? echo(asked, 403) : undefined;
        },
        (proxy) => work(proxy, folder),
      ),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** All that a ledger has written, as text. */
function ledgerIn(folder: string): string {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((file) => statSync(file).isFile())
    .map((file) => (file.endsWith('.gz') ? gunzipSync(readFileSync(file)) : readFileSync(file)).toString())
    .join('\n');
}

function expectNothingOf(text: string): void {
  for (const leak of LEAKS) expect(text).not.toContain(leak);
  expect(text).toContain('[redacted]');
}

test.each(['text', 'json', 'ndjson'])(
  'nothing that a registry repeats shows on the command line: %s',
  async (output) => {
    await atEchoes(async (emulator, folder) => {
      const certificate = join(folder, 'ca.pem');
      writeFileSync(certificate, emulator.certificate);
      const runs = join(folder, 'runs');
      const args = ['--registry', emulator.loginServer, '--filter', '.*:^dev', '--ago', '1d', '--untagged'];
      const { code, stdout, stderr } = await cli(['purge', ...args, '--output', output, '--runs', runs], {
        NODE_EXTRA_CA_CERTS: certificate,
        ACR_USERNAME: USER.username,
        ACR_PASSWORD: USER.password,
        LOG_LEVEL: 'debug',
        LOG_FORMAT: 'json',
      });
      expect(code).toBe(1);
      expectNothingOf(stdout);
      expectNothingOf(stderr);
      expectNothingOf(ledgerIn(runs));
    });
  },
);

test('nor in an answer, a page, the status or the log of the app', async () => {
  await atEchoes(async (emulator, folder) => {
    const settings = {
      ...DELETING,
      ACR_USERNAME: USER.username,
      ACR_PASSWORD: USER.password,
      PURGE_COMMAND: "--filter '.*:^dev' --ago 1d --untagged",
      PURGE_SCHEDULE: '0 1 * * Sun',
      RETENTION_STORAGE: folder,
      LOG_LEVEL: 'debug',
    };
    await withApp(emulator, settings, async (app) => {
      const textOf = async (path: string, init: Parameters<typeof app.ask>[1] = {}) =>
        (await app.ask(path, init)).text();
      expectNothingOf(await textOf('/api/dry-run', { method: 'POST' }));
      expectNothingOf(await textOf('/api/dry-run', { method: 'POST', headers: { accept: 'application/x-ndjson' } }));
      await app.fireTimer();
      const { runs } = JSON.parse(await textOf('/api/runs')) as { readonly runs: readonly { readonly id: string }[] };
      const id = runs[0]?.id ?? '';
      for (const path of [`/api/runs/${id}`, `/api/runs/${id}/decisions`, `/api/runs/${id}/decisions?format=csv`])
        expectNothingOf(await textOf(path));
      expectNothingOf(await textOf(`/api/review?run=${id}`));
      expectNothingOf(app.lines().join('\n'));
      expectNothingOf(ledgerIn(folder));
    });
  });
});

test('nor in the status, where the catalog itself is refused so', async () => {
  await withServedEmulator({ repositories: {}, basic: USER }, (emulator) =>
    behindProxy(
      emulator,
      (asked) => echo(asked, 403),
      (proxy) =>
        withApp(
          proxy,
          {
            ACR_USERNAME: USER.username,
            ACR_PASSWORD: USER.password,
            PURGE_COMMAND: "--filter '.*:^dev' --ago 1d",
            PURGE_SCHEDULE: '0 1 * * Sun',
          },
          async (app) => {
            expectNothingOf(await (await app.ask('/api/status')).text());
            expectNothingOf(await (await app.ask('/api/dry-run', { method: 'POST' })).text());
          },
        ),
    ),
  );
});
