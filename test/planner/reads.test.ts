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
