import { describe, expect, test } from 'vitest';
import { keptByTries, type Tried, type Waiting } from '../../src/engine/tried.ts';
import type { TriedPull } from '../../src/evidence/pulls.ts';
import { d, planOf, type Thing } from '../planner/plan-of.ts';

const NOW = Date.parse('2026-11-30T12:00:00Z');
const IMAGE = `sha256:${'a'.repeat(64)}`;
const CHILD = `sha256:${'b'.repeat(64)}`;
const OTHER = `sha256:${'c'.repeat(64)}`;

const waiting = (more: Partial<Waiting> = {}): Waiting => ({
  kind: 'manifest',
  digest: IMAGE,
  tags: ['v1'],
  since: '2026-11-20T01:00:00.000Z',
  until: '2026-12-04T01:00:00.000Z',
  root: IMAGE,
  ...more,
});
const pull = (more: Partial<TriedPull> = {}): TriedPull => ({
  repository: 'app',
  first: '2026-11-28T08:00:00.000Z',
  last: '2026-11-29T12:00:00.000Z',
  times: 3,
  client: 'containerd/v1.7.2',
  answer: '405',
  ...more,
});
type Unknown = Partial<Omit<Tried, 'covers'>> & { readonly covers?: Tried['covers'] | null };

const log = (tried: readonly TriedPull[], more: Partial<Tried> = {}): Tried => ({
  complete: true,
  problems: [],
  covers: { since: '2026-11-20T01:00:00.000Z', until: '2026-11-30T11:00:00.000Z' },
  lastEvent: '2026-11-30T11:00:00.000Z',
  tried,
  ...more,
});

describe('what was asked for while it was in quarantine', () => {
  test('is kept, and it is said how often, when last, by what, and what the answer was', () => {
    const { digests } = keptByTries([waiting()], log([pull({ digest: IMAGE })]), NOW);
    expect(digests.get(IMAGE)).toEqual({
      reason: 'in-use',
      detail:
        'asked for 3 times since it came into quarantine (2026-11-20), last 24 hours ago (2026-11-29) by containerd/v1.7.2, and answered with 405',
    });
  });

  test.each([
    ['by its digest', { digest: IMAGE }, true],
    ['by a tag that was on it, without a digest', { tag: 'v1' }, true],
    ['by a tag and its digest', { tag: 'new', digest: IMAGE }, true],
    ['with success: an attribute may reach a replica late', { digest: IMAGE, answer: '200' }, true],
    ['without an answer that is known', { digest: IMAGE, answer: undefined }, true],
    ['before it came into quarantine', { digest: IMAGE, last: '2026-11-20T00:59:59.999Z' }, false],
    ['by a tag that names another image by now', { tag: 'v1', digest: OTHER }, false],
    ['by another tag, without a digest', { tag: 'v2' }, false],
    ['by the digest of another image', { digest: OTHER }, false],
  ] as const)('%s', (_, more, isKept) => {
    const { answer, ...rest } = { ...pull(), ...more };
    const tried = { ...rest, ...(answer !== undefined && { answer }) };
    expect(keptByTries([waiting()], log([tried]), NOW).digests.has(IMAGE)).toBe(isKept);
  });

  test('is kept as a tag where only the tag is in quarantine, and only for who asked for the tag', () => {
    const tag = waiting({ kind: 'tag', tag: 'v1', tags: [] });
    const kept = (more: Partial<TriedPull>) => [...keptByTries([tag], log([pull(more)]), NOW).tags.keys()];
    expect(kept({ tag: 'v1' })).toEqual(['v1']);
    expect(kept({ tag: 'v1', digest: IMAGE })).toEqual(['v1']);
    expect(kept({ digest: IMAGE })).toEqual([]);
    expect(kept({ tag: 'v1', digest: OTHER })).toEqual([]);
    expect(kept({ tag: 'v2', digest: IMAGE })).toEqual([]);
  });

  test('is kept with all that belongs to it', () => {
    const all = [
      waiting(),
      waiting({ digest: CHILD, tags: [] }),
      waiting({ kind: 'tag', tag: 'sha256-aaaa.sig', digest: OTHER, tags: [] }),
      waiting({ digest: OTHER, root: OTHER, tags: [] }),
    ];
    const { tags, digests } = keptByTries(all, log([pull({ digest: CHILD, times: 1 })]), NOW);
    expect([...digests.keys()].toSorted()).toEqual([IMAGE, CHILD]);
    expect([...tags.keys()]).toEqual(['sha256-aaaa.sig']);
    expect(digests.get(IMAGE)?.detail).toBe(
      `it belongs together with ${CHILD}, which was asked for since it came into quarantine (2026-11-20), last 24 hours ago (2026-11-29) by containerd/v1.7.2, and answered with 405`,
    );
  });

  test('is not counted where the log counts from before that', () => {
    const tried = log([
      pull({ digest: IMAGE }),
      pull({ digest: IMAGE, answer: '200', first: '2026-11-01T00:00:00.000Z' }),
    ]);
    expect(keptByTries([waiting()], tried, NOW).digests.get(IMAGE)?.detail).toMatch(
      /^asked for since it came into quarantine \(2026-11-20\), last 24 hours ago/,
    );
  });
});

test('the planner keeps what was asked for, with its index, the tags of that and its other platforms, and nothing else', () => {
  const things: readonly Thing[] = [
    { name: 'amd' },
    { name: 'arm' },
    { name: 'index', children: ['amd', 'arm'], tags: ['dev-1'] },
    { name: 'signature', subject: 'index' },
    { name: 'other', tags: ['dev-2'] },
  ];
  const entry = (name: string, root: string, tags: readonly string[] = []): Waiting =>
    waiting({ digest: d(name), root: d(root), tags });
  const entries = [
    ...['amd', 'arm', 'signature'].map((name) => entry(name, 'index')),
    entry('index', 'index', ['dev-1']),
    entry('other', 'other', ['dev-2']),
  ];
  const kept = (more: Partial<TriedPull>) => {
    const evidence = { configs: new Map(), ...keptByTries(entries, log([pull(more)]), NOW) };
    const { decisions } = planOf(things, {}, { evidence });
    const keeps = decisions.filter(({ action }) => action === 'keep');
    expect(new Set(keeps.map(({ reason }) => reason))).toEqual(new Set(keeps.length > 0 ? ['in-use'] : []));
    const nameOf = (digest = '') => things.find(({ name }) => d(name) === digest)?.name ?? digest;
    return keeps.map(({ kind, tag, digest }) => (kind === 'tag' ? `:${tag ?? ''}` : nameOf(digest))).toSorted();
  };
  const whole = [':dev-1', 'amd', 'arm', 'index', 'signature'];
  expect(kept({ digest: d('arm') })).toEqual(whole);
  expect(kept({ tag: 'dev-1' })).toEqual(whole);
  expect(kept({ tag: 'dev-2' })).toEqual([':dev-2', 'other']);
  expect(kept({ tag: 'dev-3' })).toEqual([]);
});

describe('where it cannot be known that it was not asked for', () => {
  const reasonWith = ({ covers, ...more }: Unknown, one = waiting()) => {
    const { covers: known, ...whole } = log([]);
    const reach = covers === undefined ? known : covers;
    return keptByTries([one], { ...whole, ...more, ...(reach && { covers: reach }) }, NOW).digests.get(IMAGE)?.detail;
  };

  test.each([
    [
      'the log cannot be read',
      { complete: false, problems: ['Log Analytics answers 403'] },
      'the log of the registry could not be read completely: Log Analytics answers 403',
    ],
    ['the log has ended', { covers: null, lastEvent: '2026-11-22T00:00:00.000Z' }, 'no event since 2026-11-22T00:00Z'],
    [
      'the log has a gap',
      { covers: { since: '2026-11-25T00:00:00.000Z', until: '2026-11-30T11:00:00.000Z' } },
      'pulls are known since 2026-11-25T00:00Z only, which is less than its quarantine lasts',
    ],
  ] satisfies [string, Unknown, string][])('it may have been: %s', (_, more, why) => {
    expect(reasonWith(more)).toContain('it is in quarantine, and may have been asked for: ');
    expect(reasonWith(more)).toContain(why);
  });

  test('a gap counts no more once the log is known for as long as the quarantine lasts', () => {
    const covers = { since: '2026-11-25T00:00:00.000Z', until: '2026-11-30T11:00:00.000Z' };
    expect(reasonWith({ covers }, waiting({ until: '2026-11-25T01:00:00.000Z' }))).toBeUndefined();
    expect(reasonWith({})).toBeUndefined();
  });
});
