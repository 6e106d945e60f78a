import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RegistryState } from '../../../src/dev/emulator/index.ts';
import { memoryStore } from '../../../src/ledger/store/memory.ts';
import { digestOf, image, index } from '../../../src/dev/emulator/manifests.ts';
import { openLedger } from '../../../src/ledger/ledger.ts';
import type { Activity } from '../../../src/ledger/records.ts';
import { whyNotResumed } from '../../../src/ledger/resumable.ts';
import { resumeRun } from '../../../src/engine/resume.ts';
import type { RunSummary } from '../../../src/ledger/summary.ts';
import { readOnly, ResumeRefused } from '../../../src/index.ts';
import { images, repositoryOf } from '../../support/contents.ts';
import { dying } from '../../support/dying.ts';
import { newLedger } from '../../support/ledger.ts';
import { flags, repository } from '../../support/random-registry.ts';
import { connectTo, withEmulator } from '../../support/registry.ts';
import {
  begin,
  goOn,
  isDeletion,
  leftIn,
  said,
  several,
  type Slice,
  stopAfter,
  type Way,
  WAYS,
} from '../../support/slices.ts';

const RUNS = Number(process.env['FC_RUNS'] ?? 15);
const DEV = ['-f', '.*:^dev', '--ago', '30d', '--untagged'];

/** What a run comes to, without what differs between two runs by itself. */
function outcome({ totals, warnings, breakers, plan, succeeded, repositories, examples }: RunSummary) {
  return {
    totals,
    warnings,
    breakers,
    plan: plan && { deletions: plan.deletions },
    succeeded,
    repositories: repositories.map(({ repository: name, state, tags, manifests, bytes, listed }) => ({
      name,
      state,
      tags,
      manifests,
      bytes,
      listed,
    })),
    examples: Object.entries(examples)
      .map(([reason, { repository: name }]) => `${reason} ${name}`)
      .sort(),
  };
}

/** Runs to the end in one piece. */
async function whole(repositories: RegistryState, way: Way, commands: Slice['commands']) {
  return withEmulator({ repositories, start: START }, async (emulator) => {
    const ledger = newLedger();
    const summary = await begin(emulator, { way, commands, ledger });
    return { left: leftIn(emulator), said: await said(ledger, summary.runId), outcome: outcome(summary) };
  });
}

/** Ages in decisions are the same then, and listings too. */
const START = new Date(Date.now() - 60_000);

/** Whether it was being carried out when the run was stopped. */
const isPart = ({ tags, manifests }: RunSummary['repositories'][number]): boolean =>
  tags.notAttempted + manifests.notAttempted > 0;

const isPositive = (count: number): boolean => count > 0;

const isDone = (summary: RunSummary): boolean => summary.stopped === undefined;

/** Runs in slices: each is stopped after so many calls of its kind, as the numbers say; the last one runs to its end. */
async function inSlices(
  repositories: RegistryState,
  way: Way,
  commands: Slice['commands'],
  stops: readonly number[],
  counted: (kind: string) => boolean = isDeletion,
) {
  return withEmulator({ repositories, start: START }, async (emulator) => {
    const ledger = newLedger();
    const [first = 1, ...others] = stops;
    let slices = 1;
    const listedAgain: string[] = [];
    let summary = await begin(emulator, {
      way,
      commands,
      ledger,
      options: { signal: stopAfter(emulator, first, counted) },
    });
    const id = summary.runId;
    for (const stop of [...others, Infinity]) {
      if (isDone(summary)) break;
      expect((await ledger.run(id))?.state).toBe('stopped');
      const finished = summary.repositories.filter((one) => one.state === 'done' && !isPart(one));
      const before = emulator.requests().length;
      summary = await goOn(emulator, ledger, id, { signal: stopAfter(emulator, stop, counted) });
      const listed = emulator
        .requests()
        .slice(before)
        .filter(({ kind }) => kind.startsWith('list-'));
      const again = new Set(listed.map((request) => request.repository));
      listedAgain.push(...finished.map((one) => one.repository).filter((name) => again.has(name)));
      slices += 1;
    }
    emulator.onRequest(undefined);
    const deletions = emulator
      .requests()
      .filter(({ kind }) => isDeletion(kind))
      .map(({ path }) => path);
    return {
      left: leftIn(emulator),
      said: await said(ledger, id),
      outcome: outcome(summary),
      record: await ledger.run(id),
      slices,
      listedAgain,
      deletions,
      catalogs: emulator.counts().catalog,
      open: await ledger.unfinished(emulator.loginServer),
    };
  });
}

describe('a run that is stopped, and goes on', () => {
  const counted: Readonly<Record<Way, (kind: string) => boolean>> = {
    'dry run': (kind) => kind === 'list-manifests',
    purge: isDeletion,
    'guarded purge': isDeletion,
    apply: isDeletion,
  };

  test.each(WAYS)('comes to the same as one that ran through: %s', async (way) => {
    const repositories = several(5);
    const through = await whole(repositories, way, [DEV]);
    const sliced = await inSlices(repositories, way, [DEV], [2, 1, 3], counted[way]);
    expect(sliced.slices).toBeGreaterThan(1);
    expect(sliced.left).toEqual(through.left);
    expect(sliced.said).toEqual(through.said);
    expect(sliced.outcome).toEqual(through.outcome);
    expect(new Set(sliced.deletions).size).toBe(sliced.deletions.length);
    expect(sliced.open).toEqual([]);
    expect(sliced.listedAgain).toEqual([]);
    expect(sliced.record).toMatchObject({ state: 'done', progress: { done: 5, of: 5 } });
    expect(sliced.record?.resumed).toHaveLength(sliced.slices - 1);
    expect(sliced.record).not.toHaveProperty('stopped');
    // The plan that is applied took one, too.
    expect(sliced.catalogs).toBe(1);
  });

  test('while everything is planned before anything goes', async () => {
    const repositories = several(5);
    const through = await whole(repositories, 'guarded purge', [DEV]);
    const isListing = (kind: string): boolean => kind === 'list-tags';
    const sliced = await inSlices(repositories, 'guarded purge', [DEV], [2, 2], isListing);
    expect(sliced.slices).toBeGreaterThan(1);
    expect({ left: sliced.left, said: sliced.said, outcome: sliced.outcome }).toEqual(through);
  });

  test('before it has listed its repositories', async () => {
    const repositories = several(2);
    const through = await whole(repositories, 'purge', [DEV]);
    const sliced = await inSlices(repositories, 'purge', [DEV], [1], (kind) => kind === 'catalog');
    expect(sliced.slices).toBe(2);
    expect({ left: sliced.left, said: sliced.said, outcome: sliced.outcome }).toEqual(through);
  });

  test('while another client deletes a repository that it has not come to', async () => {
    await withEmulator({ repositories: several(2) }, async (emulator) => {
      const ledger = newLedger();
      const signal = stopAfter(emulator, 1, isDeletion);
      const commands = [[...DEV, '--concurrency', '1']];
      const first = await begin(emulator, { way: 'purge', commands, ledger, options: { signal } });
      expect(first.repositories.map(({ repository: name }) => name)).toEqual(['app0', 'app1']);
      emulator.faults({ failing: ({ repository: name }) => (name === 'app1' ? 404 : undefined) });
      const { succeeded, repositories } = await goOn(emulator, ledger, first.runId);
      expect(succeeded).toBe(true);
      expect(repositories.map(({ repository: name }) => name)).toEqual(['app0']);
    });
  });

  test.each(WAYS)('whatever the registry, and wherever it is stopped: %s', async (way) => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({ app: repository, 'other/app': repository, third: repository }),
        flags,
        fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 }),
        fc.boolean(),
        async (repositories, command, stops, byListings) => {
          const isCounted = byListings ? (kind: string) => kind.startsWith('list-') : isDeletion;
          const through = await whole(repositories, way, [command]);
          const {
            left: remaining,
            said: words,
            outcome: came,
            deletions,
            open,
            listedAgain,
          } = await inSlices(repositories, way, [command], stops, isCounted);
          expect({ left: remaining, said: words, outcome: came }).toEqual(through);
          expect(new Set(deletions).size).toBe(deletions.length);
          expect([...open, ...listedAgain]).toEqual([]);
        },
      ),
      { numRuns: RUNS, endOnFailure: true },
    );
  });
});

describe('what a run was stopped in', () => {
  test('several commands: a repository that was begun is done over, and what had gone stays deleted', async () => {
    const commands = [DEV, ['-f', '.*:^v-[01]', '--ago', '30d', '--untagged']];
    const through = await whole(several(3), 'purge', commands);
    for (const stop of [1, 3, 5, 7, 9]) {
      const {
        left: remaining,
        said: words,
        deletions,
        record,
      } = await inSlices(several(3), 'purge', commands, [stop, 2]);
      expect({ left: remaining, said: words }).toEqual({ left: through.left, said: through.said });
      expect(new Set(deletions).size).toBe(deletions.length);
      expect(record).toMatchObject({ state: 'done', totals: through.outcome.totals });
    }
  });

  test('several commands, once all are planned: none takes what another one has left untagged', async () => {
    const all = ['-f', '.*:.*', '--ago', '0d', '--keep', '3', '--untagged'];
    const commands = [['-f', '.*:^$', '--ago', '0d', '--untagged'], all];
    const through = await whole(several(1, 6), 'purge', commands);
    for (const stop of [2, 4]) {
      const { left: remaining, record } = await inSlices(several(1, 6), 'purge', commands, [stop]);
      expect(remaining, `stopped after ${stop}`).toEqual(through.left);
      expect(record).toMatchObject({ state: 'done', totals: { tags: through.outcome.totals.tags } });
    }
  });

  test('planning: what was planned before counts for the breakers, and they are asked once', async () => {
    const repositories = several(4);
    await withEmulator({ repositories }, async (emulator) => {
      const ledger = newLedger();
      const before = leftIn(emulator);
      // Each repository has four tags and four manifests to go.
      const guards = { maxDeletions: 31 };
      const options = { guards, signal: stopAfter(emulator, 3, (kind) => kind === 'list-tags') };
      const { runId, stopped } = await begin(emulator, { way: 'purge', commands: [DEV], ledger, options });
      expect(stopped?.detail).toContain(`acr-retention resume ${runId}`);
      emulator.onRequest(undefined);
      const { breakers, plan, repositories: ended } = await goOn(emulator, ledger, runId);
      expect(breakers).toMatchObject([{ breaker: 'max-deletions', found: 32, limit: 31 }]);
      expect(plan?.deletions).toBe(32);
      expect(ended.every(({ state }) => state === 'held')).toBe(true);
      expect(leftIn(emulator)).toEqual(before);
      expect(await ledger.run(runId)).toMatchObject({ state: 'waiting', breakersAsked: true, guards });
    });
  });

  test('carrying out: the breakers are not asked again for what they let through', async () => {
    const small = repositoryOf(...images('small', 4, 'dev'));
    await withEmulator({ repositories: { ...several(3), small } }, async (emulator) => {
      const ledger = newLedger();
      const options = { guards: { keepLastTag: true, maxDeletions: 24 }, signal: stopAfter(emulator, 2, isDeletion) };
      const first = await begin(emulator, { way: 'purge', commands: [DEV], ledger, options });
      expect(first.breakers).toMatchObject([{ breaker: 'no-tag-left', repository: 'small' }]);
      expect(first.stopped?.by).toBe('signal');
      emulator.onRequest(undefined);
      // What is pushed meanwhile would trip the other one; it is not what was let through, and stays.
      for (const [n, { built }] of images('late', 9).entries())
        emulator.push('app0', built.body, { tag: `dev-late-${n}`, age: 40 * 86_400 });
      // Nor by others: they were asked.
      const { breakers, totals, plan } = await goOn(emulator, ledger, first.runId, { guards: { maxDeletions: 1 } });
      expect(breakers).toEqual(first.breakers);
      expect(totals.tags.deleted).toBe(12);
      expect(plan?.deletions).toBe(8);
      expect(emulator.tagsLeft().filter((tag) => tag.includes('dev-late'))).toHaveLength(9);
      expect((await ledger.run(first.runId))?.state).toBe('waiting');
    });
  });

  test('what only became free to go meanwhile stays until the next run', async () => {
    const subject = image('subject');
    const child = { ...image('child'), architecture: 'amd64', os: 'linux' };
    const { mediaType, digest } = subject;
    const plain = index([child]);
    const body = JSON.stringify({
      ...(JSON.parse(plain.body) as object),
      subject: { mediaType, digest, size: subject.body.length },
    });
    const contents = repositoryOf(
      { built: subject, days: 50, tags: ['dev-subject'] },
      // It goes along with its subject.
      { built: { ...plain, body, digest: digestOf(body) }, days: 50 },
      { built: child, days: 50 },
      ...images('others', 8, 'dev'),
    );
    const repositories = { app: contents };
    const through = await whole(repositories, 'purge', [DEV]);
    expect(through.said).toContain(`app@${child.digest} keep child-of-referrer`);
    for (const stop of [1, 4, 8]) {
      const { said: words, slices } = await inSlices(repositories, 'purge', [DEV], [stop]);
      expect(slices).toBe(2);
      expect(words).toEqual(through.said);
    }
  });

  test('what failed is tried again', async () => {
    await withEmulator({ repositories: several(3) }, async (emulator) => {
      const ledger = newLedger();
      emulator.faults({
        failing: ({ repository: name, kind }) => (name === 'app0' && isDeletion(kind) ? 405 : undefined),
      });
      const options = { signal: stopAfter(emulator, 6, isDeletion) };
      const first = await begin(emulator, {
        way: 'purge',
        commands: [[...DEV, '--concurrency', '1']],
        ledger,
        options,
      });
      expect(first.totals.manifests.failed).toBeGreaterThan(0);
      expect((await ledger.run(first.runId))?.state).toBe('stopped');
      emulator.faults({});
      emulator.onRequest(undefined);
      expect(await goOn(emulator, ledger, first.runId)).toMatchObject({
        succeeded: true,
        totals: { tags: { deleted: 12 } },
      });
    });
  });

  test.each(['purge', 'guarded purge', 'apply'] as const)(
    'what it did not come to is left for the next, also where something was refused before: %s',
    async (way) => {
      await withEmulator({ repositories: several(1, 40) }, async (emulator) => {
        const ledger = newLedger();
        let deletions = 0;
        emulator.faults({ failing: ({ kind }) => (isDeletion(kind) && ++deletions === 1 ? 405 : undefined) });
        const options = { signal: stopAfter(emulator, 2, isDeletion) };
        const first = await begin(emulator, { way, commands: [[...DEV, '--concurrency', '1']], ledger, options });
        expect(first.totals.manifests).toMatchObject({
          failed: 1,
          notAttempted: expect.toSatisfy(isPositive) as number,
        });
        expect(first.repositories).toMatchObject([{ state: 'stopped' }]);
        const stopped = await ledger.run(first.runId);
        expect(stopped).toMatchObject({ state: 'stopped', progress: { done: 0, of: 1 } });
        expect(stopped?.stopped?.detail).toContain(`0 of 1 repositories done, 1 left`);
        emulator.faults({});
        emulator.onRequest(undefined);
        expect(await goOn(emulator, ledger, first.runId)).toMatchObject({
          succeeded: true,
          totals: { tags: { deleted: 40, failed: 0, notAttempted: 0 } },
        });
      });
    },
  );

  test('what was deleted stays deleted, whatever became of its name since', async () => {
    await withEmulator({ repositories: several(1, 6) }, async (emulator) => {
      const ledger = newLedger();
      const options = { signal: stopAfter(emulator, 2, isDeletion) };
      const first = await begin(emulator, { way: 'purge', commands: [DEV], ledger, options });
      emulator.onRequest(undefined);
      const gone = (await said(ledger, first.runId)).filter((one) => one.endsWith(' deleted'));
      expect(gone.length).toBeGreaterThan(0);
      // The same image is pushed again, under the same tag.
      for (const [n, { built }] of images('app0', 6).entries())
        if (!emulator.tagsLeft().includes(`app0:dev-${n}`)) emulator.push('app0', built.body, { tag: `dev-${n}` });
      const again = emulator.tagsLeft().length;
      const { totals } = await goOn(emulator, ledger, first.runId);
      expect((await said(ledger, first.runId)).filter((one) => one.endsWith(' deleted'))).toEqual(
        expect.arrayContaining([...gone]),
      );
      expect(totals.tags.deleted).toBe(6);
      expect(emulator.tagsLeft()).toHaveLength(again - (6 - gone.length / 2));
    });
  });
});

test('the time budget stops a run, and says how far it came', async () => {
  const repositories = several(40, 2);
  await withEmulator({ repositories, faults: { latencyMs: 20 } }, async (emulator) => {
    const ledger = newLedger();
    const command = [...DEV, '--concurrency', '1'];
    const timeBudget = { text: '1s', milliseconds: 1000 };
    const options = { timeBudget };
    const first = await begin(emulator, { way: 'purge', commands: [command], ledger, options });
    const { done, of } = (await ledger.run(first.runId))?.progress ?? { done: 0, of: 0 };
    expect(of).toBe(40);
    expect(done).toBeLessThan(40);
    expect(first.stopped?.by).toBe('budget');
    expect(first.stopped?.detail).toContain(
      `the time budget of 1s was used up: ${done} of 40 repositories done, ${40 - done} left`,
    );
    expect(await ledger.run(first.runId)).toMatchObject({ state: 'stopped', stopped: first.stopped });
    emulator.faults({});
    expect(
      await goOn(emulator, ledger, undefined, { timeBudget: { text: '1h', milliseconds: 3_600_000 } }),
    ).toMatchObject({
      runId: first.runId,
      succeeded: true,
      totals: { tags: { deleted: 80 } },
    });
  });
});

describe('a run whose process ends', () => {
  test.each<[Way, number]>([
    ['purge', 4],
    ['purge', 7],
    ['purge', 11],
    ['guarded purge', 7],
    ['guarded purge', 9],
    ['guarded purge', 10],
    ['guarded purge', 11],
    ['guarded purge', 12],
    ['guarded purge', 15],
    ['apply', 4],
    ['apply', 8],
    ['apply', 12],
  ])('comes to the same when it goes on: %s, ended after %i writes', async (way, writes) => {
    const multi = ['amd64', 'arm64'].map((architecture) => ({ ...image(architecture), architecture, os: 'linux' }));
    // Its platforms go after it, and so in a batch of their own.
    const indexed = repositoryOf(
      { built: index(multi), days: 40, tags: ['dev-multi'] },
      ...multi.map((built) => ({ built, days: 40 })),
      ...images('kept', 6, 'v'),
    );
    const repositories = { indexed, ...several(2) };
    const command = [...DEV, '--concurrency', '2'];
    const through = await whole(repositories, way, [command]);
    await withEmulator({ repositories, start: START }, async (emulator) => {
      const store = memoryStore();
      const ledger = openLedger(store);
      // To apply, its plan is made by a process that lives.
      const isPlanning = (): boolean => way === 'apply' && emulator.counts()['list-tags'] <= 3 && !isDeleting();
      const isDeleting = (): boolean => emulator.counts()['delete-manifest'] > 0;
      let left = writes;
      const broken = openLedger(dying(store, () => !isPlanning() && --left === 0));
      await expect(begin(emulator, { way, commands: [command], ledger: broken })).rejects.toThrow('the disk is gone');
      const [unfinished = ''] = await ledger.unfinished(emulator.loginServer);
      const summary = await goOn(emulator, ledger, unfinished);
      expect(summary.runId).toBe(unfinished);
      expect(leftIn(emulator)).toEqual(through.left);
      expect(await said(ledger, unfinished)).toEqual(through.said);
      expect({ ...outcome(summary), warnings: [] }).toEqual(through.outcome);
      expect(summary.warnings[0]).toContain('had ended before it was done');
      const deletions = emulator.requests().filter(({ kind }) => isDeletion(kind));
      expect(new Set(deletions.map(({ path }) => path)).size).toBe(deletions.length);
      expect(await ledger.unfinished(emulator.loginServer)).toEqual([]);
    });
  });
});

test('a run that another process has brought to its end meanwhile does not go on', async () => {
  await withEmulator({ repositories: several(3) }, async (emulator) => {
    const ledger = newLedger();
    const options = { signal: stopAfter(emulator, 2, isDeletion) };
    const { runId } = await begin(emulator, { way: 'purge', commands: [DEV], ledger, options });
    const seen = await ledger.run(runId);
    if (!seen) throw new Error('it is not recorded');
    emulator.onRequest(undefined);
    await goOn(emulator, ledger, runId);
    const ended = await ledger.run(runId);
    const opener = () => Promise.resolve(connectTo(emulator));
    const again = resumeRun(
      seen,
      { reader: async () => readOnly(await opener()), writer: opener },
      {
        ledger,
        now: new Date(),
        planAgeMilliseconds: 0,
        onDecisions: () => undefined,
      },
    );
    await expect(again).rejects.toThrow('it has ended, and is done');
    expect(await ledger.run(runId)).toEqual(ended);
  });
});

test('a run is not gone on with after a week, nor by what does not know its record', async () => {
  await withEmulator({ repositories: several(1) }, async (emulator) => {
    const ledger = newLedger();
    const options = { signal: stopAfter(emulator, 1, (kind) => kind === 'list-tags') };
    const { runId } = await begin(emulator, { way: 'purge', commands: [DEV], ledger, options });
    const stopped = await ledger.run(runId);
    if (!stopped) throw new Error('it is not recorded');
    const days = (count: number): Date => new Date(Date.parse(stopped.ended ?? '') + count * 86_400_000);
    expect(whyNotResumed(stopped, days(7))).toBeUndefined();
    expect(whyNotResumed(stopped, days(7.1))).toContain('7 days ago');
    expect(whyNotResumed({ ...stopped, format: 2 }, days(0))).toContain('format 2');
    expect(whyNotResumed({ ...stopped, state: 'failed' }, days(0))).toContain('is failed');
  });
});

test('of two that go on with one run at once, one does', async () => {
  await withEmulator({ repositories: several(3) }, async (emulator) => {
    const ledger = newLedger();
    const options = { signal: stopAfter(emulator, 2, (kind) => kind === 'list-tags') };
    const { runId } = await begin(emulator, { way: 'dry run', commands: [DEV], ledger, options });
    const resumeBy = (by: string) => goOn(emulator, ledger, runId, { by });
    const both = await Promise.allSettled([resumeBy('one'), resumeBy('another')]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect((await ledger.run(runId))?.resumed).toHaveLength(1);
  });
});

test('while it works its record says what is done in the repositories under way', async () => {
  await withEmulator({ repositories: several(1, 60), faults: { latencyMs: 20 } }, async (emulator) => {
    const ledger = newLedger();
    const options = { progressMilliseconds: 1 };
    const command = [...DEV, '--concurrency', '1'];
    const running = begin(emulator, { way: 'purge', commands: [command], ledger, options });
    let working: Activity | undefined;
    while ((working?.deleted ?? 0) === 0) {
      for await (const { progress } of ledger.runs()) working = progress.working?.[0];
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    // As many tags as manifests, and both are listed.
    expect(working).toMatchObject({ repository: 'app0', listed: 132 });
    expect((await ledger.run((await running).runId))?.progress).toEqual({ done: 1, of: 1 });
  });
});

test('what must not go on is refused, and says why', async () => {
  await withEmulator({ repositories: several(1) }, async (emulator) => {
    const ledger = newLedger();
    const { runId } = await begin(emulator, { way: 'purge', commands: [DEV], ledger });
    await expect(goOn(emulator, ledger, runId)).rejects.toThrow(ResumeRefused);
    await expect(goOn(emulator, ledger, runId)).rejects.toThrow('it has ended, and is done');
    await expect(goOn(emulator, ledger, '20200101T000000Z-000000')).rejects.toThrow('there is no run');
    await expect(goOn(emulator, ledger, undefined)).rejects.toThrow('no run in');
  });
});
