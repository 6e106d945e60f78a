import { expect, test } from 'vitest';
import { image } from '../../src/dev/emulator/manifests.ts';
import { dryRun, foresee, readOnly } from '../../src/index.ts';
import { parsePolicyFile } from '../../src/policy/file/parse.ts';
import { forecastInWords } from '../../src/report/forecast.ts';
import { repositoryOf, type Stored } from '../support/contents.ts';
import { newLedger } from '../support/ledger.ts';
import { connectTo, policyOf, run, ruledBy, withEmulator } from '../support/registry.ts';

const one = (tag: string, days: number, more: Partial<Stored> = {}): Stored => ({
  built: image(tag, { docker: true }),
  days,
  tags: [tag],
  ...more,
});

const REPOSITORY = repositoryOf(
  one('latest', 90),
  one('1.4.0', 60),
  one('1.4.1', 50),
  one('1.4.2', 40),
  one('1.4.3', 30),
  one('pr-1', 2),
  one('pr-2', 30),
  one('pr-3', 40, { lockedTags: { deleteEnabled: false } }),
  one('other', 90),
);

const TEXT = `version: 1
protect: [{ tags: [latest], because: moves }]
rules:
  - { name: releases, tags: { semver: '>=1.0.0' }, keep: { newest: 3, per: minor } }
  - { name: pull requests, tags: ['pr-*'], olderThan: 14d }
`;

const DAY_MS = 86_400_000;

test('explain says of each tag which rule owns it and when it goes, and a run at that time agrees', async () => {
  await withEmulator({ repositories: { app: REPOSITORY } }, async (emulator) => {
    const ledger = newLedger();
    const policy = ruledBy(TEXT, { dryRun: true });
    const { summary } = await run(emulator, policy, undefined, ledger);
    const now = new Date(emulator.start.getTime() + 1);
    const said = async (tag: string) => {
      const foreseen = await foresee(ledger, { repository: 'app', tag }, { now });
      return foreseen ? forecastInWords(foreseen, now) : [];
    };
    const since = `If nothing changes but the time since the run ${summary.runId} saw it.`;
    const at = new Date(emulator.start.getTime() + 12 * DAY_MS);
    expect(await said('pr-1')).toEqual([
      'Owned by the rule pull requests.',
      expect.stringMatching(/^Goes in 1[23] days \(\d{4}-\d\d-\d\dT\d\d:\d\dZ\)\.$/),
      since,
    ]);
    expect(await said('pr-2')).toEqual(['Owned by the rule pull requests.', 'Goes with the next run.', since]);
    expect((await said('pr-3'))[1]).toBe('Never deleted by this policy: it is locked.');
    expect((await said('latest'))[0]).toBe('Never deleted by this policy: moves.');
    expect((await said('other'))[0]).toBe('Never deleted by this policy: no rule owns it.');
    expect((await said('1.4.2'))[1]).toBe('Goes when 2 newer tags of minor 1.4 are there.');
    expect((await said('1.4.1'))[1]).toBe('Goes when 1 newer tag of minor 1.4 is there.');
    expect(await said('nowhere')).toEqual([]);

    const { from } = (await foresee(ledger, { repository: 'app', tag: 'pr-1' }, { now })) ?? {};
    expect(from?.getTime()).toBeGreaterThanOrEqual(at.getTime());
    const actionAt = async (time: number) => {
      const later = newLedger();
      await dryRun(readOnly(connectTo(emulator)), {
        policies: [policy],
        ledger: later,
        now: new Date(time),
        onDecisions: () => undefined,
      });
      for await (const { decision } of later.explain({ repository: 'app', tag: 'pr-1' }))
        if (decision.kind === 'tag') return decision.action;
      return undefined;
    };
    expect(await actionAt((from?.getTime() ?? 0) - 1)).toBe('keep');
    expect(await actionAt(from?.getTime() ?? 0)).toBe('delete');
  });
});

test('of a run by filters it is said that only what these match is known; what is deleted has no forecast', async () => {
  await withEmulator({ repositories: { app: REPOSITORY } }, async (emulator) => {
    const ledger = newLedger();
    const now = new Date(emulator.start.getTime() + 1);
    const policy = parsePolicyFile(TEXT);
    await run(emulator, policyOf(['-f', 'app:^(1|pr)', '--ago', '45d']), undefined, ledger);
    const foreseen = await foresee(ledger, { repository: 'app', tag: '1.4.2' }, { now, policy });
    expect(foreseen && forecastInWords(foreseen, now)).toEqual([
      'Owned by the rule releases.',
      'Goes when 2 newer tags of minor 1.4 are there.',
      expect.stringContaining('it was by filters, and recorded only what they match'),
    ]);
    expect(await foresee(ledger, { repository: 'app', tag: '1.4.2' }, { now })).toBeUndefined();
    expect(await foresee(ledger, { repository: 'app', tag: '1.4.0' }, { now, policy })).toBeUndefined();
  });
});

test('what keeps a tag besides the policy is said, and what it asks of pulls', () => {
  const words = (more: object) =>
    forecastInWords(
      {
        counts: [],
        rule: 'old',
        isWhole: true,
        run: { id: 'r' } as never,
        decision: { action: 'keep', reason: 'too-young', detail: '' } as never,
        ...more,
      },
      new Date('2026-11-24T00:00:00Z'),
    );
  const from = new Date('2026-11-25T00:00:00.001Z');
  expect(words({ from, notPulledWithin: '7d' })[1]).toBe(
    'Goes in 2 days (2026-11-25T00:00Z), unless it is pulled in the 7d before.',
  );
  expect(words({ notPulledWithin: '7d' })[1]).toBe('Goes with the next run, where it was not pulled for 7d.');
  const week = { reason: 'kept-weekly', place: 2, most: 4, unit: 'weeks', period: '2026-W47', group: '' };
  expect(words({ from, counts: [{ ...week, isOpen: false }], onlyIfMore: { than: 50, now: 42 } })[1]).toBe(
    'Goes when there are more than 50 tags of the rule (now 42), and 3 later weeks have a tag, not before 2026-11-25T00:00Z.',
  );
  expect(words({ counts: [{ ...week, place: 4, isOpen: true }] })[1]).toBe(
    'Goes when a newer tag of 2026-W47 is there, or 1 later week has a tag.',
  );
  const decision = { action: 'keep', reason: 'in-use', detail: 'kube prod uses it\u001b[2J' };
  expect(words({ decision })[2]).toBe(
    'That run kept it for another reason: in-use: kube prod uses it\\u001b[2J. While that holds, it stays.',
  );
});

test('explain says what a rule asks for besides, and what of it the run did not see', async () => {
  await withEmulator({ repositories: { app: REPOSITORY } }, async (emulator) => {
    const ledger = newLedger();
    const text = `version: 1
rules: [{ name: vulnerable, olderThan: 35d, findings: { severity: high, fixable: true }, endOfLife: past }]
`;
    const { summary } = await run(emulator, ruledBy(text, { dryRun: true }), undefined, ledger);
    const now = new Date(emulator.start.getTime() + 1);
    const said = async (tag: string) => {
      const foreseen = await foresee(ledger, { repository: 'app', tag }, { now });
      return foreseen ? forecastInWords(foreseen, now) : [];
    };
    const only =
      'Only if a scan names a finding with a fix that is high or worse, and its end of life is past, and a source says that nothing uses it.';
    const since = `If nothing changes but the time since the run ${summary.runId} saw it.`;
    expect(await said('1.4.3')).toEqual([
      'Owned by the rule vulnerable.',
      expect.stringMatching(/^Goes in /),
      only,
      since,
    ]);
    expect(await said('other')).toEqual([
      'Owned by the rule vulnerable.',
      'Goes with the next run.',
      only,
      expect.stringMatching(
        /^That run kept it for another reason: not-scanned: its rule asks for findings, and no source/,
      ),
      since,
    ]);
    expect(await said('pr-3')).not.toContain(only);
  });
});
