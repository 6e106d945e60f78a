import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request as forward, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pipeline } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Environment } from '../../policy/settings.ts';
import type { FromWorker, FunctionMetadata, LogLevel, ToWorker, TypedData } from './protocol.ts';
import { find, isForPeople, type Keys, opens, type Route, routesOf } from './routes.ts';
import type { SignIn } from './sign-in.ts';
import { runTimers, type Timer } from './timers.ts';

export interface HostOptions {
  /** The folder of the app: host.json, package.json and what its `main` names. */
  readonly root: string;
  /** The app settings. */
  readonly environment: Environment;
  /** 0: any free one. */
  readonly port: number;
  readonly keys: Keys;
  /** Stands in front of the app as App Service Authentication does; absent: nothing does. */
  readonly signIn?: SignIn | undefined;
  /** What the host and the functions log; `name` is the function. */
  readonly log: (level: LogLevel, message: string, name?: string) => void;
}

export interface Host {
  readonly url: string;
  readonly routes: readonly Route[];
  readonly timers: readonly Pick<Timer, 'name' | 'when'>[];
  readonly close: () => Promise<void>;
}

/** How long a worker may take to end, as in the Functions host. */
const GRACE_MS = 5_000;

/**
 * A stand-in for the Azure Functions host, on loopback, for trying an app out and for tests. It starts the app in a worker
 * process, asks it for its functions, and calls them over HTTP, by their schedule, or through
 * `POST /admin/functions/{name}`. It does not scale, and has neither storage nor extensions but HTTP and timers.
 *
 * @throws where the app has no functions, or does not stream HTTP (`enableHttpStream`)
 */
export async function startHost(options: HostOptions): Promise<Host> {
  const { root, environment } = options;
  const worker = fork(fileURLToPath(new URL('./worker.js', import.meta.url)), [root], {
    cwd: root,
    env: { ...environment },
    // As the Functions host does.
    execArgv: (environment['languageWorkers__node__arguments'] ?? '').split(' ').filter((word) => word !== ''),
    stdio: ['inherit', 'pipe', 'inherit', 'ipc'],
  });
  // Output of the worker is logged without an invocation.
  if (worker.stdout) createInterface(worker.stdout).on('line', (line) => options.log('information', line, 'console'));
  try {
    return await serve(worker, options);
  } catch (error) {
    // The worker would wait for its host for ever.
    worker.kill('SIGKILL');
    throw error;
  }
}

async function serve(worker: ChildProcess, { root, environment, port, keys, signIn, log }: HostOptions): Promise<Host> {
  const { extensions } = JSON.parse(readFileSync(join(root, 'host.json'), 'utf8')) as {
    readonly extensions?: { readonly http?: { readonly routePrefix?: string } };
  };
  const names = new Map<string, string>();
  const pending = new Map<string, (error: string | undefined) => void>();
  const loaded = waitForApp(worker, log);
  worker.on('message', (message: FromWorker) => {
    if (message.type === 'log') log(message.level, message.message, names.get(message.invocationId ?? ''));
    if (message.type === 'done') pending.get(message.invocationId)?.(message.error);
  });
  worker.once('exit', () => {
    for (const end of pending.values()) end('the worker ended');
  });
  const { functions, httpUri } = await loaded;

  /** Calls a function; the result is the message of the error it ended with. */
  const invoke = (
    name: string,
    invocationId: string,
    input: TypedData,
    triggerMetadata: Readonly<Record<string, TypedData>> = {},
  ): Promise<string | undefined> =>
    new Promise((resolve) => {
      names.set(invocationId, name);
      pending.set(invocationId, (error) => {
        names.delete(invocationId);
        pending.delete(invocationId);
        if (error === undefined) log('information', 'executed (Succeeded)', name);
        else log('error', `executed (Failed): ${error}`, name);
        resolve(error);
      });
      log('information', `executing (${invocationId})`, name);
      worker.send({ type: 'invoke', invocationId, name, input, triggerMetadata } satisfies ToWorker);
    });

  const routes = routesOf(functions, extensions?.http?.routePrefix ?? 'api');
  let timers: readonly Timer[] = [];
  const server = createServer((request, response) => {
    const [path = '/', query = ''] = (request.url ?? '/').split('?', 2);
    const parameters = new URLSearchParams(query);
    const key = [request.headers['x-functions-key']].flat()[0] ?? parameters.get('code') ?? '';
    const admin = /^\/admin\/functions\/(\w+)$/.exec(path)?.[1];
    const timer = timers.find(({ name }) => name === admin);
    const found = find(routes, request.method ?? 'GET', path);
    // A page of another site whose name was made to lead here (DNS rebinding) asks for that name.
    if (!isOwnName(request.headers.host)) end(response, 421);
    else if (signIn?.answer(request, response, found !== undefined && isForPeople(found.route))) return;
    else if (admin !== undefined && request.method === 'POST') {
      if (!opens(key, 'admin', keys)) end(response, 401);
      else if (!timer) end(response, 404);
      else {
        timer.fire();
        end(response, 202);
      }
    } else if (!found) end(response, 404);
    else if (!opens(key, found.route.authLevel, keys)) end(response, 401);
    else call(request, response, found);
  });

  const call = (
    request: IncomingMessage,
    response: ServerResponse,
    { route, params }: { readonly route: Route; readonly params: Readonly<Record<string, string>> },
  ): void => {
    const invocationId = randomUUID();
    const { method = 'GET' } = request;
    const headers = signIn?.forward(request.headers) ?? request.headers;
    const upstream = forward(httpUri, {
      method,
      path: request.url,
      headers: {
        ...headers,
        'x-ms-invocation-id': invocationId,
        'x-forwarded-host': headers.host ?? 'localhost',
        'x-forwarded-proto': 'http',
      },
    });
    upstream.on('response', (answered) => {
      response.writeHead(answered.statusCode ?? 500, answered.headers);
      pipeline(answered, response, () => undefined);
    });
    upstream.on('error', () => end(response, 500));
    // Ends the request when the client disconnects. A client that has its answer may still be sending.
    response.on('close', () => {
      if (!response.writableFinished) upstream.destroy();
    });
    pipeline(request, upstream, () => undefined);
    const http = { method, url: request.url, headers, params };
    const metadata = Object.entries({ ...params }).map(([name, value]) => [name, { string: value }] as const);
    void invoke(
      route.name,
      invocationId,
      { http },
      {
        ...Object.fromEntries(metadata),
        Headers: { json: JSON.stringify(headers) },
        Query: { json: '{}' },
      },
    ).then((error) => {
      if (error !== undefined) end(response, 500);
    });
  };

  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  timers = runTimers(functions, environment, log, (name, timer) =>
    invoke(name, randomUUID(), { json: JSON.stringify(timer) }),
  );
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    routes,
    timers,
    async close() {
      for (const timer of timers) timer.stop();
      if (worker.connected) worker.send({ type: 'terminate' } satisfies ToWorker);
      if (worker.exitCode === null)
        await Promise.race([once(worker, 'exit'), once(AbortSignal.timeout(GRACE_MS), 'abort')]);
      worker.kill('SIGKILL');
      server.close();
      server.closeAllConnections();
    },
  };
}

interface LoadedApp {
  readonly functions: readonly FunctionMetadata[];
  readonly httpUri: string;
}

function waitForApp(worker: ChildProcess, log: HostOptions['log']): Promise<LoadedApp> {
  return new Promise((resolve, reject) => {
    worker.once('exit', (code) =>
      reject(new Error(`the worker ended with ${code ?? 'a signal'} before the app was loaded`)),
    );
    worker.on('message', (message: FromWorker) => {
      if (message.type === 'failed') log('error', `cannot load ${message.file}: ${message.message}`);
      if (message.type !== 'loaded') return;
      const { functions, httpUri } = message;
      if (functions.length === 0) reject(new Error('the app has no functions'));
      else if (httpUri === undefined)
        reject(new Error('the app does not stream HTTP; call app.setup({ enableHttpStream: true })'));
      else resolve({ functions, httpUri });
    });
  });
}

/** Whether a request asks for this machine by a name of its own. */
function isOwnName(host = ''): boolean {
  return /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i.test(host);
}

function end(response: ServerResponse, status: number): void {
  if (response.headersSent) response.destroy();
  else response.writeHead(status).end();
}
