import { connect } from 'node:tls';
import { repositoryNames, repositoryOf, type Shape } from './data.ts';
import { admin, type RunningRegistry, startRegistry } from './protocol.ts';

/** What the registry itself can do: no program that is measured here can be faster than that. */
export interface Ceiling {
  readonly what: string;
  readonly calls: number;
  readonly callsPerSecond: number;
  /** Processor time of the registry for one call, in microseconds. */
  readonly cpuMicros: number;
  /** Share of the time that was its processor time. Well below 1 it waited for this client, or for the machine. */
  readonly busy: number;
}

interface Kind {
  readonly what: string;
  readonly calls: number;
  readonly request: (n: number) => string;
  /** Default: one after the other, as long as there are any. */
  readonly callsPerConnection?: number;
}

/** As many as the measured programs have. */
const inFlight = 32;

const shape: Shape = { repositories: 1, images: 6000 };

/** Asks for a lot with a client that does as little as possible, so that what is measured is the registry. */
export async function measureCeiling(scale: number): Promise<readonly Ceiling[]> {
  const registry = await startRegistry({ shape, faults: {} });
  try {
    const found: Ceiling[] = [];
    for (const { what, calls, request, callsPerConnection = Infinity } of kindsOf(scale)) {
      await registry.ask({ ask: 'used' });
      const start = performance.now();
      await askAll(registry, calls, request, callsPerConnection);
      const seconds = (performance.now() - start) / 1000;
      const { registryCpuSeconds: cpu } = await registry.ask({ ask: 'used' });
      found.push({ what, calls, callsPerSecond: calls / seconds, cpuMicros: (cpu / calls) * 1e6, busy: cpu / seconds });
    }
    return found.slice(1);
  } finally {
    await registry.close();
  }
}

function kindsOf(scale: number): readonly Kind[] {
  const [name = ''] = repositoryNames(shape);
  const { tags } = repositoryOf(0, name, shape.images);
  // Of those that come first there is a full page after each.
  const digests = tags.map(({ digest }) => digest).toSorted();
  const digest = (n: number): string => digests[n % (digests.length >> 1)] ?? '';
  const read = (n: number): string => `GET /v2/${name}/manifests/${digest(n)}`;
  const list = (size: number) => (n: number) => `GET /acr/v1/${name}/_manifests?n=${size}&last=${digest(n)}`;
  return [
    { what: 'warming up', calls: 4000, request: read },
    { what: 'reading a manifest', calls: 20_000 * scale, request: read },
    { what: 'reading a manifest, a connection each', calls: 2000 * scale, request: read, callsPerConnection: 1 },
    { what: 'listing 100 manifests', calls: 3000 * scale, request: list(100) },
    { what: 'listing 1,000 manifests', calls: 600 * scale, request: list(1000) },
    {
      what: 'listing 1,000 tags, newest first',
      calls: 600 * scale,
      request: () => `GET /acr/v1/${name}/_tags?n=1000&orderby=timedesc`,
    },
    {
      what: 'deleting a tag',
      calls: tags.length,
      request: (n) => `DELETE /acr/v1/${name}/_tags/${tags[n]?.name ?? ''}`,
    },
    {
      what: 'deleting a manifest',
      calls: digests.length,
      request: (n) => `DELETE /v2/${name}/manifests/${digests[n] ?? ''}`,
    },
  ];
}

async function askAll(
  registry: RunningRegistry,
  calls: number,
  request: (n: number) => string,
  callsPerConnection: number,
): Promise<void> {
  const authorization = `Basic ${Buffer.from(`${admin.username}:${admin.password}`).toString('base64')}`;
  const headers = `Host: ${registry.loginServer}\r\nAuthorization: ${authorization}`;
  let sent = 0;
  const askSome = async (): Promise<void> => {
    while (sent < calls) {
      let left = callsPerConnection;
      await converse(registry, () =>
        left-- > 0 && sent < calls ? `${request(sent++)} HTTP/1.1\r\n${headers}\r\n\r\n` : undefined,
      );
    }
  };
  await Promise.all(Array.from({ length: inFlight }, askSome));
}

/**
 * One connection that asks again as soon as it has its answer, until there is nothing to ask. It reads of an answer
 * only its status and its length.
 */
function converse({ loginServer, certificate }: RunningRegistry, next: () => string | undefined): Promise<void> {
  const [host = '', port] = loginServer.split(':');
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port), ca: certificate });
    let head = '';
    let left = 0;
    const ask = (): void => {
      const text = next();
      if (text !== undefined) {
        socket.write(text);
        return;
      }
      socket.destroy();
      resolve();
    };
    socket.once('secureConnect', ask);
    socket.once('error', reject);
    socket.on('data', (chunk: Buffer) => {
      let size = chunk.length;
      if (left === 0) {
        head += chunk.toString('latin1');
        const end = head.indexOf('\r\n\r\n');
        if (end < 0) return;
        if (!head.startsWith('HTTP/1.1 20')) {
          reject(new Error(`the registry answers ${head.slice(0, 200)}`));
          socket.destroy();
          return;
        }
        left = Number(/content-length: (\d+)/i.exec(head.slice(0, end))?.[1]);
        size = head.length - end - 4;
        head = '';
      }
      left -= size;
      if (left === 0) ask();
    });
  });
}
