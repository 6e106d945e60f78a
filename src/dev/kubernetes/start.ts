import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { certificate } from '../emulator/certificate.ts';
import { close, listen } from '../loopback.ts';
import { type Answer, answer, askedBy, failure, forbidden } from './answer.ts';
import type { Asked, Cluster, ClusterState, Fault, KubernetesOptions, User } from './types.ts';

/**
 * Starts what answers as the API of a Kubernetes cluster does, on loopback: enough of it that `kubectl get` and the client
 * libraries read pods and what makes them. Nothing can be changed over it, and nothing watched.
 */
export async function startKubernetes({ state, tokens, rules }: KubernetesOptions): Promise<Cluster> {
  const { key, cert } = await certificate();
  const asked: Asked[] = [];
  let now: ClusterState = state;
  let epoch = 0;
  let faultOf: (asked: Asked) => Fault | undefined = () => undefined;

  /** `hang`: nothing is answered; `drop`: the connection breaks. */
  function answerTo({ method = 'GET', url = '/', headers }: IncomingMessage): Answer | 'hang' | 'drop' {
    if (tokens && !tokens.some((token) => headers.authorization === `Bearer ${token}`))
      return failure(401, 'Unauthorized');
    const { pathname: path, searchParams: query } = new URL(url, 'https://cluster');
    const request = { method, path, query };
    const about = askedBy(request);
    if (!about) return answer(request, now, epoch, rules);
    asked.push(about);
    const fault = faultOf(about);
    if (typeof fault === 'string') return fault;
    return fault ? faulty(about, fault) : answer(request, now, epoch, rules);
  }

  function serve(request: IncomingMessage, response: ServerResponse): void {
    const answered = answerTo(request);
    if (answered === 'drop') request.socket.destroy();
    else if (answered !== 'hang') send(response, answered);
  }

  const server = createServer({ key, cert }, serve);
  const url = `https://127.0.0.1:${await listen(server, 0)}`;
  return {
    url,
    certificate: cert,
    asked,
    change: (changed) => void (now = changed),
    fail: (fault) => void (faultOf = fault),
    expire: () => void (epoch += 1),
    kubeconfig: (users) => kubeconfigOf(url, cert, users),
    close: () => close(server),
  };
}

function faulty(asked: Asked, fault: Exclude<Fault, string>): Answer {
  if ('body' in fault) return { status: fault.status ?? 200, body: fault.body };
  const { status, retryAfter } = fault;
  if (status === 403) return forbidden(asked);
  const headers = retryAfter === undefined ? {} : { 'Retry-After': String(retryAfter) };
  return { ...failure(status, 'etcdserver: request timed out'), headers };
}

function send(response: ServerResponse, { status, body, headers }: Answer): void {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const type = text.startsWith('{') ? 'application/json' : 'text/html';
  response.writeHead(status, { 'Content-Type': type, ...headers }).end(text);
}

/** JSON is YAML, too. */
function kubeconfigOf(server: string, cert: string, users: Readonly<Record<string, User>>): string {
  const contexts = Object.keys(users);
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'cluster', cluster: { server, 'certificate-authority-data': Buffer.from(cert).toString('base64') } },
    ],
    users: Object.entries(users).map(([name, user]) => ({ name, user: 'token' in user ? user : pluginOf(user) })),
    contexts: contexts.map((name) => ({ name, context: { cluster: 'cluster', user: name } })),
    'current-context': contexts[0],
  });
}

const pluginOf = ({ exec }: Extract<User, { readonly exec: unknown }>) => ({
  exec: { apiVersion: 'client.authentication.k8s.io/v1beta1', interactiveMode: 'Never', ...exec },
});
