import { expect, test } from 'vitest';
import { image, index, referrer } from '../../../src/dev/emulator/manifests.ts';
import type { Emulator } from '../../../src/dev/emulator/index.ts';
import type { TriedEvidence } from '../../../src/evidence/pulls.ts';
import type { Source } from '../../../src/evidence/types.ts';
import type { RunOptions } from '../../../src/index.ts';
import { openLedger } from '../../../src/ledger/ledger.ts';
import { memoryStore } from '../../../src/ledger/store/memory.ts';
import { realSystem } from '../../../src/ledger/store/system.ts';
import { repositoryOf } from '../../support/contents.ts';
import { reference, run, withEmulator } from '../../support/registry.ts';

/* What a client asked for in vain while it was in quarantine. */

const DAY = 86_400_000;
const PURGE = ['--filter', 'app:^dev', '--ago', '30d', '--untagged', '--quarantine', '14d'];

const platforms = ['amd64', 'arm64'].map((architecture) => ({ ...image(architecture), architecture, os: 'linux' }));
const build = index(platforms);
const [amd64 = ''] = platforms.map(({ digest }) => digest);
const sbom = referrer(build, 'application/spdx+json', 'sbom');
const other = image('other');
const repositories = {
  app: repositoryOf(
    { built: build, days: 40, tags: ['dev-1'] },
    ...platforms.map((built) => ({ built, days: 40 })),
    { built: sbom, days: 40 },
    { built: other, days: 40, tags: ['dev-2'] },
  ),
};
const WHOLE = [build, ...platforms, sbom].map(({ digest }) => `app@${digest}`).toSorted();

const unreadable = (emulator: Emulator): readonly string[] => {
  const { tags = [], manifests = [] } = emulator.repositories()['app'] ?? {};
  return [...tags.map(({ locked }) => locked), ...manifests.map(({ locked }) => locked)].flatMap((locked) =>
    locked?.readEnabled === false ? ['unreadable'] : [],
  );
};

/** Some registry's contents, a ledger whose clock can be set on, and a log that says what it is told to say. */
async function withQuarantine(
  live: (world: {
    readonly emulator: Emulator;
    readonly purge: (said?: Partial<TriedEvidence>, sources?: readonly Source[]) => ReturnType<typeof run>;
    readonly later: (milliseconds: number) => void;
    readonly now: () => string;
  }) => Promise<void>,
): Promise<void> {
  await withEmulator({ repositories }, async (emulator) => {
    let ahead = 0;
    const { clock } = realSystem;
    const system = { ...realSystem, clock: { ...clock, now: () => clock.now() + ahead } };
    const ledger = openLedger(memoryStore(undefined, undefined, system));
    const now = (): string => new Date(system.clock.now()).toISOString();
    const evidence = (said: Partial<TriedEvidence>, sources: readonly Source[]): RunOptions['evidence'] => ({
      sources,
      rememberMilliseconds: 30 * DAY,
      tried: {
        asks: () => true,
        source: {
          name: 'a log',
          tried: (_, from) =>
            Promise.resolve({
              ...{ source: 'a log', observedAt: now(), complete: true, problems: [], tried: [] },
              ...{ covers: { since: from.toISOString(), until: now() }, ...said },
            }),
        },
      },
    });
    await live({
      emulator,
      purge: (said = {}, sources = []) =>
        run(emulator, PURGE, undefined, ledger, { evidence: evidence(said, sources) }),
      later: (milliseconds) => (ahead += milliseconds),
      now,
    });
  });
}

test('is released with all that belongs to it, and is kept for as long as what is in use', async () => {
  await withQuarantine(async ({ emulator, purge, later, now }) => {
    await purge();
    expect(unreadable(emulator)).toHaveLength(5);
    later(DAY);
    const asked = { repository: 'app', digest: amd64, first: now(), last: now(), times: 2, answer: '405' };
    const { summary, decisions } = await purge({ tried: [{ ...asked, client: 'containerd/v1.7.2' }] });
    expect(summary.succeeded).toBe(true);
    expect(unreadable(emulator)).toHaveLength(1);
    const released = decisions.filter((one) => one.action === 'keep' && one.reason === 'released');
    expect(released.map(reference).toSorted()).toEqual(WHOLE);
    const own = released.find(({ digest }) => digest === amd64);
    expect(own?.detail).toMatch(/^asked for 2 times since it came into quarantine \(.*\), last just now .* by containerd\/v1\.7\.2, and answered with 405$/); // prettier-ignore

    // What is long over by now; but it was released a short while ago.
    later(20 * DAY);
    await purge();
    expect(emulator.manifestsLeft()).toEqual(WHOLE);
    expect(unreadable(emulator)).toEqual([]);
    later(20 * DAY);
    await purge();
    expect(unreadable(emulator)).toHaveLength(4);
  });
});

test('is not deleted where the log cannot be read, and waits on', async () => {
  await withQuarantine(async ({ emulator, purge, later }) => {
    await purge();
    later(20 * DAY);
    const { summary } = await purge({ complete: false, problems: ['Log Analytics answers 403'] });
    expect(summary.succeeded).toBe(false);
    expect(summary.warnings.join()).toContain('(quarantine): Log Analytics answers 403');
    expect(unreadable(emulator)).toHaveLength(5);
    expect((await purge()).summary.succeeded).toBe(true);
    expect(emulator.manifestsLeft()).toEqual([]);
  });
});

test('waits on as a whole where a cluster says nothing', async () => {
  await withQuarantine(async ({ emulator, purge, later, now }) => {
    await purge();
    later(20 * DAY);
    const silent: Source = {
      name: 'kube',
      read: () =>
        Promise.resolve({
          ...{ source: 'kube', scope: 'all namespaces', observedAt: now() },
          ...{ complete: false, problems: ['403'], facts: [] },
        }),
    };
    expect((await purge({}, [silent])).summary.succeeded).toBe(false);
    expect(unreadable(emulator)).toHaveLength(5);
  });
});
