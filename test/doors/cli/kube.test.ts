import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import tls from 'node:tls';
import { split } from 'shlex';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type Emulator, sampleRegistry } from '../../../src/dev/emulator/index.ts';
import { type ClusterState, pod, workload } from '../../../src/dev/kubernetes/index.ts';
import { startAzurite } from '../../support/azurite.ts';
import { cli } from '../../support/cli.ts';
import { clusterOf, kubeconfigFile, temporaryFolder, TOKEN } from '../../support/kubernetes.ts';
import { USER, withServedEmulator } from '../../support/registry.ts';

const DEV = ['--filter', '.*:^(dev|pr)-', '--ago', '30d', '--untagged'];

/** `purge` as a user types it who has a kubeconfig; the record of each is its own. */
function purge(emulator: Emulator, kubeconfig: string, ...args: readonly string[]) {
  const folder = temporaryFolder();
  const environment = environmentOf(emulator, kubeconfig, folder);
  return cli(
    ['purge', '--registry', emulator.loginServer, '--runs', join(folder, 'runs'), ...DEV, ...args],
    environment,
  );
}

function environmentOf(emulator: Emulator, kubeconfig: string, folder: string): Readonly<Record<string, string>> {
  const file = join(folder, 'registry.pem');
  writeFileSync(file, emulator.certificate);
  return {
    NODE_EXTRA_CA_CERTS: file,
    ACR_USERNAME: USER.username,
    ACR_PASSWORD: USER.password,
    KUBECONFIG: kubeconfig,
  };
}

interface Decided {
  readonly repository: string;
  readonly kind: string;
  readonly tag?: string;
  readonly digest?: string;
  readonly action: string;
  readonly reason: string;
  readonly detail: string;
}

const decisionsIn = (stdout: string): readonly Decided[] =>
  (JSON.parse(stdout) as { readonly decisions: readonly Decided[] }).decisions;

/** Two tags that a purge without a source deletes, of different manifests. */
async function doomed(emulator: Emulator, kubeconfig: string): Promise<readonly [Decided, Decided]> {
  const { stdout } = await purge(emulator, kubeconfig, '--dry-run', '--output', 'json');
  const tags = decisionsIn(stdout).filter(({ kind, action }) => kind === 'tag' && action === 'delete');
  const [first] = tags;
  const second = tags.find(({ digest, repository }) => digest !== first?.digest && repository !== first?.repository);
  if (!first || !second) throw new Error('the sample has nothing to delete');
  return [first, second];
}

/** A cluster whose pods run one by its tag, the other one by its digest, among pods of other registries. */
function running(emulator: Emulator, [byTag, byDigest]: readonly [Decided, Decided]): ClusterState {
  const image = `${emulator.loginServer}/${byTag.repository}:${byTag.tag ?? ''}`;
  const other = { image: 'ghcr.io/other/app:1', imageID: `ghcr.io/other/app@sha256:${'0'.repeat(64)}` };
  const others = Array.from({ length: 600 }, (_, n) =>
    pod({ namespace: 'others', name: `o${n}`, containers: [other] }),
  );
  const containers = [{ image: 'registry.example/copy:1', imageID: `${emulator.loginServer}/${byDigest.repository}@${byDigest.digest ?? ''}` }]; // prettier-ignore
  return {
    deployments: [workload({ namespace: 'shop', name: 'api', containers: [{ image }] })],
    replicasets: [workload({ namespace: 'shop', name: 'api-5d', owner: { kind: 'Deployment', name: 'api' }, containers: [{ image }] })],
    pods: [
      ...others,
      pod({ namespace: 'shop', name: 'api-5d-x', owner: { kind: 'ReplicaSet', name: 'api-5d' }, containers: [{ image, imageID: '' }] }),
      pod({ namespace: 'shop', name: 'db-0', owner: { kind: 'StatefulSet', name: 'db' }, containers }),
    ],
  }; // prettier-ignore
}

describe('purge --in-use kube', () => {
  test('keeps what runs there, and says where', async () => {
    await withServedEmulator({ repositories: sampleRegistry() }, async (emulator) => {
      const cluster = await clusterOf({});
      const kubeconfig = kubeconfigFile(cluster);
      const [byTag, byDigest] = await doomed(emulator, kubeconfig);
      cluster.change(running(emulator, [byTag, byDigest]));
      const before = emulator.tagsLeft().length;
      const ran = await purge(emulator, kubeconfig, '--in-use', 'kube:prod', '--output', 'json');
      expect({ code: ran.code, stderr: ran.stderr }).toEqual({ code: 0, stderr: '' });
      for (const { repository, tag, digest } of [byTag, byDigest]) {
        expect(emulator.tagsLeft()).toContain(`${repository}:${tag ?? ''}`);
        expect(emulator.manifestsLeft()).toContain(`${repository}@${digest ?? ''}`);
      }
      expect(emulator.tagsLeft().length).toBeLessThan(before);
      const why = ({ repository, tag }: Decided) =>
        decisionsIn(ran.stdout).find((one) => one.kind === 'tag' && one.repository === repository && one.tag === tag);
      expect(why(byTag)).toMatchObject({
        action: 'keep',
        reason: 'in-use',
        detail: expect.stringMatching(/^runs in kube.prod, namespace shop, deployment api, seen /) as string,
      });
      expect(why(byDigest)).toMatchObject({
        reason: 'in-use',
        detail: expect.stringMatching(/runs in kube.prod, namespace shop, stateful set db, seen /) as string,
      });
    });
  });

  test('a plan is applied by the command that it names, as it stands there', async () => {
    await withServedEmulator({ repositories: sampleRegistry() }, async (emulator) => {
      const cluster = await clusterOf({});
      const kubeconfig = kubeconfigFile(cluster);
      cluster.change(running(emulator, await doomed(emulator, kubeconfig)));
      const folder = temporaryFolder();
      const environment = environmentOf(emulator, kubeconfig, folder);
      const runs = ['--runs', join(folder, 'runs')];
      const planned = await cli(['purge', '--registry', emulator.loginServer, ...runs, ...DEV, '--in-use', 'kube:prod', '--dry-run'], environment); // prettier-ignore
      const pasted = (text: string): readonly string[] =>
        split(/acr-retention (apply .*?)(?=, or |\n)/.exec(text)?.[1] ?? '');
      const first = pasted(planned.stdout);
      expect(first.slice(2)).toEqual(['--in-use', 'kube:prod']);
      const before = emulator.tagsLeft().length;
      // A guard holds one repository back; what is left is deleted by the command that is named then.
      const inPart = await cli([...first, ...runs], environment);
      expect(inPart).toMatchObject({ code: 1, stdout: expect.stringContaining('must keep one') as string });
      const between = emulator.tagsLeft().length;
      expect(between).toBeLessThan(before);
      expect(await cli([...pasted(inPart.stdout), ...runs], environment)).toMatchObject({ code: 0, stderr: '' });
      expect(emulator.tagsLeft().length).toBeLessThan(between);
    });
  });

  test('with one page of pods that cannot be read, nothing goes: exit code 1, and the source is named', async () => {
    await withServedEmulator({ repositories: sampleRegistry() }, async (emulator) => {
      const cluster = await clusterOf({});
      const kubeconfig = kubeconfigFile(cluster);
      cluster.change(running(emulator, await doomed(emulator, kubeconfig)));
      cluster.fail(({ resource, page }) => (resource === 'pods' && page === 2 ? { status: 500 } : undefined));
      const before = [...emulator.tagsLeft(), ...emulator.manifestsLeft()];
      const ran = await purge(emulator, kubeconfig, '--in-use', 'kube:prod');
      expect(ran.code).toBe(1);
      expect([...emulator.tagsLeft(), ...emulator.manifestsLeft()]).toEqual(before);
      const said = ran.stdout + ran.stderr;
      expect(said).toMatch(/kube:prod: pods cannot be listed: the cluster answered 500/);
      expect(said).not.toContain(TOKEN);
      expect(cluster.asked.some(({ resource, page }) => resource === 'pods' && page === 2)).toBe(true);
    });
  });
});

describe('report-images', () => {
  const state: ClusterState = {
    pods: [
      pod({ namespace: 'shop', name: 'p', containers: [{ image: 'contoso.azurecr.io/api:1', imageID: `sha256:${'a'.repeat(64)}` }, { image: 'ghcr.io/x/y:2' }, { image: 'nginx' }] }),
    ],
  }; // prettier-ignore
  const LINES = [
    'contoso.azurecr.io/api:1 namespace shop, pod p',
    `contoso.azurecr.io/api@sha256:${'a'.repeat(64)}@config=sha256:${'a'.repeat(64)} namespace shop, pod p`,
    'ghcr.io/x/y:2 namespace shop, pod p',
  ];

  test('writes the images of all registries, which the app reads', async () => {
    const KUBECONFIG = kubeconfigFile(await clusterOf(state));
    const said = await cli(['report-images'], { KUBECONFIG });
    expect(said).toMatchObject({ code: 0, stderr: '' });
    expect(said.stdout).toMatch(/^# report-images: all namespaces of the cluster, \d{4}-\S+Z: 3 images\n/);
    expect(said.stdout.split('\n').slice(1)).toEqual([...LINES, '# end of report-images: 3 images', '']);

    const to = join(temporaryFolder(), 'prod.txt');
    expect(await cli(['report-images', '--in-use', 'kube:prod', '--to', to], { KUBECONFIG })).toEqual({
      code: 0,
      stdout: `3 images written to ${to}\n`,
      stderr: '',
    });
    const used = await cli(['in-use', '-r', 'contoso', '--in-use', `list:${to}`, '--runs', temporaryFolder()]);
    expect(used).toMatchObject({ code: 0, stderr: '' });
    expect(used.stdout).toMatch(/^api:1 +namespace shop, pod p$/m);
  });

  test('an incomplete one is not written: the old one stays, and grows old', async () => {
    const cluster = await clusterOf(state);
    const KUBECONFIG = kubeconfigFile(cluster);
    const folder = temporaryFolder();
    const to = join(folder, 'prod.txt');
    writeFileSync(to, 'old');
    cluster.fail(({ resource }) => (resource === 'cronjobs' ? { status: 403 } : undefined));
    const refused = await cli(['report-images', '--to', to], { KUBECONFIG });
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toContain('kube could not be read completely: cron jobs cannot be listed: the identity may not list them in all namespaces (403)'); // prettier-ignore
    expect(readFileSync(to, 'utf8')).toBe('old');
    expect(await cli(['report-images', '--to', join(folder, 'new.txt')], { KUBECONFIG })).toMatchObject({ code: 1 });
    expect(existsSync(join(folder, 'new.txt'))).toBe(false);
    expect(await cli(['report-images'], { KUBECONFIG })).toMatchObject({ code: 1, stdout: '' });
  });

  test('to a blob, and no signature is shown', async () => {
    const azurite = await startAzurite({ oauth: true });
    onTestFinished(() => azurite.close());
    const { BlobServiceClient, ContainerSASPermissions } = await import('@azure/storage-blob');
    const certificate = join(temporaryFolder(), 'storage.pem');
    writeFileSync(certificate, azurite.certificate ?? '');
    tls.setDefaultCACertificates([...tls.getCACertificates('default'), azurite.certificate ?? '']);
    const storage = BlobServiceClient.fromConnectionString(azurite.connectionString); // prettier-ignore
    const container = storage.getContainerClient('in-use');
    await container.create();
    const expiresOn = new Date(Date.now() + 3_600_000);
    const signed = new URL(
      await container.generateSasUrl({ permissions: ContainerSASPermissions.parse('rw'), expiresOn }),
    );
    signed.pathname += '/prod.txt';
    const environment = { KUBECONFIG: kubeconfigFile(await clusterOf(state)), NODE_EXTRA_CA_CERTS: certificate };
    const written = await cli(['report-images', '--to', signed.href], environment);
    expect(written).toEqual({
      code: 0,
      stdout: `3 images written to ${signed.origin}${signed.pathname}?…\n`,
      stderr: '',
    });
    const bytes = await container.getBlobClient('prod.txt').downloadToBuffer();
    expect(bytes.toString().split('\n').slice(1)).toEqual([...LINES, '# end of report-images: 3 images', '']);

    const used = await cli(['in-use', '-r', 'contoso', '--in-use', `list:${signed.href}`, '--runs', temporaryFolder()], environment); // prettier-ignore
    expect(used).toMatchObject({ code: 0, stderr: '' });
    expect(used.stdout).toMatch(/^api:1 +namespace shop, pod p$/m);

    signed.searchParams.set('sp', 'r');
    const refused = await cli(['report-images', '--to', signed.href], environment);
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toMatch(/^acr-retention: the list at https:\/\/\S+\?…: the storage answers 403 \w+\n$/);
  });

  test.each([
    [['--in-use', 'list:x.txt'], /--in-use "list:x\.txt": cannot be written to a list/],
    [['--to', 'http://contoso.example/a/b'], /--to.*must be an https:\/\/ URL/],
    [['--to', 'https://contoso.blob.core.windows.net/prod.txt'], /--to.*names no blob/],
    [['--in-use', 'pods'], /--in-use.*is no source/],
  ])('%j is refused before anything is asked', async (args, why) => {
    const refused = await cli(['report-images', ...args], { KUBECONFIG: 'no-such-file' });
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toMatch(why);
  });
});
