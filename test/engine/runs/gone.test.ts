import { describe, expect, test } from 'vitest';
import { image, index } from '../../../src/dev/emulator/manifests.ts';
import type { Decision } from '../../../src/planner/decision.ts';
import { repositoryOf } from '../../support/contents.ts';
import { newLedger } from '../../support/ledger.ts';
import { reference, run, withEmulator } from '../../support/registry.ts';

/* What an index held that is not there any more, or cannot be seen. */

const UNTAGGED = ['--untagged-only', '--ago', '30d'];

const platform = (architecture: string) => ({ ...image(architecture), os: 'linux', architecture });
const platforms = [platform('amd64'), platform('arm64')] as const;
const build = index(platforms);
const parts = platforms.map((built) => ({ built, days: 40 }));

/** What is, or would be, decided of each manifest. */
const inWords = (decisions: readonly Decision[]): readonly string[] =>
  decisions.map((one) => `${reference(one)} ${one.action} ${one.reason}`).toSorted();

describe.each([
  ['deleting', []],
  ['quarantining', ['--quarantine', '14d']],
])('where another client has deleted an index, %s', (_, quarantine) => {
  // Found by a property test: the dry run asked for the index, did not find it, and forgot what it had held. In the run
  // after it a platform counted as the newest build, and a build that the dry run kept was deleted.
  test('a run decides of what it held as the dry run before it does, however often that is repeated', async () => {
    const [amd64, arm64] = platforms;
    const older = image('older');
    const contents = [
      { built: amd64, days: 35 },
      { built: arm64, days: 50 },
      { built: older, days: 40 },
      { built: build, days: 1 },
    ];
    await withEmulator({ repositories: { app: repositoryOf(...contents) } }, async (emulator) => {
      const args = [...UNTAGGED, '--keep', '1', ...quarantine];
      const ledger = newLedger();
      await run(emulator, args, undefined, ledger);
      emulator.remove('app', build.digest);
      for (const more of [['--dry-run'], ['--dry-run'], []]) {
        const { decisions } = await run(emulator, [...args, ...more], undefined, ledger);
        expect(inWords(decisions)).toEqual(
          [
            // The newest of all by the count of `acr purge`, and the newest build.
            `app@${amd64.digest} keep newest-kept`,
            `app@${older.digest} keep newest-kept`,
            `app@${arm64.digest} delete untagged-and-expired`,
          ].toSorted(),
        );
      }
    });
  });
});

// The run that could not read it forgot that there was such an index: the next run deleted its platforms.
test.each([404, 403])('the platforms of a hidden index are kept after a dry run that could not read it: %i', (status) =>
  withEmulator({ repositories: { app: repositoryOf(...parts, { built: build, days: 1 }) } }, async (emulator) => {
    const ledger = newLedger();
    await run(emulator, [...UNTAGGED, '--dry-run'], undefined, ledger);
    emulator.lock('app', build.digest, { listEnabled: false });
    for (let nights = 0; nights < 2; nights += 1) {
      emulator.faults({ failing: ({ kind }) => (kind === 'read-manifest' ? status : undefined) });
      await run(emulator, [...UNTAGGED, '--dry-run'], undefined, ledger);
      emulator.faults({});
      await run(emulator, UNTAGGED, undefined, ledger);
      expect(emulator.manifestsLeft()).toHaveLength(3);
    }
  }),
);
