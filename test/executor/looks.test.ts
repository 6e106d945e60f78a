import { describe, expect, test } from 'vitest';
import type { Call, Emulator, EmulatorOptions, RegistryState } from '../../src/dev/emulator/index.ts';
import { image, index, referrer } from '../../src/dev/emulator/manifests.ts';
import { memoryStore } from '../../src/ledger/store/memory.ts';
import { type Ledger, openLedger } from '../../src/ledger/ledger.ts';
import type { Decision } from '../../src/planner/decision.ts';
import { credentialsOf } from '../../src/registry/identity.ts';
import { openRegistry } from '../../src/registry/registry.ts';
import { LOOK_VALID_MILLISECONDS } from '../../src/registry/look.ts';
import { purge, type Registry } from '../../src/index.ts';
import { images, repositoryOf, type Stored } from '../support/contents.ts';
import { newLedger } from '../support/ledger.ts';
import { policyOf, type Run, USER, withEmulator, withServedEmulator } from '../support/registry.ts';
import { entra } from '../support/run-as.ts';

/*
 * When a deletion is sent, what it is about was looked at no more than LOOK_VALID_MILLISECONDS before. The clock by which
 * looks age stands still here, but for what a test makes of it: what happens then was either looked at, or is long ago.
 */

const UNTAGGED = ['--untagged-only', '--ago', '30d'];

interface Clock {
  readonly now: () => number;
  /** So much time goes by that no look counts any more. */
  readonly pass: () => void;
}

function newClock(): Clock {
  let now = 0;
  return { now: () => now, pass: () => (now += LOOK_VALID_MILLISECONDS + 1) };
}

function connectBy(clock: Clock, emulator: Emulator, signed = false): Registry {
  return openRegistry({
    endpoint: new URL(emulator.url),
    certificate: emulator.certificate,
    // One call at a time: none is under way when something happens.
    concurrency: 1,
    credentials: signed ? entra(emulator) : credentialsOf(USER),
    lookClock: { now: clock.now, validMilliseconds: LOOK_VALID_MILLISECONDS },
  });
}

async function runBy(
  registry: Registry,
  emulator: Emulator,
  args: readonly string[] = UNTAGGED,
  ledger: Ledger = newLedger(),
): Promise<Run> {
  const decisions: Decision[] = [];
  const summary = await purge(registry, {
    policies: [policyOf(args)],
    ledger,
    now: new Date(emulator.start.getTime() + 1),
    onDecisions: (some) => void decisions.push(...some),
  });
  return { summary, decisions };
}

const isDelete = ({ method }: { readonly method: string }): boolean => method === 'DELETE';
const subjectOf = ({ path }: Pick<Call, 'path'>): string =>
  decodeURIComponent(path.split('/').at(-1)?.split('?')[0] ?? '');

/** A repository of one page, and one of several: what is looked at is listed in the one, and asked for in the other. */
const SIZES: readonly [string, Partial<EmulatorOptions>, readonly Stored[]][] = [
  ['small', {}, []],
  ['large', { refusePageSizeAbove: 100 }, images('young', 140).map((one) => ({ ...one, days: 2 }))],
];

describe.each(SIZES)('in a %s repository', (_, options, more) => {
  const holding = (...contents: readonly Stored[]): { repositories: RegistryState } & Partial<EmulatorOptions> => ({
    ...options,
    repositories: { app: repositoryOf(...more, ...contents) },
  });

  // What deletions are answered with, each the first time; 202: nothing goes wrong.
  test.each([202, 429, 500, 503, 'drop'] as const)(
    'what is tagged before its deletion is sent is kept (%s)',
    async (answer) => {
      const old = images('old', 8);
      await withEmulator(holding(...old), async (emulator) => {
        const clock = newClock();
        const asked = new Set<string>();
        const tagged = new Set<string>();
        const late: string[] = [];
        const rescue = (digest: string): void => {
          tagged.add(digest);
          emulator.tag('app', `rescued-${tagged.size}`, digest);
        };
        emulator.faults({
          failing(call) {
            if (!isDelete(call)) return undefined;
            const subject = subjectOf(call);
            if (tagged.has(subject)) late.push(subject);
            if (asked.has(subject)) return undefined;
            asked.add(subject);
            // After a 429 there is a pause of a second.
            const fails = answer !== 202 && (answer !== 429 || asked.size < 3);
            const next = old.find(({ built: { digest } }) => !asked.has(digest) && !tagged.has(digest));
            if (next) rescue(next.built.digest);
            if (fails && asked.size % 2 === 1) rescue(subject);
            clock.pass();
            return fails ? answer : undefined;
          },
        });
        const { summary, decisions } = await runBy(connectBy(clock, emulator), emulator);
        expect(late).toEqual([]);
        expect(tagged.size).toBeGreaterThan(3);
        expect(emulator.tagsLeft()).toHaveLength(tagged.size);
        const kept = decisions.filter(({ reason }) => reason === 'changed-since-plan');
        expect(new Set(kept.map(({ digest }) => digest))).toEqual(tagged);
        expect(summary).toMatchObject({ succeeded: true, totals: { manifests: { deleted: 8 - tagged.size } } });
      });
    },
  );

  test.each([202, 503, 'drop'] as const)(
    'a tag that is pushed anew before its deletion is kept (%s)',
    async (answer) => {
      const old = images('old', 8, 'dev');
      const other = image('other', { docker: true });
      await withEmulator(holding({ built: other, days: 90 }, ...old), async (emulator) => {
        const clock = newClock();
        const asked = new Set<string>();
        const moved = new Set<string>();
        const late: string[] = [];
        emulator.faults({
          failing(call) {
            if (!isDelete(call)) return undefined;
            const subject = subjectOf(call);
            if (moved.has(subject)) late.push(subject);
            if (asked.has(subject)) return undefined;
            asked.add(subject);
            const next = old.flatMap(({ tags = [] }) => tags).find((tag) => !asked.has(tag) && !moved.has(tag));
            for (const tag of [next, answer !== 202 && asked.size % 2 === 1 ? subject : undefined]) {
              if (tag === undefined) continue;
              moved.add(tag);
              emulator.tag('app', tag, other.digest);
            }
            clock.pass();
            return answer === 202 ? undefined : answer;
          },
        });
        const args = ['--filter', 'app:dev', '--ago', '30d'];
        const { summary } = await runBy(connectBy(clock, emulator), emulator, args);
        expect(late).toEqual([]);
        expect(emulator.tagsLeft()).toEqual([...moved].map((tag) => `app:${tag}`).toSorted());
        expect(summary).toMatchObject({ succeeded: true, totals: { tags: { deleted: 8 - moved.size } } });
      });
    },
  );

  const child = { ...image('child'), architecture: 'amd64', os: 'linux' };
  const parent = index([child]);

  test.each<[string, (emulator: Emulator) => void]>([
    ['a new index, pushed and tagged', (emulator) => emulator.push('app', index([child, child]).body, { tag: 'v2' })],
    ['the index that was deleted before it', (emulator) => emulator.push('app', parent.body, { tag: 'v1' })],
    ['the index that was deleted before it, without a tag', (emulator) => emulator.push('app', parent.body)],
  ])('a platform is kept that %s needs when its deletion is sent again', async (_, push) => {
    await withEmulator(holding({ built: parent, days: 90 }, { built: child, days: 90 }), async (emulator) => {
      const clock = newClock();
      let refused = 0;
      emulator.faults({
        failing(call) {
          if (!isDelete(call) || subjectOf(call) !== child.digest) return undefined;
          refused += 1;
          if (refused > 1) return undefined;
          push(emulator);
          clock.pass();
          return 503;
        },
      });
      const { decisions } = await runBy(connectBy(clock, emulator), emulator);
      expect(refused).toBe(1);
      expect(emulator.manifestsLeft()).toContain(`app@${child.digest}`);
      expect(decisions.find(({ digest }) => digest === child.digest)).toMatchObject({ reason: 'changed-since-plan' });
      expect(decisions.find(({ digest }) => digest === parent.digest)).toMatchObject({ outcome: 'deleted' });
    });
  });

  test('so are a subject that gained a referrer, and what was locked, or pushed again', async () => {
    const [subject, locked, again, hidden] = images('old', 4).map(({ built }) => built);
    if (!subject || !locked || !again || !hidden) throw new Error('four');
    await withEmulator(holding(...images('old', 4)), async (emulator) => {
      const clock = newClock();
      const asked = new Set<string>();
      emulator.faults({
        failing(call) {
          if (!isDelete(call) || asked.has(subjectOf(call))) return undefined;
          asked.add(subjectOf(call));
          if (asked.size === 1) {
            emulator.push('app', referrer(subject, 'application/spdx+json', 'new').body, { tag: 'sbom' });
            emulator.lock('app', locked.digest, { writeEnabled: false });
            emulator.remove('app', again.digest);
            emulator.push('app', again.body);
            emulator.lock('app', hidden.digest, { listEnabled: false });
          }
          clock.pass();
          return 503;
        },
      });
      const { decisions } = await runBy(connectBy(clock, emulator), emulator);
      const details = new Map(decisions.map(({ digest, detail }) => [digest, detail]));
      expect(details.get(subject.digest)).toContain('refers to it');
      expect(details.get(locked.digest)).toContain('it was locked');
      expect(details.get(again.digest)).toContain('it was pushed again');
      expect(details.get(hidden.digest)).toContain('it was hidden');
      const left = new Set(emulator.manifestsLeft());
      for (const { digest } of [subject, locked, again, hidden]) expect(left).toContain(`app@${digest}`);
    });
  });

  test('and everything, where the repository was locked as a whole', async () => {
    await withEmulator(holding(...images('old', 4)), async (emulator) => {
      const clock = newClock();
      emulator.faults({
        failing(call) {
          if (!isDelete(call)) return undefined;
          emulator.lock('app', undefined, { deleteEnabled: false });
          clock.pass();
          return 503;
        },
      });
      const { summary } = await runBy(connectBy(clock, emulator), emulator);
      expect(emulator.counts()['delete-manifest']).toBe(1);
      expect(summary.succeeded).toBe(true);
    });
  });

  describe('an index that is hidden between plan and look is not gone', () => {
    test('its platforms are kept', async () => {
      await withEmulator(holding({ built: parent, days: 90 }, { built: child, days: 90 }), async (emulator) => {
        const registry = connectBy(newClock(), emulator);
        let looks = 0;
        // Before the look, not in it: its reads are side by side.
        const hiding: Registry = {
          ...registry,
          look(...args) {
            looks += 1;
            emulator.lock('app', parent.digest, { listEnabled: false });
            return registry.look(...args);
          },
        };
        const { decisions, summary } = await runBy(hiding, emulator);
        expect(looks).toBeGreaterThan(0);
        expect(emulator.counts()['delete-manifest']).toBe(0);
        for (const { digest } of [parent, child])
          expect(decisions.find((one) => one.digest === digest)).toMatchObject({ reason: 'changed-since-plan' });
        expect(summary.succeeded).toBe(true);
      });
    });

    test('nor is one that a replica does not have yet', async () => {
      await withEmulator(holding({ built: parent, days: 90 }, { built: child, days: 90 }), async (emulator) => {
        emulator.faults({
          failing: ({ kind, path }) =>
            ['manifest-properties', 'delete-manifest'].includes(kind) &&
            decodeURIComponent(path).includes(parent.digest)
              ? 404
              : undefined,
        });
        const { decisions } = await runBy(connectBy(newClock(), emulator), emulator);
        for (const { digest } of [parent, child]) expect(emulator.manifestsLeft()).toContain(`app@${digest}`);
        expect(decisions.find(({ digest }) => digest === parent.digest)).toMatchObject({
          reason: 'changed-since-plan',
          detail: expect.stringContaining('a replica may lag') as unknown,
        });
      });
    });

    test('and one that is gone is', async () => {
      await withEmulator(holding({ built: parent, days: 90 }, { built: child, days: 90 }), async (emulator) => {
        let looks = 0;
        emulator.onRequest(({ kind }) => {
          if (kind === 'repository-properties' && ++looks === 2) emulator.remove('app', parent.digest);
        });
        const { decisions } = await runBy(connectBy(newClock(), emulator), emulator);
        expect(decisions.find(({ digest }) => digest === parent.digest)).toMatchObject({ outcome: 'already-gone' });
        expect(decisions.find(({ digest }) => digest === child.digest)).toMatchObject({ outcome: 'deleted' });
      });
    });
  });
});

describe('a deletion is not sent on a look that was too long ago', () => {
  const repositories = { app: repositoryOf(...images('old', 4)) };

  test.each<[string, (clock: Clock, emulator: Emulator) => Promise<Run>]>([
    [
      'because of the record of the intent',
      (clock, emulator) => {
        const store = memoryStore();
        let first = true;
        const slow: typeof store = {
          ...store,
          append(path, bytes, length) {
            if (first) clock.pass();
            first = false;
            return store.append(path, bytes, length);
          },
        };
        return runBy(connectBy(clock, emulator), emulator, UNTAGGED, openLedger(slow));
      },
    ],
    [
      'because of a token',
      (clock, emulator) => {
        let tokens = 0;
        emulator.onRequest(() => undefined);
        emulator.faults({
          failing({ kind, path }) {
            if (kind === 'token' && path !== '' && ++tokens === 3) clock.pass();
            return undefined;
          },
        });
        return runBy(connectBy(clock, emulator, true), emulator);
      },
    ],
  ])('%s', async (_, work) => {
    await withServedEmulator({ repositories }, async (emulator) => {
      const clock = newClock();
      const { summary } = await work(clock, emulator);
      expect(summary).toMatchObject({ succeeded: true, totals: { manifests: { deleted: 4 } } });
      const kinds = emulator.requests().map(({ kind }) => kind);
      const looked = kinds.lastIndexOf('repository-properties', kinds.indexOf('delete-manifest'));
      // Twice: once for the plan's sake, once in vain, and once more.
      expect(kinds.slice(0, looked + 1).filter((kind) => kind === 'repository-properties').length).toBeGreaterThan(2);
    });
  });

  test('and is not made where every look takes too long', async () => {
    await withEmulator({ repositories }, async (emulator) => {
      const clock = newClock();
      emulator.onRequest(({ kind }) => {
        if (kind === 'list-manifests') clock.pass();
      });
      const { summary, decisions } = await runBy(connectBy(clock, emulator), emulator);
      expect(emulator.counts()['delete-manifest']).toBe(0);
      // The rest is not tried one by one, which would take hours.
      expect(summary).toMatchObject({ succeeded: false, totals: { manifests: { deleted: 0, notAttempted: 4 } } });
      expect(emulator.counts()['repository-properties']).toBeLessThan(15);
      expect(decisions.map((one) => one.action === 'delete' && one.error?.message)).toEqual(
        decisions.map(() => expect.stringContaining('too slowly to look and delete within 5 seconds') as unknown),
      );
    });
  });
});
