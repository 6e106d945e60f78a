import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Counts, isoWeekOf, type Owned, type Retention, type TagRule } from '../../src/planner/retention.ts';
import type { Evidence, Pull, Pulls } from '../../src/planner/types.ts';
import { type Instant, toInstant } from '../../src/registry/time.ts';
import { DELETE_REASONS, KEEP_REASONS } from '../../src/planner/decision.ts';
import { d, decisionOn, isByFindings, isByPolicy, planOf, type Thing } from './plan-of.ts';

const NOW = Date.parse('2026-11-24T00:00:00Z');
const DAY = 86_400_000;

const before = (days: number): Instant => toInstant(new Date(NOW - days * DAY));
const older = (days: number) => ({ text: `${days}d`, cutOff: before(days) });

/** One rule that owns every tag, by what its name begins with. */
function ruled(things: readonly Thing[], rule: Partial<TagRule>, over: Partial<Retention> = {}): Retention {
  const tags = things.flatMap(({ tags: own = [] }) => own.map((tag) => (typeof tag === 'string' ? tag : tag.name)));
  const groupOf = (name: string): string => /^([a-z]+)-/.exec(name)?.[1] ?? '';
  const owned = new Map(tags.map((name): [string, Owned] => [name, { rule: 0, group: groupOf(name) }]));
  return { rules: [{ name: 'all', keep: {}, ...rule }], owned, protected: new Map(), pulledTags: new Map(), ...over };
}

const reasonsOf = (things: readonly Thing[], retention: Retention): Readonly<Record<string, string>> => {
  const { decisions } = planOf(things, { retention });
  const named = ({ tag, digest = '' }: { readonly tag?: string; readonly digest?: string }): string =>
    tag ?? `@${things.find(({ name }) => d(name) === digest)?.name ?? digest}`;
  return Object.fromEntries(
    decisions.map((one) => [named(one.kind === 'tag' ? one : { digest: one.digest ?? '' }), one.reason]),
  );
};

const image = (name: string, days: number, ...tags: readonly string[]): Thing => ({ name, days, tags });

describe('a rule', () => {
  const things = [image('a', 1, 'v4'), image('b', 5, 'v3'), image('c', 50, 'v2'), image('d', 90, 'v1')];

  test('keeps what its counts keep, and what is not old enough; the rest goes, with its manifest', () => {
    expect(reasonsOf(things, ruled(things, { keep: { newest: 1 }, olderThan: older(30) }))).toEqual({
      v4: 'kept-newest',
      v3: 'too-young',
      v2: 'rule-matched',
      v1: 'rule-matched',
      '@a': 'has-tags',
      '@b': 'has-tags',
      '@c': 'rule-matched',
      '@d': 'rule-matched',
    });
  });

  test('lets go at any age without an age, a manifest as well', () => {
    expect(reasonsOf(things, ruled(things, { keep: { newest: 3 } }))).toMatchObject({
      v1: 'rule-matched',
      v2: 'kept-newest',
    });
    expect(reasonsOf(things, ruled(things, {}))).toMatchObject({ v4: 'rule-matched', '@a': 'rule-matched' });
  });

  test('counts each group by itself, and by version where it has one', () => {
    const some = [image('a', 1, 'a-1'), image('b', 2, 'a-2'), image('c', 3, 'b-1')];
    expect(reasonsOf(some, ruled(some, { keep: { newest: 1 } }))).toMatchObject({
      'a-1': 'kept-newest',
      'a-2': 'rule-matched',
      'b-1': 'kept-newest',
    });
    const owned = new Map(
      ['a-1', 'a-2', 'b-1'].map((name, version): [string, Owned] => [name, { rule: 0, group: '', version }]),
    );
    expect(reasonsOf(some, ruled(some, { keep: { newest: 1 } }, { owned }))).toMatchObject({
      'a-1': 'rule-matched',
      'b-1': 'kept-newest',
    });
    const [one] = planOf(some, { retention: ruled(some, { keep: { newest: 2 } }) }).decisions.filter(
      ({ tag }) => tag === 'a-2',
    );
    expect(one).toMatchObject({ rule: 'all', detail: '2nd of 2 newest of a' });
  });

  test('counts what is old alone, and not locked, where it is said so: as --keep of acr purge', () => {
    const some: readonly Thing[] = [...things, { name: 'e', days: 40, tags: [{ name: 'v0', days: 40, locked: true }] }];
    const keep = { newest: 1, ofOld: true };
    expect(reasonsOf(some, ruled(some, { keep, olderThan: older(30) }))).toMatchObject({
      v4: 'too-young',
      v3: 'too-young',
      v2: 'kept-newest',
      v1: 'rule-matched',
      v0: 'locked',
    });
  });

  test('deletes nothing where there are no more than onlyIfMoreThan', () => {
    expect(reasonsOf(things, ruled(things, { onlyIfMoreThan: 4 }))).toMatchObject({
      v1: 'below-count',
      v4: 'below-count',
    });
    expect(reasonsOf(things, ruled(things, { onlyIfMoreThan: 3 }))).toMatchObject({
      v1: 'rule-matched',
      v4: 'rule-matched',
    });
  });

  test('does not touch what is protected, and does not count it; what no rule owns stays', () => {
    const retention = ruled(things, { keep: { newest: 1 } }, { protected: new Map([['v4', 'moving tags']]) });
    expect(reasonsOf(things, retention)).toMatchObject({ v4: 'protected', v3: 'kept-newest', v2: 'rule-matched' });
    expect(decisionOn(planOf(things, { retention }), 'v4')).toMatchObject({ detail: 'moving tags' });
    const owned = new Map([['v1', { rule: 0, group: '' }]]);
    expect(reasonsOf(things, ruled(things, {}, { owned }))).toMatchObject({ v4: 'no-rule', v1: 'rule-matched' });
    expect(new Set(Object.values(reasonsOf(things, ruled(things, {}, { whole: 'base images' }))))).toEqual(
      new Set(['protected', 'has-tags']),
    );
  });
});

test('each reason that only a policy file gives has an example', () => {
  const seen = new Set<string>();
  const things = [image('a', 1, 'v1'), image('b', 2, 'v2'), image('c', 3, 'v3')];
  const keeps: readonly Counts[] = [
    {},
    { newest: 1 },
    { daily: 1 },
    { weekly: 1 },
    { monthly: 1 },
    { yearly: 1 },
    { within: older(9) },
  ];
  for (const keep of keeps)
    for (const reason of Object.values(reasonsOf(things, ruled(things, { keep })))) seen.add(reason);
  for (const over of [{ whole: 'base' }, { owned: new Map<never, never>() }])
    for (const reason of Object.values(reasonsOf(things, ruled(things, {}, over)))) seen.add(reason);
  for (const reason of Object.values(reasonsOf(things, ruled(things, { onlyIfMoreThan: 9 })))) seen.add(reason);
  expect(
    [...DELETE_REASONS, ...KEEP_REASONS].filter(
      (reason) => isByPolicy(reason) && !isByFindings(reason) && !seen.has(reason),
    ),
  ).toEqual([]);
});

describe('what has no tag', () => {
  const build: readonly Thing[] = [
    image('amd', 40),
    image('arm', 40),
    { ...image('index', 40, 'v1'), children: ['amd', 'arm'] },
    { ...image('old', 90), children: ['part'] },
    image('part', 1),
    image('new', 60),
  ];

  test('stays where the policy says nothing of it, but for the parts of what goes', () => {
    expect(reasonsOf(build, ruled(build, {}))).toEqual({
      v1: 'rule-matched',
      '@index': 'rule-matched',
      '@amd': 'rule-matched',
      '@arm': 'rule-matched',
      '@old': 'no-rule',
      '@part': 'child-of-kept-index',
      '@new': 'no-rule',
    });
  });

  test('goes by its age, with its parts at any age; the newest builds stay', () => {
    const untagged = { olderThan: older(50), newest: 0, keepsReferenced: false, deletesOrphans: false };
    const keep = { keep: { newest: 5 } };
    expect(reasonsOf(build, ruled(build, keep, { untagged }))).toMatchObject({
      '@index': 'has-tags',
      '@amd': 'child-of-kept-index',
      '@old': 'untagged-and-expired',
      '@part': 'rule-matched',
      '@new': 'untagged-and-expired',
    });
    expect(reasonsOf(build, ruled(build, keep, { untagged: { ...untagged, newest: 1 } }))).toMatchObject({
      '@old': 'untagged-and-expired',
      '@new': 'kept-newest',
    });
  });

  test('a build counts also where it is too young, or loses its tag and stays for something else', () => {
    const untagged = { olderThan: older(7), newest: 2, keepsReferenced: false, deletesOrphans: false };
    const young = [image('a', 1), image('b', 10), image('c', 20)];
    expect(reasonsOf(young, ruled(young, {}, { untagged }))).toEqual({
      '@a': 'too-young',
      '@b': 'kept-newest',
      '@c': 'untagged-and-expired',
    });
    const things: readonly Thing[] = [
      image('a', 5, 'dev'),
      { ...image('report', 5, 'kept'), subject: 'a' },
      image('b', 40),
      image('c', 50),
    ];
    const retention = { ...ruled(things, {}, { untagged }), owned: new Map([['dev', { rule: 0, group: '' }]]) };
    const kept = { kept: 'no-rule', '@report': 'has-tags', '@b': 'kept-newest' };
    expect(reasonsOf(things, retention)).toEqual({
      ...kept,
      dev: 'rule-matched',
      '@a': 'subject-of-kept',
      '@c': 'untagged-and-expired',
    });
    const after = [{ ...image('a', 0), created: 5 }, ...things.slice(1, 3)];
    expect(reasonsOf(after, retention)).toEqual({ ...kept, '@a': 'too-young' });
  });

  test('is what a tag has moved away from between two listings', () => {
    const things: readonly Thing[] = [{ ...image('a', 40), shows: ['v1'] }, image('b', 5, 'v1')];
    expect(reasonsOf(things, ruled(things, {}))).toMatchObject({ v1: 'rule-matched', '@a': 'no-rule' });
  });

  test('what refers to something that is not found stays where it was pushed within a day: that may be on its way', () => {
    const signature = `sha256-${d('late').slice(7)}.sig`;
    const things = (days: number): readonly Thing[] => [
      { ...image('sbom', days), subject: 'late' },
      image('signature', days, signature),
    ];
    const untagged = { newest: 0, keepsReferenced: false, deletesOrphans: true };
    expect(reasonsOf(things(0.5), ruled([], {}, { untagged }))).toEqual({
      [signature]: 'referrer-of-unlisted',
      '@sbom': 'referrer-of-unlisted',
      '@signature': 'referrer-of-unlisted',
    });
    expect(reasonsOf(things(1.5), ruled([], {}, { untagged }))).toEqual({
      [signature]: 'rule-matched',
      '@sbom': 'untagged-and-expired',
      '@signature': 'rule-matched',
    });
  });

  test('what an index needs that is attached to an image goes with both, at once and not by the next run', () => {
    const things: readonly Thing[] = [
      image('a', 40, 'v1'),
      { ...image('attached', 1), subject: 'a', children: ['part'] },
      image('part', 40),
    ];
    const untagged = { olderThan: older(8), newest: 0, keepsReferenced: false, deletesOrphans: false };
    expect(reasonsOf(things, ruled(things, {}, { untagged }))).toEqual({
      v1: 'rule-matched',
      '@a': 'rule-matched',
      '@attached': 'referrer-of-deleted',
      '@part': 'rule-matched',
    });
    expect(reasonsOf(things, ruled(things, { keep: { newest: 1 } }, { untagged }))).toEqual({
      v1: 'kept-newest',
      '@a': 'has-tags',
      '@attached': 'too-young',
      '@part': 'child-of-kept-index',
    });
  });

  test('stays where something refers to it, if that is wanted; what refers to something gone goes, if that is wanted', () => {
    const things: readonly Thing[] = [
      image('a', 90),
      { ...image('sbom', 90), subject: 'a' },
      { ...image('orphan', 90), subject: 'gone' },
      image('signature', 90, `sha256-${d('gone').slice(7)}.sig`),
    ];
    const untagged = { newest: 0, keepsReferenced: false, deletesOrphans: false };
    const signature = `sha256-${d('gone').slice(7)}.sig`;
    expect(reasonsOf(things, ruled(things, {}, { untagged }))).toEqual({
      '@a': 'untagged-and-expired',
      '@sbom': 'referrer-of-deleted',
      '@orphan': 'referrer-of-unlisted',
      '@signature': 'referrer-of-unlisted',
      [signature]: 'referrer-of-unlisted',
    });
    expect(
      reasonsOf(things, ruled(things, {}, { untagged: { ...untagged, keepsReferenced: true, deletesOrphans: true } })),
    ).toEqual({
      '@a': 'protected',
      '@sbom': 'referrer-of-kept',
      '@orphan': 'untagged-and-expired',
      '@signature': 'rule-matched',
      [signature]: 'rule-matched',
    });
  });
});

describe('pulls', () => {
  const things = [
    image('a', 40, 'v1'),
    { ...image('b', 40, 'v2'), children: ['arm'] },
    image('arm', 40),
    { ...image('c', 40, 'v3'), created: 40 },
    image('d', 40),
  ];
  const pulled = (days: number): Pull => ({ at: before(days), detail: `pulled ${days} days ago` });
  const known = (over: Partial<Pulls> = {}): Evidence => ({
    tags: new Map(),
    digests: new Map(),
    configs: new Map(),
    pulls: {
      from: before(90),
      since: before(90),
      recent: before(7),
      at: before(0),
      tags: new Map([['v1', pulled(3)]]),
      digests: new Map([
        [d('arm'), pulled(5)],
        [d('c'), pulled(20)],
        [d('d'), pulled(20)],
      ]),
      ...over,
    },
  });
  const untagged = { newest: 0, keepsReferenced: false, deletesOrphans: false };
  const reasons = (retention: Partial<Retention>, rule: Partial<TagRule>, evidence?: Evidence) => {
    const { decisions } = planOf(
      things,
      { retention: ruled(things, rule, { untagged, ...retention }) },
      evidence && { evidence },
    );
    return Object.fromEntries(
      decisions
        .filter(({ kind, tags = [] }) => kind === 'tag' || tags.length === 0)
        .map((one) => [one.tag ?? `@${things.find(({ name }) => d(name) === one.digest)?.name ?? ''}`, one.reason]),
    );
  };

  test('of a tag, of its manifest, or of a part of that, keep the tag for as long as its rule says', () => {
    expect(reasons({}, { notPulledWithin: older(7) }, known())).toEqual({
      v1: 'pulled-recently',
      v2: 'pulled-recently',
      v3: 'rule-matched',
      '@arm': 'child-of-kept-index',
      '@d': 'untagged-and-expired',
    });
    expect(reasons({}, { notPulledWithin: older(30) }, known())).toMatchObject({ v3: 'pulled-recently' });
    expect(reasons({}, {}, known())).toMatchObject({
      v1: 'rule-matched',
      v2: 'rule-matched',
      '@d': 'untagged-and-expired',
    });
  });

  test('keep what a protection says', () => {
    expect(reasons({ pulledAny: older(30) }, {}, known())).toMatchObject({
      v1: 'pulled-recently',
      v3: 'pulled-recently',
      '@d': 'pulled-recently',
    });
    expect(
      reasons(
        {
          pulledTags: new Map([
            ['v1', older(4)],
            ['v3', older(4)],
          ]),
        },
        {},
        known(),
      ),
    ).toMatchObject({ v1: 'pulled-recently', v2: 'rule-matched', v3: 'rule-matched' });
  });

  test('that are not known for long enough, or not looked up, keep what may have been pulled', () => {
    const short = 'pull-history-too-short';
    expect(reasons({}, { notPulledWithin: older(7) })).toMatchObject({ v1: short, v2: short, v3: short });
    expect(reasons({}, { notPulledWithin: older(30) }, known({ since: before(10) }))).toMatchObject({
      v3: 'pulled-recently',
    });
    expect(reasons({}, { notPulledWithin: older(15) }, known({ since: before(10) }))).toMatchObject({
      v1: 'pulled-recently',
      v3: short,
    });
    expect(reasons({}, { notPulledWithin: older(15) }, known({ from: before(10) }))).toMatchObject({ v3: short });
    expect(reasons({}, { notPulledWithin: older(60) }, known({ since: before(50) }))).toMatchObject({
      v3: 'pulled-recently',
    });
    expect(reasons({ pulledAny: older(60) }, {}, known({ since: before(50), digests: new Map() }))).toMatchObject({
      v3: 'rule-matched',
    });
  });
});

test('what goes along names the rule of what it belongs to', () => {
  const signature = `sha256-${d('index').slice(7)}.sig`;
  const things: readonly Thing[] = [
    { ...image('index', 40, 'v1'), children: ['amd'] },
    image('amd', 40),
    { ...image('sbom', 1), subject: 'amd' },
    image('signature', 40, signature),
    { ...image('old', 40), children: ['part'] },
    image('part', 40),
  ];
  const untagged = { newest: 0, keepsReferenced: false, deletesOrphans: false };
  const planned = planOf(things, { retention: ruled(things, { name: 'dev' }, { untagged }) });
  const rules = ['index', 'amd', 'sbom', 'signature', signature, 'old', 'part'].map(
    (name) => decisionOn(planned, name)?.rule,
  );
  expect(rules).toEqual(['dev', 'dev', 'dev', 'dev', 'dev', 'untagged', 'untagged']);
});

test('signatures follow their image, whatever rule owns them, and count nowhere', () => {
  const sign = (name: string): string => `sha256-${d(name).slice(7)}.sig`;
  const things = [
    image('a', 9, 'v2'),
    image('b', 10, 'v1'),
    image('sig a', 8, sign('a')),
    image('sig b', 8, sign('b')),
  ];
  expect(reasonsOf(things, ruled(things, { keep: { newest: 1 }, onlyIfMoreThan: 1 }))).toEqual({
    v2: 'kept-newest',
    v1: 'rule-matched',
    [sign('a')]: 'signature-of-kept',
    [sign('b')]: 'rule-matched',
    '@a': 'has-tags',
    '@b': 'rule-matched',
    '@sig a': 'has-tags',
    '@sig b': 'rule-matched',
  });
});

test('a signature tag that is protected stays, and its image goes', () => {
  const signature = `sha256-${d('a').slice(7)}.sig`;
  const things = [image('a', 9, 'v1'), image('signature', 9, signature)];
  expect(reasonsOf(things, ruled(things, {}, { protected: new Map([[signature, 'kept for audits']]) }))).toEqual({
    v1: 'rule-matched',
    [signature]: 'protected',
    '@a': 'rule-matched',
    '@signature': 'has-tags',
  });
});

test('an image whose one tag says that it signs itself stays: no rule owns it', () => {
  const things = [image('a', 90, `sha256-${d('a').slice(7)}.sig`)];
  expect(reasonsOf(things, ruled(things, {}))).toMatchObject({ '@a': 'has-tags' });
});

describe('calendar counts', () => {
  /** Times around year ends, in leap years, in years with 53 weeks, and anywhere. */
  const time = fc.oneof(
    fc.date({ min: new Date('2015-01-01'), max: new Date(NOW), noInvalidDate: true }),
    fc
      .tuple(fc.integer({ min: 2015, max: 2025 }), fc.integer({ min: -6 * 24, max: 6 * 24 }))
      .map(([year, hours]) => new Date(Date.UTC(year + 1, 0, 1) + hours * 3_600_000)),
  );

  test('agree with one that counts each period by itself', () => {
    const some = fc.array(time, { minLength: 1, maxLength: 40 });
    const count = fc.option(fc.integer({ min: 1, max: 12 }), { nil: undefined });
    const counts = fc.record({ daily: count, weekly: count, monthly: count, yearly: count });
    fc.assert(
      fc.property(some, counts, (times, wanted) => {
        const things = times.map((at, n) =>
          image(`image ${n}`, (NOW - at.getTime()) / DAY, `t${String(n).padStart(2, '0')}`),
        );
        const keep = Object.fromEntries(Object.entries(wanted).filter(([, most]) => most !== undefined)) as Counts;
        const reasons = reasonsOf(things, ruled(things, { keep }));
        const kept = Object.keys(reasons)
          .filter((name) => name.startsWith('t') && reasons[name] !== 'rule-matched')
          .toSorted();
        expect(kept).toEqual(naively(times, wanted));
      }),
      { numRuns: 300 },
    );
  });

  /** Periods as lists of moments: a period begins at its first moment, and ends where the next one begins. */
  function naively(times: readonly Date[], wanted: Readonly<Record<string, number | undefined>>): readonly string[] {
    const kept = new Set<number>();
    for (const [unit, most] of Object.entries(wanted)) {
      const begins = [...new Set(times.map((at) => beginOf(unit, at)))].sort((a, b) => b - a);
      for (const begin of begins.slice(0, most ?? 0)) {
        const own = times.flatMap((at, n) => (beginOf(unit, at) === begin ? [{ at: at.getTime(), n }] : []));
        const newest = own.reduce((a, b) => (b.at > a.at ? b : a));
        kept.add(newest.n);
      }
    }
    return times.flatMap((_, n) => (kept.has(n) ? [`t${String(n).padStart(2, '0')}`] : []));
  }

  function beginOf(unit: string, at: Date): number {
    const [year, month, day] = [at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate()];
    if (unit === 'yearly') return Date.UTC(year, 0, 1);
    if (unit === 'monthly') return Date.UTC(year, month, 1);
    let begin = Date.UTC(year, month, day);
    // Weeks begin on Mondays.
    while (unit === 'weekly' && new Date(begin).getUTCDay() !== 1) begin -= DAY;
    return begin;
  }

  test.each([
    ['2020-12-31', '2020-W53'],
    ['2021-01-03', '2020-W53'],
    ['2021-01-04', '2021-W01'],
    ['2024-12-30', '2025-W01'],
    ['2026-11-24', '2026-W48'],
  ])('the week of %s is %s', (day, week) => {
    expect(isoWeekOf(`${day}T12:00:00Z`)).toBe(week);
  });
});
