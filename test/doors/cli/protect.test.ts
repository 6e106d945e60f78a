import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cli, folder } from '../../support/cli.ts';
import { images, repositoryOf } from '../../support/contents.ts';
import { USER, withServedEmulator } from '../../support/registry.ts';

test('--protect reads a list, which the run records; a mistake in it has its line', async () => {
  const repositories = { 'shop/web': repositoryOf(...images('web', 4, 'v')) };
  await withServedEmulator({ repositories }, async (emulator) => {
    const pem = join(folder, 'protect.pem');
    writeFileSync(pem, emulator.certificate);
    const [first = '', second = '', ...others] = emulator.tagsLeft();
    writeFileSync(join(folder, 'keep.txt'), `\ufeff# what is deployed\r\n\r\n${first} # by hand\r\n`);
    const identity = { NODE_EXTRA_CA_CERTS: pem, ACR_USERNAME: USER.username, ACR_PASSWORD: USER.password };
    const purge = ['purge', '-r', emulator.loginServer, '-f', '.*:.*', '--ago', '0d', '--output', 'json'];

    writeFileSync(join(folder, 'wrong.txt'), 'shop/web:v1\n\nlatest\n');
    writeFileSync(join(folder, 'empty.txt'), '# nothing\n');
    const wrong = await cli(
      [...purge, '--protect', '@wrong.txt', '--protect', '@none.txt', '--protect', '@empty.txt'],
      identity,
    );
    expect(wrong.code).not.toBe(0);
    expect(wrong.stderr).toMatch(/line 3 of "wrong.txt": --protect "latest": no colon/);
    expect(wrong.stderr).toMatch(/"@none.txt": there is no such file[\s\S]*"@empty.txt": has no entry/);

    const { code, stdout } = await cli([...purge, '--protect', '@keep.txt', '--protect', second], identity);
    expect(code).toBe(0);
    expect(emulator.tagsLeft()).toEqual([first, second]);
    const { decisions, summary } = JSON.parse(stdout) as {
      readonly decisions: readonly { readonly reason: string }[];
      readonly summary: { readonly runId: string };
    };
    expect(decisions.filter(({ reason }) => reason === 'protected')).toHaveLength(2);
    expect(decisions.filter(({ reason }) => reason === 'matched-and-expired')).toHaveLength(others.length);
    const shown = await cli(['runs', 'show', summary.runId]);
    expect(shown.stdout).toContain(`--protect ${first}`);
    expect(shown.stdout).not.toContain('keep.txt');
  });
});
