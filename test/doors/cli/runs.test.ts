import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Emulator, sampleRegistry } from '../../../src/dev/emulator/index.ts';
import { images, repositoryOf } from '../../support/contents.ts';
import { cli, folder, type Ran } from '../../support/cli.ts';
import { USER, withServedEmulator } from '../../support/registry.ts';
import { newFolder } from '../../support/ledger.ts';

const DEV = ['--filter', '.*:^(dev|pr)-', '--ago', '30d', '--untagged'];

/** The command line, at an emulator, with a ledger of its own. */
function at(emulator: Emulator, runs = newFolder()): (...args: readonly string[]) => Promise<Ran> {
  const file = join(folder, `${emulator.loginServer.replace(':', '-')}.pem`);
  writeFileSync(file, emulator.certificate);
  const environment = {
    ACR_REGISTRY: emulator.loginServer,
    NODE_EXTRA_CA_CERTS: file,
    ACR_USERNAME: USER.username,
    ACR_PASSWORD: USER.password,
  };
  return (...args) => cli([...args, '--runs', runs], environment);
}

const idIn = (text: string): string => /\d{8}T\d{6}Z-[0-9a-f]{6}/.exec(text)?.[0] ?? '';

test('plan, look at it, carry it out, ask what became of it', async () => {
  await withServedEmulator({ repositories: sampleRegistry() }, async (emulator) => {
    const run = at(emulator);
    const before = emulator.manifestsLeft().length;
    const planned = await run('purge', ...DEV, '--dry-run');
    const id = idIn(planned.stdout);
    expect(planned.stdout).toContain(`To delete exactly this: acr-retention apply ${id}\n`);

    const list = await run('runs');
    expect(list.stdout).toMatch(new RegExp(`^${id} +dry-run +done .*would be deleted$`, 'm'));
    const show = await run('runs', 'show', id);
    expect(show.stdout).toContain(`--filter '.*:^(dev|pr)-' --ago 30d --untagged`);
    expect(show.stdout).not.toContain(USER.password);
    expect((await run('runs', 'show', id, '--output', 'ndjson')).stdout.split('\n').length).toBeGreaterThan(200);

    const one = await run('show', id, '--repository', 'tools/load-test');
    expect(one.stdout.match(/^- would delete tools\/load-test[:@]/gm)).toHaveLength(6);
    expect(one.stdout).toContain('3 tags (100 %) and 3 manifests (100 %) would be deleted');
    expect(await run('show', id, '--repository', 'nowhere')).toMatchObject({ code: 2, stdout: '' });

    // One repository would lose all its tags: that one alone is held back.
    const inPart = await run('apply', id);
    expect(inPart.code).toBe(1);
    expect(inPart.stdout).toContain('HELD BACK: tools/load-test: all 3 tags would be deleted');
    expect(emulator.manifestsLeft().length).toBeLessThan(before);
    const left = emulator.tagsLeft();
    expect(left.filter((tag) => tag.startsWith('tools/load-test:'))).toHaveLength(3);
    expect((await run('runs')).stdout).toMatch(/waits for approval$/m);
    const approval = /--approve ([0-9a-f]{12})/.exec(inPart.stdout)?.[1] ?? '';
    expect(await run('apply', id, '--approve', '0123456789ab')).toMatchObject({ code: 2, stdout: '' });
    const applied = await run('apply', id, '--approve', approval);
    expect(applied.code).toBe(0);
    expect(applied.stdout).toMatch(/^3 tags \(100 %\) and \d+ manifests? .* deleted/m);
    expect(emulator.tagsLeft()).toEqual(left.filter((tag) => !tag.startsWith('tools/load-test:')));
    const again = await run('apply', id);
    expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining('nothing was done now') as unknown });

    const explained = await run('explain', 'microtodo-frontendapi:pr-46');
    expect(explained.stdout).toMatch(
      /apply, done[^]*deleted +microtodo-frontendapi:pr-46[^]*dry-run, done[^]*would delete/,
    );
    expect((await run('explain', 'nowhere:latest')).stdout).toContain('none has seen it');
    const policy = join(folder, 'explain.yaml');
    writeFileSync(policy, 'version: 1\nrules: [{ name: all of them, olderThan: 3650d }]\n');
    const decided = (await run('runs', 'show', id, '--output', 'ndjson')).stdout.trimEnd().split('\n');
    const kept = decided
      .map(
        (line) => JSON.parse(line) as { readonly repository?: string; readonly tag?: string; readonly reason?: string },
      )
      .find(({ tag, reason }) => tag !== undefined && reason === 'too-young');
    const foreseen = await run('explain', `${kept?.repository ?? ''}:${kept?.tag ?? ''}`, '--policy', policy);
    expect(foreseen.stdout).toMatch(/^Owned by the rule all of them\.\nGoes in \d+ days \(/);
    const gone = await run('explain', 'microtodo-frontendapi:pr-46', '--policy', policy);
    expect(gone.stdout).toMatch(/^Policy file: it is not known when the tag was pushed: it is deleted/);

    const later = idIn((await run('purge', '--filter', '.*:^ci-', '--ago', '1d', '--dry-run')).stdout);
    const diff = await run('diff', id, later);
    expect(diff.stdout).toMatch(/^- microtodo-frontendapi:pr-46 .*now: not there, or not selected$/m);
    expect((await run('diff', id, id)).stdout).toBe('Both delete the same artifacts.\n');
  });
});

test('a flag holds a purge back; without one it is acr purge', async () => {
  const repositories = { app: repositoryOf(...images('app', 3, 'dev')) };
  await withServedEmulator({ repositories }, async (emulator) => {
    const run = at(emulator);
    const held = await run('purge', ...DEV, '--keep-last-tag');
    expect(held.code).toBe(1);
    expect(held.stdout).toMatch(/HELD BACK: app: all 3 tags would be deleted/);
    expect(held.stdout).toMatch(/apply \S+ --approve [0-9a-f]{12}\n/);
    expect(emulator.tagsLeft()).toHaveLength(3);
    expect(await run('purge', ...DEV)).toMatchObject({ code: 0 });
    expect(emulator.tagsLeft()).toHaveLength(0);
  });
});

test('what is wrong is said, and nothing is deleted', async () => {
  const repositories = { app: repositoryOf(...images('app', 3, 'dev')) };
  await withServedEmulator({ repositories }, async (emulator) => {
    const run = at(emulator);
    for (const [args, says] of [
      [['purge', ...DEV, '--max-deletions', 'many'], '--max-deletions "many"'],
      [['purge', ...DEV, '--max-deletion-percent', '101'], '--max-deletion-percent "101"'],
      [['runs', 'show', '../../etc'], 'there is no such run'],
      [['apply', '20200101T000000Z-000000'], 'there is no plan 20200101T000000Z-000000'],
      [['explain', 'app'], 'image "app"'],
      [['runs', '--limit', '0'], '--limit "0"'],
    ] as const) {
      const { code, stderr } = await run(...args);
      expect({ code, said: stderr.includes(says), stderr }).toEqual({ code: 2, said: true, stderr });
    }
    // Nothing can be recorded there, so nothing is deleted.
    const file = join(folder, 'a-file');
    writeFileSync(file, '');
    const { code, stderr } = await at(emulator, file)('purge', ...DEV);
    expect(code).toBe(1);
    expect(stderr).toContain(`the ledger in ${file}`);
    expect(emulator.tagsLeft()).toHaveLength(3);
  });
});

test('a purge that its time budget ends goes on with resume', async () => {
  const names = Array.from({ length: 30 }, (_, n) => `app${n}`);
  const repositories = Object.fromEntries(names.map((name) => [name, repositoryOf(...images(name, 2, 'dev'))]));
  await withServedEmulator({ repositories, faults: { latencyMs: 30 } }, async (emulator) => {
    const run = at(emulator);
    const stopped = await run('purge', ...DEV, '--concurrency', '1', '--time-budget', '1s');
    expect(stopped.code).toBe(1);
    const id =
      /STOPPED: the time budget of 1s was used up: .*acr-retention resume (\S+)/.exec(stopped.stdout)?.[1] ?? '';
    expect((await run('runs', 'show', id)).stdout).toMatch(/^state +stopped, \d+ of 30 repositories done, \d+ left$/m);
    expect(emulator.tagsLeft().length).toBeGreaterThan(0);
    emulator.faults({});
    expect(await run('resume', id, '--time-budget', '0')).toMatchObject({ code: 2, stdout: '' });

    const resumed = await run('resume');
    expect(resumed.code).toBe(0);
    expect(resumed.stderr).toMatch(new RegExp(`^Resumes the run ${id} .*: \\d+ of 30 repositories are done`, 'm'));
    expect(resumed.stdout).toContain('60 tags (100 %) and 60 manifests (100 %) deleted');
    expect(emulator.tagsLeft()).toEqual([]);
    expect((await run('runs', 'show', id)).stdout).toMatch(/^state +done$[^]*^resumed +\S+ by .+ on .+$/m);

    const again = await run('resume', id);
    expect(again).toMatchObject({ code: 1, stdout: '' });
    expect(again.stderr).toContain('it has ended, and is done');
    expect((await run('resume')).stderr).toContain('can resume');
  });
});
