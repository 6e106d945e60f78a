import { describe, expect, test } from 'vitest';
import { apply, type Applied, type Ledger, PlanRefused, type RunRecord } from '../../../src/index.ts';
import type { Emulator } from '../../../src/dev/emulator/index.ts';
import { image, index, referrer } from '../../../src/dev/emulator/manifests.ts';
import { openLedger } from '../../../src/ledger/ledger.ts';
import { memoryStore } from '../../../src/ledger/store/memory.ts';
import { pathsOf } from '../../../src/ledger/paths.ts';
import type { Decision } from '../../../src/planner/decision.ts';
import type { Guards } from '../../../src/policy/guards.ts';
import type { PurgePolicy } from '../../../src/policy/purge-policy.ts';
import type { RunSummary } from '../../../src/ledger/summary.ts';
import { dryRun, purge, readOnly } from '../../../src/index.ts';
import { beforeCall } from '../../support/between.ts';
import { images, repositoryOf, type Stored } from '../../support/contents.ts';
import { newLedger } from '../../support/ledger.ts';
import { connectTo, policyOf, reference, ruledBy, USER, withEmulator } from '../../support/registry.ts';

const PURGE = ['-f', '.*:^dev', '--ago', '30d', '--untagged'];

interface Ran {
  readonly summary: RunSummary;
  readonly decisions: readonly Decision[];
}

async function plan(emulator: Emulator, ledger: Ledger, given: readonly string[] | PurgePolicy = PURGE): Promise<Ran> {
  const decisions: Decision[] = [];
  const summary = await dryRun(readOnly(connectTo(emulator)), {
    policies: ['filters' in given ? given : policyOf(given)],
    now: new Date(emulator.start.getTime() + 1),
    ledger,
    onDecisions: (some) => void decisions.push(...some),
  });
  return { summary, decisions };
}

interface Options {
  readonly guards?: Guards;
  readonly approve?: string;
  readonly now?: Date;
  readonly hosts?: readonly string[];
  readonly configured?: string;
}

async function carryOut(
  emulator: Emulator,
  ledger: Ledger,
  id: string,
  { guards = {}, ...options }: Options = {},
): Promise<{ readonly applied: Applied; readonly decisions: readonly Decision[] }> {
  const decisions: Decision[] = [];
  const target = { endpoint: new URL(emulator.url), certificate: emulator.certificate, ...USER };
  const applied = await apply(id, () => target, {
    ledger,
    now: new Date(),
    planAgeMilliseconds: 86_400_000,
    guards,
    onDecisions: (some) => void decisions.push(...some),
    ...options,
  });
  return { applied, decisions };
}

const going = (decisions: readonly Decision[]): readonly string[] =>
  decisions
    .filter((decision) => decision.action === 'delete')
    .map(reference)
    .sort();

const left = (emulator: Emulator): readonly string[] => [...emulator.tagsLeft(), ...emulator.manifestsLeft()];

describe('a plan', () => {
  test('is carried out as it is, and once', async () => {
    const contents = repositoryOf(...images('app', 3, 'dev'), ...images('kept', 4, 'v'));
    await withEmulator({ repositories: { app: contents } }, async (emulator) => {
      const ledger = newLedger();
      const before = left(emulator);
      const { summary, decisions } = await plan(emulator, ledger);
      expect(summary.plan?.deletions).toBe(6);
      expect(left(emulator)).toEqual(before);
      // What becomes old enough, or is pushed, after the plan is not in it.
      const later = emulator.push('app', image('later').body, { tag: 'dev-later', age: 40 * 86_400 });

      const { applied } = await carryOut(emulator, ledger, summary.runId);
      expect(applied).toMatchObject({ state: 'applied', summary: { succeeded: true } });
      const now = new Set(left(emulator));
      expect(before.filter((one) => !now.has(one)).sort()).toEqual(going(decisions));
      expect([...now]).toContain(`app@${later}`);
      const runId = applied.state === 'applied' ? applied.summary.runId : '';
      expect(await ledger.run(summary.runId)).toMatchObject({ plan: { state: 'applied', appliedBy: runId } });
      expect(await ledger.run(runId)).toMatchObject({ kind: 'apply', state: 'done', applies: summary.runId });

      const calls = emulator.requests().length;
      expect((await carryOut(emulator, ledger, summary.runId)).applied).toMatchObject({
        state: 'applied-before',
        run: { id: runId },
      });
      expect(emulator.requests().length).toBe(calls);
    });
  });

  const NEEDED = image('needed');
  const MOVED = image('moved');
  const CHANGES: Readonly<Record<string, readonly [Stored, (emulator: Emulator) => void, string, RegExp]>> = {
    'its tag names another manifest': [
      { built: MOVED, days: 40, tags: ['dev-1'] },
      (emulator) => emulator.push('app', image('new').body, { tag: 'dev-1' }),
      'app:dev-1',
      /names sha256:/,
    ],
    'it has a new tag': [
      { built: MOVED, days: 40, tags: ['dev-1'] },
      (emulator) => emulator.tag('app', 'v9', MOVED.digest),
      `app@${MOVED.digest}`,
      /v9/,
    ],
    'it is locked': [
      { built: MOVED, days: 40, tags: ['dev-1'] },
      (emulator) => emulator.lock('app', 'dev-1', { deleteEnabled: false }),
      'app:dev-1',
      /deleteEnabled/,
    ],
    'its tag is hidden': [
      { built: MOVED, days: 40, tags: ['dev-1'] },
      (emulator) => emulator.lock('app', 'dev-1', { listEnabled: false }),
      'app:dev-1',
      /not listed any more/,
    ],
    'a new index needs it': [
      { built: NEEDED, days: 40 },
      (emulator) =>
        emulator.push('app', index([{ ...NEEDED, architecture: 'amd64', os: 'linux' }]).body, { tag: 'v9' }),
      `app@${NEEDED.digest}`,
      /needs it/,
    ],
  };

  test.each(Object.entries(CHANGES))('passes over what changed since: %s', async (_, [stored, change, on, says]) => {
    const contents = repositoryOf(stored, ...images('other', 2, 'dev-other'), ...images('kept', 4, 'v'));
    await withEmulator({ repositories: { app: contents } }, async (emulator) => {
      const ledger = newLedger();
      const { summary } = await plan(emulator, ledger);
      change(emulator);
      const { applied, decisions } = await carryOut(emulator, ledger, summary.runId);
      expect(applied).toMatchObject({ state: 'applied', summary: { succeeded: true } });
      expect(decisions.find((one) => reference(one) === on)).toMatchObject({
        action: 'keep',
        reason: 'changed-since-plan',
        detail: expect.stringMatching(says) as unknown,
      });
      expect(left(emulator)).toContain(on);
      expect(left(emulator).some((one) => one.startsWith('app:dev-other'))).toBe(false);
    });
  });

  test('with --include-locked, what was locked since stays: that is how somebody saves it', async () => {
    const contents = repositoryOf(
      { built: image('a'), days: 40, tags: ['dev-a'] },
      { built: image('b'), days: 40, tags: ['dev-b'], lockedTags: { deleteEnabled: false } },
      { built: image('c'), days: 40 },
      ...images('kept', 6, 'v'),
    );
    await withEmulator({ repositories: { app: contents } }, async (emulator) => {
      const ledger = newLedger();
      const { summary } = await plan(emulator, ledger, [...PURGE, '--include-locked']);
      emulator.lock('app', 'dev-a', { writeEnabled: false });
      emulator.lock('app', image('c').digest, { deleteEnabled: false });
      const { decisions } = await carryOut(emulator, ledger, summary.runId);
      const changed = decisions.filter(({ reason }) => reason === 'changed-since-plan').map(reference);
      expect(changed.sort()).toEqual(['app:dev-a', `app@${image('a').digest}`, `app@${image('c').digest}`].sort());
      expect(emulator.tagsLeft()).toContain('app:dev-a');
      expect(emulator.tagsLeft()).not.toContain('app:dev-b');
    });
  });

  test('takes no referrer along that was pushed meanwhile', async () => {
    const subject = image('subject');
    const contents = repositoryOf({ built: subject, days: 40, tags: ['dev-1'] }, ...images('kept', 6, 'v'));
    await withEmulator({ repositories: { app: contents } }, async (emulator) => {
      const ledger = newLedger();
      const { summary } = await plan(emulator, ledger);
      const signature = referrer(subject, 'application/vnd.example.signature', 'new');
      // Between the listing that the carrying out begins with and the look before the deletion.
      beforeCall(emulator, 'list-manifests', 2, () => emulator.push('app', signature.body));
      const { decisions } = await carryOut(emulator, ledger, summary.runId);
      expect(decisions.find((one) => reference(one) === `app@${subject.digest}`)).toMatchObject({
        reason: 'changed-since-plan',
      });
      expect(emulator.manifestsLeft()).toContain(`app@${signature.digest}`);
    });
  });

  test('says of what went meanwhile that it was gone', async () => {
    const contents = repositoryOf(...images('app', 3, 'dev'), ...images('kept', 4, 'v'));
    await withEmulator({ repositories: { app: contents } }, async (emulator) => {
      const ledger = newLedger();
      const { summary, decisions } = await plan(emulator, ledger);
      const digest = decisions.find(({ tag }) => tag === 'dev-0')?.digest ?? '';
      emulator.remove('app', digest);
      const { applied, decisions: made } = await carryOut(emulator, ledger, summary.runId);
      expect(applied).toMatchObject({ summary: { totals: { tags: { deleted: 2, alreadyGone: 1 } } } });
      expect(made.find((one) => one.kind === 'manifest' && one.digest === digest)).toMatchObject({
        outcome: 'already-gone',
      });
    });
  });

  test('is refused when it is too old, or for another registry or policy, or changed, or not what was approved', async () => {
    const contents = repositoryOf(...images('app', 3, 'dev'), ...images('kept', 4, 'v'));
    await withEmulator({ repositories: { app: contents } }, async (emulator) => {
      const store = memoryStore();
      const ledger = openLedger(store);
      const before = left(emulator);
      const { summary } = await plan(emulator, ledger);
      const refused = async (options: Options, says: RegExp, id = summary.runId): Promise<void> => {
        const attempt = carryOut(emulator, ledger, id, options);
        await expect(attempt).rejects.toThrow(PlanRefused);
        await expect(attempt).rejects.toThrow(says);
        expect(left(emulator)).toEqual(before);
      };
      await refused({ now: new Date(Date.now() + 90_000_000) }, /25 hours old/);
      await refused({ hosts: ['other.azurecr.io'] }, /is for the registry/);
      await refused({ approve: '0'.repeat(12) }, /another hash/);
      await refused({ approve: summary.plan?.hash.slice(0, 4) ?? '' }, /another hash/);
      await refused({}, /no plan/, '20200101T000000Z-000000');
      await refused({}, /no plan/, '../../etc/passwd');
      await ledger.changeRun(summary.runId, (run) => ({ ...run, policy: { ...run.policy, from: 'settings' } }));
      await refused({ configured: 'another' }, /another policy/);
      await ledger.changeRun(summary.runId, (run) => ({ ...run, policy: { ...run.policy, from: 'command line' } }));
      // Its record is changed, and what people read before they approve it.
      const unchanged = await recordOf(ledger, summary.runId);
      const [command = { given: '', understood: {} }] = unchanged.policy.commands;
      const understanding = (understood: object) => ({
        policy: {
          ...unchanged.policy,
          commands: [{ ...command, understood: { ...command.understood, ...understood } }],
        },
      });
      const giving = (given: string) => ({
        policy: { ...unchanged.policy, commands: [{ ...command, given }] },
      });
      const changes: readonly (readonly [Partial<RunRecord>, RegExp])[] = [
        [understanding({ agoMilliseconds: 1 }), /the policy of the plan/],
        [understanding({ keep: 100 }), /the policy of the plan/],
        [understanding({ includeLocked: true }), /the policy of the plan/],
        [giving(`${command.given} --keep 1`), /the policy of the plan/],
        [giving(`  ${command.given}`), /its hash has changed/],
        [{ policy: { ...unchanged.policy, commands: [command, command] } }, /the policy of the plan/],
        [{ agesFrom: new Date(Date.parse(unchanged.agesFrom) + 1).toISOString() }, /its hash has changed/],
        [{ agesFrom: 'never' }, /its hash has changed/],
        [{ guards: { maxDeletions: 1 } }, /its hash has changed/],
        [{ registry: 'other.azurecr.io' }, /its hash has changed/],
        [{ dryRun: false }, /its hash has changed/],
        [{ kind: 'purge' }, /its hash has changed/],
      ];
      for (const [change, says] of changes) {
        await ledger.changeRun(summary.runId, (run) => ({ ...run, ...change }));
        await refused({}, says);
        await ledger.changeRun(summary.runId, () => unchanged);
      }
      // Somebody adds to it what stays.
      await openLedger(store)
        .reopen({ ...(await recordOf(ledger, summary.runId)) })
        .then(async (written) => {
          const decisions: Decision[] = [];
          for await (const one of ledger.decisions(summary.runId))
            decisions.push(
              one.action === 'keep'
                ? { ...one, action: 'delete', reason: 'untagged-and-expired', outcome: 'planned' }
                : one,
            );
          const first = summary.repositories[0];
          if (first) await written.repository('app').write(first, decisions);
        });
      await refused({}, /its hash has changed/);
      expect(pathsOf(summary.runId).run).toContain(summary.runId);
    });
  });
});

async function recordOf(ledger: Ledger, id: string) {
  const record = await ledger.run(id);
  if (!record) throw new Error(`no run ${id}`);
  return record;
}

describe('a breaker', () => {
  const guarded = async (emulator: Emulator, ledger: Ledger, guards: Guards): Promise<Ran> => {
    const decisions: Decision[] = [];
    const summary = await purge(connectTo(emulator), {
      policies: [policyOf(PURGE)],
      now: new Date(emulator.start.getTime() + 1),
      ledger,
      guards,
      onDecisions: (some) => void decisions.push(...some),
    });
    return { summary, decisions };
  };
  const some = repositoryOf(...images('some', 2, 'dev'), ...images('kept', 6, 'v'));
  const most = repositoryOf(...images('most', 6, 'dev'), ...images('kept', 2, 'v'));
  const all = repositoryOf(...images('all', 2, 'dev'));

  test.each<[string, Guards, string, readonly string[]]>([
    ['too many', { maxDeletions: 5 }, 'max-deletions', ['some', 'most', 'all']],
    ['too much of a repository', { maxDeletionPercent: 50 }, 'max-deletion-percent', ['most', 'all']],
    ['the last tags', { keepLastTag: true }, 'no-tag-left', ['all']],
  ])('%s: nothing goes there, and the plan waits', async (_, guards, breaker, held) => {
    await withEmulator({ repositories: { some, most, all } }, async (emulator) => {
      const ledger = newLedger();
      const before = left(emulator);
      const { summary, decisions } = await guarded(emulator, ledger, guards);
      expect(summary.succeeded).toBe(false);
      expect(summary.breakers.map((hold) => hold.breaker)).toContain(breaker);
      const inHeld = (one: string) => held.some((name) => one.startsWith(`${name}:`) || one.startsWith(`${name}@`));
      expect(left(emulator).filter(inHeld)).toEqual(before.filter(inHeld));
      const waits = decisions.filter((one) => one.action === 'delete' && one.outcome === 'held').map(reference);
      const went = decisions.filter((one) => one.action === 'delete' && one.outcome === 'deleted').map(reference);
      expect(waits.every(inHeld)).toBe(true);
      expect(went.some(inHeld)).toBe(false);
      expect(went.length > 0).toBe(held.length < 3);
      expect(await ledger.run(summary.runId)).toMatchObject({
        state: 'waiting',
        plan: { state: 'waiting', deletions: waits.length, hash: summary.plan?.hash },
      });
      expect(summary.totals.manifests.deleted + summary.totals.tags.deleted).toBe(went.length);

      // Nobody has approved it yet.
      await expect(carryOut(emulator, ledger, summary.runId)).rejects.toThrow(/--approve [0-9a-f]{12}/);
      expect(left(emulator).filter(inHeld)).toEqual(before.filter(inHeld));

      // Approved, exactly that goes.
      const { applied } = await carryOut(emulator, ledger, summary.runId, {
        approve: summary.plan?.hash.slice(0, 12) ?? '',
        guards,
      });
      expect(applied).toMatchObject({ state: 'applied', summary: { succeeded: true } });
      const now = new Set(left(emulator));
      expect(before.filter((one) => !now.has(one)).sort()).toEqual([...waits, ...went].sort());
      expect(await ledger.run(summary.runId)).toMatchObject({ state: 'done', plan: { state: 'applied' } });
      expect(await Array.fromAsync(ledger.runs({ waits: true }))).toEqual([]);
    });
  });

  test('of a single repository lets the others go on', async () => {
    const small = repositoryOf(...images('small', 3, 'dev'), ...images('kept', 2, 'v'));
    const large = repositoryOf(...images('large', 2, 'dev'), ...images('kept', 40, 'v'));
    await withEmulator({ repositories: { small, large } }, async (emulator) => {
      const { summary } = await guarded(emulator, newLedger(), { maxDeletionPercent: 50 });
      expect(summary.repositories.map(({ repository: name, state }) => [name, state])).toEqual([
        ['large', 'done'],
        ['small', 'held'],
      ]);
      expect(summary.repositories[0]?.tags.deleted).toBe(2);
    });
  });

  test('trips on far more than the median of the last runs, and not on a small number', async () => {
    await withEmulator({ repositories: { app: repositoryOf(...images('kept', 60, 'v')) } }, async (emulator) => {
      const ledger = newLedger();
      const add = (name: string, count: number): void => {
        for (const [n, { built }] of images(name, count).entries())
          emulator.push('app', built.body, { tag: `dev-${name}-${n}`, age: 40 * 86_400 });
      };
      for (const name of ['a', 'b', 'c', 'd']) {
        add(name, 1);
        expect((await guarded(emulator, ledger, { maxMedianFactor: 10 })).summary.succeeded).toBe(true);
      }
      // Ten times the median of two artifacts are allowed.
      add('ten', 10);
      expect((await guarded(emulator, ledger, { maxMedianFactor: 10 })).summary.succeeded).toBe(true);
      add('eleven', 11);
      const foreseen = await dryRun(readOnly(connectTo(emulator)), {
        policies: [policyOf(PURGE)],
        now: new Date(emulator.start.getTime() + 1),
        ledger,
        guards: { maxMedianFactor: 10 },
        onDecisions: () => undefined,
      });
      expect(foreseen.breakers).toMatchObject([{ breaker: 'far-above-median', found: 22, limit: 20 }]);
      const { summary } = await guarded(emulator, ledger, { maxMedianFactor: 10 });
      expect(summary.breakers).toMatchObject([{ breaker: 'far-above-median', found: 22, limit: 20 }]);
      expect(emulator.tagsLeft()).toHaveLength(71);
    });
  });

  test('takes the median also of runs in which a single repository was held back', async () => {
    const contents = { app: repositoryOf(...images('kept', 400, 'v')), all };
    await withEmulator({ repositories: contents }, async (emulator) => {
      const ledger = newLedger();
      const guards = { keepLastTag: true, maxMedianFactor: 10 };
      const add = (name: string, count: number): void => {
        for (const [n, { built }] of images(name, count).entries())
          emulator.push('app', built.body, { tag: `dev-${name}-${n}`, age: 40 * 86_400 });
      };
      for (const name of ['a', 'b', 'c']) {
        add(name, 1);
        await guarded(emulator, ledger, guards);
      }
      add('burst', 100);
      const { summary } = await guarded(emulator, ledger, guards);
      expect(summary.breakers.map(({ breaker }) => breaker)).toEqual(['far-above-median', 'no-tag-left']);
    });
  });

  test('counts the manifests of the whole registry, also where few repositories are looked at', async () => {
    const dev = repositoryOf(...images('dev', 6), ...images('dev-kept', 4, 'v'));
    await withEmulator(
      { repositories: { dev, large: repositoryOf(...images('large', 30, 'v')) } },
      async (emulator) => {
        const limits = { maxDeletionPercent: 50 };
        const options = {
          policies: [policyOf(['-f', 'dev:^dev', '--ago', '30d', '--untagged'])],
          now: new Date(emulator.start.getTime() + 1),
          ledger: newLedger(),
          guards: limits,
          onDecisions: () => undefined,
        };
        expect((await purge(connectTo(emulator), options)).breakers).toEqual([]);
        expect(emulator.manifestsLeft()).toHaveLength(34);
      },
    );
  });

  test('guards the carrying out of a plan, until it is approved', async () => {
    await withEmulator({ repositories: { most } }, async (emulator) => {
      const ledger = newLedger();
      const before = left(emulator);
      const { summary } = await plan(emulator, ledger);
      const guards = { maxDeletionPercent: 50 };
      for (let n = 0; n < 2; n += 1) {
        const attempt = carryOut(emulator, ledger, summary.runId, { guards });
        await expect(attempt).rejects.toThrow(/--approve [0-9a-f]{12}/);
        await expect(attempt).rejects.toMatchObject({ breakers: [{ repository: 'most' }] });
      }
      expect(left(emulator)).toEqual(before);
      // The dry run is done, and its plan waits: a question for what waits finds it.
      expect(await Array.fromAsync(ledger.runs({ waits: true }))).toMatchObject([
        { id: summary.runId, state: 'done', plan: { state: 'waiting' } },
      ]);
      const approve = summary.plan?.hash.slice(0, 12) ?? '';
      await carryOut(emulator, ledger, summary.runId, { guards, approve });
      expect(emulator.tagsLeft()).toHaveLength(2);
    });
  });
});

test('one run at a time changes a registry, and a second one says who does', async () => {
  const contents = repositoryOf(...images('app', 3, 'dev'), ...images('kept', 4, 'v'));
  await withEmulator({ repositories: { app: contents }, faults: { latencyMs: 30 } }, async (emulator) => {
    const ledger = newLedger();
    const options = {
      policies: [policyOf(PURGE)],
      now: new Date(emulator.start.getTime() + 1),
      ledger,
      onDecisions: () => undefined,
    };
    const [first, second] = await Promise.allSettled([
      purge(connectTo(emulator), options),
      purge(connectTo(emulator), options),
    ]);
    const failed = [first, second].filter((one) => one.status === 'rejected');
    expect(failed).toHaveLength(1);
    expect(String(failed[0]?.reason)).toMatch(
      /in use by the run \d{8}T\d{6}Z-[0-9a-f]{6} \(started by command line on .*process \d+/,
    );
    // It is free again, and nothing is left to do.
    expect((await purge(connectTo(emulator), options)).totals.tags.deleted).toBe(0);
  });
});

test('a plan by a policy file is carried out as it was approved; what its rules let go since is not', async () => {
  const repositories = { app: repositoryOf(...images('app', 4, 'dev')) };
  await withEmulator({ repositories }, async (emulator) => {
    const ledger = newLedger();
    const policy = ruledBy('version: 1\nrules: [{ name: dev, tags: [dev*], keep: { newest: 1 } }]\n');
    const { summary, decisions } = await plan(emulator, ledger, policy);
    const planned = decisions.filter(({ action }) => action === 'delete').map(reference);
    const [kept] = emulator.tagsLeft().filter((one) => !planned.includes(one));
    // It is the newest now, and lets the one go that was kept.
    emulator.push('app', image('newer').body, { tag: 'dev-newer' });
    const { applied } = await carryOut(emulator, ledger, summary.runId, { approve: summary.plan?.hash ?? '' });
    expect(applied).toMatchObject({ summary: { succeeded: true } });
    expect(emulator.tagsLeft()).toEqual([kept, 'app:dev-newer'].toSorted());
  });
});
