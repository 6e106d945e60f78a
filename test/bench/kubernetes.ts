/* eslint-disable no-console -- a report */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type KubernetesObject, pod, startKubernetes, workload } from '../../src/dev/kubernetes/index.ts';
import { machine } from './process.ts';

/*
 * `npm run bench:kubernetes [-- --pods 10000 --namespaces 100]`: how long all images of a cluster take to read, and how much
 * more memory than the same command takes without a cluster. The command line is the built one, the cluster answers from
 * this process.
 */

const { values: given } = parseArgs({
  options: {
    pods: { type: 'string', default: '10000' },
    namespaces: { type: 'string', default: '100' },
  },
});
const REPLICA_SETS = 2000;
const CLI = fileURLToPath(new URL('../../dist/src/doors/cli/main.js', import.meta.url));
const REGISTRY = 'contoso.azurecr.io';

/** Pods as large as a real one: what the API adds of its own is most of it. */
function podOf(n: number): KubernetesObject {
  const app = n % 500;
  const namespace = `team-${n % Number(given.namespaces)}`;
  const image = (name: string) => ({
    image: `${REGISTRY}/${name}:v${app % 7}`,
    imageID: `${REGISTRY}/${name}@sha256:${(app * 7919).toString(16).padStart(64, '0')}`,
  });
  const made = pod({
    namespace,
    name: `app-${app}-5d4f-${n}`,
    owner: { kind: 'ReplicaSet', name: `app-${app}-5d4f` },
    containers: [image(`app-${app}`), image('sidecar')],
    initContainers: [image('init')],
  });
  const managedFields = Array.from({ length: 4 }, (_, field) => ({
    manager: 'kubelet',
    operation: 'Update',
    fieldsV1: { [`f:${field}`]: Object.fromEntries(Array.from({ length: 40 }, (_, key) => [`f:field-${key}`, {}])) },
  }));
  return { ...made, metadata: { ...made.metadata, managedFields } };
}

interface Measured {
  readonly seconds: number;
  readonly peak: number;
  readonly stdout: string;
}

/** Says at its end what it peaked at. */
const TELL = 'data:text/javascript,process.on("exit",()=>process.send(process.resourceUsage().maxRSS/1024))';

/** Runs the built command line. */
async function run(
  flags: readonly string[],
  environment: NodeJS.ProcessEnv,
  ...args: readonly string[]
): Promise<Measured> {
  const start = performance.now();
  const child = fork(CLI, args, {
    execArgv: ['--import', TELL, ...flags],
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  let stdout = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  let peak = 0;
  child.on('message', (message) => (peak = Number(message)));
  const [code] = (await once(child, 'close')) as [number];
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}`);
  return { seconds: (performance.now() - start) / 1000, peak, stdout };
}

const pods = Array.from({ length: Number(given.pods) }, (_, n) => podOf(n));
const replicasets = Array.from({ length: REPLICA_SETS }, (_, n) =>
  workload({ namespace: `team-${n % 100}`, name: `app-${n % 500}-${n}`, owner: { kind: 'Deployment', name: `app-${n % 500}` }, containers: [{ image: `${REGISTRY}/app-${n % 500}:v${n % 11}` }] }),
); // prettier-ignore
const cluster = await startKubernetes({ state: { pods, replicasets } });
const folder = mkdtempSync(join(tmpdir(), 'bench-kubernetes-'));
try {
  const kubeconfig = join(folder, 'config');
  const list = join(folder, 'empty.txt');
  writeFileSync(kubeconfig, cluster.kubeconfig({ bench: { token: 'x' } }));
  writeFileSync(list, '# nothing\n');
  const size = Math.round(JSON.stringify(pods[0]).length / 1000);
  console.log(
    `${machine()}: ${given.pods} pods (${size} kB each) in ${given.namespaces} namespaces, ${REPLICA_SETS} replica sets\n`,
  );
  console.log('| Node flags | time | images | without the cluster | peak | more |\n|---|--:|--:|--:|--:|--:|');
  const ask = (flags: readonly string[], source: string) =>
    run(flags, { KUBECONFIG: kubeconfig }, 'in-use', '-r', 'contoso', '--runs', join(folder, 'runs'), '--output', 'json', '--in-use', source); // prettier-ignore
  for (const flags of [[], ['--max-semi-space-size=4', '--heap-growing-percent=20']]) {
    const before = await ask(flags, `list:${list}`);
    const read = await ask(flags, 'kube');
    const { images } =
      (JSON.parse(read.stdout) as { readonly sources: readonly { readonly images: number }[] }).sources[0] ?? {};
    const sizes = [before.peak, read.peak, read.peak - before.peak].map((one) => `${Math.round(one)} MB`);
    console.log(
      `| ${[flags.join(' ') || 'none', `${(read.seconds - before.seconds).toFixed(1)} s`, images, ...sizes].join(' | ')} |`,
    );
  }
} finally {
  await cluster.close();
  rmSync(folder, { recursive: true });
}
