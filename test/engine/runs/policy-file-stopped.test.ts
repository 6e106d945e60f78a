import { describe, expect, test } from 'vitest';
import type { RepositoryState } from '../../../src/dev/emulator/index.ts';
import { image, index } from '../../../src/dev/emulator/manifests.ts';
import type { PurgePolicy } from '../../../src/policy/purge-policy.ts';
import { images, repositoryOf } from '../../support/contents.ts';
import { newLedger } from '../../support/ledger.ts';
import { ruledBy, withEmulator } from '../../support/registry.ts';
import { begin, goOn, isDeletion, leftIn, said, stopAfter, type Way } from '../../support/slices.ts';

/*
 * A run by a policy file that is stopped and resumed. What is already deleted then must not change what the rules say of
 * the rest: the plan is what was approved, or recorded.
 */

const WAYS: readonly Way[] = ['purge', 'guarded purge', 'apply'];

/** Ages in decisions are the same then. */
const START = new Date(Date.now() - 60_000);

/** @param stop after so many deletions */
async function ran(contents: RepositoryState, policy: PurgePolicy, way: Way, stop = Infinity) {
  return withEmulator({ repositories: { app: contents }, start: START }, async (emulator) => {
    const ledger = newLedger();
    const options = { signal: stopAfter(emulator, stop, isDeletion) };
    const { stopped, runId } = await begin(emulator, { way, commands: [policy], ledger, options });
    const isStopped = stopped !== undefined;
    if (isStopped) await goOn(emulator, ledger, runId);
    return { isStopped, left: leftIn(emulator), said: await said(ledger, runId) };
  });
}

const platform = image('platform');
const build = index([{ ...platform, architecture: 'amd64', os: 'linux' }]);
const signed = image('signed');
const signature = image('signature');

const STORIES: Readonly<Record<string, readonly [object, RepositoryState]>> = {
  'a rule that deletes only where there are more': [
    { rules: [{ name: 'many', onlyIfMoreThan: 3, keep: { newest: 1 } }] },
    repositoryOf(...images('app', 5, 'v')),
  ],
  'the parts of an index, which no rule is about': [
    { rules: [{ name: 'all', tags: ['dev'], olderThan: '1d' }] },
    repositoryOf({ built: platform, days: 9 }, { built: build, days: 9, tags: ['dev'] }),
  ],
  'the parts of an index, which are too young by themselves': [
    { rules: [{ name: 'all', tags: ['dev'], olderThan: '1d' }], untagged: { olderThan: '30d' } },
    repositoryOf({ built: platform, days: 9 }, { built: build, days: 9, tags: ['dev'] }),
  ],
  'a signature, whose image is gone by now': [
    { rules: [{ name: 'all', tags: ['dev'], olderThan: '1d' }] },
    repositoryOf(
      { built: signed, days: 9, tags: ['dev'] },
      { built: signature, days: 9, tags: [`sha256-${signed.digest.slice(7)}.sig`] },
    ),
  ],
};

describe.each(Object.entries(STORIES))('%s', (_, [policy, contents]) => {
  test.each(WAYS)('comes to the same as a run that was not stopped: %s', async (way) => {
    const ruled = ruledBy(JSON.stringify({ version: 1, ...policy }));
    const through = await ran(contents, ruled, way);
    for (const stop of [1, 2]) {
      const { isStopped, ...sliced } = await ran(contents, ruled, way, stop);
      expect(isStopped || stop > 1).toBe(true);
      expect(sliced).toEqual({ left: through.left, said: through.said });
    }
  });
});
