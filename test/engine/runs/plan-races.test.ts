import { describe, expect, test } from 'vitest';
import { type Actor, apply, type Applied, dryRun, type Ledger, readOnly } from '../../../src/index.ts';
import { purge, rejectPlan, resume } from '../../../src/index.ts';
import type { Emulator } from '../../../src/dev/emulator/index.ts';
import type { ApplyOptions } from '../../../src/engine/apply.ts';
import type { RunSummary } from '../../../src/ledger/summary.ts';
import type { Guards } from '../../../src/policy/guards.ts';
import { resumerOf } from '../../../src/report/runs.ts';
import { beforeCall } from '../../support/between.ts';
import { images, repositoryOf } from '../../support/contents.ts';
import { newLedger } from '../../support/ledger.ts';
import { connectTo, policyOf, USER, withEmulator } from '../../support/registry.ts';

const GRACE: Actor = { kind: 'person', name: 'Grace Hopper', id: 'g1' };
const CONTENTS = {
  all: repositoryOf(...images('all', 3, 'dev')),
  some: repositoryOf(...images('some', 3, 'dev'), ...images('kept', 6, 'v')),
};

const optionsOf = (emulator: Emulator, ledger: Ledger, guards: Guards = {}) => ({
  policies: [policyOf(['-f', '.*:^dev', '--ago', '30d', '--untagged', '--concurrency', '1'])],
  now: new Date(emulator.start.getTime() + 1),
  ledger,
  guards,
  onDecisions: () => undefined,
});

const targetOf = (emulator: Emulator) => () => ({
  endpoint: new URL(emulator.url),
  certificate: emulator.certificate,
  ...USER,
});

const about = (ledger: Ledger) => ({
  ledger,
  now: new Date(),
  planAgeMilliseconds: 86_400_000,
  onDecisions: () => undefined,
});

const carryOut = (
  emulator: Emulator,
  ledger: Ledger,
  id: string,
  options: Partial<ApplyOptions> = {},
): Promise<Applied> => apply(id, targetOf(emulator), { ...about(ledger), guards: {}, ...options });

const goOn = (emulator: Emulator, ledger: Ledger, id: string): Promise<RunSummary> =>
  resume(id, undefined, targetOf(emulator), about(ledger));

const rejecting = { now: new Date(), startedBy: 'request', actor: GRACE, reason: 'shop is being moved' } as const;

/** Does something right before the registry is locked: what was asked for was looked at, and nothing was begun. */
const beforeLock = (ledger: Ledger, act: () => Promise<unknown>): Ledger => ({
  ...ledger,
  async lock(...about) {
    await act();
    return ledger.lock(...about);
  },
});

/** A plan whose run was stopped while it carried it out. */
async function stoppedApply(emulator: Emulator, ledger: Ledger) {
  const { runId } = await dryRun(readOnly(connectTo(emulator)), optionsOf(emulator, ledger));
  const stop = new AbortController();
  beforeCall(emulator, 'delete-manifest', 1, () => stop.abort());
  const stopped = await carryOut(emulator, ledger, runId, { signal: stop.signal });
  if (stopped.state !== 'unfinished') throw new Error(stopped.state);
  return { runId, stopped };
}

describe('a plan that is rejected', () => {
  test('while the run that carries it out is about to resume stays rejected, and nothing is deleted', async () => {
    await withEmulator({ repositories: CONTENTS }, async (emulator) => {
      const ledger = newLedger();
      const { runId, stopped } = await stoppedApply(emulator, ledger);
      const before = emulator.tagsLeft();
      // Rejected between the look at the plan and the lock.
      const racing = beforeLock(ledger, () => rejectPlan(ledger, runId, rejecting));
      await expect(goOn(emulator, racing, stopped.summary.runId)).rejects.toThrow(/rejected by Grace Hopper/);
      expect(emulator.tagsLeft()).toEqual(before);
    });
  });

  test('is not carried out by a resume of the run that made it', async () => {
    await withEmulator({ repositories: CONTENTS }, async (emulator) => {
      const ledger = newLedger();
      const stop = new AbortController();
      beforeCall(emulator, 'delete-manifest', 1, () => stop.abort());
      const options = { ...optionsOf(emulator, ledger, { keepLastTag: true }), signal: stop.signal };
      const { runId } = await purge(connectTo(emulator), options);
      const run = await ledger.run(runId);
      expect(run).toMatchObject({ state: 'stopped', plan: { state: 'waiting' } });
      await rejectPlan(ledger, runId, rejecting);
      const before = emulator.tagsLeft();
      await expect(goOn(emulator, ledger, runId)).rejects.toThrow(/rejected by Grace Hopper/);
      expect(emulator.tagsLeft()).toEqual(before);
      expect(await ledger.run(runId)).toMatchObject({ plan: { state: 'rejected', reviews: [{ by: GRACE }] } });
    });
  });

  test('while the run that carries it out resumes is not rejected, and the page of it is right', async () => {
    await withEmulator({ repositories: CONTENTS }, async (emulator) => {
      const ledger = newLedger();
      const { runId, stopped } = await stoppedApply(emulator, ledger);
      // The rejection has found that the run is stopped; then that run resumes, and ends.
      let resumed: RunSummary | undefined;
      const racing: Ledger = {
        ...ledger,
        async changeRun(id, change) {
          resumed ??= await goOn(emulator, ledger, stopped.summary.runId);
          return ledger.changeRun(id, change);
        },
      };
      await expect(rejectPlan(racing, runId, rejecting)).rejects.toThrow(/applied by the run/);
      expect(resumed).toMatchObject({ succeeded: true });
      expect(await ledger.run(runId)).toMatchObject({ plan: { state: 'applied', resumptions: 1 } });
    });
  });
});

test('a stopped run whose plan was rejected, or is carried out by another run, says that nothing resumes it', async () => {
  await withEmulator({ repositories: CONTENTS }, async (emulator) => {
    const ledger = newLedger();
    const { runId } = await dryRun(readOnly(connectTo(emulator)), optionsOf(emulator, ledger));
    const stopped = async (): Promise<string> => {
      const stop = new AbortController();
      beforeCall(emulator, 'delete-manifest', 1, () => stop.abort());
      const { state, ...applied } = await carryOut(emulator, ledger, runId, { signal: stop.signal });
      if (!('summary' in applied)) throw new Error(state);
      return applied.summary.runId;
    };
    const resumer = async (id: string) => {
      const run = await ledger.run(id);
      return run && resumerOf(ledger, run, new Date());
    };
    const first = await stopped();
    expect(await resumer(first)).toEqual({ by: 'command' });
    const second = await stopped();
    expect(await resumer(first)).toEqual({
      by: 'nothing',
      why: `the plan ${runId} is carried out by the run ${second} since`,
    });
    expect(await resumer(second)).toEqual({ by: 'command' });
    await rejectPlan(ledger, runId, rejecting);
    expect(await resumer(second)).toEqual({ by: 'nothing', why: `the plan ${runId} was rejected` });
  });
});

describe('a plan that is about to be carried out', () => {
  test('is not while the dry run that made it resumes: it may come to another plan', async () => {
    await withEmulator({ repositories: CONTENTS }, async (emulator) => {
      const ledger = newLedger();
      const stop = new AbortController();
      beforeCall(emulator, 'list-manifests', 2, () => stop.abort());
      const options = optionsOf(emulator, ledger);
      const { runId, plan } = await dryRun(readOnly(connectTo(emulator)), { ...options, signal: stop.signal });
      expect(await ledger.run(runId)).toMatchObject({ state: 'stopped', plan: { hash: plan?.hash } });
      const before = emulator.tagsLeft();
      // It is at work, and its plan is still the one that was looked at.
      const atWork = beforeLock(ledger, () =>
        ledger.resume(runId, ({ ended: _, ...run }) => ({ ...run, state: 'running' })),
      );
      await expect(carryOut(emulator, atWork, runId)).rejects.toThrow(/has resumed meanwhile/);
      await ledger.changeRun(runId, (run) => ({ ...run, state: 'stopped', ended: run.started }));
      // It has ended with another plan.
      const racing = beforeLock(ledger, () => goOn(emulator, ledger, runId));
      await expect(carryOut(emulator, racing, runId)).rejects.toThrow(/has resumed meanwhile/);
      expect(emulator.tagsLeft()).toEqual(before);
    });
  });

  test('by two at once, of which guards hold one back, does not wait once it is applied', async () => {
    await withEmulator({ repositories: CONTENTS }, async (emulator) => {
      const ledger = newLedger();
      const { runId } = await dryRun(readOnly(connectTo(emulator)), optionsOf(emulator, ledger));
      let applied: Applied | undefined;
      const racing: Ledger = {
        ...ledger,
        async changeRun(id, change) {
          applied ??= await carryOut(emulator, ledger, runId);
          return ledger.changeRun(id, change);
        },
      };
      const held = carryOut(emulator, racing, runId, { guards: { keepLastTag: true } });
      await expect(held).rejects.toThrow(/applied by the run .* meanwhile/);
      expect(applied).toMatchObject({ state: 'applied' });
      expect(await ledger.run(runId)).toMatchObject({ state: 'done', plan: { state: 'applied' } });
    });
  });
});
