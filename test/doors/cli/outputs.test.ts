import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { sampleRegistry } from '../../../src/dev/emulator/index.ts';
import { cli, folder, type Ran } from '../../support/cli.ts';
import { newFolder } from '../../support/ledger.ts';
import { USER, withServedEmulator } from '../../support/registry.ts';

const idIn = (text: string): string => /\d{8}T\d{6}Z-[0-9a-f]{6}/.exec(text)?.[0] ?? '';

type Json = Readonly<Record<string, unknown>>;

/** The lines of NDJSON. */
const linesOf = ({ stdout }: Ran): readonly Json[] =>
  stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Json);
const documentOf = ({ stdout }: Ran): Json => JSON.parse(stdout) as Json;
/** The header of a table, and its other lines: what is listed here has no line break in a cell. */
const tableOf = ({ stdout }: Ran): readonly string[] => stdout.trimEnd().split('\r\n');

test('each command that reads what is recorded says the same as text, JSON, NDJSON and CSV', async () => {
  await withServedEmulator({ repositories: sampleRegistry() }, async (emulator) => {
    const file = join(folder, 'outputs.pem');
    writeFileSync(file, emulator.certificate);
    const environment = {
      ACR_REGISTRY: emulator.loginServer,
      NODE_EXTRA_CA_CERTS: file,
      ACR_USERNAME: USER.username,
      ACR_PASSWORD: USER.password,
    };
    const runs = newFolder();
    const run = (...args: readonly string[]): Promise<Ran> => cli([...args, '--runs', runs], environment);

    const planned = await run('purge', '--filter', '.*:^(dev|pr)-', '--ago', '30d', '--dry-run', '--output', 'csv');
    expect(tableOf(planned)[0]).toMatch(/^repository,kind,tag,digest,action,/);
    // The table alone is on standard output.
    expect(planned.stderr).toMatch(/would be deleted, at most [^]*DRY RUN: nothing was deleted\.\n/);
    const first = idIn(planned.stderr);
    const second = idIn((await run('purge', '--filter', '.*:^ci-', '--ago', '1d', '--dry-run')).stdout);

    const listed = documentOf(await run('runs', '--output', 'json'))['runs'] as readonly Json[];
    expect(listed.map(({ id }) => id)).toEqual([second, first]);
    expect(linesOf(await run('runs', '--output', 'ndjson'))).toEqual(listed);
    expect(tableOf(await run('runs', '--output', 'csv'))).toEqual([
      expect.stringMatching(/^id,kind,dryRun,state,registry,/),
      ...[second, first].map((id) => expect.stringMatching(new RegExp(`^${id},dry-run,true,done,`)) as string),
    ]);

    const shown = documentOf(await run('show', first, '--output', 'json'));
    const decisions = shown['decisions'] as readonly Json[];
    expect(shown).toMatchObject({ id: first, repositories: expect.any(Array) as unknown });
    // A run writes repositories in the order in which it is done with them.
    expect(tableOf(await run('show', first, '--output', 'csv')).toSorted()).toEqual(tableOf(planned).toSorted());
    expect(linesOf(await run('show', first, '--output', 'ndjson')).slice(1)).toEqual(decisions);
    expect((await run('show', first)).stdout).toBe((await run('runs', 'show', first)).stdout);

    const differing = documentOf(await run('diff', first, second, '--output', 'json'));
    const differences = differing['differences'] as readonly Json[];
    expect(differences.length).toBeGreaterThan(5);
    const of = (change: string, kind: string): number =>
      differences.filter((one) => one['change'] === change && (one['goes'] as Json)['kind'] === kind).length;
    const { added, removed, repositories } = differing['totals'] as Record<'added' | 'removed', Json> & {
      readonly repositories: readonly (Record<'added' | 'removed', Json> & { readonly repository: string })[];
    };
    expect(added).toMatchObject({ tags: of('added', 'tag'), manifests: of('added', 'manifest') });
    expect(removed).toMatchObject({ tags: of('removed', 'tag'), manifests: of('removed', 'manifest') });
    const sum = repositories.reduce((total, one) => total + Number(one.removed['tags']), 0);
    expect(sum).toBe(removed['tags']);
    expect(linesOf(await run('diff', first, second, '--output', 'ndjson'))).toEqual([
      ...differences,
      { before: first, after: second, totals: differing['totals'] },
    ]);
    expect(tableOf(await run('diff', first, second, '--output', 'csv'))).toHaveLength(1 + differences.length);
    const { stdout: text } = await run('diff', first, second);
    expect(text).toMatch(
      new RegExp(
        `^\\+ Only ${second} would delete ${String(added['tags'])} tags? and .*\\n- Only ${first} would delete ${String(removed['tags'])} tags? .*\\n\\nREPOSITORY +\\+ TAGS`,
      ),
    );
    expect(text.split('\n').filter((line) => /^[+-] (?!Only)/.test(line))).toHaveLength(differences.length);

    const explained = await run('explain', 'microtodo-frontendapi:pr-46', '--output', 'json');
    const sightings = documentOf(explained)['sightings'] as readonly Json[];
    expect(sightings[0]).toMatchObject({ run: { id: first }, decision: { tag: 'pr-46' } });
    const asLines = await run('explain', 'microtodo-frontendapi:pr-46', '--output', 'ndjson');
    expect(linesOf(asLines)).toEqual(sightings);
    const asTable = await run('explain', 'microtodo-frontendapi:pr-46', '--output', 'csv');
    expect(tableOf(asTable)[1]).toMatch(new RegExp(`^${first},dry-run,true,`));

    const unknown = await run('runs', '--output', 'xml');
    expect(unknown).toMatchObject({ code: 2, stdout: '' });
    expect(unknown.stderr).toContain('text, json, ndjson, csv');
  });
});

test('the images in use are a table, too, and a cell that a spreadsheet would run is text', async () => {
  const list = join(folder, 'running.txt');
  writeFileSync(list, 'contoso.azurecr.io/app:1.0 =HYPERLINK("x")\n');
  const ran = await cli([
    'in-use',
    '-r',
    'contoso',
    '--in-use',
    `list:${list}`,
    '--runs',
    newFolder(),
    '--output',
    'csv',
  ]);
  expect(tableOf(ran)).toEqual([
    'seen,source,repository,tag,digest,config,where,first,last',
    expect.stringMatching(/^now,list:\S+,app,1\.0,,,"?'=HYPERLINK/) as string,
  ]);
});

test('the policy file of RETENTION_POLICY_FILE counts where no flag says what to delete', async () => {
  await withServedEmulator({ repositories: sampleRegistry() }, async (emulator) => {
    const file = join(folder, 'by-setting.pem');
    writeFileSync(file, emulator.certificate);
    const policy = 'by-setting.yaml';
    writeFileSync(join(folder, policy), "version: 1\nrules: [{ name: stale, tags: ['pr-*'], olderThan: 30d }]\n");
    const run = (...args: readonly string[]): Promise<Ran> =>
      cli(args, {
        ACR_REGISTRY: emulator.loginServer,
        NODE_EXTRA_CA_CERTS: file,
        ACR_USERNAME: USER.username,
        ACR_PASSWORD: USER.password,
        RETENTION_POLICY_FILE: policy,
      });
    const dryRun = ['purge', '--dry-run', '--runs', newFolder(), '--output', 'ndjson'];
    const rulesIn = (ran: Ran) => new Set(linesOf(ran).map(({ rule, reason }) => rule ?? reason));
    expect(rulesIn(await run(...dryRun))).toContain('stale');
    const byFlags = await run(...dryRun, '--filter', '.*:^ci-', '--ago', '1d');
    expect(byFlags.code, byFlags.stderr).toBe(0);
    expect(rulesIn(byFlags)).not.toContain('stale');
    // A flag that would be lost beside a policy file is not dropped.
    expect((await run(...dryRun, '--protect', '**:latest')).stderr).toContain('--filter');
    expect((await run('policy', 'check')).stdout).toMatch(/^by-setting\.yaml is valid\./);
  });
});
