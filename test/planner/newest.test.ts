import { describe, expect, test } from 'vitest';
import { d, decisionOn, planOf, type Thing } from './plan-of.ts';

describe('--keep among the manifests without a tag, where one of them cannot be read', () => {
  // The newest first: `acr purge` counts no referrer, so it keeps the first and the last of these.
  const things: readonly Thing[] = [
    { name: 'newest', days: 31 },
    { name: 'unread', days: 45, subject: 'newest' },
    { name: 'last', days: 49 },
  ];
  const without = (state: Thing['state']) =>
    things.map((thing) => (thing.name === 'unread' && state ? { ...thing, state } : thing));
  const about = { keep: 2 };

  test('one that can be read, and refers to another, is not counted', () => {
    expect(planOf(things, about).decisions.filter(({ action }) => action === 'delete')).toEqual([]);
  });

  test.each([
    ['unreadable', /^is among the newest 2 \(--keep 2\) if one is not counted .* cannot be read: 403 DENIED$/],
    ['missing', /cannot be read: the registry lists it and does not find it$/],
  ] as const)('one that is %s is not counted either, and that is said', (state, detail) => {
    const planned = planOf(without(state), about);
    expect(decisionOn(planned, 'last')).toMatchObject({
      action: 'keep',
      reason: 'unreadable',
      detail: expect.stringMatching(detail) as string,
      beyondAcrPurge: true,
    });
    expect(decisionOn(planned, 'newest')).toMatchObject({ action: 'keep', reason: 'newest-kept' });
  });

  test('what is older than the newest without it is deleted', () => {
    const planned = planOf([...without('unreadable'), { name: 'older', days: 50 }], about);
    expect(decisionOn(planned, 'last')).toMatchObject({ action: 'keep', reason: 'unreadable' });
    expect(decisionOn(planned, 'older')).toMatchObject({ action: 'delete' });
  });

  test('one that is older than the newest makes no difference', () => {
    const planned = planOf(without('unreadable'), { keep: 1 });
    expect(decisionOn(planned, 'newest')).toMatchObject({ reason: 'newest-kept' });
    expect(decisionOn(planned, 'last')).toMatchObject({ action: 'delete' });
  });
});

test('--keep counts what it counted when the plan was made that is applied: a manifest whose tag is kept after all', () => {
  const things: readonly Thing[] = [
    { name: 'image', days: 1 },
    { name: 'new', days: 31, tags: ['dev-new'] },
    // `acr purge` deletes its tag, and then it is the newest without one.
    { name: 'signature', days: 32, tags: [`${d('image').replace(':', '-')}.sig`] },
    { name: 'old', days: 33, tags: ['dev-old'] },
  ];
  const keep = 1;
  expect(decisionOn(planOf(things, { keep }), 'old')).toMatchObject({ action: 'delete' });
  const only = {
    tags: new Map([['dev-old', { digest: d('old'), locked: false }]]),
    manifests: new Map([[d('old'), { locked: false }]]),
  };
  expect(decisionOn(planOf(things, { keep, only }), 'old')).toMatchObject({ action: 'delete' });
  // Without it, or where it is older, the other one is the newest.
  for (const others of [
    things.filter(({ name }) => name !== 'signature'),
    things.map((one) => (one.name === 'signature' ? { ...one, days: 34 } : one)),
  ])
    expect(decisionOn(planOf(others, { keep, only }), 'old')).toMatchObject({ action: 'keep', reason: 'newest-kept' });
});
