import { describe, expect, test } from 'vitest';
import { image } from '../../src/dev/emulator/manifests.ts';
import { defenderFindings } from '../../src/engine/findings/findings.ts';
import { newFresh } from '../../src/engine/fresh.ts';
import { observedDefender } from '../../src/engine/observe.ts';
import type { DefenderFindings, DefenderSource } from '../../src/evidence/defender.ts';
import { newScanCounts } from '../../src/evidence/scan-counts.ts';
import type { Decision } from '../../src/planner/decision.ts';
import type { Severity } from '../../src/policy/severity.ts';
import { systemClock } from '../../src/registry/clock.ts';
import { repositoryOf } from '../support/contents.ts';
import { calm } from '../support/durable.ts';
import { newLedger } from '../support/ledger.ts';
import { hall, scheduled } from '../support/orchestration.ts';
import { reference, run, withEmulator } from '../support/registry.ts';

const old = image('old');
const kept = image('kept');
const unknown = image('unknown');
const repositories = {
  app: repositoryOf({ built: old, days: 90, tags: ['old'] }, { built: kept, days: 1, tags: ['kept'] }),
  web: repositoryOf({ built: unknown, days: 1, tags: ['old'] }),
};
const GIVEN = ['--filter', '.*:old', '--ago', '30d', '--untagged'];
const NAMES: readonly Severity[] = ['critical', 'high'];

function found(problems: readonly string[] = []): DefenderFindings {
  const counts = newScanCounts('defender');
  counts.add({ repository: 'app', digest: old.digest }, NAMES.map((severity) => ({ name: `CVE-2026-${severity}`, isId: true, severity, fixable: severity === 'high' }))); // prettier-ignore
  counts.add({ digest: kept.digest }, []);
  const observedAt = '2026-11-30T00:00:00.000Z';
  return { observedAt, complete: problems.length === 0, problems, images: 7, scanOf: counts.scanOf, isInDoubt: () => problems.length > 0 }; // prettier-ignore
}

function sourceOf(read: DefenderSource['read']) {
  let asked = 0;
  const source = observedDefender({ read: (...about) => ((asked += 1), read(...about)), tried: () => Promise.resolve({ state: 'granted' }) }, systemClock); // prettier-ignore
  return { findings: { sources: [defenderFindings(source, newFresh(systemClock))] }, asked: () => asked };
}

const SUMS = {
  removed: { images: 1, notScanned: 0, bySeverity: { critical: 1, high: 1 }, fixable: { high: 1 } },
  // Of one image nothing is known: that is not clean.
  kept: { images: 1, notScanned: 1, bySeverity: {}, fixable: {} },
};
const OLD = { by: 'defender', bySeverity: { critical: 1, high: 1 }, fixable: { high: 1 }, ids: ['CVE-2026-critical', 'CVE-2026-high'] }; // prettier-ignore

/** Everything but what is found. */
const bare = (decisions: readonly Decision[]): readonly unknown[] =>
  decisions.map(({ findings: _, ...one }) => one).toSorted((a, b) => (reference(a) < reference(b) ? -1 : 1));

describe('what Defender for Cloud found', () => {
  test.each([[['--dry-run']], [[]]])('%j: stands at decisions and in sums, asked once for all of a registry', (more) =>
    withEmulator({ repositories }, async (emulator) => {
      const ledger = newLedger();
      const { findings, asked } = sourceOf(() => Promise.resolve(found()));
      const { summary, decisions } = await run(emulator, [...GIVEN, ...more], undefined, ledger, { findings });
      expect(asked()).toBe(1);
      expect(decisions.find(({ digest, kind }) => digest === old.digest && kind === 'tag')?.findings?.scan).toEqual(
        OLD,
      );
      expect(decisions.find(({ digest }) => digest === unknown.digest)?.findings).toEqual({});
      expect(summary).toMatchObject({ succeeded: true, totals: { findings: SUMS } });
      expect((await ledger.run(summary.runId))?.findings).toEqual([
        { source: 'defender', observedAt: '2026-11-30T00:00:00.000Z', complete: true, images: 7 },
      ]);
    }),
  );

  test.each<[string, DefenderSource['read']]>([
    ['says that not everything was read', () => Promise.resolve(found(['Azure answers 500']))],
    ['throws', () => Promise.reject(new Error('Azure answers 500'))],
  ])('a source that %s is a warning, and changes no decision', (_, read) =>
    withEmulator({ repositories }, async (emulator) => {
      const before = await run(emulator, [...GIVEN, '--dry-run']);
      const { findings } = sourceOf(read);
      const ledger = newLedger();
      const { summary, decisions } = await run(emulator, [...GIVEN, '--dry-run'], undefined, ledger, { findings });
      expect(bare(decisions)).toEqual(bare(before.decisions));
      expect(summary.succeeded).toBe(true);
      const words = 'not all vulnerabilities of images are known (nothing was deleted for that, nor kept but by rules that ask for findings): defender: Azure answers 500'; // prettier-ignore
      expect(summary.warnings).toEqual([...before.summary.warnings, words]);
      expect((await ledger.run(summary.runId))?.findings).toMatchObject([{ source: 'defender', complete: false, problems: ['Azure answers 500'] }]); // prettier-ignore
    }),
  );

  test('the durable engine says the same', () =>
    withEmulator({ repositories }, async (emulator) => {
      const ledger = newLedger();
      const settings = {
        PURGE_COMMAND: '--filter ".*:old" --ago 30d --untagged',
        PURGE_DRY_RUN: 'false',
        MAX_DELETION_PERCENT: '100',
        KEEP_LAST_TAG: 'false',
        FINDINGS: 'defender',
      };
      const defenderOf = () => Promise.resolve(found());
      const durable = hall({ emulators: [emulator], ledger, settings, defenderOf, options: { choices: calm } });
      const input = scheduled([emulator], 'tick');
      durable.start('retention', { instanceId: 'tick', input });
      await durable.run();
      const record = await ledger.run(input.jobs[0]?.runId ?? '');
      expect(record).toMatchObject({ state: 'done', totals: { findings: SUMS }, warnings: [] });
      expect(record?.findings).toMatchObject([{ source: 'defender', complete: true, images: 7 }]);
      const decisions = await Array.fromAsync(ledger.decisions(record?.id ?? ''));
      expect(decisions.find(({ digest, kind }) => digest === old.digest && kind === 'tag')?.findings?.scan).toEqual(
        OLD,
      );
    }));
});
