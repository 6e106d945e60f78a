import { describe, expect, test } from 'vitest';
import type { Emulator, RegistryState } from '../../../src/dev/emulator/index.ts';
import { registryKey } from '../../../src/ledger/paths.ts';
import { type Choices, FAULTS as FATES } from '../../support/durable.ts';
import { images, repositoryOf } from '../../support/contents.ts';
import { image, index } from '../../../src/dev/emulator/manifests.ts';
import { isDeletion, several } from '../../support/slices.ts';
import { type Case, certain, durably, throughout, type Way, WAYS } from '../../support/durably.ts';

/** Kills the `nth` execution of all, at this of its moments. Nothing else goes wrong. */
function killing(nth: number, moment: number): Choices {
  let executions = 0;
  return {
    pick(_, question) {
      if (question === 'where it is cut off') return moment;
      return question === 'fate of an activity' && ++executions === nth ? 1 + FATES.indexOf('cut off') : 0;
    },
  };
}

/** One repository with much to go, and an index, which goes before its platforms: in a batch of its own. */
const deep = (): RegistryState => {
  const platforms = ['amd64', 'arm64'].map((architecture) => ({ ...image(architecture), architecture, os: 'linux' }));
  return {
    app: repositoryOf(
      { built: index(platforms), days: 40, tags: ['dev-multi'] },
      ...platforms.map((built) => ({ built, days: 40 })),
      ...images('app', 2, 'dev'),
      ...images('kept', 6, 'v'),
    ),
  };
};

describe('a worker that is killed at any moment', () => {
  const MOMENTS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
  // In its order: begin, select, page, visit, end; or begin, select, page, visit, breakers, page, visit, end.
  const CASES = WAYS.flatMap((way): readonly { readonly way: Way; readonly what: string; readonly nth: number }[] => {
    if (way.guards === undefined) return [{ way, what: 'the visit', nth: 4 }];
    if (Object.keys(way.guards).length === 0)
      return [
        { way, what: 'the visit', nth: 4 },
        { way, what: 'the end', nth: 5 },
      ];
    return [
      { way, what: 'the visit that plans', nth: 4 },
      { way, what: 'the breakers', nth: 5 },
      { way, what: 'the visit that carries it out', nth: 7 },
      { way, what: 'the end', nth: 8 },
    ];
  });

  test.each(CASES)('$way.name: in $what', async ({ way, what, nth }) => {
    const about: Case = {
      repositories: deep(),
      command: ['-f', 'app:^dev', '--ago', '30d', '--untagged', '--concurrency', '1'],
      way,
      parallelism: 1,
    };
    const through = await throughout(about);
    const goneAtKill = new Set<number>();
    let total = 0;
    // Side by side, for each waits for the registry to have done what it was asked for last.
    await Promise.all(
      MOMENTS.map((moment) => {
        const deletions = (emulator: Emulator): number =>
          emulator.counts()['delete-tag'] + emulator.counts()['delete-manifest'];
        return durably(
          about,
          async ({ emulator, came, problems, durable }) => {
            const trace = [`moment ${moment}`, ...durable.trace()].join('\n');
            expect(problems, trace).toEqual([]);
            expect(certain(came), trace).toEqual(certain(through));
            total = deletions(emulator);
            const asked = emulator.requests().filter(({ kind }) => isDeletion(kind));
            expect(new Set(asked.map(({ path }) => path)).size, trace).toBe(asked.length);
            return Promise.resolve();
          },
          { choices: killing(nth, moment), onKill: (emulator) => goneAtKill.add(deletions(emulator)) },
        );
      }),
    );
    expect(goneAtKill.size).toBeGreaterThan(0);
    // In the middle of what it deleted as well.
    const isCarriedOut = what === 'the visit' ? way.guards !== undefined : what === 'the visit that carries it out';
    if (isCarriedOut && total > 0) expect([...goneAtKill].some((gone) => gone > 0 && gone < total)).toBe(true);
  });
});

test('on a calm day it comes to exactly the same, and leaves no lock behind', async () => {
  const about: Case = {
    repositories: several(60, 2),
    command: ['-f', '.*:^dev', '-f', 'app1:^nothing', '-f', 'none:.*', '--ago', '30d', '--untagged'],
    way: { name: 'a guarded purge', guards: { maxDeletionPercent: 100 } },
    parallelism: 2,
  };
  await durably(about, async ({ came, problems, shelf, emulator }) => {
    expect(problems).toEqual([]);
    expect(came.warnings).toHaveLength(2);
    expect(came).toEqual(await throughout(about));
    expect(shelf.locks()).toEqual([registryKey(emulator.loginServer)]);
  });
});
