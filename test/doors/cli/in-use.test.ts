import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cli, folder } from '../../support/cli.ts';
import { newFolder } from '../../support/ledger.ts';

const HOST = 'contoso.azurecr.io';
const list = 'running.txt';
writeFileSync(join(folder, list), `# two\n${HOST}/app:v1 edge site 7\nfabrikam.azurecr.io/app:v1\n`);

test('in-use says what the sources say, and fails where one is incomplete; nothing is recorded', async () => {
  const runs = newFolder();
  const asked = (...args: readonly string[]) => cli(['in-use', '-r', 'contoso', '--runs', runs, ...args]);
  const complete = await asked('--in-use', `list:${list}`);
  expect(complete).toMatchObject({ code: 0, stderr: '' });
  expect(complete.stdout).toMatch(/^source +list:running\.txt$[^]*^app:v1 +edge site 7$/m);
  expect(complete.stdout).not.toContain('fabrikam');

  const missing = await asked('--in-use', `list:${list}`, '--in-use', 'list:gone.txt');
  expect(missing.code).toBe(1);
  expect(missing.stdout).toMatch(/^INCOMPLETE: list:gone\.txt: there is no such file\n/);
  const json = JSON.parse((await asked('--in-use', 'list:gone.txt', '--output', 'json')).stdout) as object;
  expect(json).toMatchObject({ registry: HOST, state: 'incomplete', sources: [{ complete: false }], remembered: [] });

  // The folder of the runs is as it was: not there.
  expect((await cli(['runs', '--runs', runs])).stdout).toContain(`There are no runs in ${runs}.`);
  const settings = { IN_USE: `list:${list}`, ACR_REGISTRY: HOST };
  expect(await cli(['in-use', '--runs', runs], settings)).toMatchObject({ code: 0, stdout: complete.stdout });
  const none = await asked();
  expect(none).toMatchObject({ code: 2, stdout: '' });
  expect(none.stderr).toContain('names no source');
});
