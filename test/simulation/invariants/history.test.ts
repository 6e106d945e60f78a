import fc from 'fast-check';
import { expect, test } from 'vitest';
import { newEmulator } from '../../../src/dev/emulator/emulator.ts';
import { digestOf, image } from '../../../src/dev/emulator/manifests.ts';
import type { Attributes, RegistryState } from '../../../src/dev/emulator/index.ts';
import { repository } from '../../support/random-registry.ts';
import { type AttributesChange, type Change, History, type What } from './history.ts';
import { BEGUN, begin, byOthers, old, one, remove, tagged, two, untag } from './one-change.ts';

/** What is done next, by numbers that point at what is there. */
const step = fc.record({
  kind: fc.constantFrom('push', 'tag', 'untag', 'remove', 'lock', 'lock tag', 'lock repository'),
  which: fc.nat(50),
  other: fc.nat(3),
});

const LOCKS: readonly Attributes[] = [{}, { deleteEnabled: false }, { writeEnabled: false }, { listEnabled: false }];

test('a history holds what the embedded registry holds, whatever is done there', () => {
  fc.assert(
    fc.property(repository, fc.array(step, { maxLength: 30 }), (app, steps) => {
      const { emulator } = newEmulator({ repositories: { app }, start: new Date(BEGUN) }, () => 'registry');
      const history = new History({ app }, BEGUN);
      steps.forEach(({ kind, which, other }, n) => {
        const what = done(emulator, kind, which, other);
        if (!what) return;
        // Ages are seconds before the beginning.
        history.record({ ...what, at: BEGUN + n, by: 'others', repository: 'app' });
      });
      expect(heldIn(history, BEGUN + steps.length)).toEqual(stateOf(emulator.repositories()));
    }),
    { numRuns: 300 },
  );
});

type Emulator = ReturnType<typeof newEmulator>['emulator'];

function done(emulator: Emulator, kind: string, which: number, other: number): What | undefined {
  const { app } = emulator.repositories();
  const pick = <T>(all: readonly T[]): T | undefined => all[which % Math.max(1, all.length)];
  const manifest = pick(app?.manifests ?? []);
  const tag = pick(app?.tags ?? []);
  const digest = manifest && digestOf(manifest.body);
  const attributes = LOCKS[other] ?? {};
  const whole = { deleteEnabled: true, writeEnabled: true, listEnabled: true, ...attributes };
  if (kind === 'push') {
    const built = pick([image('new'), image('newer'), { body: manifest?.body ?? image('new').body }]) ?? image('new');
    const what: What = { kind: 'push', digest: emulator.push('app', built.body), body: built.body };
    return what;
  }
  if (!app || digest === undefined) return undefined;
  if (kind === 'remove') {
    emulator.remove('app', digest);
    return { kind: 'delete-manifest', digest };
  }
  if (kind === 'tag') {
    const name = other === 0 ? (tag?.name ?? 'new') : `new-${other}`;
    emulator.tag('app', name, digest);
    return { kind: 'tag', tag: name, digest };
  }
  if (kind === 'lock' || kind === 'lock repository') {
    const reference = kind === 'lock' ? { digest } : {};
    emulator.lock('app', reference.digest, whole);
    return { kind: 'attributes', ...reference, attributes: whole };
  }
  if (!tag) return undefined;
  if (kind === 'untag') {
    emulator.untag('app', tag.name);
    return { kind: 'delete-tag', tag: tag.name };
  }
  emulator.lock('app', tag.name, whole);
  return { kind: 'attributes', tag: tag.name, attributes: whole };
}

/** What is there, in an order, with what is not allowed. */
function stateOf(state: RegistryState): unknown {
  return Object.entries(state).map(([name, { manifests, tags, locked }]) => ({
    name,
    attributes: denied(locked),
    manifests: manifests.map((one) => `${digestOf(one.body)} ${denied(one.locked)}`).sort(),
    tags: tags.map((tag) => `${tag.name} ${tag.digest} ${denied(tag.locked)}`).sort(),
  }));
}

function heldIn(history: History, time: number): unknown {
  const held = history.at(time, 'app');
  if (!held) return [];
  return [
    {
      name: 'app',
      attributes: denied(held.attributes),
      manifests: held.manifests.map(({ digest, attributes }) => `${digest} ${denied(attributes)}`).sort(),
      tags: held.tags.map(({ tag, digest, attributes }) => `${tag} ${digest} ${denied(attributes)}`).sort(),
    },
  ];
}

function denied(attributes: Attributes = {}): string {
  const names = Object.entries(attributes).filter(([, allowed]) => allowed === false);
  return names
    .map(([name]) => name)
    .sort()
    .join(' ');
}

test('a history tells what was at any time, and when it was updated', () => {
  const history = begin([old(one, 'dev-1'), old(two)]);
  const at = (seconds: number) => BEGUN + seconds * 1000;
  const changes: readonly Change[] = [
    byOthers(at(10), tagged('dev-1', two)),
    byOthers(at(20), tagged('dev-1', two)),
    byOthers(at(30), untag('dev-1')),
    byOthers(at(40), remove(one)),
    byOthers(at(50), remove(two)),
  ];
  for (const change of changes) history.record(change);
  const told = [0, 9.999, 10, 20, 30, 40, 50].map((seconds) => {
    const held = history.at(at(seconds), 'app');
    const tags = held?.tags.map(({ digest, updated = 0 }) => [digest === one.digest ? 1 : 2, (updated - BEGUN) / 1000]);
    return [seconds, held?.manifests.length, tags];
  });
  const age = -40 * 86_400;
  expect(told).toEqual([
    [0, 2, [[1, age]]],
    [9.999, 2, [[1, age]]],
    [10, 2, [[2, 10]]],
    [20, 2, [[2, 20]]],
    [30, 2, []],
    [40, 1, []],
    [50, undefined, undefined],
  ]);
});

test('a change of attributes may have been the last update, until the next one', () => {
  const history = begin([old(one, 'dev-1')]);
  const at = (seconds: number) => BEGUN + seconds * 1000;
  const attributes = { readEnabled: false };
  const made = { at: at(10), by: 'others', repository: 'app' } as const;
  const hidden: AttributesChange = { ...made, kind: 'attributes', tag: 'dev-1', attributes };
  history.record(hidden);
  history.record(byOthers(at(20), tagged('dev-1', one)));
  history.moved(hidden);
  const updated = [9, 10, 19, 20].map((seconds) => history.at(at(seconds), 'app')?.tags[0]?.updated);
  expect(updated).toEqual([BEGUN - 40 * 86_400_000, at(10), at(10), at(20)]);
});

test('a change of attributes counts as the last update from later on, unless there was another one', () => {
  const history = begin([old(one, 'dev-1'), old(two, 'dev-2')]);
  const at = (seconds: number) => BEGUN + seconds * 1000;
  const hidden = ['dev-1', 'dev-2'].map((tag): AttributesChange => ({
    ...({ at: at(10), by: 'others', repository: 'app' } as const),
    ...{ kind: 'attributes', tag, attributes: { readEnabled: false } },
  }));
  for (const change of hidden) history.record(change);
  history.record(byOthers(at(20), tagged('dev-2', two)));
  for (const change of hidden) history.moved(change, at(30));
  const updated = [29, 30].map((seconds) => history.at(at(seconds), 'app')?.tags.map((tag) => tag.updated));
  expect(updated).toEqual([
    [BEGUN - 40 * 86_400_000, at(20)],
    [at(10), at(20)],
  ]);
});

test('a push right before a change of attributes may be seen by no run, a push long before it is', () => {
  const history = begin([old(one, 'dev-1')]);
  const at = (seconds: number) => BEGUN + seconds * 1000;
  const made = { at: at(30), by: 'others', repository: 'app' } as const;
  const hidden: AttributesChange = { ...made, kind: 'attributes', tag: 'dev-1', attributes: { readEnabled: false } };
  for (const seconds of [10, 28]) history.record(byOthers(at(seconds), tagged('dev-1', one)));
  history.record(hidden);
  history.record(byOthers(at(40), tagged('dev-1', one)));
  expect(history.notSeen(hidden, 5_000)).toBe(true);
  const updated = [15, 29, 30, 41].map((seconds) => history.at(at(seconds), 'app')?.tags[0]?.updated);
  expect(updated).toEqual([at(10), at(10), at(10), at(40)]);
  expect(history.notSeen(hidden, 5_000)).toBe(false);
});
