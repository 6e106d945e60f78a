import fc from 'fast-check';
import { expect, test } from 'vitest';
import { retentionOf } from '../../src/engine/retention.ts';
import { forecast } from '../../src/planner/forecast.ts';
import { chooseByRules } from '../../src/planner/retention.ts';
import { atOnce } from '../../src/planner/slices.ts';
import type { Rule } from '../../src/planner/types.ts';
import { parsePolicyFile } from '../../src/policy/file/parse.ts';
import { type Instant, toInstant } from '../../src/registry/time.ts';
import type { TagRecord } from '../../src/registry/types.ts';
import { matchHere } from '../support/match.ts';

const NOW = new Date('2026-11-24T00:00:00Z');
const HOUR = 3_600_000;
const numRuns = Number(process.env['FC_RUNS'] ?? 200);

const retentionAt = async (policy: object, tags: readonly TagRecord[], now: Date) =>
  (await retentionOf(parsePolicyFile(JSON.stringify(policy)), { repository: 'app', tags, now, match: matchHere }))
    .retention;

const about = { includeLocked: false } as Rule;

/** Why a tag stays in a run at that time; `matched-and-expired`: it goes. */
async function reasonAt(
  name: string,
  policy: object,
  tags: readonly TagRecord[],
  now: Date,
): Promise<string | undefined> {
  const choices = atOnce(chooseByRules(tags, await retentionAt(policy, tags, now), about));
  return choices.find(({ tag }) => tag.name === name)?.reason;
}

const foreseen = async (name: string, policy: object, tags: readonly TagRecord[]) =>
  forecast(name, tags, await retentionAt(policy, tags, NOW), { ...about, now: NOW });

/** Registries give times with more digits than a Date has. */
const tagOf = (name: string, hours: number, digits = '0', more: Partial<TagRecord> = {}): TagRecord => ({
  name,
  digest: `sha256:${name}`,
  lastUpdated: toInstant(new Date(NOW.getTime() - hours * HOUR)).replace(/0Z$/, `${digits}Z`) as Instant,
  locked: false,
  ...more,
});

const tags: fc.Arbitrary<readonly TagRecord[]> = fc.uniqueArray(
  fc
    .record({
      name: fc.stringMatching(/^(?:v1\.[0-2]\.[0-9]|dev-[0-9]|sha256-[0-9a]{64}\.sig|other)$/),
      hours: fc.integer({ min: 0, max: 24 * 60 }),
      digits: fc.constantFrom('0', '1', '9'),
      locked: fc.boolean().map((yes) => (yes ? { locked: true } : {})),
      time: fc.constantFrom({}, {}, {}, { lastUpdated: undefined }),
    })
    .map(({ name, hours, digits, locked, time }) => tagOf(name, hours, digits, { ...locked, ...time })),
  { selector: ({ name }) => name, maxLength: 12 },
);

const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const few = fc.integer({ min: 1, max: 3 });
const rule = fc.record({
  tags: fc.constantFrom<unknown>(['dev-*'], { semver: '>=1.0.0' }, { regex: '^v' }, ['*']),
  keep: fc.record({
    newest: maybe(few),
    daily: maybe(few),
    weekly: maybe(few),
    within: maybe(fc.constantFrom('1d', '20d')),
  }),
  olderThan: fc.constantFrom('0d', '7d', '45d'),
  onlyIfMoreThan: maybe(few),
});
const policy = fc
  .record({
    rules: fc.array(rule, { minLength: 1, maxLength: 2 }),
    protect: fc.constantFrom([], [{ tags: ['dev-1', 'v1.0.*'] }]),
  })
  .map(({ rules, protect }) => ({
    version: 1,
    ...(protect.length > 0 && { protect }),
    rules: rules.map(({ keep, ...rest }, n) => ({
      name: `rule ${n}`,
      ...rest,
      ...(Object.values(keep).some((one) => one !== undefined) && { keep }),
    })),
  }));

test('a tag that is said to go at a time goes in a run at that time, and not before; any other one stays', async () => {
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(tags, policy, async (some, written) => {
      const later = new Date('2076-11-24T00:00:00Z');
      for (const { name } of some) {
        const { never, counts, onlyIfMore, from } = await foreseen(name, written, some);
        const reason = (at: Date) => reasonAt(name, written, some, at);
        if (name.startsWith('sha256-') && never?.startsWith('it belongs to')) continue;
        if (never !== undefined || counts.length > 0 || onlyIfMore) {
          seen.add(never === undefined ? 'counted' : 'never');
          expect(await reason(later)).not.toBe('matched-and-expired');
        } else if (from && from > NOW) {
          seen.add('later');
          expect(await reason(new Date(from.getTime() - 1))).not.toBe('matched-and-expired');
          expect(await reason(from)).toBe('matched-and-expired');
        } else {
          seen.add('now');
          expect(await reason(NOW)).toBe('matched-and-expired');
        }
      }
    }),
    { numRuns },
  );
  expect([...seen].sort()).toEqual(['counted', 'later', 'never', 'now']);
});

test('what a count keeps goes once as many newer ones are there as it says, and not with one less', async () => {
  const written = {
    version: 1,
    rules: [{ name: 'releases', tags: { semver: '>=1.0.0' }, keep: { newest: 3, per: 'minor' } }],
  };
  const some = [tagOf('v1.4.0', 30), tagOf('v1.4.1', 20), tagOf('v1.5.0', 10)];
  const { rule: owner, counts, from } = await foreseen('v1.4.0', written, some);
  expect({ owner, from }).toEqual({ owner: 'releases', from: undefined });
  expect(counts).toEqual([
    { reason: 'kept-newest', place: 2, most: 3, unit: 'newest', group: 'minor 1.4', isOpen: false },
  ]);
  const pushed = [...some, tagOf('v1.4.2', 1), tagOf('v1.5.1', 1)];
  expect(await reasonAt('v1.4.0', written, pushed, NOW)).toBe('kept-newest');
  expect(await reasonAt('v1.4.0', written, [...pushed, tagOf('v1.4.3', 1)], NOW)).toBe('matched-and-expired');
});

test('each count that keeps a tag is named, and whether its period may still get a newer one', async () => {
  const written = {
    version: 1,
    rules: [{ name: 'nightlies', keep: { newest: 1, daily: 2, monthly: 3 }, olderThan: '30d' }],
  };
  const some = [tagOf('today', -1), tagOf('yesterday', 10), tagOf('old', 24 * 40)];
  expect((await foreseen('today', written, some)).counts.map(({ unit, isOpen }) => [unit, isOpen])).toEqual([
    ['newest', false],
    ['days', true],
    ['months', true],
  ]);
  expect((await foreseen('yesterday', written, some)).counts).toMatchObject([
    { unit: 'days', place: 2, isOpen: false },
  ]);
  expect((await foreseen('old', written, some)).counts).toMatchObject([
    { unit: 'months', place: 2, period: '2026-10' },
  ]);
});
