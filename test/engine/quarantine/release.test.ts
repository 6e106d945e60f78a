import { describe, expect, test } from 'vitest';
import type { Emulator, EmulatorOptions } from '../../../src/dev/emulator/index.ts';
import { cosignSignature, cosignTag, image, index, referrer } from '../../../src/dev/emulator/manifests.ts';
import type { Decision } from '../../../src/planner/decision.ts';
import { repositoryOf } from '../../support/contents.ts';
import { DAY, ledgerOnAClock, unreadable, waitingIn } from '../../support/quarantine.ts';
import { reference, run, withEmulator } from '../../support/registry.ts';

/** What a run releases because another client changed it, or because it is not to be deleted any more. */

const amd = image('amd');
const arm = image('arm');
const alone = image('alone');
const other = image('other');
const multi = index([
  { ...amd, os: 'linux', architecture: 'amd64' },
  { ...arm, os: 'linux', architecture: 'arm64' },
]);
const sbom = referrer(multi, 'application/spdx+json', 'sbom');
const signature = cosignSignature(alone);

const state = (): EmulatorOptions['repositories'] => ({
  app: repositoryOf(
    { built: amd, days: 40 },
    { built: arm, days: 40 },
    { built: multi, days: 40, tags: ['dev-1', 'dev-2'] },
    { built: sbom, days: 40 },
    { built: alone, days: 40, tags: ['dev-3'] },
    { built: signature, days: 40, tags: [cosignTag(alone)] },
    { built: other, days: 40, tags: ['v1', 'dev-4'] },
  ),
});

const PURGE = ['--filter', 'app:^(dev-|sha256-)', '--ago', '30d', '--untagged'];
const QUARANTINE = [...PURGE, '--quarantine', '14d'];

const MULTI = [amd, arm, multi, sbom].map(({ digest }) => `app@${digest}`).toSorted();
const ALONE = [alone, signature].map(({ digest }) => `app@${digest}`).toSorted();

const released = (decisions: readonly Decision[]): readonly string[] =>
  decisions.flatMap((one) => (one.action === 'keep' && one.release ? [reference(one)] : [])).toSorted();

interface Since {
  /** What happens after the quarantine; or the arguments of the second run. */
  readonly change?: (emulator: Emulator) => void;
  readonly args?: readonly string[];
  readonly releases: readonly string[];
  /** Of one of these. */
  readonly says?: RegExp;
}

const CASES: Readonly<Record<string, Since>> = {
  'a new tag on an index: with its platforms and its SBOM': {
    change: (emulator) => emulator.tag('app', 'keep', multi.digest),
    releases: MULTI,
    says: /tagged keep since it came into quarantine/,
  },
  'a new tag on one platform: the index can be pulled again as a whole': {
    change: (emulator) => emulator.tag('app', 'only-arm', arm.digest),
    releases: MULTI,
    says: /tagged only-arm since/,
  },
  'a push of the same image': {
    change: (emulator) => void emulator.push('app', alone.body, { tag: 'dev-3' }),
    releases: ALONE,
    says: /tagged dev-3/,
  },
  'a lock': {
    change: (emulator) => emulator.lock('app', alone.digest, { deleteEnabled: false }),
    releases: ALONE,
    says: /locked since/,
  },
  'a tag that is set to another image': {
    change: (emulator) => emulator.tag('app', 'dev-4', alone.digest),
    releases: [...ALONE, 'app:dev-4'].toSorted(),
    says: new RegExp(`names ${alone.digest} now|tagged dev-4 since`),
  },
  'an index that came to need a platform': {
    change: (emulator) => {
      const later = index([{ ...arm, os: 'linux', architecture: 'arm64' }], { annotations: { later: 'yes' } });
      emulator.push('app', later.body, { tag: 'v2' });
    },
    releases: MULTI,
    says: /needs it, and is kept|belongs together/,
  },
  'a policy that keeps it by now': {
    args: ['--filter', 'app:^(dev-|sha256-)', '--ago', '60d', '--untagged', '--quarantine', '14d'],
    releases: [],
  },
  'a readable tag again': {
    change: (emulator) => emulator.lock('app', 'dev-4', { readEnabled: true }),
    releases: [],
  },
};

describe.each([false, true])('a change of attributes moves a time: %s', (patchMovesTime) => {
  test.each(Object.entries(CASES))('%s', async (_, { change, args = QUARANTINE, releases, says }) => {
    await withEmulator({ repositories: state(), patchMovesTime }, async (emulator) => {
      const { ledger, later } = ledgerOnAClock();
      const first = await run(emulator, QUARANTINE, undefined, ledger);
      expect(first.summary.succeeded).toBe(true);
      expect(unreadable(emulator)).toEqual([...MULTI, ...ALONE, 'app:dev-4'].toSorted());
      expect(await waitingIn(ledger, emulator)).toEqual(unreadable(emulator));
      change?.(emulator);
      const before = unreadable(emulator);

      const dry = await run(emulator, [...args, '--dry-run'], undefined, ledger);
      expect(unreadable(emulator)).toEqual(before);
      const { summary, decisions } = await run(emulator, args, undefined, ledger);
      expect(summary.succeeded).toBe(true);
      expect(released(decisions)).toEqual(releases);
      expect(released(dry.decisions)).toEqual(releases);
      const details = decisions.flatMap((one) => (one.action === 'keep' && one.release ? one.detail : []));
      if (says) expect(details).toContainEqual(expect.stringMatching(says));
      expect(unreadable(emulator)).toEqual(before.filter((one) => !releases.includes(one)));
      expect(await waitingIn(ledger, emulator)).toEqual(unreadable(emulator));

      // What was not released is deleted in time, and nothing else.
      later(15 * DAY);
      const last = await run(emulator, args, undefined, ledger);
      expect(last.summary.succeeded).toBe(true);
      expect(await waitingIn(ledger, emulator)).toEqual(unreadable(emulator));
      for (const one of releases) expect([...emulator.tagsLeft(), ...emulator.manifestsLeft()]).toContain(one);
    });
  });
});

test('what another client has made readable stays for as long as a setting says, also where nothing is asked what is in use', async () => {
  await withEmulator({ repositories: state() }, async (emulator) => {
    const { ledger } = ledgerOnAClock();
    await run(emulator, QUARANTINE, undefined, ledger);
    emulator.lock('app', 'dev-4', { readEnabled: true });
    await run(emulator, QUARANTINE, undefined, ledger, { keepReleasedMilliseconds: 3 * DAY });
    const { released: kept } = await ledger.quarantine(emulator.loginServer, 'app');
    expect(kept.map(({ tag, at, until }) => [tag, (Date.parse(until) - Date.parse(at)) / DAY])).toEqual([['dev-4', 3]]);
  });
});
