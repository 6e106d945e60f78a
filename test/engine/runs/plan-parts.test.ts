import { describe, expect, test } from 'vitest';
import { type Actor, apply, type Applied, dryRun, type Ledger, PlanRefused, readOnly } from '../../../src/index.ts';
import { purge, rejectPlan, resume } from '../../../src/index.ts';
import type { Emulator } from '../../../src/dev/emulator/index.ts';
import type { ApplyOptions } from '../../../src/engine/apply.ts';
import { openLedger } from '../../../src/ledger/ledger.ts';
import { pathsOf } from '../../../src/ledger/paths.ts';
import { memoryStore } from '../../../src/ledger/store/memory.ts';
import type { Guards } from '../../../src/policy/guards.ts';
import type { RunSummary } from '../../../src/ledger/summary.ts';
import { beforeCall } from '../../support/between.ts';
import { images, repositoryOf } from '../../support/contents.ts';
import { newLedger } from '../../support/ledger.ts';
import { connectTo, policyOf, USER, withEmulator } from '../../support/registry.ts';

const ADA: Actor = { kind: 'person', name: 'Ada Lovelace', id: 'a1' };
const GRACE: Actor = { kind: 'person', name: 'Grace Hopper', id: 'g1' };

/** `some` keeps most of its tags, `most` few of them, `all` none. */
const CONTENTS = {
  some: repositoryOf(...images('some', 2, 'dev'), ...images('kept', 6, 'v')),
  most: repositoryOf(...images('most', 6, 'dev'), ...images('kept', 2, 'v')),
  all: repositoryOf(...images('all', 2, 'dev')),
};

const optionsOf = (emulator: Emulator, ledger: Ledger, guards: Guards) => ({
  policies: [policyOf(['-f', '.*:^dev', '--ago', '30d', '--untagged'])],
  now: new Date(emulator.start.getTime() + 1),
  ledger,
  guards,
  onDecisions: () => undefined,
});

const plan = (emulator: Emulator, ledger: Ledger, guards: Guards = {}, actor?: Actor): Promise<RunSummary> =>
  dryRun(readOnly(connectTo(emulator)), { ...optionsOf(emulator, ledger, guards), actor });

const targetOf = (emulator: Emulator) => () => ({
  endpoint: new URL(emulator.url),
  certificate: emulator.certificate,
  ...USER,
});

const carryOut = (
  emulator: Emulator,
  ledger: Ledger,
  id: string,
  options: Partial<ApplyOptions> = {},
): Promise<Applied> =>
  apply(id, targetOf(emulator), {
    ledger,
    now: new Date(),
    planAgeMilliseconds: 86_400_000,
    guards: {},
    onDecisions: () => undefined,
    ...options,
  });

const devTags = (emulator: Emulator): readonly string[] =>
  [...new Set(emulator.tagsLeft().filter((tag) => tag.includes(':dev')))].map((tag) => tag.split(':')[0] ?? '');
const leftIn = (emulator: Emulator): readonly string[] => [...new Set(devTags(emulator))].sort();
const approvalIn = ({ plan: made }: RunSummary): string => made?.hash.slice(0, 12) ?? '';

async function planIn(ledger: Ledger, id: string) {
  const run = await ledger.run(id);
  if (!run?.plan) throw new Error(`no plan ${id}`);
  return run.plan;
}

describe('a part of a plan', () => {
  test('is approved by name; the rest is left, and approved later', async () => {
    await withEmulator({ repositories: CONTENTS }, async (emulator) => {
      const ledger = newLedger();
      const summary = await plan(emulator, ledger);
      const approve = approvalIn(summary);
      const first = await carryOut(emulator, ledger, summary.runId, {
        approve,
        repositories: ['most'],
        comment: 'the rest on Monday',
        startedBy: 'request',
        by: 'an invocation',
        actor: ADA,
      });
      expect(first).toMatchObject({ state: 'in part', left: 8, breakers: [], summary: { succeeded: true } });
      expect(leftIn(emulator)).toEqual(['all', 'some']);
      expect(await planIn(ledger, summary.runId)).toMatchObject({
        state: 'open',
        reviews: [
          {
            verdict: 'approved',
            by: ADA,
            comment: 'the rest on Monday',
            repositories: ['most'],
            hash: summary.plan?.hash,
          },
        ],
      });

      // What is done is done.
      expect(await carryOut(emulator, ledger, summary.runId, { approve, repositories: ['most'] })).toMatchObject({
        state: 'applied-before',
      });
      const rest = await carryOut(emulator, ledger, summary.runId, { approve });
      expect(rest).toMatchObject({ state: 'applied', summary: { totals: { tags: { deleted: 4 } } } });
      expect(leftIn(emulator)).toEqual([]);
      expect((await planIn(ledger, summary.runId)).reviews?.map(({ by }) => by.kind)).toEqual(['person', 'account']);
      expect(await carryOut(emulator, ledger, summary.runId)).toMatchObject({ state: 'applied-before' });
    });
  });

  test.each([
    [['other'], /nothing in the repository other/],
    [[], /name the repositories/],
    [['most', 'MOST'], /nothing in the repository MOST/],
  ])('%j is refused, and nothing is deleted', async (repositories, says) => {
    await withEmulator({ repositories: CONTENTS }, async (emulator) => {
      const ledger = newLedger();
      const summary = await plan(emulator, ledger);
      await expect(carryOut(emulator, ledger, summary.runId, { repositories })).rejects.toThrow(says);
      expect(leftIn(emulator)).toEqual(['all', 'most', 'some']);
    });
  });

  test('that was stopped is resumed as that part, and no more', async () => {
    await withEmulator({ repositories: CONTENTS }, async (emulator) => {
      const ledger = newLedger();
      const summary = await plan(emulator, ledger);
      const stop = new AbortController();
      beforeCall(emulator, 'delete-manifest', 1, () => stop.abort());
      const stopped = await carryOut(emulator, ledger, summary.runId, { repositories: ['most'], signal: stop.signal });
      if (stopped.state !== 'unfinished') throw new Error(stopped.state);
      expect(leftIn(emulator)).toContain('most');
      const resumed = await resume(stopped.summary.runId, undefined, targetOf(emulator), {
        ledger,
        now: new Date(),
        planAgeMilliseconds: 86_400_000,
        onDecisions: () => undefined,
      });
      expect(resumed.succeeded).toBe(true);
      expect(leftIn(emulator)).toEqual(['all', 'some']);
      expect(await planIn(ledger, summary.runId)).toMatchObject({ state: 'open', parts: [resumed.runId] });
    });
  });

  test('whose process ended before it recorded which part it is does not resume', async () => {
    await withEmulator({ repositories: CONTENTS }, async (emulator) => {
      const store = memoryStore();
      const ledger = openLedger(store);
      const summary = await plan(emulator, ledger);
      const stop = new AbortController();
      const stopped = await carryOut(emulator, ledger, summary.runId, {
        repositories: ['most'],
        onBegin: () => stop.abort(),
        signal: stop.signal,
      });
      if (stopped.state !== 'unfinished') throw new Error(stopped.state);
      const { runId } = stopped.summary;
      await store.remove(pathsOf(runId).selected);
      const again = resume(runId, undefined, targetOf(emulator), {
        ledger,
        now: new Date(),
        planAgeMilliseconds: 86_400_000,
        onDecisions: () => undefined,
      });
      await expect(again).rejects.toThrow(/before it recorded its part/);
      expect(leftIn(emulator)).toEqual(['all', 'most', 'some']);
    });
  });
});

describe('a guard of one repository', () => {
  const guards = { keepLastTag: true };

  test('holds back that repository of a plan, and the others are carried out', async () => {
    await withEmulator({ repositories: CONTENTS }, async (emulator) => {
      const ledger = newLedger();
      const summary = await plan(emulator, ledger, guards);
      expect(summary.breakers).toMatchObject([{ breaker: 'no-tag-left', repository: 'all' }]);
      const applied = await carryOut(emulator, ledger, summary.runId, { guards });
      expect(applied).toMatchObject({ state: 'in part', left: 4, breakers: [{ repository: 'all' }] });
      expect(leftIn(emulator)).toEqual(['all']);
      expect(await planIn(ledger, summary.runId)).toMatchObject({ state: 'waiting' });
      expect((await Array.fromAsync(ledger.runs({ waits: true }))).map(({ id }) => id)).toEqual([summary.runId]);

      // Nothing else is left, so now it is refused.
      const refused = carryOut(emulator, ledger, summary.runId, { guards });
      await expect(refused).rejects.toThrow(/must keep one.*--approve/);
      const approved = await carryOut(emulator, ledger, summary.runId, { guards, approve: approvalIn(summary) });
      expect(approved).toMatchObject({ state: 'applied' });
      expect(leftIn(emulator)).toEqual([]);
    });
  });

  test('says nothing of a part that it is not about', async () => {
    await withEmulator({ repositories: CONTENTS }, async (emulator) => {
      const ledger = newLedger();
      const summary = await plan(emulator, ledger, guards);
      const applied = await carryOut(emulator, ledger, summary.runId, { guards, repositories: ['some'] });
      expect(applied).toMatchObject({ state: 'in part', breakers: [] });
      expect(leftIn(emulator)).toEqual(['all', 'most']);
    });
  });

  test('of the whole run counts what parts have deleted before', async () => {
    await withEmulator({ repositories: CONTENTS }, async (emulator) => {
      const ledger = newLedger();
      const most = { maxDeletions: 17 };
      const summary = await plan(emulator, ledger, most);
      expect(await carryOut(emulator, ledger, summary.runId, { guards: most, repositories: ['most'] })).toMatchObject({
        state: 'in part',
      });
      // 12 in the first part, and 4 and 4 in the others.
      expect(await carryOut(emulator, ledger, summary.runId, { guards: most, repositories: ['some'] })).toMatchObject({
        state: 'in part',
      });
      const last = carryOut(emulator, ledger, summary.runId, { guards: most, repositories: ['all'] });
      await expect(last).rejects.toThrow(/20 artifacts would be deleted, and 17 are allowed/);
      expect(leftIn(emulator)).toEqual(['all']);
    });
  });
});

describe('a rejected plan', () => {
  const rejecting = { now: new Date(), startedBy: 'request', actor: GRACE, reason: 'shop is being moved' } as const;

  test('is not carried out, not even with an approval; who rejected it, and why, is recorded', async () => {
    await withEmulator({ repositories: CONTENTS }, async (emulator) => {
      const ledger = newLedger();
      const summary = await plan(emulator, ledger);
      const rejected = await rejectPlan(ledger, summary.runId, rejecting);
      expect(rejected.plan).toMatchObject({
        state: 'rejected',
        reviews: [{ verdict: 'rejected', by: GRACE, comment: 'shop is being moved', hash: summary.plan?.hash }],
      });
      for (const approve of [undefined, approvalIn(summary)]) {
        const attempt = carryOut(emulator, ledger, summary.runId, { approve });
        await expect(attempt).rejects.toThrow(PlanRefused);
        await expect(attempt).rejects.toThrow(/rejected by Grace Hopper at .*: shop is being moved/);
      }
      expect(leftIn(emulator)).toEqual(['all', 'most', 'some']);
      expect((await rejectPlan(ledger, summary.runId, { ...rejecting, reason: 'again' })).plan?.reviews).toHaveLength(
        1,
      );
    });
  });

  test('of a run that waited waits no more', async () => {
    await withEmulator({ repositories: CONTENTS }, async (emulator) => {
      const ledger = newLedger();
      const { runId } = await purge(connectTo(emulator), optionsOf(emulator, ledger, { maxDeletions: 1 }));
      expect(await ledger.run(runId)).toMatchObject({ state: 'waiting' });
      await rejectPlan(ledger, runId, rejecting);
      expect(await ledger.run(runId)).toMatchObject({ state: 'done', plan: { state: 'rejected' } });
      expect(await Array.fromAsync(ledger.runs({ waits: true }))).toEqual([]);
    });
  });

  test('stops being resumed: the run that carried it out was stopped', async () => {
    await withEmulator({ repositories: CONTENTS }, async (emulator) => {
      const ledger = newLedger();
      const summary = await plan(emulator, ledger);
      const stop = new AbortController();
      beforeCall(emulator, 'delete-manifest', 1, () => stop.abort());
      const stopped = await carryOut(emulator, ledger, summary.runId, { signal: stop.signal });
      if (stopped.state !== 'unfinished') throw new Error(stopped.state);
      await rejectPlan(ledger, summary.runId, rejecting);
      const before = emulator.tagsLeft();
      const again = resume(stopped.summary.runId, undefined, targetOf(emulator), {
        ledger,
        now: new Date(),
        planAgeMilliseconds: 86_400_000,
        onDecisions: () => undefined,
      });
      await expect(again).rejects.toThrow(/rejected by Grace Hopper/);
      expect(emulator.tagsLeft()).toEqual(before);
    });
  });

  test('cannot be one that is applied, is being applied, or that there is not', async () => {
    await withEmulator({ repositories: CONTENTS }, async (emulator) => {
      const ledger = newLedger();
      const summary = await plan(emulator, ledger);
      const { runId } = summary;
      await expect(rejectPlan(ledger, runId, { ...rejecting, hash: '0'.repeat(12) })).rejects.toThrow(/another hash/);
      await expect(rejectPlan(ledger, '20200101T000000Z-000000', rejecting)).rejects.toThrow(/no plan/);
      let during: Promise<unknown> | undefined;
      await carryOut(emulator, ledger, runId, {
        onBegin: () => {
          during = rejectPlan(ledger, runId, rejecting).catch((error: unknown) => error);
        },
      });
      expect(String(await during)).toMatch(/carries out the plan/);
      await expect(rejectPlan(ledger, runId, rejecting)).rejects.toThrow(/was carried out/);
    });
  });
});

describe('four eyes', () => {
  test('who began a run cannot approve its plan, and another person can', async () => {
    await withEmulator({ repositories: CONTENTS }, async (emulator) => {
      const ledger = newLedger();
      const summary = await plan(emulator, ledger, {}, ADA);
      const approve = approvalIn(summary);
      const own = carryOut(emulator, ledger, summary.runId, {
        approve,
        actor: { ...ADA, name: 'ada' },
        fourEyes: true,
      });
      await expect(own).rejects.toThrow(/another person is to approve it/);
      expect(leftIn(emulator)).toEqual(['all', 'most', 'some']);
      expect(await carryOut(emulator, ledger, summary.runId, { approve, actor: GRACE, fourEyes: true })).toMatchObject({
        state: 'applied',
      });
    });
  });
});
