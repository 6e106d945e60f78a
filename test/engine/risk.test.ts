import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { FindingsSource } from '../../src/engine/findings/findings.ts';
import { risk } from '../../src/engine/risk/risk.ts';
import type { ImageFindings, SeverityCounts } from '../../src/evidence/findings.ts';
import type { Source, Use } from '../../src/evidence/types.ts';
import { image, index } from '../../src/dev/emulator/manifests.ts';
import type { RunRecord } from '../../src/ledger/records.ts';
import type { Decision } from '../../src/planner/decision.ts';
import { parsePolicyFile } from '../../src/policy/file/parse.ts';
import { decisionsOn, digestOf, type Image, IN_USE, runWith, shopAtRisk, sumOf } from '../support/at-risk.ts';
import { repositoryOf } from '../support/contents.ts';
import { DAY, ledgerOnAClock } from '../support/quarantine.ts';
import { ledgerOf, NOW, type Recorded } from '../support/review.ts';
import { run, ruledBy, withEmulator } from '../support/registry.ts';

const REGISTRY = 'contoso.azurecr.io';
const OPTIONS = { since: new Date('2026-09-01T00:00:00Z'), top: 10, now: NOW };

const reported = (runs: readonly Recorded[], over: Partial<typeof OPTIONS> & { mostDecisions?: number } = {}) =>
  risk(ledgerOf(runs), REGISTRY, { ...OPTIONS, ...over });

describe('by what runs recorded', () => {
  test('the line falls with each run, and each image is where it belongs', async () => {
    const report = await reported(shopAtRisk());
    expect(report.line.map(({ before, removed, after }) => [before, removed, after].map((one) => one.bySeverity.critical ?? 0))).toEqual([
      [45, 0, 45],
      [47, 20, 27],
      [35, 18, 17],
      [17, 0, 17],
    ]); // prettier-ignore
    expect(report.stale).toEqual({
      repositories: 1,
      first: [{ name: 'legacy', since: '2026-10-01T01:00:00.000Z' }],
    });
    expect(report.repositories.first.map(({ name, bySeverity }) => [name, bySeverity.critical])).toEqual([
      ['shop/web', 12],
      ['legacy', 5],
    ]);
    expect(report.bases.first).toEqual([
      { name: 'mcr.microsoft.com/dotnet/aspnet:8.0', images: 2, notScanned: 0, bySeverity: { critical: 5, high: 14 }, fixable: { critical: 5, high: 14 } },
    ]); // prettier-ignore
    const { inUse, unused, unknown } = report.critical;
    expect([inUse, unused, unknown].map(({ images, critical }) => [images, critical])).toEqual([
      [1, 2],
      [5, 10],
      [0, 0],
    ]);
    expect(inUse.first[0]).toMatchObject({ repository: 'shop/web', tags: ['2.0.0'], tagCount: 1, inUse: true, fixable: { critical: 2 } });
    expect(unused.first[0]).toMatchObject({ tags: ['1.0.0'], noRule: 'locked' });
    expect(unused.first.slice(1).every(({ noRule }) => noRule === undefined)).toBe(true);
    expect(report.images.first[0]?.tags).toEqual(['1.0.0']);
    // The repository that no run named the images of.
    expect(report.limits).toMatchObject({ undecided: 5, unread: 0, incomplete: 0 });
  }); // prettier-ignore

  test('since when: what is earlier says only what was known by then', async () => {
    const { line, standing } = await reported(shopAtRisk(), { since: new Date('2026-10-10T00:00:00Z') });
    expect(line).toHaveLength(2);
    expect(standing?.bySeverity.critical).toBe(27);
  });

  test.each<[string, Partial<RunRecord>]>([
    ['no source is configured', { evidence: undefined as never }],
    ['a log of pulls alone', { evidence: IN_USE.map((one) => ({ ...one, within: '30d' })) }],
    ['a source could not be read', { evidence: IN_USE.map((one) => ({ ...one, complete: false })) }],
  ])('what is in use is not known: nothing is called unused, and no rule proposed (%s)', async (_, over) => {
    const { critical, proposal } = await reported(shopAtRisk(over));
    expect([critical.inUse.images, critical.unused.images, critical.unknown.images]).toEqual([1, 0, 5]);
    expect(critical.unknown.first.some(({ inUse, noRule }) => inUse !== undefined || noRule !== undefined)).toBe(false);
    expect(proposal).toBeUndefined();
  });

  test('a run whose source did not answer does not count once a later one was complete, nor where it said nothing', async () => {
    const sourced = (day: number, critical: number, complete: boolean, images = 3) =>
      runWith(`2026-11-0${day}T00:00:00.000Z`, { app: { all: sumOf({ critical }) } }, {
        findings: [{ source: 'defender', observedAt: NOW.toISOString(), complete, images }],
      }); // prettier-ignore
    const line = async (...runs: readonly Recorded[]) => {
      const { line: points, limits } = await reported(runs);
      const { incomplete, isIncomplete } = limits;
      return { counts: points.map(({ after }) => after.bySeverity.critical ?? 0), incomplete, isIncomplete };
    };
    const [whole, partial, mute] = [sourced(1, 9, true), sourced(2, 1, false), sourced(3, 0, false, 0)];
    const again = sourced(4, 8, true);
    expect(await line(whole, partial, mute, again)).toEqual({ counts: [9, 8], incomplete: 2, isIncomplete: false });
    expect(await line(whole, partial, mute)).toEqual({ counts: [9, 1], incomplete: 1, isIncomplete: true });
    expect(await line(mute)).toEqual({ counts: [0], incomplete: 0, isIncomplete: true });
  });

  test('a repository that a run emptied is not one that later runs did not look at', async () => {
    const found = sumOf({ critical: 1 }, 1, 1);
    const runs = [
      runWith('2026-11-22T01:00:00.000Z', { emptied: { all: found, removed: found }, other: { all: found } }),
      runWith('2026-11-23T01:00:00.000Z', { app: { all: found } }),
    ];
    expect((await reported(runs)).stale.first.map(({ name }) => name)).toEqual(['other']);
  });

  test('later runs that did not ask, too many decisions, and a registry that no run asked about', async () => {
    const { findings: _, ...unasked } = runWith('2026-11-24T02:00:00.000Z', {}).run;
    const later = { ...runWith('2026-11-24T02:00:00.000Z', {}), run: { ...unasked, totals: { ...unasked.totals, manifests: { deleted: 7, kept: 0, failed: 0, notAttempted: 0, alreadyGone: 0 } } as RunRecord['totals'] & object } }; // prettier-ignore
    const { limits } = await reported([...shopAtRisk(), later], { mostDecisions: 0 });
    expect(limits).toMatchObject({ notAsked: { runs: 1, deleted: 7 }, unread: 1 });
    const none = await risk(ledgerOf(shopAtRisk()), 'fabrikam.azurecr.io', OPTIONS);
    expect(none).toMatchObject({ line: [], repositories: { count: 0 }, critical: { unused: { images: 0 } } });
    expect(none.now).toBeUndefined();
  });

  test.each<[string, Partial<Image>, Partial<RunRecord>]>([
    ['kept', { reason: 'protected' }, {}],
    ['kept', { reason: 'kept-newest' }, {}],
    ['locked', { locked: true }, {}],
    // Its repository is locked as a whole.
    ['locked', { reason: 'locked' }, {}],
    ['owned', { reason: 'too-young', rule: 'releases' }, {}],
    ['untagged', { tags: [] }, {}],
    ['unnameable', { tags: ['--all'] }, {}],
    ['unnameable', { tags: Array.from({ length: 150 }, (_, n) => `t${n}`) }, {}],
    ['protect-flags', {}, { policy: { commands: [{ given: '', understood: { protect: ['**:v*'] } }], hash: '', from: 'settings' } }],
  ])('no rule is proposed: %s (%o)', async (noRule, image, over) => {
    const decisions = decisionsOn('app', [{ digest: digestOf(1), tags: ['v1'], bySeverity: { critical: 1 }, ...image }]);
    const found = { all: sumOf({ critical: 1 }), inUse: sumOf({}, 0), decisions };
    const { critical } = await reported([runWith('2026-11-24T01:00:00.000Z', { app: found }, { evidence: IN_USE, ...over })]);
    expect(critical.unused.first).toMatchObject([{ noRule }]);
  }); // prettier-ignore
});

test('a plan that deletes the tags of an image, or one of two, is not said to delete the image', async () => {
  const noRuleOf = async (plan: (decision: Decision) => Decision | undefined) => {
    const all = decisionsOn('app', [{ digest: digestOf(1), tags: ['v1', 'v2'], bySeverity: { critical: 1 } }]);
    const decisions = all.flatMap((one) => plan(one) ?? []);
    const found = { all: sumOf({ critical: 1 }), inUse: sumOf({}, 0), decisions };
    const { critical } = await reported([runWith('2026-11-24T01:00:00.000Z', { app: found }, { evidence: IN_USE, dryRun: true })]);
    return critical.unused.first[0]?.noRule;
  };
  const deleted = (one: Decision): Decision =>
    ({ ...one, action: 'delete', reason: one.kind === 'tag' ? 'matched-and-expired' : 'untagged-and-expired', outcome: 'planned' });
  expect(await noRuleOf(deleted)).toBe('planned');
  expect(await noRuleOf((one) => (one.tag === 'v1' ? deleted(one) : one))).toBe('tags-planned');
  expect(await noRuleOf((one) => (one.kind === 'tag' ? deleted(one) : undefined))).toBe('tags-planned');
}); // prettier-ignore

test('a proposal matches every image that it counts, and no tag of one that is used, locked, protected or owned', () => {
  const names = fc.uniqueArray(fc.tuple(fc.constantFrom('pr-', 'dev-', 'v1.', 'x', 'rel.'), fc.nat(30)).map((one) => one.join('')), { minLength: 1, maxLength: 3 });
  const images = fc.array(
    fc.record({
      names, critical: fc.boolean(), inUse: fc.boolean(), locked: fc.boolean(),
      reason: fc.constantFrom('no-rule', 'no-rule', 'no-rule', 'too-young', 'protected', 'kept-newest'),
      rule: fc.boolean(),
    }),
    { maxLength: 14 },
  ); // prettier-ignore
  return fc.assert(
    fc.asyncProperty(images, fc.boolean(), async (given, isUsed) => {
      const taken = new Set<string>();
      const all = given.map((one, n) => {
        const tags = one.names.filter((name) => !taken.has(name));
        for (const tag of tags) taken.add(tag);
        return { ...one, tags, inUse: one.inUse && isUsed, n };
      });
      const decisions = decisionsOn(
        'app',
        all.map(({ n, tags, critical, inUse, locked, reason, rule }) => ({
          digest: digestOf(n), tags, reason: reason as 'no-rule',
          ...(critical && { bySeverity: { critical: 1 } }),
          ...(locked && { locked: true as const }), ...(rule && { rule: 'some' }),
          findings: inUse ? { inUse: true as const } : {},
        })),
      ); // prettier-ignore
      const found = { all: sumOf({ critical: all.length }), inUse: sumOf({}, 0), decisions };
      const { proposal } = await reported([runWith('2026-11-24T01:00:00.000Z', { app: found }, { evidence: IN_USE })]);
      const isFree = ({ inUse, locked, reason, rule }: (typeof all)[number]) =>
        !inUse && !locked && !rule && (reason === 'no-rule' || reason === 'too-young');
      const wanted = all.filter((one) => one.critical && one.tags.length > 0 && isFree(one));
      expect(proposal?.images ?? 0).toBe(wanted.length);
      const rules = proposal ? parsePolicyFile(proposal.policy).rules : [];
      const owns = (tag: string) =>
        rules.some(({ tags }) =>
          tags?.kind === 'globs'
            ? tags.patterns.some((one) => one.test([tag])[0])
            : tags?.kind === 'regex' && tags.pattern.test([tag])[0] === true,
        );
      for (const one of wanted) expect(one.tags.every(owns)).toBe(true);
      for (const one of all.filter((other) => !wanted.includes(other)))
        expect(one.tags.some(owns) && !isFree(one), one.tags.join(' ')).toBe(false);
    }),
    { numRuns: 300 },
  );
}); // prettier-ignore

const scan = (bySeverity: SeverityCounts, base?: string): ImageFindings => ({
  scan: { by: 'grype', bySeverity, fixable: {}, ids: ['CVE-2026-0001'] },
  ...(base !== undefined && { base }),
});

const [amd64, arm64, worn] = [image('amd64'), image('arm64'), image('worn')];
const multi = index([
  { ...amd64, os: 'linux', architecture: 'amd64' },
  { ...arm64, os: 'linux', architecture: 'arm64' },
]);
const [old, other] = [image('old-amd64'), image('old-arm64')];
const unusedMulti = index([
  { ...old, os: 'linux', architecture: 'amd64' },
  { ...other, os: 'linux', architecture: 'arm64' },
]);
const builds = Array.from({ length: 6 }, (_, n) => image(`build/${n}`));
const [locked, protectedOne, clean, sick, unscanned] = ['locked', 'protected', 'clean', 'sick', 'unscanned'].map((name) => image(name)); // prettier-ignore
const LOCK = { deleteEnabled: false, writeEnabled: true };

const SHOP = {
  'shop/web': repositoryOf(
    { built: amd64, days: 90 },
    { built: arm64, days: 90 },
    { built: multi, days: 90, tags: ['2.0.0'] },
    { built: old, days: 90 },
    { built: other, days: 90 },
    { built: unusedMulti, days: 90, tags: ['1.0.0', '1.0'] },
    { built: worn, days: 90, tags: ['tmp-1'] },
    ...builds.map((built, n) => ({ built, days: n === 5 ? 3 : 60, tags: [`pr-${n}`] })),
    ...(locked ? [{ built: locked, days: 90, tags: ['0.9.0'], lockedTags: LOCK }] : []),
    ...(protectedOne ? [{ built: protectedOne, days: 90, tags: ['keep'] }] : []),
    ...(clean ? [{ built: clean, days: 90, tags: ['dev-1'] }] : []),
    ...(sick ? [{ built: sick, days: 90, tags: ['dev-2', 'dev.3'] }] : []),
    ...(unscanned ? [{ built: unscanned, days: 90, tags: ['dev-4'] }] : []),
  ),
};

const SCANS: ReadonlyMap<string, ImageFindings> = new Map([
  [amd64.digest, scan({ critical: 3 }, 'docker.io/library/node:20')],
  [arm64.digest, scan({ critical: 1 }, 'docker.io/library/node:20')],
  [old.digest, scan({ critical: 2 })],
  [worn.digest, scan({ critical: 9, high: 1 })],
  ...builds.map(({ digest }) => [digest, scan({ critical: 1 })] as const),
  ...[locked, protectedOne, sick].flatMap((one) => (one ? [[one.digest, scan({ critical: 4 })] as const] : [])),
  ...(clean ? [[clean.digest, scan({})] as const] : []),
]);

const SOURCE: FindingsSource = {
  source: 'referrers',
  read: () => Promise.resolve({ observedAt: NOW.toISOString(), complete: true, problems: [], images: SCANS }),
};

const usedBy = (...facts: readonly Use[]): Source => ({
  name: 'kube',
  read: () =>
    Promise.resolve({
      source: 'kube', observedAt: new Date().toISOString(), scope: 'all', complete: true, problems: [], facts,
    }),
}); // prettier-ignore

const POLICY = `
version: 1
protect: [{ tags: [keep] }]
rules: [{ name: temporary, tags: ['tmp-*'], olderThan: 30d }]
`;

test('after runs of the engine: an index stands for its parts, and a proposal deletes exactly what is unused', () =>
  withEmulator({ repositories: SHOP }, async (emulator) => {
    const { ledger, later } = ledgerOnAClock();
    const used = usedBy({ repository: 'shop/web', digest: amd64.digest, where: 'pod' });
    const more = { findings: { sources: [SOURCE] }, evidence: { sources: [used], rememberMilliseconds: DAY } };
    const go = (policy: string, dryRun: boolean) => {
      later(DAY);
      return run(emulator, ruledBy(policy, { dryRun }), undefined, ledger, more);
    };
    await go(POLICY, true);
    await go(POLICY, false);
    later(DAY);
    const now = new Date(ledger.system.clock.now());
    const report = await risk(ledger, emulator.loginServer, { since: new Date(0), top: 20, now });
    expect(report.line.map(({ before, after }) => [before.bySeverity.critical, after.bySeverity.critical])).toEqual([
      [33, 33],
      [33, 24],
    ]);
    expect(report.limits.undecided).toBe(0);
    const { inUse, unused, unknown } = report.critical;
    expect(inUse.first.map(({ digest, bySeverity }) => [digest, bySeverity.critical])).toEqual([[multi.digest, 4]]);
    expect(unknown.images).toBe(0);
    const told = unused.first.map(({ tags, noRule }) => `${tags.toSorted().join(' ')}: ${noRule ?? 'proposed'}`);
    expect(told.toSorted()).toEqual([
      '0.9.0: locked',
      '1.0 1.0.0: proposed',
      'dev-2 dev.3: proposed',
      'keep: kept',
      ...builds.map((_, n) => `pr-${n}: proposed`),
    ]);
    expect(report.bases.first).toMatchObject([{ name: 'docker.io/library/node:20', images: 2, bySeverity: { critical: 4 } }]);
    expect(report.proposal).toMatchObject({ images: 8, old: 7, more: 0 });

    const { decisions } = await go(report.proposal?.policy ?? '', true);
    const deleted = decisions.filter(({ action, kind }) => action === 'delete' && kind === 'tag').map(({ tag }) => tag);
    expect(deleted.toSorted()).toEqual(['1.0', '1.0.0', 'dev-2', 'dev.3', 'pr-0', 'pr-1', 'pr-2', 'pr-3', 'pr-4']);
  })); // prettier-ignore
