import { describe, expect, test } from 'vitest';
import type { Call, Emulator, EmulatorOptions, RegistryState } from '../../src/dev/emulator/index.ts';
import { image, index, referrer } from '../../src/dev/emulator/manifests.ts';
import type { Registry } from '../../src/index.ts';
import { images, repositoryOf, type Stored } from '../support/contents.ts';
import { withEmulator } from '../support/registry.ts';
import { connectBy, newClock, runBy } from './look-clock.ts';

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
        // The answer to their deletion says nothing, and then they name another image: they may have been deleted.
        const inDoubt = new Set<string>();
        const late: string[] = [];
        emulator.faults({
          failing(call) {
            if (!isDelete(call)) return undefined;
            const subject = subjectOf(call);
            if (moved.has(subject)) late.push(subject);
            if (asked.has(subject)) return undefined;
            asked.add(subject);
            if (answer !== 202 && asked.size % 2 === 1) inDoubt.add(subject);
            const next = old.flatMap(({ tags = [] }) => tags).find((tag) => !asked.has(tag) && !moved.has(tag));
            for (const tag of [next, inDoubt.has(subject) ? subject : undefined]) {
              if (tag === undefined) continue;
              moved.add(tag);
              emulator.tag('app', tag, other.digest);
            }
            clock.pass();
            return answer === 202 ? undefined : answer;
          },
        });
        const args = ['--filter', 'app:dev', '--ago', '30d'];
        const { summary, decisions } = await runBy(connectBy(clock, emulator), emulator, args);
        expect(late).toEqual([]);
        expect(emulator.tagsLeft()).toEqual([...moved].map((tag) => `app:${tag}`).toSorted());
        expect(summary).toMatchObject({
          succeeded: inDoubt.size === 0,
          totals: { tags: { deleted: 8 - moved.size, failed: inDoubt.size } },
        });
        const failed = decisions.flatMap((one) => (one.action === 'delete' && one.error ? [one.error.message] : []));
        const said = `it is not known whether it was deleted: it names ${other.digest} now`;
        expect(failed).toEqual([...inDoubt].map(() => expect.stringContaining(said) as string));
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
