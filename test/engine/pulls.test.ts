import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PullEvidence } from '../../src/evidence/pulls.ts';
import { image, index } from '../../src/dev/emulator/manifests.ts';
import type { RepositoryState } from '../../src/dev/emulator/index.ts';
import { digestOf } from '../../src/dev/emulator/manifests.ts';
import type { RunOptions } from '../../src/index.ts';
import { images, repositoryOf } from '../support/contents.ts';
import { openLedger } from '../../src/ledger/ledger.ts';
import type { KnownPulls } from '../../src/ledger/pulls.ts';
import { memoryStore, newMemory } from '../../src/ledger/store/memory.ts';
import { newLedger } from '../support/ledger.ts';
import { flags, repository } from '../support/random-registry.ts';
import { ruledBy, run, withEmulator } from '../support/registry.ts';

const DAY_MS = 86_400_000;
const PURGE = ['--filter', 'app:^dev', '--ago', '8d', '--untagged'];

const platforms = ['amd64', 'arm64'].map((architecture) => ({ ...image(architecture), architecture, os: 'linux' }));
const build = index(platforms);
const [amd64 = ''] = platforms.map(({ digest }) => digest);
const repositories = {
  app: repositoryOf(
    { built: build, days: 40, tags: ['dev-multi', 'dev-other'] },
    ...platforms.map((built) => ({ built, days: 40 })),
    { built: image('recent'), days: 10, tags: ['dev-recent'] },
    { built: image('old'), days: 40, tags: ['dev-old'] },
    ...images('kept', 1, 'v'),
  ),
};

const daysAgo = (days: number): string => new Date(Date.now() - days * DAY_MS).toISOString();

/** A log that says what it is told to say. */
function pulled(evidence: Partial<PullEvidence>, within = 30): NonNullable<RunOptions['evidence']> {
  const source = {
    name: 'ContainerRegistryRepositoryEvents',
    read: () =>
      Promise.resolve({
        source: 'ContainerRegistryRepositoryEvents',
        observedAt: new Date().toISOString(),
        complete: true,
        problems: [],
        pulls: [],
        ...evidence,
      }),
  };
  return {
    sources: [],
    rememberMilliseconds: 0,
    pulls: { source, within: `${within}d`, withinMilliseconds: within * DAY_MS, ignored: [] },
  };
}

const long = { since: daysAgo(60), until: daysAgo(0) };

test('a rule that asks for pulls deletes what was not pulled, where all is known that is asked for', async () => {
  await withEmulator({ repositories }, async (emulator) => {
    const byRules = { shortest: 7 * DAY_MS, longest: 7 * DAY_MS };
    const pulls = [{ repository: 'app', tag: 'dev-recent', last: daysAgo(6) }];
    const source = {
      name: 'log',
      read: (_: string, from: Date) => {
        const at = new Date().toISOString();
        const covers = { since: from.toISOString(), until: at };
        return Promise.resolve({ source: 'log', observedAt: at, complete: true, problems: [], covers, pulls });
      },
    };
    const policy = { version: 1, rules: [{ name: 'dev', tags: ['dev-*'], olderThan: '8d', notPulledWithin: '7d' }] };
    await run(emulator, ruledBy(JSON.stringify(policy)), undefined, newLedger(), {
      evidence: {
        sources: [],
        rememberMilliseconds: 0,
        pulls: { source, within: '', withinMilliseconds: 0, byRules, ignored: [] },
      },
    });
    expect(emulator.tagsLeft()).toEqual(['app:dev-recent', 'app:v-0']);
  });
});

describe('a purge that keeps what was pulled lately', () => {
  test.each([
    ['a tag', { tag: 'dev-multi' }, undefined],
    ['the index', { digest: build.digest }, undefined],
    ['a platform', { digest: amd64 }, `its part ${amd64}: `],
  ])('by %s: keeps the index, its tags and its platforms', async (_, named, part = '') => {
    await withEmulator({ repositories }, async (emulator) => {
      const ledger = newLedger();
      const pulls = [{ repository: 'app', ...named, last: daysAgo(3), client: 'containerd/v1.7.2' }];
      const evidence = pulled({ covers: long, pulls });
      const { summary, decisions } = await run(emulator, PURGE, undefined, ledger, { evidence });
      expect(summary).toMatchObject({ succeeded: true });
      expect(emulator.tagsLeft()).toEqual(['app:dev-multi', 'app:dev-other', 'app:v-0']);
      expect(emulator.manifestsLeft()).toEqual(
        expect.arrayContaining([build, ...platforms].map(({ digest }) => `app@${digest}`)),
      );
      expect(decisions.find(({ tag }) => tag === 'dev-multi')).toMatchObject({
        action: 'keep',
        reason: 'pulled-recently',
        detail: `${part}pulled 3 days ago (${daysAgo(3).slice(0, 10)}) by containerd/v1.7.2, within --keep-pulled-within 30d`,
        beyondAcrPurge: true,
      });
      expect((await ledger.run(summary.runId))?.evidence).toMatchObject([
        { source: 'ContainerRegistryRepositoryEvents', complete: true, scope: `pulls since ${long.since}`, images: 1 },
      ]);
    });
  });

  test('deletes what was pulled longer ago, and what never was', async () => {
    await withEmulator({ repositories }, async (emulator) => {
      const pulls = [{ repository: 'app', tag: 'dev-old', last: daysAgo(31) }];
      await run(emulator, PURGE, undefined, newLedger(), { evidence: pulled({ covers: long, pulls }) });
      expect(emulator.tagsLeft().filter((tag) => tag.startsWith('app:dev'))).toEqual([]);
    });
  });

  test.each([['--untagged'], []])(
    'keeps what was pushed before pulls are known, says so, and does not fail (%s)',
    async (...untagged) => {
      await withEmulator({ repositories }, async (emulator) => {
        const evidence = pulled({ covers: { since: daysAgo(20), until: daysAgo(0) } });
        const args = ['--filter', 'app:^dev', '--ago', '8d', ...untagged];
        const { summary, decisions } = await run(emulator, args, undefined, newLedger(), { evidence });
        expect(emulator.tagsLeft()).toEqual(expect.arrayContaining(['app:dev-multi', 'app:dev-other', 'app:dev-old']));
        expect(emulator.tagsLeft()).not.toContain('app:dev-recent');
        expect(decisions.find(({ tag }) => tag === 'dev-old')).toMatchObject({
          action: 'keep',
          reason: 'pull-history-too-short',
          detail: expect.stringContaining('which is less than --keep-pulled-within 30d') as string,
        });
        expect(summary.succeeded).toBe(true);
        expect(summary.warnings).toEqual([expect.stringMatching(/^pulls are known since /) as string]);
      });
    },
  );

  test('until what earlier runs have seen of the log reaches back that far', async () => {
    await withEmulator({ repositories }, async (emulator) => {
      const ledger = newLedger();
      // The log forgets after some days: what an earlier run read of it does not.
      await ledger.rememberPulls(
        new URL(emulator.url).host,
        {
          covers: { since: daysAgo(35), until: daysAgo(15) },
          ignored: [],
          pulls: [{ repository: 'app', tag: 'dev-multi', last: daysAgo(25) }],
        },
        daysAgo(400),
      );
      const evidence = pulled({ covers: { since: daysAgo(20), until: daysAgo(0) } });
      const { decisions } = await run(emulator, PURGE, undefined, ledger, { evidence });
      expect(emulator.tagsLeft()).not.toContain('app:dev-old');
      expect(decisions.find(({ tag }) => tag === 'dev-multi')).toMatchObject({
        reason: 'pulled-recently',
        detail: expect.stringContaining('pulled 25 days ago') as string,
      });
    });
  });

  test.each([
    [
      'could not be read',
      { complete: false, problems: ['Log Analytics answers 403'] },
      false,
      'Log Analytics answers 403',
    ],
    ['is empty', {}, true, 'PULL_LOG_MAX_SILENCE'],
    ['has ended', { lastEvent: daysAgo(9) }, true, 'PULL_LOG_MAX_SILENCE'],
  ])('deletes nothing where the log %s', async (_, said, succeeded, why) => {
    await withEmulator({ repositories }, async (emulator) => {
      const before = [...emulator.tagsLeft(), ...emulator.manifestsLeft()];
      const evidence = pulled(said);
      const { summary, decisions } = await run(emulator, PURGE, undefined, newLedger(), { evidence });
      expect([...emulator.tagsLeft(), ...emulator.manifestsLeft()]).toEqual(before);
      expect(decisions.find(({ tag }) => tag === 'dev-old')).toMatchObject({
        reason: 'pull-history-too-short',
        detail: expect.stringContaining(why) as string,
      });
      expect(summary.succeeded).toBe(succeeded);
      expect(summary.warnings).toEqual([expect.stringContaining(why) as string]);
    });
  });

  test('what a person has to look at is a warning, and nothing else changes', async () => {
    await withEmulator({ repositories }, async (emulator) => {
      const evidence = pulled({ covers: long, remarks: ['containerd pulls as the identity of the app'] });
      const { summary } = await run(emulator, PURGE, undefined, newLedger(), { evidence });
      expect(summary).toMatchObject({ succeeded: true, warnings: ['containerd pulls as the identity of the app'] });
      expect(emulator.tagsLeft().filter((tag) => tag.startsWith('app:dev'))).toEqual([]);
    });
  });

  test('where the log has ended, a warning names it, when it did, and what to look at', async () => {
    await withEmulator({ repositories }, async (emulator) => {
      const evidence = pulled({ lastEvent: '2026-03-01T12:34:56.000Z' });
      const { summary } = await run(emulator, PURGE, undefined, newLedger(), { evidence });
      expect(summary.warnings).toEqual([
        'the log ContainerRegistryRepositoryEvents has no event since 2026-03-01T12:34Z, and PULL_LOG_MAX_SILENCE allows no such silence: nothing is known of pulls up to now. Look whether the diagnostic setting of the registry still sends it, and whether its workspace takes it (az monitor diagnostic-settings list)',
      ]);
    });
  });

  test('deletes no more of a repository once pulls are known for less long than the plan had it', async () => {
    const contents = {
      app: repositoryOf(
        { built: image('shared'), days: 40, tags: ['v-0', 'dev-0'] },
        { built: image('old'), days: 40, tags: ['dev-old'] },
      ),
    };
    await withEmulator({ repositories: contents }, async (emulator) => {
      const memory = memoryStore(newMemory());
      // A clock that tells of eleven minutes once something was deleted.
      const late = (): number => (emulator.counts()['delete-tag'] > 0 ? 11 * 60_000 : 0);
      const clock = { ...memory.system.clock, ticks: () => memory.system.clock.ticks() + late() };
      const ledger = openLedger({ ...memory, system: { ...memory.system, clock } });
      const [before, after] = [60, 20].map(
        (days) => pulled({ covers: { since: daysAgo(days), until: daysAgo(0) } }).pulls,
      );
      if (!before || !after) throw new Error('a log is asked');
      const read: typeof before.source.read = (...asked) => (late() > 0 ? after : before).source.read(...asked);
      // What was remembered of it is not known any more, either.
      const forgetting = { ...ledger, rememberPulls: (_: string, seen: KnownPulls) => Promise.resolve(seen) };
      const evidence = { ...pulled({}), pulls: { ...before, source: { ...before.source, read } } };
      const { decisions } = await run(emulator, PURGE, undefined, forgetting, { evidence });
      expect(emulator.tagsLeft()).not.toContain('app:dev-0');
      const manifest = decisions.find(({ kind, digest }) => kind === 'manifest' && digest === image('old').digest);
      expect(manifest).toMatchObject({ action: 'keep', reason: 'changed-since-plan' });
      expect(manifest?.detail).toContain('But since: pulls are known since ');
      expect(emulator.manifestsLeft()).toContain(`app@${image('old').digest}`);
    });
  });
});

interface Document {
  readonly manifests?: readonly { readonly digest: string }[];
}

/** What a repository holds, read by the test itself: the manifests, what names them, and what they hold. */
function contentsOf({ manifests, tags }: RepositoryState) {
  const children = new Map(
    manifests.map(({ body }) => [
      digestOf(body),
      ((JSON.parse(body) as Document).manifests ?? []).map(({ digest }) => digest),
    ]),
  );
  const ages = new Map(manifests.map(({ body, age }) => [digestOf(body), age]));
  const named = new Map(tags.map(({ name, digest }) => [name, digest]));
  const under = (digests: Iterable<string>): ReadonlySet<string> => {
    const all = new Set(digests);
    for (const one of all) for (const child of children.get(one) ?? []) all.add(child);
    return all;
  };
  /** With the indexes over it. */
  const over = (digest: string): ReadonlySet<string> => {
    const all = new Set([digest]);
    for (const one of all) for (const [index, held] of children) if (held.includes(one)) all.add(index);
    return all;
  };
  return { ages, named, under, over };
}

test('nothing that was pulled within the time, nor what the log cannot know, is ever deleted', async () => {
  const pulls = fc.array(
    fc.record({ pick: fc.nat(50), days: fc.integer({ min: 0, max: 9 }), by: fc.constantFrom('tag', 'digest', 'both') }),
    { maxLength: 4 },
  );
  const knownDays = fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined, freq: 3 });
  await fc.assert(
    fc.asyncProperty(repository, flags, pulls, knownDays, async (state, args, picked, known) => {
      await withEmulator({ repositories: { app: state } }, async (emulator) => {
        const { ages, named, under, over } = contentsOf(state);
        const tags = [...named];
        const digests = [...ages.keys()];
        const made = picked.map(({ pick, days, by }) => {
          const [tag, digest] = tags[pick % tags.length] ?? [];
          const chosen: { readonly tag?: string; readonly digest?: string } =
            by === 'digest' || tag === undefined
              ? { digest: digests[pick % digests.length] ?? '' }
              : { tag, ...(by === 'both' && digest !== undefined && { digest }) };
          return { repository: 'app', ...chosen, last: daysAgo(days + 0.01) };
        });
        const covers = { since: daysAgo(known ?? 60), until: daysAgo(0) };
        const evidence = pulled({ covers, pulls: made }, 5);
        const before = new Set([...emulator.tagsLeft(), ...emulator.manifestsLeft()]);
        await run(emulator, args, undefined, newLedger(), { evidence });
        const left = new Set([...emulator.tagsLeft(), ...emulator.manifestsLeft()]);
        const deleted = [...before].filter((one) => !left.has(one));
        const usedByTag = new Set<string>();
        const used = new Set<string>();
        for (const { tag, digest, last } of made) {
          if (last < daysAgo(5)) continue;
          for (const one of [digest, tag === undefined ? undefined : named.get(tag)]) {
            if (one === undefined) continue;
            for (const part of [...over(one), ...under([one])]) usedByTag.add(part);
            for (const part of under(over(one))) used.add(part);
          }
          if (tag !== undefined) expect(deleted).not.toContain(`app:${tag}`);
        }
        const isUnknown = (digest: string): boolean =>
          known !== undefined && known < 5 && (ages.get(digest) ?? 0) * 1000 > known * DAY_MS;
        for (const one of deleted) {
          const digest = one.startsWith('app:') ? named.get(one.slice(4)) : one.slice(4);
          const kept = one.startsWith('app:') ? usedByTag : used;
          expect(kept.has(digest ?? ''), `${one} was pulled`).toBe(false);
          expect(isUnknown(digest ?? ''), `${one} may have been pulled`).toBe(false);
        }
      });
    }),
    { numRuns: 150 },
  );
}, 120_000);
