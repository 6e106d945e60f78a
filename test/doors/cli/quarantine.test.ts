import { writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { image } from '../../../src/dev/emulator/manifests.ts';
import { cli } from '../../support/cli.ts';
import { repositoryOf } from '../../support/contents.ts';
import { newFolder } from '../../support/ledger.ts';
import { DAY } from '../../support/quarantine.ts';
import { USER, withServedEmulator } from '../../support/registry.ts';

const [old, other] = [image('old'), image('other')];
const app = repositoryOf({ built: old, days: 90, tags: ['v1'] }, { built: other, days: 1, tags: ['v2'] });

test('a purge makes unreadable, the list says until when, and a release takes it back: an image, a run, everything', () =>
  withServedEmulator({ repositories: { app, web: app } }, async (emulator) => {
    const runs = newFolder();
    const certificate = `${runs}.pem`;
    writeFileSync(certificate, emulator.certificate);
    const environment = {
      NODE_EXTRA_CA_CERTS: certificate,
      ACR_REGISTRY: emulator.loginServer,
      ACR_USERNAME: USER.username,
      ACR_PASSWORD: USER.password,
      IN_USE_REMEMBER: '3d',
    };
    const at = (...args: readonly string[]) => cli([...args, '--runs', runs], { ...environment, QUARANTINE: '14d' });
    const purge = (...more: readonly string[]) => at('purge', '-f', '.*:^v1$', '--ago', '30d', '--untagged', ...more);
    expect((await at('quarantine')).stdout).toBe(`Nothing is in quarantine in ${emulator.loginServer}.\n`);

    const dry = await purge('--dry-run', '--quiet');
    expect(dry.stdout).toMatch(/^2 tags and 2 manifests would be quarantined until \d{4}-\d\d-\d\d \d\d:\d\d UTC/m);
    expect(dry.stdout).toContain('To carry out exactly this: acr-retention apply ');
    expect(dry.stdout).toContain('DRY RUN: nothing was deleted or made unreadable.');
    expect((await at('quarantine')).stdout).toContain('Nothing');
    const purged = await purge('--output', 'json');
    expect(purged).toMatchObject({ code: 0, stderr: '' });
    const { runId, totals } = (JSON.parse(purged.stdout) as { summary: { runId: string; totals: object } }).summary;
    expect(totals).toMatchObject({ tags: { deleted: 0, quarantined: 2 }, manifests: { deleted: 0, quarantined: 2 } });
    expect(emulator.tagsLeft()).toEqual(['app:v1', 'app:v2', 'web:v1', 'web:v2']);

    const listed = await at('quarantine', '--output', 'ndjson');
    const waiting = listed.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const byName = waiting.slice(0, 2).toSorted((a, b) => (String(a['repository']) < String(b['repository']) ? -1 : 1));
    expect(byName).toMatchObject(
      ['app', 'web'].map((repository) => ({
        repository,
        kind: 'manifest',
        digest: old.digest,
        tags: ['v1'],
        runId,
        root: old.digest,
      })),
    );
    const csv = await at('quarantine', '--repository', 'web', '--output', 'csv');
    expect(csv.stdout.trim().split('\r\n')).toHaveLength(2);
    const text = await at('quarantine', '-r', emulator.loginServer);
    expect(text.stdout).toMatch(/^app@sha256:[0-9a-f]{12} +v1 /m);
    expect(text.stdout).toContain('2 images in quarantine');

    const would = await at('release', 'app:v1', '--dry-run');
    expect(would).toMatchObject({ code: 0 });
    expect(would.stdout).toContain('1 artifact would be released from quarantine.');
    expect(would.stdout).toContain('DRY RUN: nothing was released.');
    const released = await at('release', 'app:v1');
    expect(released).toMatchObject({ code: 0, stderr: '' });
    expect(released.stdout).toMatch(/^ +released +app@sha256:/m);
    expect((await at('quarantine')).stdout).toContain('1 image in quarantine');
    // It is kept for a while, which a setting says: the next run does not put it back.
    const listing = await at('quarantine', '--output', 'json');
    const { released: kept } = JSON.parse(listing.stdout) as {
      readonly released: readonly { readonly at: string; readonly until: string }[];
    };
    expect(kept.map((one) => (Date.parse(one.until) - Date.parse(one.at)) / DAY)).toEqual([3]);
    expect((await purge('--quiet')).stdout).toMatch(/^keep +2 +released/m);

    const ofRun = await cli(['release', runId, '--runs', runs], { ...environment, ACR_REGISTRY: '' });
    expect(ofRun.code).toBe(0);
    expect((await at('quarantine')).stdout).toContain('Nothing is in quarantine');
    expect((await at('runs')).stdout).toMatch(/release +done .*released/);

    for (const [args, said] of [
      [['release', 'app:v1'], 'is not in quarantine'],
      [['release', '--all'], 'nothing is in quarantine'],
      [['release'], 'say what to release'],
      [['release', 'app:v1', '--all'], 'is everything'],
      [['release', 'App'], 'neither the id of a run nor an image'],
      [['release', 'contoso.azurecr.io/app:v1'], 'is not the registry of the image'],
    ] as const) {
      const refused = await at(...args);
      expect(refused).toMatchObject({ code: 2, stdout: '' });
      expect(refused.stderr).toContain(said);
    }
  }));
