import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { EmulatorOptions } from '../../../src/dev/emulator/index.ts';
import { cli, folder, type Ran } from '../../support/cli.ts';
import { images, repositoryOf } from '../../support/contents.ts';
import { newFolder } from '../../support/ledger.ts';
import { withServedEmulator } from '../../support/registry.ts';

const repositories = { 'shop/web': repositoryOf(...images('web', 2, 'dev')) };

/** With the managed identity of the emulator, as an app has one. */
function statusOf(
  options: Partial<EmulatorOptions>,
  args: readonly string[],
  settings: Readonly<Record<string, string>> = {},
): Promise<Ran & { readonly host: string }> {
  return withServedEmulator({ repositories, ...options }, async (emulator) => {
    const file = join(folder, 'status.pem');
    writeFileSync(file, emulator.certificate);
    const ran = await cli(['status', '--runs', newFolder(), ...args], {
      ...emulator.environment,
      NODE_EXTRA_CA_CERTS: file,
      ACR_REGISTRY: emulator.loginServer,
      ...settings,
    });
    return { ...ran, host: emulator.loginServer };
  });
}

test('who asks, what each right came to, and the command that grants what is missing; the exit code is 1', async () => {
  const { code, stdout, host } = await statusOf({ denied: { actions: ['delete'] } }, []);
  expect(code).toBe(1);
  expect(stdout).toMatch(
    /^signed in {2}as an Entra identity \(an app or a managed identity, object id [0-9a-f-]{36}\)$/m,
  );
  expect(stdout).toMatch(/^read manifests +yes +shop\/web$/m);
  expect(stdout).toMatch(/^delete +NO +shop\/web /m);
  expect(stdout).toContain(`MISSING: the identity may not delete (${host}/shop/web): it lacks AcrDelete`);
  expect(stdout).toMatch(
    /\n\naz role assignment create --role AcrDelete --assignee-object-id [0-9a-f-]{36} --assignee-principal-type ServicePrincipal --scope /,
  );
  expect(stdout).not.toContain('eyJ');
});

test('a dry run needs no right to delete; where nothing is missing the exit code is 0', async () => {
  const { code, stdout } = await statusOf({ denied: { actions: ['delete'] } }, ['--dry-run', '--output', 'json']);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    missing: [],
    registry: {
      answers: true,
      rights: expect.arrayContaining([
        expect.objectContaining({ right: 'delete', state: 'missing', needed: false }),
      ]) as unknown,
    },
    ledger: { answers: true },
  });
});

test('the settings of the app are read as it reads them, and every mistake is said', async () => {
  const settings = { PURGE_COMMAND: "--filter 'shop/web:^dev-' --ago 1d", PURGE_DRY_RUN: 'false' };
  const wrong = await statusOf({}, [], { ...settings, PURGE_SCHEDULE: 'never' });
  expect(wrong.code).toBe(1);
  expect(wrong.stdout).toMatch(/^WRONG: PURGE_SCHEDULE "never": /m);
  const right = await statusOf({}, [], { ...settings, PURGE_SCHEDULE: '0 1 * * Sun' });
  expect(right.code, right.stdout).toBe(0);
  expect(right.stdout).toMatch(
    /^acr-retention \S+, by the settings of the app\n[^]*^schedule +At 01:00, only on Sunday/m,
  );
  // Filters name the repository, so that the others need not be listed.
  expect(right.stdout).not.toContain('list the repositories');
  expect(right.stdout).toMatch(/^delete +yes +shop\/web$/m);
});
