import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openIn } from '../../src/engine/merge.ts';
import type { Decision } from '../../src/planner/decision.ts';
import type { Approved } from '../../src/planner/types.ts';
import { d, planOf, type Thing } from './plan-of.ts';

const RUNS = Number(process.env['FC_RUNS'] ?? 400);

/*
 * A run that resumes, and the application of a plan, plan again what is left. Where nothing but the plan has changed the
 * registry, that comes to the same.
 */

/** What a plan that is carried out may delete. */
function approvedIn(decisions: readonly Decision[]): Approved {
  const tags = new Map<string, { readonly digest: string | undefined; readonly locked: boolean }>();
  const manifests = new Map<string, { readonly locked: boolean }>();
  for (const { kind, tag = '', digest, locked = false } of openIn(decisions).values()) {
    if (kind === 'tag') tags.set(tag, { digest, locked });
    else manifests.set(digest ?? '', { locked });
  }
  return { tags, manifests };
}

const nameOf = (tag: string | { readonly name: string }): string => (typeof tag === 'string' ? tag : tag.name);
const isDeleted = ({ action }: Decision): boolean => action === 'delete';
const keyOf = ({ kind, tag, digest }: Decision): string => `${kind} ${(kind === 'tag' ? tag : digest) ?? ''}`;

/** What is there once so many manifests of a plan are deleted, each index before what it needs; and then its tags. */
function carriedOut(things: readonly Thing[], decisions: readonly Decision[], count: number): readonly Thing[] {
  const digests = new Set(
    decisions.filter((one) => isDeleted(one) && one.kind === 'manifest').map((one) => one.digest),
  );
  const tags = new Set(decisions.filter(isDeleted).map(({ tag }) => tag));
  let left = count;
  let there = things;
  for (; left > 0; left -= 1) {
    const next = there.find(
      ({ name, subject = '' }) =>
        digests.has(d(name)) &&
        !there.some((one) => one.name === subject || (one.children?.includes(name) && digests.has(d(one.name)))),
    );
    if (!next) break;
    const gone = new Set([next.name]);
    // The registry deletes along what refers to it.
    for (const { name, subject = '' } of [...there, ...there]) if (gone.has(subject)) gone.add(name);
    there = there.filter(({ name }) => !gone.has(name));
  }
  const isOver = left > 0;
  return there.map((one) =>
    isOver ? { ...one, tags: (one.tags ?? []).filter((tag) => !tags.has(nameOf(tag))) } : one,
  );
}

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f'];

const thing = (name: string, index: number): fc.Arbitrary<Thing> => {
  const before = fc.constantFrom(...NAMES.slice(0, Math.max(index, 1)));
  return fc
    .record({
      // What was tagged at one time is not of the same time.
      days: fc.integer({ min: 28, max: 60 }).map((days) => days + index / 10),
      children: fc.option(fc.array(before, { maxLength: 2 }), { freq: 1 }),
      subject: fc.option(before, { freq: 1 }),
      tags: fc.array(
        fc.oneof(
          fc.constantFrom(`dev-${name}`, `v-${name}`),
          fc
            .tuple(fc.constantFrom(...NAMES), fc.constantFrom('sig', 'att'))
            .map(([of, kind]) => `${d(of).replace(':', '-')}.${kind}`),
        ),
        { maxLength: 2 },
      ),
      locked: fc.boolean().map((isLocked) => isLocked && index % 3 === 0),
    })
    .map(({ days, children, subject, tags, locked }) => ({
      name,
      days,
      locked,
      tags: [...new Set(tags)],
      ...(children && index > 0 && { children: [...new Set(children)] }),
      ...(subject !== null && index > 0 && index % 2 === 0 && { subject }),
    }));
};

const repository = fc.tuple(...NAMES.map(thing)).map((things) => {
  const tags = new Set<string>();
  // A tag is on one manifest.
  const own = (name: string): boolean => !tags.has(name) && tags.add(name).size > 0;
  return things.map((one): Thing => ({ ...one, tags: (one.tags ?? []).filter((tag) => own(nameOf(tag))) }));
});

test('what is left of a plan is deleted where nothing but the plan has changed the registry', () => {
  fc.assert(
    fc.property(repository, fc.nat(3), fc.nat(8), (things, keep, count) => {
      const { decisions } = planOf(things, { keep });
      const there = carriedOut(things, decisions, count);
      const gone = things.filter(({ name }) => !there.some((one) => one.name === name));
      const left = new Set(
        there.flatMap(({ name, tags = [] }) => [`manifest ${d(name)}`, ...tags.map((tag) => `tag ${nameOf(tag)}`)]),
      );
      const wanted = decisions
        .filter(isDeleted)
        .map(keyOf)
        .filter((key) => left.has(key));
      const again = planOf(there, { keep, only: approvedIn(decisions) }, { gone });
      expect(again.decisions.filter(isDeleted).map(keyOf).sort()).toEqual(wanted.sort());
    }),
    { numRuns: RUNS },
  );
});
