import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { certificateFor } from '../../src/dev/emulator/certificate.ts';
import { type LogAnalytics, type RepositoryEvent, startLogAnalytics } from '../../src/dev/logs/log-analytics.ts';

const HOST = 'api.loganalytics.io';

/** What a process needs to find the stand-in for Log Analytics where it expects the service. */
export interface LogsAtAzure {
  readonly log: LogAnalytics;
  readonly certificate: string;
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * Log Analytics for other processes, which know it by its name only: they are given a proxy that takes them to the
 * stand-in, and a managed identity.
 */
export async function withLogsAtAzure<T>(
  resource: string,
  events: readonly RepositoryEvent[],
  test: (logs: LogsAtAzure) => Promise<T>,
): Promise<T> {
  const shown = await certificateFor(HOST);
  const log = await startLogAnalytics((asked) => (asked === resource.toLowerCase() ? events : undefined), shown);
  const proxy = createServer((_, response) => response.writeHead(403).end());
  proxy.on('connect', ({ url }, socket) => {
    // Nothing else of the world is there.
    if (url !== `${HOST}:443`) {
      socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
      return;
    }
    const there = connect(Number(new URL(log.url).port), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      there.pipe(socket).pipe(there);
    });
    for (const one of [there, socket]) one.on('error', () => [there, socket].forEach((each) => each.destroy()));
  });
  const claims = Buffer.from(JSON.stringify({ oid: '00000000-0000-4000-8000-00000000000a' })).toString('base64url');
  const identity = createServer((_, response) => {
    const expires = Math.floor(Date.now() / 1000) + 3_600;
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(
      JSON.stringify({ access_token: `e30.${claims}.not-a-signature`, expires_on: `${expires}`, token_type: 'Bearer' }),
    );
  });
  try {
    return await test({
      log,
      certificate: shown.cert,
      environment: {
        HTTPS_PROXY: await listening(proxy),
        NO_PROXY: '127.0.0.1,localhost',
        IDENTITY_ENDPOINT: `${await listening(identity)}/msi/token`,
        IDENTITY_HEADER: 'of-the-tests',
        REGISTRY_RESOURCE_ID: resource,
        PULL_LOG_MAX_SILENCE: '300d',
      },
    });
  } finally {
    for (const server of [proxy, identity]) {
      server.closeAllConnections();
      server.close();
    }
    await log.close();
  }
}

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
