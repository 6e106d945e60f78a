import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CronJob } from 'kubernetes-models/batch/v1';
import { ClusterRole, ClusterRoleBinding } from 'kubernetes-models/rbac.authorization.k8s.io/v1';
import { Namespace, ServiceAccount } from 'kubernetes-models/v1';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import type { Rule } from '../../src/dev/kubernetes/index.ts';
import { pod } from '../../src/dev/kubernetes/index.ts';
import { cli } from '../support/cli.ts';
import { project } from '../support/image.ts';
import { clusterOf, kubeconfigFile, temporaryFolder } from '../support/kubernetes.ts';
import { misfits } from '../support/typed.ts';

const text = readFileSync(join(project, 'infra/container/report-images.yaml'), 'utf8');
const documents = parseAllDocuments(text);
const [namespace, account, role, binding, cronJob] = documents.map((one) => one.toJS() as Record<string, unknown>);
const job = new CronJob(cronJob).spec;
const spec = job?.jobTemplate.spec?.template.spec;
const [container] = spec?.containers ?? [];
const args = container?.args ?? [];
const rules = (role as { readonly rules: readonly Rule[] }).rules;

test('is what Kubernetes takes, without a name that it does not know', () => {
  expect(documents.flatMap(({ errors, warnings }) => [...errors, ...warnings])).toEqual([]);
  new Namespace(namespace).validate();
  new ServiceAccount(account).validate();
  new ClusterRole(role).validate();
  new ClusterRoleBinding(binding as never).validate();
  new CronJob(cronJob).validate();
  const rbac = 'kubernetes-models/rbac.authorization.k8s.io/v1';
  expect(misfits(role, 'IClusterRole', rbac)).toEqual([]);
  expect(misfits(binding, 'IClusterRoleBinding', rbac)).toEqual([]);
  expect(misfits(account, 'IServiceAccount', 'kubernetes-models/v1')).toEqual([]);
  expect(misfits(cronJob, 'ICronJob', 'kubernetes-models/batch/v1')).toEqual([]);
});

test('the role is bound to the service account that the job runs as, with its identity', () => {
  const { name, namespace: at } = (account as { readonly metadata: Record<'name' | 'namespace', string> }).metadata;
  expect(binding).toMatchObject({
    roleRef: { kind: 'ClusterRole', name: (role as { readonly metadata: { readonly name: string } }).metadata.name },
    subjects: [{ kind: 'ServiceAccount', name, namespace: at }],
  });
  expect(spec).toMatchObject({ serviceAccountName: name, automountServiceAccountToken: true });
  expect(cronJob).toMatchObject({ metadata: { namespace: at } });
  expect(job?.jobTemplate.spec?.template.metadata?.labels).toEqual({ 'azure.workload.identity/use': 'true' });
  expect(text).toContain(`# system:serviceaccount:${at}:${name}`);
});

test('the pod is as narrow as that of the other job', () => {
  const other = parseAllDocuments(readFileSync(join(project, 'infra/container/cronjob.yaml'), 'utf8'))[2]?.toJS() as typeof cronJob; // prettier-ignore
  const theirs = new CronJob(other).spec?.jobTemplate.spec?.template.spec;
  expect(spec?.securityContext).toEqual(theirs?.securityContext);
  expect(container?.securityContext).toEqual(theirs?.containers[0]?.securityContext);
  expect(spec?.volumes).toBeUndefined();
});

describe('its arguments, at a cluster that grants what the role grants', () => {
  const state = { pods: [pod({ namespace: 'shop', name: 'p', containers: [{ image: 'contoso.azurecr.io/api:1' }] })] };
  const to = args.findIndex((arg) => arg.startsWith('--to='));

  const run = async (granted: readonly Rule[]) => {
    const cluster = await clusterOf(state, { rules: granted });
    const file = join(temporaryFolder(), 'prod.txt');
    writeFileSync(file, 'old');
    const ran = await cli(args.with(to, `--to=${file}`), { KUBECONFIG: kubeconfigFile(cluster) });
    return { cluster, ran, list: readFileSync(file, 'utf8') };
  };

  test('they suffice, and each is needed', async () => {
    const { cluster, ran, list } = await run(rules);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(list).toContain('\ncontoso.azurecr.io/api:1 namespace shop, pod p\n');
    const asked = new Set(cluster.asked.map(({ verb, group, resource }) => `${verb} ${group}/${resource}`));
    const granted = rules.flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) => verbs.map((verb) => `${verb} ${group}/${resource}`)),
      ),
    );
    expect(new Set(granted)).toEqual(asked);
    expect(granted).toHaveLength(asked.size);
  });

  test('without one of them no list is written', async () => {
    const { ran, list } = await run(rules.filter(({ apiGroups }) => !apiGroups.includes('batch')));
    expect(ran).toMatchObject({ code: 1, stdout: '' });
    expect(ran.stderr).toContain('cron jobs cannot be listed');
    expect(list).toBe('old');
  });

  test('name a blob of a storage account, and the lines to change say so', () => {
    expect(args[to]).toBe('--to=https://contosoretention.blob.core.windows.net/in-use/prod.txt');
    const lines = text.split('\n');
    for (const changes of ['client-id:', 'image:', '- --to=']) {
      const at = lines.findIndex((line) => line.includes(changes) && !line.trim().startsWith('#'));
      expect(lines.slice(Math.max(0, at - 3), at).join('\n'), changes).toContain('# Change');
    }
  });
});
