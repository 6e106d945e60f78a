import { writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { checkQuarantine } from '../../../src/engine/quarantine/check-quarantine.ts';
import { renderCheck } from '../../../src/report/check-quarantine.ts';
import type { CheckFinding } from '../../../src/report/check-quarantine.ts';
import type { Emulator, EmulatorOptions } from '../../../src/dev/emulator/index.ts';
import { cli } from '../../support/cli.ts';
import { newFolder } from '../../support/ledger.ts';
import { connectTo, USER, withEmulator, withServedEmulator } from '../../support/registry.ts';

const GRANTED = { rights: [] };

const checked = (
  options: Partial<EmulatorOptions>,
  act?: (emulator: Emulator, finding: CheckFinding, stop: () => void) => void,
) =>
  withEmulator({ repositories: {}, ...options }, async (emulator) => {
    const stop = new AbortController();
    const check = await checkQuarantine(connectTo(emulator), GRANTED, {
      repository: 'scratch/test',
      signal: stop.signal,
      onFinding: (finding) => act?.(emulator, finding, () => stop.abort()),
    });
    return {
      check,
      states: Object.fromEntries(check.findings.map(({ name, state }) => [name, state])),
      left: emulator.manifestsLeft(),
    };
  });

describe('on the embedded registry', () => {
  test('a quarantine works, and nothing is left', async () => {
    const { check, states, left } = await checked({});
    expect(check.works).toBe(true);
    expect(states).toEqual({
      push: 'yes', 'hide-manifest': 'yes', pull: 'yes', 'pull-tag': 'yes', listed: 'yes', 'time-manifest': 'no',
      'show-manifest': 'yes', 'hide-tag': 'yes', 'time-tag': 'no', 'show-tag': 'yes', 'pull-again': 'yes',
      'hide-again': 'yes', delete: 'yes',
    }); // prettier-ignore
    expect(left).toEqual([]);
    expect(renderCheck(check)).toContain('A quarantine works on this registry');
  });

  test('that times move is found out, and is no failure', async () => {
    const { check, states } = await checked({ patchMovesTime: true });
    expect(states).toMatchObject({ 'time-manifest': 'yes', 'time-tag': 'yes' });
    expect(check.works).toBe(true);
  });

  test('where attributes cannot be written, it says so, and cleans up', async () => {
    const { check, states, left } = await checked({}, (emulator, { name }) => {
      if (name === 'push') emulator.faults({ failing: ({ kind }) => (kind.startsWith('update-') ? 403 : undefined) });
    });
    expect(check.works).toBe(false);
    expect(states).toMatchObject({
      'hide-manifest': 'failed',
      'hide-tag': 'failed',
      'pull-again': 'yes',
      delete: 'yes',
    });
    expect(left).toEqual([]);
  });

  test('where it cannot be deleted, it says how', async () => {
    const { check, states, left } = await checked({}, (emulator, { name }) => {
      if (name === 'push') emulator.faults({ failing: ({ kind }) => (kind.startsWith('delete-') ? 403 : undefined) });
    });
    expect(states).toMatchObject({ delete: 'failed', 'clean-up': 'failed' });
    expect(check.findings.at(-1)?.says).toContain(`az acr repository delete --image scratch/test@${check.digest}`);
    expect(left).toEqual([`scratch/test@${check.digest}`]);
  });

  test.each(['push', 'hide-manifest', 'pull', 'show-manifest', 'hide-tag', 'pull-again', 'hide-again'] as const)(
    'told to stop after %s, it deletes the image first',
    async (after) => {
      const { check, states, left } = await checked({}, (_, { name }, stop) => {
        if (name === after) stop();
      });
      expect(check.works).toBe(false);
      expect(states).toMatchObject({ stopped: 'failed', 'clean-up': 'yes' });
      expect(left).toEqual([]);
    },
  );
});

test('as a command, over sockets: what it finds, and the right that is missing', () =>
  withServedEmulator({ repositories: {} }, async (emulator) => {
    const certificate = `${newFolder()}.pem`;
    writeFileSync(certificate, emulator.certificate);
    const at = (...args: readonly string[]) =>
      cli(['check', 'quarantine', '-r', emulator.loginServer, ...args], {
        NODE_EXTRA_CA_CERTS: certificate,
        ACR_USERNAME: USER.username,
        ACR_PASSWORD: USER.password,
      });
    const found = await at('--repository', 'scratch/test');
    expect(found).toMatchObject({ code: 0, stderr: '' });
    expect(found.stdout).toMatch(/^ok +pushed scratch\/test:acr-retention-check-[0-9a-f]{16}$/m);
    expect(found.stdout).toMatch(/^ok +a pull by digest fails: /m);
    expect(found.stdout).toMatch(/^-- +lastUpdateTime of the manifest stayed /m);
    expect(emulator.manifestsLeft()).toEqual([]);
    const json = await at('--repository', 'scratch/test', '--output', 'json');
    expect(JSON.parse(json.stdout)).toMatchObject({ works: true, repository: 'scratch/test' });
    for (const name of ['Scratch', 'a b', '../x', 'x'.repeat(256)])
      expect(await at('--repository', name)).toMatchObject({ code: 2, stdout: '' });
    emulator.faults({
      failing: ({ kind }) =>
        kind.startsWith('put-') || kind.includes('upload') || kind.includes('push') ? 403 : undefined,
    });
    const refused = await at('--repository', 'scratch/test');
    expect(refused.code).toBe(1);
    expect(refused.stdout).toContain('az role assignment create --role AcrPush');
  }));
