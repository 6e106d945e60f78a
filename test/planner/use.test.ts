import { describe, expect, test } from 'vitest';
import type { Evidence, Protection } from '../../src/planner/types.ts';
import { d, decisionOn, planOf, type Thing } from './plan-of.ts';

const RUNS: Protection = { reason: 'in-use', detail: 'runs in kube prod, namespace shop, deployment api' };
const NONE: Evidence = { tags: new Map(), digests: new Map(), configs: new Map() };

const byTag = (tag: string): Evidence => ({ ...NONE, tags: new Map([[tag, RUNS]]) });
const byDigest = (name: string): Evidence => ({ ...NONE, digests: new Map([[d(name), RUNS]]) });
const byConfig = (name: string): Evidence => ({ ...NONE, configs: new Map([[d(name), RUNS]]) });

/** A multi-arch image and a single one, all old enough. */
const THINGS: readonly Thing[] = [
  { name: 'amd', config: 'amd config' },
  { name: 'arm', config: 'arm config' },
  { name: 'index', children: ['amd', 'arm'], tags: ['dev-1', 'dev-latest'] },
  { name: 'single', tags: ['dev-2'], config: 'single config' },
  { name: 'signature', subject: 'amd' },
];

const kept = (things: readonly Thing[], evidence: Evidence, untagged = true): readonly string[] => {
  const planned = planOf(things, { untagged }, { evidence });
  return planned.decisions
    .filter(({ action }) => action === 'keep')
    .map(({ kind, tag, digest }) => (kind === 'tag' ? `:${tag ?? ''}` : nameOf(things, digest)))
    .toSorted();
};
const nameOf = (things: readonly Thing[], digest: string | undefined): string =>
  things.find(({ name }) => d(name) === digest)?.name ?? digest ?? '';

const WHOLE = [':dev-1', ':dev-latest', 'amd', 'arm', 'index', 'signature'];

describe('what is in use is kept, with its index, the tags of that, its other platforms and its referrers', () => {
  test.each([
    ['by a tag', byTag('dev-1')],
    ['by the digest of the index', byDigest('index')],
    ['by the digest of a platform', byDigest('arm')],
    ['by the configuration of a platform', byConfig('amd config')],
  ])('%s', (_, evidence) => {
    expect(kept(THINGS, evidence)).toEqual(WHOLE);
  });

  test.each([
    ['by a tag', byTag('dev-1')],
    ['by the digest of the index', byDigest('index')],
    ['by the digest of a platform', byDigest('arm')],
    ['by the configuration of a platform', byConfig('amd config')],
  ])('%s, where only tags are deleted', (_, evidence) => {
    expect(kept(THINGS, evidence, false)).toEqual([':dev-1', ':dev-latest']);
  });

  test('by a tag on a platform', () => {
    const things = THINGS.map((thing) => (thing.name === 'arm' ? { ...thing, tags: ['dev-arm'] } : thing));
    expect(kept(things, byTag('dev-arm'))).toEqual([...WHOLE, ':dev-arm'].toSorted());
    expect(kept(things, byTag('dev-arm'), false)).toEqual([':dev-1', ':dev-arm', ':dev-latest']);
  });

  test('by the digest of a platform that is not listed, because it is hidden', () => {
    const things = THINGS.filter(({ name }) => name !== 'arm');
    expect(kept(things, byDigest('arm'))).toEqual(WHOLE.filter((one) => one !== 'arm'));
  });

  test('by the digest of an index that is hidden, and attached to another image', () => {
    const things: readonly Thing[] = [
      { name: 'amd' },
      { name: 'subject', tags: ['dev-2'] },
      { name: 'other', tags: ['dev-3'] },
      { name: 'index', children: ['amd'], subject: 'subject', hidden: true },
    ];
    expect(kept(things, byDigest('index'))).toEqual(['amd', 'subject']);
  });

  test('in an index over an index', () => {
    const things: readonly Thing[] = [...THINGS, { name: 'outer', children: ['index'], tags: ['dev-all'] }];
    expect(kept(things, byDigest('arm'))).toEqual([...WHOLE, ':dev-all', 'outer'].toSorted());
    expect(kept(things, byDigest('arm'), false)).toEqual([':dev-1', ':dev-all', ':dev-latest']);
  });

  test('an index that was pulled keeps the parts of its parts, also where one of these is kept for another pull', () => {
    const pulled: Protection = { reason: 'pulled-recently', detail: 'pulled an hour ago' };
    const things: readonly Thing[] = [
      ...THINGS.map((thing): Thing => (thing.name === 'arm' ? { ...thing, tags: ['dev-arm'] } : thing)),
      { name: 'outer', children: ['index'], tags: ['dev-all'] },
    ];
    const evidence = { ...NONE, tags: new Map([['dev-all', pulled]]), digests: new Map([[d('amd'), pulled]]) };
    expect(kept(things, evidence, false)).toEqual([':dev-1', ':dev-all', ':dev-arm', ':dev-latest']);
  });

  test('without evidence of it, all goes', () => {
    expect(kept(THINGS, NONE)).toEqual([]);
    expect(kept(THINGS, byDigest('elsewhere'))).toEqual([]);
    expect(kept(THINGS, byConfig('elsewhere'))).toEqual([]);
  });
});

test('the decision says where, and that acr purge would have deleted it', () => {
  const planned = planOf(THINGS, {}, { evidence: byDigest('arm') });
  expect(decisionOn(planned, 'arm')).toMatchObject({
    action: 'keep',
    reason: 'in-use',
    detail: RUNS.detail,
    beyondAcrPurge: true,
  });
  expect(decisionOn(planned, 'index')).toMatchObject({
    reason: 'in-use',
    detail: `its part ${d('arm')}: ${RUNS.detail}`,
  });
  expect(decisionOn(planned, 'dev-1')).toMatchObject({ action: 'keep', reason: 'in-use', beyondAcrPurge: true });
});

describe('where it is not known what is in use', () => {
  const everything: Protection = { reason: 'in-use-unknown', detail: 'kube prod did not answer: 503' };

  test.each([true, false])('nothing is deleted, and nothing is read for it (--untagged: %s)', (untagged) => {
    const planned = planOf(THINGS, { untagged }, { evidence: { ...NONE, everything } });
    expect(planned.decisions.filter(({ action }) => action === 'delete')).toEqual([]);
    expect(decisionOn(planned, 'dev-1')).toMatchObject({ ...everything, beyondAcrPurge: true });
  });

  test('a tag of an index that cannot be read is kept', () => {
    const things = THINGS.map((thing): Thing => (thing.name === 'index' ? { ...thing, state: 'unreadable' } : thing));
    const planned = planOf(things, { untagged: false }, { evidence: byDigest('arm') });
    expect(decisionOn(planned, 'dev-1')).toMatchObject({ action: 'keep', reason: 'in-use-unknown' });
    expect(decisionOn(planned, 'dev-2')).toMatchObject({ action: 'delete' });
  });

  test('so is an image whose configuration cannot be read, where only that is known of what runs', () => {
    const things: readonly Thing[] = [{ name: 'single', tags: ['dev-2'], state: 'unreadable' }];
    const planned = planOf(things, { untagged: false }, { evidence: byConfig('any config') });
    expect(decisionOn(planned, 'dev-2')).toMatchObject({ action: 'keep', reason: 'in-use-unknown' });
  });
});

test('what is in use by a tag that is kept keeps the index over it, and the tags of that', () => {
  const things: readonly Thing[] = [
    { name: 'amd', tags: ['v1-amd'] },
    { name: 'index', children: ['amd'], tags: ['dev-1'] },
  ];
  expect(kept(things, byTag('v1-amd'))).toEqual([':dev-1', 'amd', 'index']);
});
