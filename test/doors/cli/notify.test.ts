import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { certificate } from '../../../src/dev/emulator/certificate.ts';
import { NOTIFY_KINDS } from '../../../src/policy/notify.ts';
import { BIN, cli, folder } from '../../support/cli.ts';
import { newFolder } from '../../support/ledger.ts';
import { answering, SECRET, type StandIn, startReceiver } from '../../support/receiver.ts';
import { USER, withServedEmulator } from '../../support/registry.ts';
import { several } from '../../support/slices.ts';

let receiver: StandIn;
beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(() => receiver.close());

const FORMS = ['teams', 'slack', 'cloudevents'] as const;
const address = (form: string): string => `${form}:http://127.0.0.1:${receiver.port}/${form}/${SECRET}`;
const addresses = (): string => FORMS.map(address).join(' ');

test('a made-up event of each kind to each address, each in its form; what they answered, and no address', async () => {
  const { code, stdout, stderr } = await cli(['notify', '--test'], { NOTIFY: addresses() });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const lines = stdout.trimEnd().split('\n');
  expect(lines).toHaveLength(FORMS.length * NOTIFY_KINDS.length);
  expect(lines[0]).toBe('address 1 of NOTIFY (teams), plan-waits: taken (202)');
  expect(lines.at(-1)).toBe('address 3 of NOTIFY (cloudevents), deletion-done: taken (200)');
  expect(receiver.wrong).toEqual([]);
  expect(receiver.received).toHaveLength(lines.length);
  const said = receiver.received.map(({ message }) => JSON.stringify(message));
  for (const one of said) expect(one).toContain('Test: ');
});

test('only the kinds that are chosen; an address that takes nothing is exit code 1, and is not shown', async () => {
  receiver.answers.push(answering(404, {}, `no hook ${SECRET}`));
  const environment = { NOTIFY: `${address('slack')}\n${address('cloudevents')}`, NOTIFY_ON: 'run-failed' };
  const { code, stdout, stderr } = await cli(['notify', '--test', '--output', 'ndjson'], environment);
  expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
  expect(
    stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
  ).toMatchObject([
    {
      address: 1,
      form: 'slack',
      kind: 'run-failed',
      state: 'failed',
      why: expect.stringMatching(/^it answered 404: no hook /) as string,
    },
    { address: 2, form: 'cloudevents', kind: 'run-failed', state: 'sent' },
  ]);
  expect(stdout).not.toContain(SECRET);
  expect(stdout).not.toContain(String(receiver.port));
});

test.each([
  [['notify'], {}, 'write acr-retention notify --test'],
  [['notify', '--test'], {}, 'NOTIFY: is not set'],
  [['notify', '--test'], { NOTIFY: `ftp://example/${SECRET}` }, 'NOTIFY: address 1 must begin with https://'],
  [
    ['notify', '--test'],
    { NOTIFY: `https://example/${SECRET}`, NOTIFY_ON: 'everything' },
    'NOTIFY_ON "everything": must be some of',
  ],
])('%j with %j is refused', async (args, environment, message) => {
  const { code, stderr } = await cli(args, { NOTIFY: undefined, ...environment });
  expect(code).toBe(2);
  expect(stderr).toContain(message);
  expect(stderr).not.toContain(SECRET);
});

test('killed between its claim and the answer: the next run does not send that message again', async () => {
  await withServedEmulator({ repositories: several(2, 1) }, async (emulator) => {
    const certificate = join(folder, 'killed.pem');
    writeFileSync(certificate, emulator.certificate);
    const purge = ['purge', '-r', emulator.loginServer, '-f', '.*:.*', '--ago', '30d', '--yes', '--runs', newFolder()];
    const environment = {
      NODE_EXTRA_CA_CERTS: certificate,
      ACR_USERNAME: USER.username,
      ACR_PASSWORD: USER.password,
      NOTIFY: address('cloudevents'),
      NOTIFY_ON: 'deletion-done run-failed',
    };
    const first = spawn(process.execPath, [BIN, ...purge], {
      cwd: folder,
      env: { ...process.env, ...environment },
      stdio: 'ignore',
    });
    const killed = new Promise((resolve) => first.once('close', (_, signal) => resolve(signal)));
    // The message has arrived: it may be shown already.
    receiver.answers.push(() => void first.kill('SIGKILL'));
    expect(await killed).toBe('SIGKILL');
    // Nothing is left to delete, so this run is no news.
    expect(await cli(purge, environment)).toMatchObject({ code: 0 });
    const subjects = receiver.received.map(({ message }) => (message as { readonly type: string }).type);
    expect(subjects).toEqual(['acr-retention.deletion-done']);
  });
});

test('over TLS, to a receiver that is trusted, and to no other; through the proxy that the environment names', async () => {
  const tls = await certificate();
  const secure = await startReceiver(0, tls);
  const tunnels: string[] = [];
  const proxy = createServer().on('connect', ({ url = '' }, client: Socket) => {
    tunnels.push(url);
    const [host, port] = url.split(':');
    const server = connect(Number(port), host, () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      server.pipe(client).pipe(server);
    });
    for (const end of [client, server]) end.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  try {
    const trusted = join(folder, 'receiver.pem');
    writeFileSync(trusted, tls.cert);
    const environment = {
      NOTIFY: `slack:${secure.receiver('slack').address}`,
      NOTIFY_ON: 'run-failed',
      NODE_EXTRA_CA_CERTS: trusted,
    };
    const NAME = 'address 1 of NOTIFY (slack), run-failed:';
    expect(await cli(['notify', '--test'], environment)).toEqual({
      code: 0,
      stdout: `${NAME} taken (200)\n`,
      stderr: '',
    });
    const untrusted = await cli(['notify', '--test'], { ...environment, NODE_EXTRA_CA_CERTS: undefined });
    expect(untrusted).toMatchObject({
      code: 1,
      stdout: `${NAME} not taken: it cannot be reached (DEPTH_ZERO_SELF_SIGNED_CERT)\n`,
    });
    expect(secure.received).toHaveLength(1);
    const { port } = proxy.address() as AddressInfo;
    const proxied = await cli(['notify', '--test'], {
      ...environment,
      HTTPS_PROXY: `http://127.0.0.1:${port}`,
      NO_PROXY: undefined,
    });
    expect(proxied).toMatchObject({ code: 0 });
    expect(tunnels).toEqual([`127.0.0.1:${secure.port}`]);
    expect(secure.received).toHaveLength(2);
  } finally {
    proxy.close();
    await secure.close();
  }
});

test('a purge of the command line is told, and a receiver that fails changes nothing of it', async () => {
  await withServedEmulator({ repositories: several(2, 1) }, async (emulator) => {
    const certificate = join(folder, 'notify.pem');
    writeFileSync(certificate, emulator.certificate);
    const purge = ['purge', '-r', emulator.loginServer, '-f', '.*:.*', '--ago', '30d', '--yes', '--runs', newFolder()];
    receiver.answers.push(answering(403, {}, 'action_prohibited'));
    const { code, stdout, stderr } = await cli(purge, {
      NODE_EXTRA_CA_CERTS: certificate,
      ACR_USERNAME: USER.username,
      ACR_PASSWORD: USER.password,
      NOTIFY: `${address('slack')} ${address('cloudevents')}`,
    });
    expect(code).toBe(0);
    // Which of the two comes first is not said.
    expect(stderr).toMatch(
      /^acr-retention: a message to address [12] of NOTIFY \(\w+\) was not sent: it answered 403: action_prohibited\n$/,
    );
    expect(stdout + stderr).not.toContain(SECRET);
    expect(receiver.received).toHaveLength(2);
    expect(receiver.wrong).toEqual([]);
  });
});
