import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { sampleRegistry } from '../../../src/dev/emulator/index.ts';
import { type AppHere, withAppHere } from '../../support/app-here.ts';
import { DELETING, until, withApp } from '../../support/app.ts';
import { images, repositoryOf } from '../../support/contents.ts';
import { newFolder } from '../../support/ledger.ts';
import { withEmulator, withServedEmulator } from '../../support/registry.ts';
import { TALK_TASK } from '../../support/talk.ts';

const SETTINGS = { PURGE_COMMAND: "--filter '.*:^(dev|pr)-' --ago 30d --untagged", PURGE_SCHEDULE: '0 1 * * Sun' };
const sample = { repositories: sampleRegistry() };

const folder = mkdtempSync(join(tmpdir(), 'acr-retention-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the log', () => {
  test('of a purge: the start, a line for each deletion with its reason, and the end with totals', async () => {
    await withEmulator(sample, (emulator) =>
      withAppHere(emulator, { ...SETTINGS, ...DELETING }, async (app) => {
        const before = emulator.manifestsLeft();
        await app.fireTimer();
        const [start, ...others] = app.log();
        const end = others.pop();
        expect(start).toMatchObject({ event: 'run-started', level: 'info', startedBy: 'schedule', pastDue: false });
        expect(start?.['commands']).toMatchObject([{ filters: ['.*:^(dev|pr)-'], ago: '--ago 30d', untagged: true }]);
        expect(end).toMatchObject({ event: 'run-ended', succeeded: true, repositories: 7, repositoriesFailed: 0 });

        const deletions = others.filter(({ event }) => event === 'decision');
        const left = new Set(emulator.manifestsLeft());
        const gone = before.filter((manifest) => !left.has(manifest));
        expect(gone.length).toBeGreaterThan(50);
        expect(
          deletions
            .filter(({ kind }) => kind === 'manifest')
            .map(({ repository, digest }) => `${String(repository)}@${String(digest)}`)
            .sort(),
        ).toEqual(gone);
        for (const line of [start, ...deletions, end]) {
          expect(line).toMatchObject({
            runId: start?.['runId'],
            invocationId: expect.stringMatching(/^[0-9a-f-]{36}$/) as unknown,
            registry: emulator.loginServer,
            dryRun: false,
          });
        }
        expect(deletions[0]).toMatchObject({
          action: 'delete',
          outcome: 'deleted',
          reason: expect.any(String) as unknown,
        });
      }),
    );
  });

  test('of a dry run: what would go, and nothing has gone; what is kept for those who ask', async () => {
    await withServedEmulator(sample, async (emulator) => {
      const before = emulator.manifestsLeft();
      await withApp(emulator, SETTINGS, async (app) => {
        await app.fireTimer();
        const decisions = app.log().filter(({ event }) => event === 'decision');
        expect(decisions.length).toBeGreaterThan(50);
        expect(decisions.every(({ outcome, dryRun }) => outcome === 'planned' && dryRun === true)).toBe(true);
      });
      await withApp(emulator, { ...SETTINGS, LOG_LEVEL: 'debug' }, async (app) => {
        await app.fireTimer();
        expect(app.log().some(({ level, action }) => level === 'debug' && action === 'keep')).toBe(true);
      });
      expect(emulator.manifestsLeft()).toEqual(before);
    });
  });

  test('two invocations at once keep their lines apart', async () => {
    await withEmulator({ ...sample, faults: { latencyMs: 20 } }, (emulator) =>
      withAppHere(emulator, SETTINGS, async (app) => {
        await Promise.all([app.ask('/api/dry-run?untaggedOnly'), app.ask('/api/dry-run'), app.fireTimer()]);
        const invocations = new Map<unknown, Set<unknown>>();
        for (const { invocationId, runId } of app.log())
          invocations.set(invocationId, (invocations.get(invocationId) ?? new Set()).add(runId));
        expect(Array.from(invocations.values(), ({ size }) => size)).toEqual([1, 1, 1]);
        // The host warns of what is logged when an invocation is over.
        expect(app.lines().filter((line) => line.includes('Unexpected call to'))).toEqual([]);
      }),
    );
  });

  test('no token in it', async () => {
    await withServedEmulator(
      { ...sample, faults: { failing: ({ kind }) => (kind === 'token' ? 401 : undefined) } },
      (emulator) =>
        withApp(emulator, { ...SETTINGS, LOG_LEVEL: 'trace' }, async (app) => {
          await app.fireTimer();
          expect(app.lines().join('\n')).not.toMatch(/eyJ[\w-]{20}/);
        }),
    );
  });
});

describe("the talk's task", () => {
  test('drives a scheduled dry run, unchanged', async () => {
    const file = join(folder, 'purgeFeatureImages.yaml');
    writeFileSync(file, TALK_TASK);
    await withEmulator(sample, (emulator) =>
      withAppHere(emulator, { PURGE_SCHEDULE: '0 1 * * Sun', ...DELETING, ACR_TASK_FILE: file }, async (app) => {
        const before = emulator.manifestsLeft();
        await app.fireTimer();
        const [start] = app.log();
        // The command itself says --dry-run.
        expect(start).toMatchObject({ dryRun: true, commands: [{ filters: ['^.*:[^F|f]eature[-0-9]*$'], keep: 1 }] });
        expect(app.log().filter(({ event }) => event === 'decision').length).toBeGreaterThan(10);
        expect(app.log().find(({ event }) => event === 'warning')?.['message']).toContain('negated character class');
        expect(emulator.manifestsLeft()).toEqual(before);
      }),
    );
  });

  test('is stopped between deletions when its time is up', async () => {
    const file = join(folder, 'short.yaml');
    writeFileSync(file, "steps:\n- cmd: acr purge --filter 'app.*:^dev' --ago 30d --concurrency 1\n  timeout: 12\n");
    const names = Array.from({ length: 12 }, (_, n) => `app${n}`);
    const repositories = Object.fromEntries(names.map((name) => [name, repositoryOf(...images(name, 1, 'dev'))]));
    await withServedEmulator({ repositories }, (emulator) =>
      withApp(emulator, { PURGE_SCHEDULE: '0 1 * * Sun', ...DELETING, ACR_TASK_FILE: file }, async (app) => {
        // Once something is deleted, the registry answers no more in time, however fast this machine is.
        emulator.onRequest(({ kind }) => {
          if (kind === 'delete-manifest' || kind === 'delete-tag') emulator.faults({ latencyMs: 60_000 });
        });
        await app.fireTimer();
        const { length } = emulator.tagsLeft();
        expect(length).toBeGreaterThan(0);
        expect(length).toBeLessThan(12);
        expect(app.lines().some((line) => line.includes('executed (Failed)'))).toBe(true);
        expect(app.log().at(-1)).toMatchObject({ event: 'run-ended', succeeded: false, stopped: { by: 'timeout' } });
      }),
    );
  });
});

describe('a run that takes longer than it may', () => {
  const names = Array.from({ length: 30 }, (_, n) => `app${n}`);
  const repositories = Object.fromEntries(names.map((name) => [name, repositoryOf(...images(name, 1, 'dev'))]));
  const command = { PURGE_COMMAND: "--filter '.*:^dev' --ago 30d --untagged --concurrency 1" };
  const eventsOf = (app: AppHere, event: string) => app.log().filter((line) => line['event'] === event);

  test('is resumed by the next tick, as the same run; the one after that begins a new one', async () => {
    // On a busy machine the first tick takes seconds to load the SDK, and all of the run takes 20 s.
    const settings = { ...SETTINGS, ...DELETING, ...command, RUN_TIME_BUDGET: '5s', RETENTION_STORAGE: newFolder() };
    await withServedEmulator({ repositories, faults: { latencyMs: 100 } }, (emulator) =>
      withApp(emulator, settings, async (app) => {
        await app.fireTimer();
        const [stopped] = eventsOf(app, 'run-ended');
        expect(stopped).toMatchObject({
          succeeded: false,
          level: 'warn',
          stopped: {
            by: 'budget',
            detail: expect.stringMatching(/5s was used up: \d+ of 30 .*the next run resumes it/) as unknown,
          },
        });
        expect(emulator.tagsLeft().length).toBeGreaterThan(0);
        // Nothing is wrong with that.
        expect(app.lines().filter((line) => line.includes('executed (Failed)'))).toEqual([]);

        emulator.faults({});
        // However many it takes.
        while (eventsOf(app, 'run-ended').at(-1)?.['succeeded'] === false) await app.fireTimer();
        const [resumed] = eventsOf(app, 'run-resumed');
        expect(resumed).toMatchObject({ runId: stopped?.['runId'], startedBy: 'schedule', slice: 2, repositories: 30 });
        expect(eventsOf(app, 'run-ended').at(-1)).toMatchObject({
          runId: stopped?.['runId'],
          succeeded: true,
          tags: { deleted: 30 },
        });
        expect(emulator.tagsLeft()).toEqual([]);
        expect(emulator.counts().catalog).toBe(1);
        expect(eventsOf(app, 'run-started')).toHaveLength(1);

        await app.fireTimer();
        const [, begun] = eventsOf(app, 'run-started');
        expect(begun?.['runId']).not.toBe(stopped?.['runId']);
      }),
    );
  });

  test('goes on where its process was ended, and not by another policy', async () => {
    const settings = { ...SETTINGS, ...DELETING, ...command, RETENTION_STORAGE: newFolder() };
    await withServedEmulator({ repositories, faults: { latencyMs: 50 } }, async (emulator) => {
      const stop = (): Promise<unknown> =>
        withApp(emulator, settings, async (app) => {
          const firing = app.fireTimer();
          const before = emulator.counts()['delete-manifest'];
          await until(() => emulator.counts()['delete-manifest'] > before);
          app.process.kill('SIGTERM');
          await firing;
          const end = app.log().at(-1);
          expect(end).toMatchObject({ event: 'run-ended', stopped: { by: 'signal' } });
          return end?.['runId'];
        });
      const first = await stop();
      expect(await stop()).toBe(first);
      emulator.faults({});
      await withApp(emulator, { ...settings, PURGE_COMMAND: "--filter '.*:^none' --ago 30d" }, async (app) => {
        await app.fireTimer();
        expect(eventsOf(app, 'run-not-resumed')).toMatchObject([
          { runId: first, why: expect.stringContaining('another policy') as unknown },
        ]);
        expect(eventsOf(app, 'run-started')).toHaveLength(1);
        expect(emulator.tagsLeft().length).toBeGreaterThan(0);
      });
    });
  });
});

test('by its schedule', async () => {
  await withServedEmulator(sample, (emulator) =>
    withApp(emulator, { ...SETTINGS, PURGE_SCHEDULE: '* * * * * *' }, (app) =>
      until(() => app.lines().filter((line) => line.includes('[scheduledPurge] executed (Succeeded)')).length >= 2),
    ),
  );
});

test('a run of which something failed is a failed invocation', async () => {
  await withEmulator(sample, async (emulator) => {
    emulator.faults({ failing: ({ kind }) => (kind === 'delete-manifest' ? 405 : undefined) });
    await withAppHere(emulator, { ...SETTINGS, ...DELETING }, async (app) => {
      await app.fireTimer();
      expect(app.lines().find((line) => line.includes('executed (Failed)'))).toMatch(/the run \S+ ended with failures/);
      const failed = app.log().filter(({ level, event }) => level === 'error' && event === 'decision');
      expect(failed[0]).toMatchObject({ outcome: 'refused', error: { status: 405 } });
    });
  });
});

describe('with wrong settings', () => {
  const WRONG = { PURGE_COMMAND: '--filter app --ago 1.5d', PURGE_SCHEDULE: '0 22-2 * * *', PURGE_DRY_RUN: 'perhaps' };
  const SAID = ['--filter "app"', '--ago "1.5d"', 'PURGE_SCHEDULE "0 22-2 * * *"', 'PURGE_DRY_RUN "perhaps"'];

  test('the app loads, says every mistake wherever it is asked, and purges nothing', async () => {
    await withServedEmulator(sample, (emulator) =>
      withApp(emulator, WRONG, async (app) => {
        const health = await app.ask('/api/health', { key: '' });
        expect([health.status, await health.text()]).toEqual([503, 'misconfigured']);

        const status = await app.ask('/api/status');
        const refused = await app.ask('/api/dry-run?untaggedOnly');
        expect([status.status, refused.status]).toEqual([200, 503]);
        await app.fireTimer();
        const failed = app.lines().find((line) => line.includes('executed (Failed)')) ?? '';
        const texts = [await status.text(), await refused.text()].map((text) => text.replaceAll('\\"', '"'));
        for (const text of [...texts, failed]) for (const mistake of SAID) expect(text).toContain(mistake);
        expect(emulator.requests()).toEqual([]);
      }),
    );
  });

  test('none at all: the same', async () => {
    await withServedEmulator(sample, (emulator) =>
      withApp(emulator, {}, async (app) => {
        const text = await (await app.ask('/api/status')).text();
        expect(text).toContain('PURGE_COMMAND: is not set');
        expect(text).toContain('PURGE_SCHEDULE: is not set');
        await app.fireTimer();
        expect(app.log()).toMatchObject([{ event: 'misconfigured', mistakes: { length: 2 } }]);
        expect(emulator.requests()).toEqual([]);
      }),
    );
  });
});

describe('status', () => {
  test('tells what is configured, that the registry answers, and the next three runs', async () => {
    await withServedEmulator(sample, (emulator) =>
      withApp(emulator, SETTINGS, async (app) => {
        const health = await fetch(`${app.url}/api/health`);
        expect([health.status, await health.text()]).toEqual([200, 'healthy']);
        const status = (await (await app.ask('/api/status')).json()) as {
          readonly schedule: { readonly next: string[] };
        };
        expect(status).toMatchObject({
          state: 'ready',
          mistakes: [],
          settings: { ...SETTINGS, ACR_REGISTRY: emulator.loginServer },
          dryRun: true,
          registry: { loginServer: emulator.loginServer, answers: true },
          commands: [SETTINGS.PURGE_COMMAND],
          schedule: { expression: '0 1 * * Sun', description: 'At 01:00, only on Sunday (UTC)' },
        });
        expect(status.schedule.next).toHaveLength(3);
        for (const next of status.schedule.next) expect(new Date(next).getUTCDay()).toBe(0);
        // One page of one name, whatever there is in the registry.
        expect(emulator.counts()).toMatchObject({ catalog: 1, 'list-tags': 0 });
      }),
    );
  });

  test('of a policy file it tells the text', async () => {
    const text = "version: 1\nrules: [{ name: old, tags: ['pr-*'], olderThan: 14d }]";
    await withServedEmulator(sample, (emulator) =>
      withApp(emulator, { RETENTION_POLICY: text, PURGE_SCHEDULE: SETTINGS.PURGE_SCHEDULE }, async (app) => {
        const status = (await (await app.ask('/api/status')).json()) as object;
        expect(status).toMatchObject({ state: 'ready', commands: ['--policy RETENTION_POLICY'], policy: text });
      }),
    );
  });

  test.each<[string, string, string]>([
    ['the catalog', "--filter '.*:x' --ago 1d", 'list the repositories: 403'],
    ['a repository that is named', "--filter 'payments:x' --ago 1d", 'look at the repository payments: 403'],
  ])('tells why %s cannot be read', async (_, command, said) => {
    await withEmulator(
      { ...sample, faults: { failing: ({ kind }) => (/catalog|repository/.test(kind) ? 403 : undefined) } },
      (emulator) =>
        withAppHere(emulator, { ...SETTINGS, PURGE_COMMAND: command }, async (app) => {
          const status = (await (await app.ask('/api/status')).json()) as object;
          expect(status).toMatchObject({
            registry: { answers: false, error: expect.stringContaining(said) as unknown },
          });
        }),
    );
  });

  test('wants a key', async () => {
    await withServedEmulator(sample, (emulator) =>
      withApp(emulator, SETTINGS, async (app) => {
        expect((await app.ask('/api/status', { key: '' })).status).toBe(401);
      }),
    );
  });
});

test('a host that shuts down stops the purge between deletions', async () => {
  const names = Array.from({ length: 60 }, (_, n) => `app${n}`);
  const repositories = Object.fromEntries(names.map((name) => [name, repositoryOf(...images(name, 1, 'dev'))]));
  await withServedEmulator({ repositories, faults: { latencyMs: 100 } }, async (emulator) => {
    const command = "--filter '.*:^dev' --ago 30d --concurrency 1";
    await withApp(emulator, { ...SETTINGS, PURGE_COMMAND: command, ...DELETING }, async (app) => {
      const firing = app.fireTimer();
      await until(() => emulator.counts()['delete-tag'] >= 1);
      app.process.kill('SIGTERM');
      await firing;
      const gone = app.log().filter(({ outcome }) => outcome === 'deleted');
      expect(gone.length).toBe(60 - emulator.tagsLeft().length);
      const end = app.log().at(-1);
      expect(end).toMatchObject({ event: 'run-ended', succeeded: false });
      expect(end?.['repositoriesStopped']).toBeGreaterThan(40);
    });
    expect(emulator.tagsLeft().length).toBeGreaterThan(40);
  });
});

test('a deletion is logged when it is done, and not with the last one of its repository', async () => {
  const repositories = { app: repositoryOf(...images('app', 80, 'dev')) };
  await withServedEmulator({ repositories, faults: { latencyMs: 20 } }, (emulator) =>
    withApp(
      emulator,
      { ...SETTINGS, PURGE_COMMAND: "--filter 'app:^dev' --ago 30d --concurrency 1", ...DELETING },
      async (app) => {
        const firing = app.fireTimer();
        await until(() => app.log().some(({ outcome }) => outcome === 'deleted'));
        expect(emulator.tagsLeft().length).toBeGreaterThan(0);
        await firing;
        const tags = app.log().flatMap(({ outcome, tag }) => (outcome === 'deleted' ? [tag] : []));
        expect(tags.length).toBe(80);
        expect(new Set(tags).size).toBe(80);
      },
    ),
  );
});

test('reading stops, too, when the host shuts down', async () => {
  const names = Array.from({ length: 4 }, (_, n) => `app${n}`);
  const repositories = Object.fromEntries(names.map((name) => [name, repositoryOf(...images(name, 1, 'dev'))]));
  await withServedEmulator({ repositories }, (emulator) =>
    withApp(emulator, { ...SETTINGS, ...DELETING }, async (app) => {
      // No answer comes: whoever waits for it waits longer than the host does.
      emulator.faults({ latencyMs: 30_000 });
      const firing = app.fireTimer();
      await until(() => app.log().length > 0);
      app.process.kill('SIGTERM');
      await firing;
      expect(app.log().at(-1)).toMatchObject({ event: 'run-ended', succeeded: false });
      expect(emulator.tagsLeft().length).toBe(4);
    }),
  );
});

test('a deletion that the registry keeps waiting holds back neither the log of the others nor the shutdown', async () => {
  const repositories = { app: repositoryOf(...images('app', 12, 'dev')) };
  await withServedEmulator({ repositories }, (emulator) =>
    withApp(
      emulator,
      { ...SETTINGS, PURGE_COMMAND: "--filter 'app:^dev' --ago 30d --untagged", ...DELETING },
      async (app) => {
        let slow: string | undefined;
        emulator.faults({
          failing: ({ kind, path }) => (kind === 'delete-manifest' && (slow ??= path) === path ? 429 : undefined),
        });
        void app.fireTimer().catch(() => undefined);
        await until(() => emulator.manifestsLeft().length === 1);
        await until(
          () => app.log().filter(({ outcome, kind }) => outcome === 'deleted' && kind === 'manifest').length === 11,
        );
        const ended = new Promise((resolve) => app.process.once('exit', resolve));
        app.process.kill('SIGTERM');
        await ended;
      },
    ),
  );
});
