import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ImageFindings } from '../../src/evidence/findings.ts';
import type { Owned, Retention } from '../../src/planner/retention.ts';
import type { Evidence, Rule } from '../../src/planner/types.ts';
import { toInstant } from '../../src/registry/time.ts';
import { d, planOf, type Thing } from './plan-of.ts';

/* Findings keep nothing and delete nothing by themselves, in the planner alone. */

const numRuns = Number(process.env['FC_RUNS'] ?? 300);
const NAMES = ['a', 'b', 'c', 'e', 'f', 'g'];

const thing = (name: string, place: number): fc.Arbitrary<Thing> =>
  fc
    .record({
      days: fc.constantFrom(1, 10, 40, 90),
      tags: fc.subarray([`dev-${name}`, `v-${name}`, `${d(NAMES[0] ?? '').replace(':', '-')}.${name}`], {
        maxLength: 2,
      }),
      children: fc.option(fc.subarray(NAMES.slice(0, place)), { nil: undefined }),
      subject: fc.option(fc.constantFrom(...NAMES.slice(0, Math.max(1, place))), { nil: undefined, freq: 4 }),
      locked: fc.constantFrom(false, false, false, true),
      state: fc.constantFrom(undefined, undefined, undefined, 'missing', 'unreadable'),
      hidden: fc.constantFrom(false, false, false, true),
    })
    .map(({ children, subject, state, ...about }) => ({
      name,
      ...about,
      ...(children && { children }),
      ...(subject !== undefined && subject !== name && { subject }),
      ...(state && { state }),
    }));

const things = fc.tuple(...NAMES.map(thing));

const found = fc.dictionary(
  fc.constantFrom(...NAMES),
  fc.constantFrom<ImageFindings>(
    {},
    { scan: { by: 'grype', bySeverity: { critical: 9 }, fixable: { critical: 9 }, ids: [] } },
    { scan: { by: 'defender', bySeverity: {}, fixable: {}, ids: [] } },
    { endOfLife: '2020-01-01' },
  ),
);

const evidence = fc.constantFrom<Evidence | undefined>(undefined, {
  tags: new Map(),
  digests: new Map([[d('a'), { reason: 'in-use', detail: 'runs' }]]),
  configs: new Map(),
  isUseKnown: true,
});

const cutOff = toInstant(new Date('2026-11-19T00:00:00Z'));

/** A rule that owns what begins with dev; and what has no tag, or not. */
function ruled(all: readonly Thing[], withUntagged: boolean): Retention {
  const names = all.flatMap(({ tags = [] }) => tags.map((tag) => (typeof tag === 'string' ? tag : tag.name)));
  const owned = names.flatMap((name): readonly (readonly [string, Owned])[] =>
    name.startsWith('dev-') ? [[name, { rule: 0, group: '' }]] : [],
  );
  return {
    rules: [{ name: 'dev', keep: {}, olderThan: { text: '5d', cutOff } }],
    owned: new Map(owned),
    protected: new Map(),
    pulledTags: new Map(),
    ...(withUntagged && { untagged: { newest: 1, keepsReferenced: false, deletesOrphans: true } }),
  };
}

test('a plan without such a rule is the same with findings, and asks for the same', () => {
  fc.assert(
    fc.property(things, found, evidence, fc.constantFrom('flags', 'rules', 'untagged'), (all, findings, used, by) => {
      const rule: Partial<Rule> =
        by === 'flags' ? {} : { matches: undefined, retention: ruled(all, by === 'untagged') };
      const besides = used ? { evidence: used } : {};
      expect(planOf(all, rule, { ...besides, findings })).toEqual(planOf(all, rule, besides));
    }),
    { numRuns },
  );
});

test('a rule that asks for findings deletes no more than the same rule that does not', () => {
  fc.assert(
    fc.property(things, found, evidence, fc.boolean(), (all, findings, used, isAsked) => {
      const retention = ruled(all, false);
      const [own] = retention.rules;
      const asking: Retention = {
        ...retention,
        rules: own ? [{ ...own, findings: { severities: ['critical'], fixable: true } }] : [],
      };
      const besides = used ? { evidence: used } : {};
      const deletedBy = (by: Retention): readonly string[] =>
        planOf(
          all,
          { matches: undefined, retention: by },
          { ...besides, ...(isAsked && { findings }) },
        ).decisions.flatMap(({ action, tag, digest }) => (action === 'delete' ? [tag ?? digest ?? ''] : []));
      const deleted = deletedBy(asking);
      expect(deletedBy(retention)).toEqual(expect.arrayContaining([...deleted]));
      if (!used || !isAsked) expect(deleted).toEqual([]);
    }),
    { numRuns },
  );
});
