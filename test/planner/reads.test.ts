import { describe, expect, test } from 'vitest';
import { decisionOn, DOCKER, planOf } from './plan-of.ts';

describe('reads as little as it can', () => {
  test('no child of an index that is kept, no Docker image, nothing that is tagged and no index', () => {
    const things = [
      { name: 'i', tags: ['v1'], children: ['c'] },
      { name: 'c' },
      { name: 'docker', type: DOCKER },
      { name: 'tagged', tags: ['v2'], type: DOCKER },
    ];
    expect(planOf(things).read).toEqual(['i', 'c']);
    // The child is read only to learn whether it refers to what is deleted; where nothing is deleted it is not.
    expect(planOf(things.filter(({ name }) => name !== 'docker')).read).toEqual(['i']);
  });

  test('asks who refers to the few that are deleted, rather than reading the many that are kept', () => {
    const many = Array.from({ length: 20 }, (_, n) => ({ name: `kept ${n}`, tags: [`v${n}`] }));
    const few = planOf([...many, { name: 'a' }]);
    expect(few).toMatchObject({ read: ['a'], asked: ['a'] });
    expect(decisionOn(few, 'a')).toMatchObject({ action: 'delete' });
  });

  test('reads the many after all, where the registry cannot say who refers to the few', () => {
    const many = Array.from({ length: 20 }, (_, n) => ({ name: `kept ${n}`, tags: [`v${n}`] }));
    const about = { name: 'about', tags: ['v'], subject: 'b' };
    const one = planOf([...many, { name: 'a', isUnanswered: true }]);
    expect(one.read).toHaveLength(21);
    expect(decisionOn(one, 'a')).toMatchObject({ action: 'delete' });
    const two = planOf([...many, about, { name: 'a', isUnanswered: true }, { name: 'b' }]);
    expect(decisionOn(two, 'a')).toMatchObject({ action: 'delete' });
    expect(decisionOn(two, 'b')).toMatchObject({ action: 'keep', reason: 'subject-of-kept' });
  });

  test('reads the few that are kept, rather than asking for the many that are deleted', () => {
    const many = Array.from({ length: 20 }, (_, n) => ({ name: `gone ${n}`, type: DOCKER }));
    expect(planOf([...many, { name: 'kept', tags: ['v1'] }])).toMatchObject({ read: ['kept'], asked: [] });
  });

  test('no manifest at all where no manifest is deleted', () => {
    const { read, asked, decisions } = planOf([{ name: 'i', tags: ['v1', 'dev'], children: ['c'] }, { name: 'c' }], {
      untagged: false,
    });
    expect({ read, asked }).toEqual({ read: [], asked: [] });
    expect(decisions.map(({ kind }) => kind)).toEqual(['tag']);
  });
});

describe('a child of a kept index that no listing shows may be hidden, and refer to what is deleted', () => {
  const index = { name: 'i', days: 1, children: ['platform', 'sbom'] };
  const platform = { name: 'platform', type: DOCKER };
  const old = { name: 'old', type: DOCKER };
  const sbom = { name: 'sbom', subject: 'old', hidden: true };
  const detail = /^deleting it would also delete .*, which refers to it and is kept$/;
  const many = (count: number) => Array.from({ length: count }, (_, n) => `${n}`);

  test('it is read, and what it refers to is kept', () => {
    const planned = planOf([index, platform, old, sbom]);
    expect(planned).toMatchObject({ read: ['i', 'sbom'], asked: [] });
    expect(decisionOn(planned, 'old')).toMatchObject({
      action: 'keep',
      reason: 'subject-of-kept',
      detail: expect.stringMatching(detail) as string,
      beyondAcrPurge: true,
    });
  });

  test('also by way of others that are hidden, and where the index is nested', () => {
    const inner = { name: 'inner', children: ['sbom'], hidden: true };
    const about = { name: 'about', subject: 'old', hidden: true };
    const planned = planOf([
      { ...index, children: ['platform', 'inner'] },
      ...[platform, old, inner, about],
      { ...sbom, subject: 'about' },
    ]);
    expect(decisionOn(planned, 'old')).toMatchObject({ action: 'keep', reason: 'subject-of-kept' });
  });

  test('where fewer are deleted, the registry is asked what refers to those', () => {
    const gone = many(20).map((name) => `gone ${name}`);
    const planned = planOf([{ ...index, children: [...gone, 'sbom'] }, old, sbom, { name: 'other', type: DOCKER }]);
    expect(planned).toMatchObject({ read: ['i'], asked: ['old', 'other'] });
    expect(decisionOn(planned, 'old')).toMatchObject({ action: 'keep', reason: 'subject-of-kept' });
    expect(decisionOn(planned, 'other')).toMatchObject({ action: 'delete' });
  });

  test('also of what is deleted along: a referrer to which a hidden one refers is kept, and what it refers to', () => {
    const gone = many(20).map((name) => `gone ${name}`);
    const signature = { name: 'signature', subject: 'old' };
    const planned = planOf([
      { ...index, children: [...gone, 'sbom'] },
      old,
      signature,
      { ...sbom, subject: 'signature' },
    ]);
    expect(planned.asked.toSorted()).toEqual(['old', 'signature']);
    for (const name of ['old', 'signature']) expect(decisionOn(planned, name)).toMatchObject({ action: 'keep' });
  });

  test('one that is gone, or refers to nothing, keeps nothing', () => {
    for (const child of [{ state: 'missing' as const }, {}]) {
      const planned = planOf([index, platform, old, { name: 'sbom', hidden: true, ...child }]);
      expect(planned).toMatchObject({ read: ['i', 'sbom'], asked: [] });
      expect(decisionOn(planned, 'old')).toMatchObject({ action: 'delete' });
    }
  });

  test('also where the index is deleted as well: its deletion may fail, and it would be without its child', () => {
    const planned = planOf([{ ...index, days: 40 }, platform, old, sbom]);
    expect(planned).toMatchObject({ read: ['i', 'sbom'], asked: [] });
    expect(decisionOn(planned, 'i')).toMatchObject({ action: 'delete' });
    expect(decisionOn(planned, 'old')).toMatchObject({ action: 'keep', reason: 'subject-of-kept' });
  });

  test('nothing more is asked where nothing is deleted', () => {
    expect(planOf([index, platform])).toMatchObject({ read: ['i'], asked: [] });
  });

  test('a preview that would have to ask much says that this is checked before anything is deleted', () => {
    const things = [
      { ...index, children: many(100).map((name) => `gone ${name}`) },
      ...many(100).map((name) => ({ name, type: DOCKER })),
    ];
    expect(planOf(things).read).toHaveLength(101);
    const preview = planOf(things, { preview: true });
    expect(preview).toMatchObject({ read: ['i'], asked: [] });
    expect(decisionOn(preview, '1')?.detail).toContain('whether one of 100 images refers to it is checked before');
  });
});
