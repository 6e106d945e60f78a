import { describe, expect, test } from 'vitest';
import type { Call } from '../../src/dev/emulator/index.ts';
import { digestOf, image, index } from '../../src/dev/emulator/manifests.ts';
import { attachedReports, defenderFindings, type FindingsSource } from '../../src/engine/findings/findings.ts';
import { newFresh } from '../../src/engine/fresh.ts';
import type { Source } from '../../src/evidence/types.ts';
import { apply, dryRun, purge, readOnly } from '../../src/index.ts';
import { systemClock } from '../../src/registry/clock.ts';
import { repositoryOf } from '../support/contents.ts';
import { newLedger } from '../support/ledger.ts';
import { attach, type Attachment, grypeOf } from '../support/reports.ts';
import { connectTo, policyOf, ruledBy, run, USER, withEmulator } from '../support/registry.ts';

const app = image('app');
const young = image('young');
const kube: Source = {
  name: 'kube',
  read: () =>
    Promise.resolve({
      source: 'kube',
      observedAt: new Date().toISOString(),
      scope: 'all',
      complete: true,
      problems: [],
      facts: [],
    }),
};
const evidence = { sources: [kube], rememberMilliseconds: 0 };
const POLICY = 'version: 1\nrules: [{ name: vulnerable, olderThan: 30d, findings: { severity: high } }]\n';

const json = 'application/json';
const bad = attach(app, { type: json, text: grypeOf(3), days: 5 });
const clean = attach(app, { type: json, text: grypeOf(0), days: 1 });
const damaged = attach(app, { type: 'application/sarif+json', text: '{"runs":', days: 1 });

interface Scene {
  readonly attached?: readonly Attachment[];
  readonly failing?: (call: Call) => number | undefined;
  readonly sources?: readonly FindingsSource[];
}

/** What a rule that asks for findings decides of an old image. */
function decided({ attached = [bad], failing, sources = [attachedReports] }: Scene) {
  const repository = repositoryOf(
    { built: app, days: 90, tags: ['app'] },
    { built: young, days: 1, tags: ['young'] },
    ...attached.map(({ built, days = 1 }) => ({ built, days })),
  );
  const repositories = { app: { ...repository, blobs: attached.flatMap(({ blobs }) => blobs) } };
  return withEmulator({ repositories, ...(failing && { faults: { failing } }) }, async (emulator) => {
    const more = { findings: { sources }, evidence };
    const { decisions } = await run(emulator, ruledBy(POLICY), undefined, newLedger(), more);
    const { reason, detail } = decisions.find(({ kind, tag }) => kind === 'tag' && tag === 'app') ?? {};
    return { reason, detail, isLeft: emulator.tagsLeft().includes('app:app') };
  });
}

const about = (path: string, { built }: Attachment): boolean => path.endsWith(built.digest);

describe('a rule that asks for findings keeps what may be otherwise by now', () => {
  test('it deletes what a report names', async () => {
    expect(await decided({})).toMatchObject({ reason: 'rule-matched', isLeft: false });
  });

  test('a later manifest cannot be read, so that it is not known what it is about', async () => {
    const failing = ({ kind, path }: Call) => (kind === 'read-manifest' && about(path, clean) ? 500 : undefined);
    const found = await decided({ attached: [bad, clean], failing });
    expect(found).toMatchObject({ reason: 'not-scanned', isLeft: true });
    expect(found.detail).toMatch(/its scan may be out of date: referrers: .* cannot be read$/);
  });

  test('a later report cannot be read', async () => {
    const failing = ({ kind, path }: Call) =>
      kind === 'read-blob' && path.endsWith(digestOf(grypeOf(0))) ? 404 : undefined;
    const found = await decided({ attached: [bad, clean], failing });
    expect(found).toMatchObject({ reason: 'not-scanned', isLeft: true });
    expect(found.detail).toContain('its scan may be out of date: referrers: its report ');
  });

  test('a later report is damaged; an earlier one does not matter', async () => {
    expect(await decided({ attached: [bad, damaged] })).toMatchObject({ reason: 'not-scanned', isLeft: true });
    const before = attach(app, { type: 'application/sarif+json', text: '{"runs":', days: 9 });
    expect(await decided({ attached: [bad, before] })).toMatchObject({ reason: 'rule-matched', isLeft: false });
  });

  test('a later report that is listed, and not there, is none', async () => {
    const failing = ({ kind, path }: Call) => (kind === 'read-manifest' && about(path, clean) ? 404 : undefined);
    expect(await decided({ attached: [bad, clean], failing })).toMatchObject({ reason: 'rule-matched', isLeft: false });
  });

  test.each([
    [true, 'not-scanned'],
    [false, 'rule-matched'],
  ])('Defender, which counts more than a report, did not say: %s', async (isInDoubt, reason) => {
    const said = {
      observedAt: '2026-11-30T00:00:00.000Z',
      complete: false,
      problems: ['Azure answers 500'],
      images: 0,
    };
    const read = () => Promise.resolve({ ...said, scanOf: () => undefined, isInDoubt: () => isInDoubt });
    const source = { read, tried: () => Promise.resolve({ state: 'granted' as const }) };
    const sources = [defenderFindings(source, newFresh(systemClock)), attachedReports];
    expect(await decided({ sources })).toMatchObject({ reason, isLeft: isInDoubt });
  });
});

describe('what cannot be listed for findings alone', () => {
  test.each([403, 500])('changes nothing of a run that deletes tags alone, and is said: %i', (status) =>
    withEmulator(
      {
        repositories: { app: repositoryOf({ built: app, days: 90, tags: ['old'] }) },
        faults: { failing: ({ kind }) => (kind === 'list-manifests' ? status : undefined) },
      },
      async (emulator) => {
        const more = { findings: { sources: [attachedReports] } };
        const { summary } = await run(emulator, ['--filter', 'app:old', '--ago', '30d'], undefined, newLedger(), more);
        expect(summary).toMatchObject({
          succeeded: true,
          totals: { tags: { deleted: 1 } },
          warnings: [expect.stringMatching(/^the findings in app are not known: list the manifests of app: /)],
        });
        expect(emulator.tagsLeft()).toEqual([]);
      },
    ),
  );
});

describe('the sums of several commands', () => {
  const [amd64, arm64] = [image('amd64'), image('arm64')];
  const multi = index([
    { ...amd64, os: 'linux', architecture: 'amd64' },
    { ...arm64, os: 'linux', architecture: 'arm64' },
  ]);
  const scan = { by: 'grype' as const, bySeverity: { high: 1 }, fixable: {}, ids: [] };
  const images = new Map([amd64, arm64, young].map(({ digest }) => [digest, { scan }]));
  const observed = { observedAt: '2026-11-30T00:00:00.000Z', complete: true, problems: [], images };
  const findings = { sources: [{ source: 'defender' as const, read: () => Promise.resolve(observed) }] };

  test.each([[['--dry-run']], [[]]])('%j: a part of an index that an earlier one deletes is no image more', (dry) =>
    withEmulator(
      {
        repositories: {
          app: repositoryOf(
            { built: multi, days: 90, tags: ['multi'] },
            { built: amd64, days: 90, tags: ['amd64'] },
            { built: arm64, days: 90 },
            { built: young, days: 1, tags: ['young'] },
          ),
        },
      },
      async (emulator) => {
        const policies = ['app:multi', 'app:amd64'].map((filter) =>
          policyOf(['--filter', filter, '--ago', '30d', '--untagged', ...dry]),
        );
        const now = new Date(emulator.start.getTime() + 1);
        const options = { policies, ledger: newLedger(), now, onDecisions: () => undefined, findings };
        const registry = connectTo(emulator);
        const { totals } = dry.length > 0 ? await dryRun(readOnly(registry), options) : await purge(registry, options);
        expect(totals.findings).toEqual({
          removed: { images: 1, notScanned: 0, bySeverity: { high: 2 }, fixable: {} },
          kept: { images: 1, notScanned: 0, bySeverity: { high: 1 }, fixable: {} },
        });
      },
    ),
  );
});

describe('the sums', () => {
  const old = image('old');
  const repositories = {
    app: repositoryOf(
      { built: app, days: 90, tags: ['app'] },
      { built: old, days: 90, tags: ['old'] },
      { built: young, days: 1, tags: ['young'] },
    ),
  };
  const scan = { by: 'grype' as const, bySeverity: { high: 1 }, fixable: {}, ids: [] };
  const images = new Map([app, old, young].map(({ digest }) => [digest, { scan }]));
  const observed = { observedAt: '2026-11-30T00:00:00.000Z', complete: true, problems: [], images };
  const findings = { sources: [{ source: 'defender' as const, read: () => Promise.resolve(observed) }] };
  const given = ['--filter', 'app:app|old', '--ago', '30d', '--untagged'];
  const one = { images: 1, notScanned: 0, bySeverity: { high: 1 }, fixable: {} };

  test('what was gone before a plan is applied is not taken off what is there', () =>
    withEmulator({ repositories }, async (emulator) => {
      const ledger = newLedger();
      const planned = await run(emulator, [...given, '--dry-run'], undefined, ledger, { findings });
      await run(emulator, ['--filter', 'app:old', '--ago', '30d', '--untagged']);
      const target = { endpoint: new URL(emulator.url), certificate: emulator.certificate, ...USER };
      const options = { ledger, now: new Date(), planAgeMilliseconds: 86_400_000, guards: {}, findings };
      const applied = await apply(planned.summary.runId, () => target, {
        ...options,
        onDecisions: () => undefined,
      });
      expect(applied).toMatchObject({
        summary: { totals: { manifests: { alreadyGone: 1 }, findings: { removed: one, kept: one } } },
      });
    }));

  test('what is in use is no sum where no source says it', () =>
    withEmulator({ repositories }, async (emulator) => {
      const more = { findings, evidence: { sources: [], rememberMilliseconds: 0 } };
      const { summary } = await run(emulator, [...given, '--dry-run'], undefined, newLedger(), more);
      expect(summary.totals.findings).not.toHaveProperty('inUse');
    }));
});
