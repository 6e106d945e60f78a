import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CronJob } from 'kubernetes-models/batch/v1';
import { Namespace, ServiceAccount } from 'kubernetes-models/v1';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { parseRegistry } from '../../src/policy/registries.ts';
import { parseTimeBudget } from '../../src/policy/duration.ts';
import { readStorage } from '../../src/policy/storage.ts';
import { project, runSample, stages } from '../support/image.ts';
import { misfits } from '../support/typed.ts';

const text = readFileSync(join(project, 'infra/container/cronjob.yaml'), 'utf8');
const documents = parseAllDocuments(text);
const [namespace, account, cronJob] = documents.map((document) => document.toJS() as Record<string, unknown>);

// Checked to be what they are by the first test.
const job = new CronJob(cronJob).spec;
const pod = job?.jobTemplate.spec?.template;
const [container] = pod?.spec?.containers ?? [];
const args = container?.args ?? [];
const valueOf = (name: string): string => container?.env?.find((one) => one.name === name)?.value ?? '';
const valueAfter = (flag: string): string =>
  args.find((one) => one.startsWith(`${flag}=`))?.slice(flag.length + 1) ?? '';

test('is what Kubernetes takes, without a name that it does not know', () => {
  expect(documents.flatMap(({ errors, warnings }) => [...errors, ...warnings])).toEqual([]);
  new Namespace(namespace).validate();
  new ServiceAccount(account).validate();
  new CronJob(cronJob).validate();
  expect(misfits(namespace, 'INamespace', 'kubernetes-models/v1')).toEqual([]);
  expect(misfits(account, 'IServiceAccount', 'kubernetes-models/v1')).toEqual([]);
  expect(misfits(cronJob, 'ICronJob', 'kubernetes-models/batch/v1')).toEqual([]);
  const wrong = structuredClone(cronJob) as { readonly spec: Record<string, unknown> };
  wrong.spec['timezone'] = 'Etc/UTC';
  expect(misfits(wrong, 'ICronJob', 'kubernetes-models/batch/v1')).toEqual([expect.stringContaining('"timezone"')]);
});

describe('the job', () => {
  test('is one at a time, and is not tried again', () => {
    expect(job).toMatchObject({ concurrencyPolicy: 'Forbid', timeZone: 'Etc/UTC' });
    expect(job?.jobTemplate.spec?.backoffLimit).toBe(0);
    expect(pod?.spec?.restartPolicy).toBe('Never');
  });

  test('ends by itself before Kubernetes ends it, and then has time to finish', () => {
    const budget = parseTimeBudget(valueAfter('--time-budget'), '--time-budget').milliseconds / 1000;
    const grace = pod?.spec?.terminationGracePeriodSeconds ?? 0;
    expect(grace).toBeGreaterThanOrEqual(60);
    expect(job?.jobTemplate.spec?.activeDeadlineSeconds).toBeGreaterThanOrEqual(budget + 300);
  });

  test('may do nothing but talk to the registry and the storage account', () => {
    expect(pod?.spec?.automountServiceAccountToken).toBe(false);
    expect(account).toMatchObject({ automountServiceAccountToken: false });
    expect(pod?.spec?.securityContext).toMatchObject({
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(container?.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(pod?.spec?.volumes).toBeUndefined();
    expect(container?.resources?.limits).toHaveProperty('memory');
  });

  test('runs as the user that the image has', () => {
    const user = stages()
      .at(-1)
      ?.instructions.find((one) => one.getKeyword() === 'USER');
    const { runAsUser = 0, runAsGroup = 0 } = pod?.spec?.securityContext ?? {};
    expect(user?.getArgumentsContent()).toBe(`${runAsUser}:${runAsGroup}`);
  });

  test('has the identity of its service account', () => {
    const { metadata } = account as { readonly metadata: Record<'name' | 'namespace', string> };
    expect(pod?.metadata?.labels).toEqual({ 'azure.workload.identity/use': 'true' });
    expect(pod?.spec?.serviceAccountName).toBe(metadata.name);
    expect(text).toContain(`# system:serviceaccount:${metadata.namespace}:${metadata.name}`);
    expect(account).toHaveProperty(['metadata', 'annotations', 'azure.workload.identity/client-id']);
    expect(container?.env?.filter(({ name }) => /PASSWORD|SECRET|KEY|TOKEN/.test(name))).toEqual([]);
  });

  test('keeps its record where it outlives the pod', () => {
    expect(readStorage(valueOf('RETENTION_STORAGE'), 'RETENTION_STORAGE')).toMatchObject({ kind: 'blob' });
    expect(parseRegistry(valueOf('ACR_REGISTRY')).host).toBe('contoso.azurecr.io');
  });
});

describe('its arguments', () => {
  test('as they are: a dry run', async () => {
    const { ran, gone } = await runSample(args);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(ran.stdout).toContain('DRY RUN: nothing was deleted.');
    expect(gone).toBe(0);
  });

  test('without --dry-run: it deletes', async () => {
    const { ran, gone } = await runSample(args.filter((one) => one !== '--dry-run'));
    expect(ran.stderr).toBe('');
    expect(gone).toBeGreaterThan(0);
  });

  test('a flag that it does not know is refused before anything is looked at', async () => {
    expect((await runSample([...args, '--no-such-flag'])).ran).toMatchObject({ code: 2, stdout: '' });
  });

  test('each line to change says so', () => {
    const lines = text.split('\n');
    for (const changes of ['client-id:', "schedule: '", '- --filter=', '- --dry-run', 'image:', 'contoso$', '.net$']) {
      const at = lines.findIndex((line) => new RegExp(changes).test(line) && !line.trim().startsWith('#'));
      const comments = lines.slice(Math.max(0, at - 3), at).join('\n');
      expect(comments, changes).toContain('# Change');
    }
  });
});
