import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { approvalInWords } from '../../../src/doors/cli/approve.ts';
import { sampleRegistry } from '../../../src/dev/emulator/index.ts';
import { type RunRecord } from '../../../src/index.ts';
import { cli, folder, type Ran } from '../../support/cli.ts';
import { newFolder } from '../../support/ledger.ts';
import { USER, withServedEmulator } from '../../support/registry.ts';

const idIn = (text: string): string => /\d{8}T\d{6}Z-[0-9a-f]{6}/.exec(text)?.[0] ?? '';

test('a plan is approved in part, with a comment, and then rejected; each has its name in the record', async () => {
  await withServedEmulator({ repositories: sampleRegistry() }, async (emulator) => {
    const file = join(folder, 'approve.pem');
    writeFileSync(file, emulator.certificate);
    const runs = newFolder();
    const run = (...args: readonly string[]): Promise<Ran> =>
      cli([...args, '--runs', runs], {
        ACR_REGISTRY: emulator.loginServer,
        NODE_EXTRA_CA_CERTS: file,
        ACR_USERNAME: USER.username,
        ACR_PASSWORD: USER.password,
      });
    const id = idIn(
      (await run('purge', '--filter', '.*:^(dev|pr)-', '--ago', '30d', '--dry-run', '--keep-last-tag')).stdout,
    );
    const recorded = async (): Promise<RunRecord> =>
      JSON.parse((await run('show', id, '--output', 'json')).stdout) as RunRecord;
    const { plan } = await recorded();
    const hash = plan?.hash ?? '';
    const before = emulator.tagsLeft().length;

    // The verdict comes first.
    expect((await run('show', id)).stdout).toMatch(
      /^HELD BACK IN PART\n[^]*\nLose most:\n +100 % {2}tools\/load-test, 3 of 3 tags/,
    );

    // A program has to name the plan that a person has looked at.
    const unnamed = await run('approve', id, '--yes');
    expect(unnamed).toMatchObject({ code: 2, stdout: '' });
    expect(unnamed.stderr).toContain('--hash: without a terminal, say which plan was looked at');
    const other = await run('approve', id, '--hash', '0123456789ab');
    expect(other.stderr).toContain('has another hash than the one approved');
    const unknown = await run('approve', id, '--hash', hash.slice(0, 12), '--repository', 'no/such');
    expect(unknown.code).not.toBe(0);
    expect(emulator.tagsLeft()).toHaveLength(before);

    // A guard holds that repository back: it is what the approval is about.
    const approved = await run(
      'approve', id, '--hash', hash.slice(0, 12), '--repository', 'tools/load-test', '--comment', 'it is not used any more',
    ); // prettier-ignore
    expect(approved.code, approved.stderr).toBe(0);
    expect(approved.stdout).toContain('Left of the plan: ');
    expect(emulator.tagsLeft()).toHaveLength(before - 3);
    const [review] = (await recorded()).plan?.reviews ?? [];
    expect(review).toMatchObject({
      verdict: 'approved',
      comment: 'it is not used any more',
      repositories: ['tools/load-test'],
      by: { kind: 'account', name: expect.stringMatching(/^.+ on .+$/) as unknown },
    });

    expect((await run('reject', id)).stderr).toContain("required option '--reason <text>' not specified");
    expect(await run('reject', id, '--reason', 'the rest is needed', '--hash', 'ffffffff')).toMatchObject({ code: 2 });
    const rejected = await run('reject', id, '--reason', 'the rest is needed');
    expect(rejected).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(`The plan ${id} is rejected.`) as unknown,
    });
    const again = await run('approve', id, '--hash', hash.slice(0, 12));
    expect(again.code).toBe(2);
    expect(again.stderr).toContain('the rest is needed');
    expect(emulator.tagsLeft()).toHaveLength(before - 3);
    expect((await run('show', id)).stdout).toMatch(/^REJECTED\n/);
  });
});

test('the question says how much, of which repositories', () => {
  const of = (repository: string, deletions: number, bytes: number) =>
    ({ summary: { repository, bytes }, planned: { deletions, hash: '' } }) as Parameters<
      typeof approvalInWords
    >[1][number];
  const all = [of('a', 3, 2_000_000), of('b\u001b[2J', 1, 0), of('c', 0, 0)];
  const registry = { registry: 'contoso.azurecr.io' };
  expect(approvalInWords(registry, all, undefined)).toBe(
    'Approve, and delete 4 artifacts (at most 2 MB) in 2 repositories of contoso.azurecr.io now?',
  );
  expect(approvalInWords(registry, all, ['b\u001b[2J'])).toBe(
    'Approve, and delete 1 artifact in b\\u001b[2J of contoso.azurecr.io now?',
  );
});
