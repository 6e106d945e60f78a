import { writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { image } from '../../../src/dev/emulator/manifests.ts';
import { cli } from '../../support/cli.ts';
import { repositoryOf } from '../../support/contents.ts';
import { newFolder } from '../../support/ledger.ts';
import { USER, withServedEmulator } from '../../support/registry.ts';

const [old, other] = [image('old'), image('other')];
const app = repositoryOf({ built: old, days: 90, tags: ['v1'] }, { built: other, days: 1, tags: ['v2'] });

test('restores over sockets what a purge deleted, says what is known of what has no copy, and shows the run', () =>
  withServedEmulator({ repositories: { app, web: app }, softDelete: { retentionDays: 7 } }, async (emulator) => {
    const runs = newFolder();
    const certificate = `${runs}.pem`;
    writeFileSync(certificate, emulator.certificate);
    const at = (...args: readonly string[]) =>
      cli([...args, '--runs', runs], {
        NODE_EXTRA_CA_CERTS: certificate,
        ACR_REGISTRY: emulator.loginServer,
        ACR_USERNAME: USER.username,
        ACR_PASSWORD: USER.password,
        IN_USE_REMEMBER: '3d',
      });
    const purged = await at('purge', '-f', '.*:^v1$', '--ago', '30d', '--untagged', '--output', 'json');
    expect(purged).toMatchObject({ code: 0, stderr: '' });
    const { runId } = (JSON.parse(purged.stdout) as { readonly summary: { readonly runId: string } }).summary;
    expect(emulator.tagsLeft()).toEqual(['app:v2', 'web:v2']);

    const dry = await at('restore', runId, '--dry-run');
    expect(dry.code).toBe(0);
    expect(dry.stdout).toMatch(/^Would restore 2 tags and 2 manifests/m);
    expect(dry.stdout).toMatch(/DRY RUN: nothing was restored\./);
    expect(emulator.tagsLeft()).toEqual(['app:v2', 'web:v2']);

    const one = await at('restore', runId, '--repository', 'app');
    expect(one.code).toBe(0);
    expect(one.stdout).toMatch(/^\+ restored +app:v1 +soft-deleted: deleted by the run/m);
    expect(emulator.tagsLeft()).toEqual(['app:v1', 'app:v2', 'web:v2']);

    // The next run would delete it again: it is kept for as long as a setting says.
    const { released } = JSON.parse((await at('quarantine', '--output', 'json')).stdout) as {
      readonly released: readonly { readonly at: string; readonly until: string }[];
    };
    const days = released.map(({ at: from, until }) => (Date.parse(until) - Date.parse(from)) / 86_400_000);
    expect(new Set(days)).toEqual(new Set([3]));

    emulator.tag('web', 'v1', other.digest);
    const pushed = await at('restore', `${emulator.loginServer}/web:v1`);
    expect(pushed.code).toBe(1);
    expect(pushed.stdout).toMatch(/1 tag names what was pushed since, and is left alone; --force sets it back\./);
    expect(emulator.manifestsLeft()).toContain(`web@${old.digest}`);

    const listed = await at('runs');
    expect(listed.stdout).toMatch(/restore +failed/);
    const refused = await at('restore', 'nothing/here:v1');
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toMatch(/no run has deleted nothing\/here:v1, and there is no copy/);
  }));
