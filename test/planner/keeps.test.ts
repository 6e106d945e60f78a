import { describe, expect, test } from 'vitest';
import type { Keeps } from '../../src/planner/types.ts';
import { d, decisionOn, planOf, type Thing } from './plan-of.ts';

const keeps = (some: Partial<Keeps>): { readonly keeps: Keeps } => ({
  keeps: { protected: new Map(), atLeast: 0, groups: [], ...some },
});
const protectedBy = (...names: readonly string[]) =>
  keeps({ protected: new Map(names.map((name) => [name, `--protect app:${name} names it`])) });
const group = (...names: readonly string[]) => ({ selects: '"app:^dev-" matches', tags: new Set(names) });
const deletedIn = ({ decisions }: ReturnType<typeof planOf>) =>
  decisions.filter(({ action }) => action === 'delete').map(({ tag, digest }) => tag ?? digest);

describe.each([true, false])('with untagged: %s', (untagged) => {
  test('a protected tag stays, and with it all that its manifest needs', () => {
    const things: readonly Thing[] = [
      { name: 'index', tags: ['dev-1', 'dev-2'], children: ['part'] },
      { name: 'part' },
      { name: 'sbom', subject: 'index' },
      { name: 'signature', tags: [`${d('index').replace(':', '-')}.sig`] },
    ];
    expect(deletedIn(planOf(things, { untagged }))).toContain('dev-1');
    const planned = planOf(things, { untagged, ...protectedBy('dev-1') });
    expect(deletedIn(planned)).toEqual(['dev-2']);
    expect(decisionOn(planned, 'dev-1')).toMatchObject({
      action: 'keep',
      reason: 'protected',
      detail: expect.stringMatching(/matches .* and is old enough, but --protect app:dev-1 names it$/) as string,
      beyondAcrPurge: true,
    });
    if (untagged) expect(decisionOn(planned, 'index')).toMatchObject({ reason: 'has-tags', beyondAcrPurge: true });
  });

  test('the newest stay whatever their age; signature tags are not counted, and locked ones are; of one time it is the first by name', () => {
    const things: readonly Thing[] = [
      { name: 'signature', days: 31, tags: [`${d('a').replace(':', '-')}.sig`] },
      { name: 'locked', days: 32, tags: [{ name: 'dev-locked', days: 32, locked: true }] },
      { name: 'b', days: 33, tags: ['dev-b'] },
      { name: 'a', days: 33, tags: ['dev-a'] },
      { name: 'old', days: 34, tags: ['dev-old'] },
    ];
    const names = things.flatMap(({ tags = [] }) => tags.map((tag) => (typeof tag === 'string' ? tag : tag.name)));
    const planned = planOf(things, { untagged, ...keeps({ atLeast: 2, groups: [group(...names)] }) });
    expect(deletedIn(planned)).toEqual(expect.arrayContaining(['dev-b', 'dev-old']));
    expect(decisionOn(planned, 'dev-locked')).toMatchObject({ reason: 'locked' });
    expect(decisionOn(planned, 'dev-a')).toMatchObject({
      reason: 'kept-newest',
      detail: expect.stringContaining(
        'it is the 2nd of the 2 newest that "app:^dev-" matches (--keep-at-least 2)',
      ) as string,
      beyondAcrPurge: true,
    });
  });

  test('what is too young is counted: nothing old is kept for it', () => {
    const things: readonly Thing[] = [
      { name: 'young', days: 1, tags: ['dev-young'] },
      { name: 'old', days: 40, tags: ['dev-old'] },
    ];
    const about = keeps({ atLeast: 1, groups: [group('dev-young', 'dev-old')] });
    expect(deletedIn(planOf(things, { untagged, ...about }))).toContain('dev-old');
    expect(decisionOn(planOf(things, { untagged, ...about }), 'dev-young')).toMatchObject({ reason: 'too-young' });
  });

  test('each filter is counted by itself, and what is protected takes no place', () => {
    const things = ['dev-1', 'dev-2', 'pr-1', 'pr-2'].map((name, n): Thing => ({ name, days: 40 + n, tags: [name] }));
    const groups = [group('dev-1', 'dev-2'), group('pr-1', 'pr-2')];
    const each = planOf(things, { untagged, ...keeps({ atLeast: 1, groups }) });
    expect(deletedIn(each).filter((one) => one?.includes('-'))).toEqual(['dev-2', 'pr-2']);
    const both = keeps({ atLeast: 1, groups, protected: new Map([['dev-1', 'it is named']]) });
    expect(deletedIn(planOf(things, { untagged, ...both })).filter((one) => one?.includes('-'))).toEqual(['pr-2']);
  });

  test('of a plan that is applied they are kept for the same reason', () => {
    const things: readonly Thing[] = [
      { name: 'one', tags: ['dev-1'] },
      { name: 'two', tags: ['dev-2'] },
    ];
    const only = {
      tags: new Map([['dev-2', { digest: d('two'), locked: false }]]),
      manifests: new Map([[d('two'), { locked: false }]]),
    };
    const planned = planOf(things, { untagged, only, ...protectedBy('dev-1') });
    expect(decisionOn(planned, 'dev-1')).toMatchObject({ reason: 'protected' });
    expect(deletedIn(planned)).toContain('dev-2');
  });
});

test('of a repository that is protected as a whole nothing is deleted, what has no tag included', () => {
  const things: readonly Thing[] = [
    { name: 'none' },
    { name: 'index', tags: ['dev-1'], children: ['part'] },
    { name: 'part' },
  ];
  expect(deletedIn(planOf(things))).toHaveLength(4);
  const planned = planOf(things, keeps({ whole: '--protect app:* names all of the repository' }));
  expect(deletedIn(planned)).toEqual([]);
  expect(decisionOn(planned, 'none')).toMatchObject({ reason: 'protected', beyondAcrPurge: true });
  expect(decisionOn(planned, 'dev-1')).toMatchObject({ reason: 'protected', beyondAcrPurge: true });
});
