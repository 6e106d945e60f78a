import { describe, expect, test } from 'vitest';
import { image, index } from '../../src/dev/emulator/manifests.ts';
import type { Emulator } from '../../src/dev/emulator/index.ts';
import type { FindingsSource } from '../../src/engine/findings/findings.ts';
import type { ImageFindings } from '../../src/evidence/findings.ts';
import type { Source, Use } from '../../src/evidence/types.ts';
import { apply, PlanRefused, type RunOptions } from '../../src/index.ts';
import { openLedger } from '../../src/ledger/ledger.ts';
import { memoryStore } from '../../src/ledger/store/memory.ts';
import { realSystem } from '../../src/ledger/store/system.ts';
import type { Decision } from '../../src/planner/decision.ts';
import { repositoryOf } from '../support/contents.ts';
import { newLedger } from '../support/ledger.ts';
import { ruledBy, run, USER, withEmulator } from '../support/registry.ts';

const DAY_MS = 86_400_000;

const platforms = ['amd64', 'arm64'].map((architecture) => ({ ...image(architecture), architecture, os: 'linux' }));
const [amd64 = ''] = platforms.map(({ digest }) => digest);
const multi = index(platforms);
const [bad, fine, unscanned] = [image('bad'), image('fine'), image('unscanned')];
const repositories = {
  app: repositoryOf(
    { built: multi, days: 90, tags: ['multi'] },
    ...platforms.map((built) => ({ built, days: 90 })),
    { built: bad, days: 90, tags: ['bad'] },
    { built: fine, days: 90, tags: ['fine'] },
    { built: unscanned, days: 90, tags: ['unscanned'] },
  ),
};

const rules = 'rules: [{ name: vulnerable, olderThan: 30d, findings: { severity: critical } }]';
const POLICY = `version: 1\n${rules}\n`;

const scan = (critical: number): ImageFindings => ({
  scan: { by: 'grype', at: '2026-11-20T00:00:00Z', bySeverity: { critical }, fixable: {}, ids: [] },
});
type Images = Readonly<Record<string, ImageFindings>>;
const IMAGES: Images = { [amd64]: scan(1), [bad.digest]: scan(2), [fine.digest]: scan(0) };

const foundIn = (images: Images): RunOptions['findings'] => {
  const answer = { observedAt: '2026-11-30T00:00:00.000Z', complete: true, problems: [], images: new Map(Object.entries(images)) }; // prettier-ignore
  const source: FindingsSource = { source: 'defender', read: () => Promise.resolve(answer) };
  return { sources: [source] };
};

function using(facts: readonly Use[], problems: readonly string[] = []): NonNullable<RunOptions['evidence']> {
  const about = { source: 'kube', scope: 'all', complete: problems.length === 0, problems, facts };
  const kube: Source = {
    name: 'kube',
    read: () => Promise.resolve({ ...about, observedAt: new Date().toISOString() }),
  };
  return { sources: [kube], rememberMilliseconds: 0 };
}

const reasonsOf = (decisions: readonly Decision[]): Readonly<Record<string, string>> =>
  Object.fromEntries(decisions.flatMap(({ kind, tag, reason }) => (kind === 'tag' ? [[tag ?? '', reason]] : [])));

describe('a purge by a rule that asks for findings', () => {
  test('deletes what a scan names, an index with its parts; nothing else', () =>
    withEmulator({ repositories }, async (emulator) => {
      const more = { findings: foundIn(IMAGES), evidence: using([]) };
      const { summary, decisions } = await run(emulator, ruledBy(POLICY), undefined, newLedger(), more);
      expect(summary).toMatchObject({ succeeded: true, warnings: [expect.stringContaining('may delete latest')] });
      expect(emulator.tagsLeft()).toEqual(['app:fine', 'app:unscanned']);
      expect(emulator.manifestsLeft()).toHaveLength(2);
      expect(reasonsOf(decisions)).toMatchObject({ fine: 'no-findings', unscanned: 'not-scanned' });
    }));

  test('keeps what is used, with its image', () =>
    withEmulator({ repositories }, async (emulator) => {
      const evidence = using([{ repository: 'app', digest: amd64, where: 'deployment api' }]);
      await run(emulator, ruledBy(POLICY), undefined, newLedger(), { findings: foundIn(IMAGES), evidence });
      expect(emulator.tagsLeft()).toEqual(['app:fine', 'app:multi', 'app:unscanned']);
    }));

  test.each<[string, Pick<RunOptions, 'findings' | 'evidence'>, string, readonly RegExp[]]>([
    ['findings', { evidence: using([]) }, 'not-scanned', [/^the rule "vulnerable" asks for findings, and no source/]],
    [
      'what is in use',
      { findings: foundIn(IMAGES) },
      'in-use-unknown',
      [/^the rule "vulnerable" deletes only what nothing uses, and no source says/],
    ],
    ['either', {}, 'not-scanned', [/^the rule "vulnerable" asks/, /^the rule "vulnerable" deletes only/]],
  ])('keeps everything where no source says %s, and warns once', (_, more, reason, warnings) =>
    withEmulator({ repositories: { ...repositories, other: repositories.app } }, async (emulator) => {
      const { summary, decisions } = await run(emulator, ruledBy(POLICY), undefined, newLedger(), more);
      expect(emulator.tagsLeft()).toHaveLength(8);
      expect(summary.succeeded).toBe(true);
      expect(summary.warnings.filter((one) => one.startsWith('the rule "vulnerable"'))).toEqual(
        warnings.map((warning) => expect.stringMatching(warning) as string),
      );
      expect(reasonsOf(decisions)).toMatchObject({ bad: reason, multi: reason });
    }),
  );

  test('keeps everything where a source could not say what is in use', () =>
    withEmulator({ repositories }, async (emulator) => {
      const more = { findings: foundIn(IMAGES), evidence: using([], ['403 Forbidden']) };
      const { summary, decisions } = await run(emulator, ruledBy(POLICY), undefined, newLedger(), more);
      expect(summary.succeeded).toBe(false);
      expect(emulator.tagsLeft()).toHaveLength(4);
      expect(reasonsOf(decisions)).toMatchObject({ bad: 'in-use-unknown' });
    }));
});

describe('a plan that rests on findings', () => {
  async function planned(
    emulator: Emulator,
    then: (
      carryOut: (more: Pick<RunOptions, 'findings' | 'evidence'>) => Promise<readonly Decision[]>,
    ) => Promise<void>,
    text = POLICY,
  ): Promise<void> {
    const ledger = newLedger();
    const more = { findings: foundIn(IMAGES), evidence: using([]) };
    const { summary } = await run(emulator, ruledBy(text, { dryRun: true }), undefined, ledger, more);
    const target = { endpoint: new URL(emulator.url), certificate: emulator.certificate, ...USER };
    await then(async (now) => {
      const decisions: Decision[] = [];
      const options = { ledger, now: new Date(), planAgeMilliseconds: DAY_MS, guards: {}, ...now };
      await apply(summary.runId, () => target, { ...options, onDecisions: (some) => void decisions.push(...some) });
      return decisions;
    });
  }

  test('is applied as it was, where nothing changed', () =>
    withEmulator({ repositories }, (emulator) =>
      planned(emulator, async (carryOut) => {
        await carryOut({ findings: foundIn(IMAGES), evidence: using([]) });
        expect(emulator.tagsLeft()).toEqual(['app:fine', 'app:unscanned']);
      }),
    ));

  test('keeps what a scan names no more, and says why; what a scan names now is not in it', () =>
    withEmulator({ repositories }, (emulator) =>
      planned(emulator, async (carryOut) => {
        const now = { ...IMAGES, [bad.digest]: scan(0), [fine.digest]: scan(9) };
        const decisions = await carryOut({ findings: foundIn(now), evidence: using([]) });
        expect(emulator.tagsLeft()).toEqual(['app:bad', 'app:fine', 'app:unscanned']);
        expect(decisions.find(({ tag }) => tag === 'bad')).toMatchObject({
          action: 'keep',
          reason: 'changed-since-plan',
          detail: expect.stringContaining('its scan (grype, 2026-11-20) names no critical finding') as string,
        });
      }),
    ));

  test('is not applied without them, and stays as it was', () =>
    withEmulator({ repositories }, (emulator) =>
      planned(emulator, async (carryOut) => {
        const refused = carryOut({ evidence: using([]) });
        await expect(refused).rejects.toThrow(PlanRefused);
        await expect(refused).rejects.toThrow(
          'its rule "vulnerable" rests on findings by defender, and these are not asked now; name them as before: --findings or FINDINGS',
        );
        expect(emulator.tagsLeft()).toHaveLength(4);
        await carryOut({ findings: foundIn(IMAGES), evidence: using([]) });
        expect(emulator.tagsLeft()).toHaveLength(2);
      }),
    ));

  test('one whose rules ask for none is applied without', () =>
    withEmulator({ repositories }, (emulator) =>
      planned(
        emulator,
        async (carryOut) => {
          await carryOut({ evidence: using([]) });
          expect(emulator.tagsLeft()).toEqual([]);
        },
        'version: 1\nrules: [{ name: old, olderThan: 30d }]\n',
      ),
    ));
});

describe('what waits in quarantine', () => {
  async function waiting(
    then: (world: {
      readonly emulator: Emulator;
      readonly purge: (findings: RunOptions['findings']) => Promise<readonly Decision[]>;
    }) => Promise<void>,
  ): Promise<void> {
    await withEmulator({ repositories }, async (emulator) => {
      let ahead = 0;
      const { clock } = realSystem;
      const system = { ...realSystem, clock: { ...clock, now: () => clock.now() + ahead } };
      const ledger = openLedger(memoryStore(undefined, undefined, system));
      const policy = ruledBy(`${POLICY}quarantine: 14d\n`);
      const purge = async (findings: RunOptions['findings']) =>
        (await run(emulator, policy, undefined, ledger, { findings, evidence: using([]) })).decisions;
      await purge(foundIn(IMAGES));
      expect(emulator.tagsLeft()).toHaveLength(4);
      ahead = 15 * DAY_MS;
      await then({ emulator, purge });
    });
  }

  test('counts by the scan that it had, where none is known any more: a scanner cannot pull it', () =>
    waiting(async ({ emulator, purge }) => {
      await purge(foundIn({ [fine.digest]: scan(0) }));
      expect(emulator.tagsLeft()).toEqual(['app:fine', 'app:unscanned']);
    }));

  test('is released where a scan names no such finding any more', () =>
    waiting(async ({ emulator, purge }) => {
      const decisions = await purge(foundIn({ ...IMAGES, [bad.digest]: scan(0) }));
      const released = decisions.filter(({ reason }) => reason === 'released').map(({ digest }) => digest);
      expect(released).toEqual([bad.digest]);
      expect(emulator.tagsLeft()).toEqual(['app:bad', 'app:fine', 'app:unscanned']);
    }));

  test('stays there where no source of findings is asked', () =>
    waiting(async ({ emulator, purge }) => {
      const decisions = await purge(undefined);
      expect(reasonsOf(decisions)).toMatchObject({ multi: 'not-scanned', bad: 'not-scanned' });
      expect(decisions.filter(({ reason }) => reason === 'released')).toEqual([]);
      expect(emulator.tagsLeft()).toHaveLength(4);
      await purge(foundIn(IMAGES));
      expect(emulator.tagsLeft()).toEqual(['app:fine', 'app:unscanned']);
    }));
});
