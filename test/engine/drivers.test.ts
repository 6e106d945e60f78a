import { describe, expect, test } from 'vitest';
import type { Emulator, EmulatorOptions, RegistryState } from '../../src/dev/emulator/index.ts';
import { image, index } from '../../src/dev/emulator/manifests.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import type { RunRecord } from '../../src/ledger/records.ts';
import type { Decision } from '../../src/planner/decision.ts';
import type { Environment } from '../../src/policy/settings.ts';
import { cancelRun } from '../../src/index.ts';
import { archiveAt } from '../../src/ledger/open.ts';
import { lostOf, wholes } from '../support/archived.ts';
import { inline } from '../support/comes-to.ts';
import { images, repositoryOf } from '../support/contents.ts';
import { calm } from '../support/durable.ts';
import { newFolder, newLedger } from '../support/ledger.ts';
import { hall, scheduled, settingsOf } from '../support/orchestration.ts';
import { reference, withEmulator } from '../support/registry.ts';
import { unreadable, waitingIn } from '../support/quarantine.ts';
import { bytesOf, contentOf } from '../support/shared-layers.ts';
import { isDeletion } from '../support/slices.ts';

/*
 * What a run promises, whatever drives its steps: each story is told once, and run in one process and as orchestrations.
 */

type Driver = (emulator: Emulator, ledger: Ledger, settings: Environment, by: string) => Promise<string>;

const DRIVERS: Readonly<Record<'inline' | 'durable', Driver>> = {
  inline: (emulator, ledger, settings) => inline(emulator, ledger, settingsOf({ emulators: [emulator], settings })),
  async durable(emulator, ledger, settings, by) {
    const durable = hall({ emulators: [emulator], ledger, settings, options: { choices: calm } });
    const input = scheduled([emulator], by);
    durable.start('retention', { instanceId: by, input });
    await durable.run();
    return input.jobs[0]?.runId ?? '';
  },
};

const COMMAND = '--filter ".*:^dev" --ago 30d --untagged --keep 1';
const PURGE: Environment = { PURGE_COMMAND: COMMAND, PURGE_DRY_RUN: 'false' };
/** No guard holds anything back. */
const FREELY: Environment = { ...PURGE, MAX_DELETION_PERCENT: '100', KEEP_LAST_TAG: 'false' };
const POLICY = `version: 1
protect: [{ tags: ['v*'], because: releases }]
rules: [{ name: dev, tags: ['dev*'], keep: { newest: 1 }, olderThan: 30d }]`;
const apps = (count: number): RegistryState =>
  Object.fromEntries(
    Array.from({ length: count }, (_, n) => [
      `app${n}`,
      repositoryOf(...images(`app${n}`, 3, 'dev'), ...images(`app${n}-v`, 2, 'v')),
    ]),
  );

interface Came {
  readonly emulator: Emulator;
  readonly ledger: Ledger;
  readonly run: RunRecord;
  readonly decisions: readonly Decision[];
}

interface Told {
  readonly registry: EmulatorOptions;
  readonly settings?: Environment;
  /** Called with each request, before it is answered. */
  readonly onRequest?: (request: { readonly kind: string }, emulator: Emulator, ledger: Ledger) => void;
}

describe.each(Object.keys(DRIVERS) as (keyof typeof DRIVERS)[])('driven %s', (driver) => {
  const tell = ({ registry, settings = FREELY, onRequest }: Told, then: (came: Came) => void | Promise<void>) =>
    withEmulator(registry, async (emulator) => {
      const ledger = newLedger();
      emulator.onRequest((request) => onRequest?.(request, emulator, ledger));
      const id = await DRIVERS[driver](emulator, ledger, settings, 'first');
      emulator.onRequest(undefined);
      const run = await ledger.run(id);
      if (!run) throw new Error(`no run ${id}`);
      await then({ emulator, ledger, run, decisions: await Array.fromAsync(ledger.decisions(id)) });
    });

  test.each(['false', 'true'])('where STORAGE is on, it says what is freed; dry run: %s', (dry) => {
    const repositories = apps(2);
    const settings = { ...FREELY, PURGE_DRY_RUN: dry, STORAGE: 'on', STORAGE_PRICE: '0.10' };
    return tell({ registry: { repositories }, settings }, async ({ emulator, ledger, run }) => {
      const before = contentOf(repositories);
      const after = contentOf(emulator.repositories());
      expect(run.state).toBe('done');
      expect(run.storage).toEqual({ price: 0.1 });
      const { unique = 0, frees = 0, ...unknown } = run.totals?.storage ?? {};
      expect(unknown).toEqual({});
      expect(unique).toBe(bytesOf(before));
      expect(frees).toBeGreaterThan(0);
      if (dry === 'false') expect(frees).toBe(bytesOf(before) - bytesOf(after));
      for await (const { summary } of ledger.repositories(run.id)) expect(summary.storage?.frees).toBeGreaterThan(0);
    });
  });

  test('where ARCHIVE is set, what is deleted is in the archive', async () => {
    const { contents, options } = wholes(2, 3);
    const folder = newFolder();
    const settings = { ...FREELY, PURGE_COMMAND: '--filter ".*:^old" --ago 30d --untagged', ARCHIVE: folder };
    await tell({ registry: options, settings }, async ({ emulator, run }) => {
      expect(run).toMatchObject({ state: 'done', archive: folder });
      expect(run.totals?.archived?.manifests).toBe([...contents.values()].flat().flatMap(({ all }) => all).length);
      expect(emulator.manifestsLeft()).toEqual([]);
      expect(await lostOf(emulator, archiveAt({ kind: 'folder', folder }), contents)).toEqual([]);
    });
  });

  test('where FINDINGS is set, what cannot be known of it is a warning, and everything else is as without', async () => {
    const plain = await new Promise<Came>((resolve, reject) => {
      tell({ registry: { repositories: apps(2) } }, resolve).catch(reject);
    });
    // Without the resource of the registry it is not known where Defender keeps its findings.
    const settings = { ...FREELY, FINDINGS: 'defender referrers' };
    await tell({ registry: { repositories: apps(2) }, settings }, ({ run, decisions }) => {
      expect(run).toMatchObject({
        state: 'done',
        findings: [
          { source: 'defender', complete: false, images: 0 },
          { source: 'referrers', complete: true, images: 0 },
        ],
      });
      expect(run.warnings).toContainEqual(expect.stringMatching(/: defender: REGISTRY_RESOURCE_ID names no resource/));
      const done = (all: readonly Decision[]) => all.map((one) => `${reference(one)} ${one.action} ${one.reason}`).sort(); // prettier-ignore
      expect(done(decisions)).toEqual(done(plain.decisions));
      expect(run.totals?.findings).toMatchObject({ removed: { images: 0, bySeverity: {} } });
    });
  });

  test('a dry run deletes nothing, and says what would be deleted and what the guards would hold back', () =>
    tell(
      { registry: { repositories: apps(2) }, settings: { PURGE_COMMAND: COMMAND, MAX_DELETIONS: '3' } },
      ({ emulator, run }) => {
        expect(emulator.requests().filter(({ kind }) => /^(?:delete|update)-/.test(kind))).toEqual([]);
        expect(run).toMatchObject({
          state: 'done',
          dryRun: true,
          progress: { done: 2, of: 2 },
          plan: { state: 'open' },
        });
        expect(run.totals?.tags).toMatchObject({ deleted: 4, kept: 2 });
        expect(run.breakers.map(({ breaker }) => breaker)).toContain('max-deletions');
      },
    ));

  test('with a quarantine nothing is deleted: it cannot be pulled, the ledger knows of it, and the next run leaves it so', () =>
    tell(
      { registry: { repositories: apps(2) }, settings: { ...FREELY, QUARANTINE: '14d' } },
      async ({ emulator, ledger, run }) => {
        expect(run).toMatchObject({ state: 'done' });
        expect(run.totals?.manifests).toMatchObject({ deleted: 0, quarantined: 2 });
        expect(emulator.requests().filter(({ kind }) => kind.startsWith('delete-'))).toEqual([]);
        const hidden = unreadable(emulator);
        expect(hidden).toHaveLength(4);
        expect(await waitingIn(ledger, emulator)).toEqual(hidden);

        const next = await ledger.run(
          await DRIVERS[driver](emulator, ledger, { ...FREELY, QUARANTINE: '14d' }, 'next'),
        );
        expect(next).toMatchObject({
          state: 'done',
          totals: { quarantine: { waiting: 6, tagsWaiting: 4, released: 0 } },
        });
        expect(unreadable(emulator)).toEqual(hidden);
        // One tag of each is kept by another policy, and all that is not its own stays as it is.
        const command = COMMAND.replace('--keep 1', '--keep 2');
        const settings = { ...FREELY, QUARANTINE: '14d', PURGE_COMMAND: command };
        const last = await ledger.run(await DRIVERS[driver](emulator, ledger, settings, 'last'));
        expect(last).toMatchObject({ state: 'done', totals: { quarantine: { released: 2 } } });
        expect(unreadable(emulator)).toHaveLength(2);
        expect(await waitingIn(ledger, emulator)).toEqual(unreadable(emulator));

        const elsewhere = { ...FREELY, QUARANTINE: '14d', PURGE_COMMAND: '--filter "app1:^dev" --ago 30d' };
        const other = await ledger.run(await DRIVERS[driver](emulator, ledger, elsewhere, 'other'));
        expect(other?.warnings).toContainEqual(expect.stringMatching(/no command selects any more \(app0\)/));
        const off = await ledger.run(await DRIVERS[driver](emulator, ledger, FREELY, 'off'));
        expect(off?.warnings).toContainEqual(
          expect.stringMatching(
            /^quarantine is off, and 4 artifacts of 2 repositories still wait in it: .* release --all$/,
          ),
        );
      },
    ));

  test('the guards count what would come into quarantine as they count a deletion', () =>
    tell(
      { registry: { repositories: apps(2) }, settings: { ...FREELY, QUARANTINE: '14d', MAX_DELETIONS: '3' } },
      ({ emulator, run }) => {
        expect(run).toMatchObject({ state: 'waiting', plan: { deletions: 6 } });
        expect(run.breakers).toMatchObject([{ breaker: 'max-deletions', found: 6 }]);
        expect(unreadable(emulator)).toEqual([]);
      },
    ));

  test('a policy file decides, and is in the record of the run', () =>
    tell(
      {
        registry: { repositories: apps(2) },
        settings: { ...FREELY, PURGE_COMMAND: undefined, RETENTION_POLICY: POLICY },
      },
      ({ emulator, run, decisions }) => {
        expect(run).toMatchObject({
          state: 'done',
          policy: { commands: [{ given: '--policy RETENTION_POLICY', file: POLICY }] },
        });
        expect(run.totals?.tags).toMatchObject({ deleted: 4, kept: 6 });
        expect(emulator.tagsLeft()).toHaveLength(6);
        const gone = decisions.filter(({ action }) => action === 'delete');
        expect(gone.map(({ kind, reason, rule }) => `${kind} ${reason} ${rule ?? ''}`)).toEqual(
          Array(8)
            .fill('')
            .map((_, n) => `${n % 4 < 2 ? 'tag' : 'manifest'} rule-matched dev`),
        );
      },
    ));

  test('a purge deletes what it says, and keeps the newest', () =>
    tell({ registry: { repositories: apps(3) } }, ({ emulator, run, decisions }) => {
      expect(run).toMatchObject({ state: 'done', progress: { done: 3, of: 3 } });
      expect(run.totals?.tags).toMatchObject({ deleted: 6, kept: 3, failed: 0, notAttempted: 0 });
      const deleted = decisions.filter((one) => one.action === 'delete' && one.outcome === 'deleted').map(reference);
      expect(deleted.some((name) => emulator.tagsLeft().includes(name))).toBe(false);
    }));

  test('what guards hold back waits for approval, and nothing of it is deleted', () =>
    tell({ registry: { repositories: apps(2) }, settings: { ...PURGE, MAX_DELETIONS: '3' } }, ({ emulator, run }) => {
      expect(run).toMatchObject({ state: 'waiting', breakersAsked: true, plan: { state: 'waiting' } });
      expect(emulator.requests().filter(({ kind }) => isDeletion(kind))).toEqual([]);
      expect(run.totals?.tags).toMatchObject({ deleted: 0, notAttempted: 4 });
    }));

  test.each([
    ['purge', FREELY],
    ['guarded purge', { ...FREELY, MAX_DELETION_PERCENT: '99' }],
  ])('what a new index needs between the plan and the deletion is kept: %s', (_, settings) => {
    const child = { ...image('child'), os: 'linux', architecture: 'amd64' };
    let isPushed = false;
    return tell(
      {
        registry: {
          repositories: {
            app: repositoryOf({ built: child, days: 90 }, ...images('app', 2, 'dev'), ...images('v', 9, 'v')),
          },
        },
        settings: { ...settings, PURGE_COMMAND: '--filter ".*:^dev" --ago 30d --untagged' },
        onRequest({ kind }, emulator) {
          // Asked once the plan is made, before the look that comes before the first deletion.
          if (isPushed || kind !== 'repository-properties') return;
          isPushed = true;
          emulator.push('app', index([child]).body, { tag: 'new' });
        },
      },
      ({ decisions }) => {
        expect(isPushed).toBe(true);
        expect(decisions.find(({ kind, digest }) => kind === 'manifest' && digest === child.digest)).toMatchObject({
          action: 'keep',
          reason: 'changed-since-plan',
        });
      },
    );
  });

  test('a repository that may not be read fails, and the others are purged', () =>
    tell(
      { registry: { repositories: apps(3), faults: { forbiddenRepositories: ['app1'] } } },
      async ({ run, ledger }) => {
        expect(run.state).toBe('failed');
        const states = await Array.fromAsync(ledger.repositories(run.id));
        expect(Object.fromEntries(states.map(({ summary }) => [summary.repository, summary.state]))).toEqual({
          app0: 'done',
          app1: 'failed',
          app2: 'done',
        });
        expect(run.totals?.tags.deleted).toBe(4);
      },
    ));

  test('a run that is cancelled while it deletes ends between deletions, and says what is left', () => {
    let isAsked = false;
    return tell(
      {
        registry: { repositories: apps(6) },
        settings: { ...FREELY, REGISTRY_PARALLELISM: '1', PURGE_COMMAND: `${COMMAND} --concurrency 1` },
        onRequest({ kind }, _, ledger) {
          if (isAsked || !isDeletion(kind)) return;
          isAsked = true;
          void Array.fromAsync(ledger.runs()).then(async ([run]) => {
            if (run) await cancelRun(ledger, run.id, { now: new Date(), askedBy: 'request', by: 'test' });
          });
        },
      },
      ({ emulator, run, decisions }) => {
        expect(run).toMatchObject({ state: 'stopped', stopped: { by: 'cancel' } });
        const gone = decisions.filter((one) => one.action === 'delete' && one.outcome === 'deleted').map(reference);
        expect(gone.filter((name) => emulator.tagsLeft().includes(name))).toEqual([]);
        expect(emulator.tagsLeft().length).toBeGreaterThan(18);
      },
    );
  });
});
