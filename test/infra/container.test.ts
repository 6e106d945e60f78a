import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import dockerignore from '@balena/dockerignore';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sampleRegistry } from '../../src/dev/emulator/index.ts';
import { type Azurite, startAzurite } from '../support/azurite.ts';
import {
  asProcessOne,
  childOf,
  environmentFor,
  execForm,
  inProject,
  layOut,
  place,
  project,
  stages,
  start,
} from '../support/image.ts';
import { newFolder } from '../support/ledger.ts';
import { withServedEmulator } from '../support/registry.ts';

const built = stages();
const [build, final] = built;
const only = (keyword: string) => {
  const [first, ...others] = final?.instructions.filter((one) => one.getKeyword() === keyword) ?? [];
  expect(others).toEqual([]);
  return first;
};

/** What `.dockerignore` leaves of these paths. */
const context = dockerignore.default().add(readFileSync(join(project, '.dockerignore'), 'utf8'));

const root = layOut();
const sample = { repositories: sampleRegistry() };
const DEV = ['--filter=.*:^(dev|pr)-', '--ago=30d', '--untagged'];

describe('the Dockerfile', () => {
  test('builds in stages, and ends on a base without a shell', () => {
    expect(built).toHaveLength(2);
    expect(build?.name).toBe('build');
    expect(final?.base).toMatch(/^gcr\.io\/distroless\/nodejs24-debian\d+:nonroot$/);
    // There is nothing to run them with.
    expect(final?.instructions.map((one) => one.getKeyword())).not.toContain('RUN');
    expect(final?.instructions.map((one) => one.getKeyword())).not.toContain('CMD');
  });

  test('names its bases by a tag', () => {
    for (const { base } of built) expect(base).toMatch(/^[a-z0-9.]+\/[a-z0-9/-]+:(?!latest)[\w.-]+$/);
  });

  test('runs as a user that is not root, by number', () => {
    expect(only('USER')?.getArgumentsContent()).toMatch(/^[1-9]\d*:[1-9]\d*$/);
  });

  test('starts Node itself, so that it is process 1', () => {
    const [node, ...words] = execForm(only('ENTRYPOINT')) ?? [];
    expect([node, words.at(-1)]).toEqual(['/nodejs/bin/node', '/app/cli/main.js']);
  });

  test('starts Node with the arguments of the deployed worker', () => {
    const argumentsOf = (file: string) => /languageWorkers__node__arguments['"]?: ['"]([^'"]*)/.exec(read(file))?.[1];
    const read = (file: string) => readFileSync(join(project, file), 'utf8');
    const words = execForm(only('ENTRYPOINT')) ?? [];
    expect(argumentsOf('infra/app.bicep')).toBe(words.slice(1, -1).join(' '));
    for (const file of ['local.settings.json', 'src/dev/host/main.ts'])
      expect(argumentsOf(file), file).toBe(argumentsOf('infra/app.bicep'));
  });

  test('has labels', () => {
    const label = only('LABEL')?.getArgumentsContent() ?? '';
    const { description, license } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')) as {
      readonly description: string;
      readonly license: string;
    };
    for (const name of ['title', 'description', 'licenses', 'version', 'revision'])
      expect(label).toContain(`org.opencontainers.image.${name}=`);
    expect(label).toContain(`licenses="${license}"`);
    expect(description).toContain('retention');
  });

  test('is understood without BuildKit', () => {
    const text = readFileSync(join(project, 'infra/container/Dockerfile'), 'utf8');
    expect(text).not.toMatch(/^# *syntax=|--mount=|--chmod=|--link|<<[A-Z-]/m);
  });

  test('copies what is there', () => {
    for (const { from, sources } of final?.copies ?? []) {
      expect(from === undefined || from === 'build').toBe(true);
      for (const source of sources) expect(existsSync(inProject(source)), source).toBe(true);
    }
  });
});

describe('.dockerignore', () => {
  const contextSources = built.flatMap(({ copies }) =>
    copies.flatMap(({ from, sources }) => (from === undefined ? sources : [])),
  );

  test('lets through what is copied, and nothing else', () => {
    const passed = context.filter(readdirSync(project));
    expect(passed.toSorted()).toEqual([...new Set(contextSources)].toSorted());
    expect(context.ignores('src/doors/cli/main.ts')).toBe(false);
    for (const path of [
      '.env',
      '.git/config',
      '.npmrc',
      '.azure/prod/.env',
      'dist/src/doors/cli/main.js',
      'infra/deploy.env',
      'key.pem',
      'local.settings.json',
      'node_modules/yaml/package.json',
      'runs/runs/1/run.json',
      'test/conformance/cases.ndjson',
    ])
      expect(context.ignores(path), path).toBe(true);
  });

  test('what it lets through is enough to build the image from', () => {
    const folder = newFolder();
    for (const source of contextSources) {
      const from = join(project, source);
      const files = statSync(from).isDirectory()
        ? (readdirSync(from, { recursive: true }) as string[]).map((name) => join(source, name))
        : [source];
      for (const file of context.filter(files)) {
        if (statSync(join(project, file)).isDirectory()) continue;
        mkdirSync(join(folder, dirname(file)), { recursive: true });
        cpSync(join(project, file), join(folder, file));
      }
    }
    symlinkSync(join(project, 'node_modules'), join(folder, 'node_modules'));
    const runs = build?.instructions.filter((one) => one.getKeyword() === 'RUN') ?? [];
    const [install, bundle = ''] = runs.map((one) => one.getArgumentsContent() ?? '');
    expect(install).toMatch(/^npm ci\b/);
    execFileSync('sh', ['-c', bundle], { cwd: folder });
    // The names of chunks depend on where they are built.
    const bundleIn = (top: string) =>
      readFileSync(join(top, 'dist/src/doors/cli/main.js'), 'utf8').replace(/-[A-Z0-9]{8}\.js/g, '.js');
    expect(bundleIn(folder) === bundleIn(project)).toBe(true);
  });
});

describe('what the image holds', () => {
  let azurite: Azurite;
  beforeAll(async () => {
    azurite = await startAzurite();
  });
  afterAll(() => azurite.close());

  test('says its version', async () => {
    const { version } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')) as { readonly version: string };
    expect(await start(root, ['--version'], root, {}).ended).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  test('purges and tries, with its record in a storage account: it writes no file', async () => {
    await withServedEmulator(sample, async (emulator) => {
      const { home, file } = place(emulator.certificate);
      const environment = {
        ...environmentFor(emulator, file),
        RETENTION_STORAGE: azurite.connectionString,
        LOG_LEVEL: 'silent',
        HOME: home,
        TMPDIR: home,
      };
      const before = emulator.manifestsLeft();
      const files = readdirSync(root, { recursive: true });
      const tried = await start(root, ['purge', ...DEV, '--dry-run'], home, environment).ended;
      expect(tried).toMatchObject({ code: 0, stderr: '' });
      expect(tried.stdout).toContain('DRY RUN: nothing was deleted.');
      expect(emulator.manifestsLeft()).toEqual(before);
      expect(await start(root, ['purge', ...DEV], home, environment).ended).toMatchObject({ code: 0, stderr: '' });
      expect(emulator.manifestsLeft().length).toBeLessThan(before.length);
      expect(readdirSync(home)).toEqual([]);
      expect(readdirSync(root, { recursive: true })).toEqual(files);
    });
  });

  test('records in the working directory, where no other place is named', async () => {
    await withServedEmulator(sample, async (emulator) => {
      const { home, file } = place(emulator.certificate);
      const environment = { ...environmentFor(emulator, file), LOG_LEVEL: 'silent' };
      await start(root, ['purge', ...DEV, '--dry-run'], home, environment).ended;
      expect(readdirSync(home)).toEqual(['runs']);
    });
  });

  const inFront = asProcessOne();
  test.skipIf(inFront === undefined)('as process 1, SIGTERM ends a run between deletions', async () => {
    await withServedEmulator({ ...sample, faults: { latencyMs: 50 } }, async (emulator) => {
      const { home, file } = place(emulator.certificate);
      // The rest of PATH is for `unshare`.
      const environment = { ...environmentFor(emulator, file), PATH: process.env['PATH'] };
      const args = ['purge', ...DEV, '--concurrency=1'];
      const { child, ended } = start(root, args, home, environment, inFront);
      const told = new Promise<void>((resolve) => {
        emulator.onRequest(({ kind }) => {
          if (kind !== 'delete-manifest') return;
          emulator.onRequest(undefined);
          process.kill(childOf(child.pid), 'SIGTERM');
          resolve();
        });
      });
      await told;
      const deadline = Date.now();
      const { code, stderr } = await ended;
      expect(code).toBe(1);
      expect(Date.now() - deadline).toBeLessThan(20_000);
      expect(stderr).toContain('Stopping: what is under way is finished, nothing else is begun.');
      expect(stderr).toContain('"stopped":{"by":"signal"');
      const deleted = emulator.counts()['delete-manifest'];
      expect(deleted).toBeGreaterThan(0);
      emulator.faults({});
      // It had not come to its end, and goes on.
      const resumed = await start(root, ['resume'], home, environment).ended;
      expect(resumed.code).toBe(0);
      expect(emulator.counts()['delete-manifest']).toBeGreaterThan(deleted);
    });
  });
});
