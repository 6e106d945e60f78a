import { describe, expect, test } from 'vitest';
import type { ImageFindings, SeverityCounts } from '../../src/evidence/findings.ts';
import type { TagRule } from '../../src/planner/retention.ts';
import type { Evidence, Protection } from '../../src/planner/types.ts';
import { toInstant } from '../../src/registry/time.ts';
import { d, decisionOn, DOCKER, planOf, type Thing } from './plan-of.ts';

const CUT_OFF = toInstant(new Date('2026-10-25T00:00:00Z'));
const OLD = { text: '30d', cutOff: CUT_OFF };

const KNOWN: Evidence = { tags: new Map(), digests: new Map(), configs: new Map(), isUseKnown: true };

const scanned = (bySeverity: SeverityCounts, fixable: SeverityCounts = {}): ImageFindings => ({
  scan: { by: 'grype', at: '2026-11-20T10:00:00Z', bySeverity, fixable, ids: [] },
});

interface Asked {
  readonly rule?: Partial<TagRule>;
  readonly findings?: Readonly<Record<string, ImageFindings>> | undefined;
  readonly evidence?: Evidence | undefined;
}

const CRITICAL: Partial<TagRule> = { findings: { severities: ['critical'], fixable: false } };
const HIGH: Partial<TagRule> = { findings: { severities: ['critical', 'high'], fixable: false } };
const FIXABLE: Partial<TagRule> = { findings: { severities: ['critical', 'high'], fixable: true } };
const PAST: Partial<TagRule> = { endOfLife: 'past' };

/** What is decided where one rule owns every tag. */
function decided(things: readonly Thing[], { rule = CRITICAL, findings, evidence }: Asked) {
  const tags = things.flatMap(({ tags: own = [] }) => own.map((tag) => (typeof tag === 'string' ? tag : tag.name)));
  const retention = {
    rules: [{ name: 'vulnerable', keep: {}, olderThan: OLD, ...rule }],
    owned: new Map(tags.map((name) => [name, { rule: 0, group: '' }] as const)),
    protected: new Map<string, string>(),
    pulledTags: new Map<never, never>(),
  };
  const planned = planOf(
    things,
    { retention, matches: undefined },
    { ...(findings && { findings }), ...(evidence && { evidence }) },
  );
  return (name: string) => {
    const { action, reason, detail } = decisionOn(planned, name) ?? {};
    return { action, reason, detail };
  };
}

const APP: readonly Thing[] = [{ name: 'app', tags: ['v1'] }];
const of = (asked: Asked) => decided(APP, { evidence: KNOWN, ...asked })('v1');

describe('a rule that asks for findings', () => {
  test.each<[string, Partial<TagRule>, ImageFindings | undefined, string]>([
    ['critical', CRITICAL, scanned({ critical: 1 }), 'rule-matched'],
    ['worse', HIGH, scanned({ critical: 1 }), 'rule-matched'],
    ['as severe', HIGH, scanned({ high: 1 }), 'rule-matched'],
    ['less severe', HIGH, scanned({ medium: 9, low: 9 }), 'no-findings'],
    ['negligible, or not known', HIGH, scanned({ negligible: 9, unknown: 9 }), 'no-findings'],
    ['clean', CRITICAL, scanned({}), 'no-findings'],
    ['none of that', CRITICAL, scanned({ critical: 0 }), 'no-findings'],
    ['with a fix', FIXABLE, scanned({ high: 2 }, { high: 1 }), 'rule-matched'],
    ['without one', FIXABLE, scanned({ critical: 2, low: 1 }, { low: 1 }), 'no-findings'],
    ['packages, and no scan', CRITICAL, { packages: 94 }, 'not-scanned'],
    ['nothing', CRITICAL, undefined, 'not-scanned'],
  ])('%s', (_, rule, found, reason) => {
    expect(of({ rule, findings: found ? { app: found } : {} })).toMatchObject({ reason });
  });

  test('keeps what is too young, and what else keeps it, whatever a scan says', () => {
    const findings = { app: scanned({ critical: 3 }) };
    expect(
      decided([{ ...APP[0], name: 'app', days: 3, tags: ['v1'] }], { findings, evidence: KNOWN })('v1'),
    ).toMatchObject({
      reason: 'too-young',
    });
    expect(of({ rule: { ...CRITICAL, keep: { newest: 1 } }, findings })).toMatchObject({ reason: 'kept-newest' });
    expect(of({ rule: { ...CRITICAL, onlyIfMoreThan: 1 }, findings })).toMatchObject({ reason: 'below-count' });
  });

  test('keeps everything where no source of findings is asked', () => {
    expect(of({ findings: undefined })).toMatchObject({ action: 'keep', reason: 'not-scanned' });
    expect(of({ findings: undefined }).detail).toContain('FINDINGS');
  });

  test('never deletes what is used, nor anything where that is not known', () => {
    const findings = { app: scanned({ critical: 3 }) };
    const use: Protection = { reason: 'in-use', detail: 'runs' };
    expect(of({ findings, evidence: { ...KNOWN, digests: new Map([[d('app'), use]]) } })).toMatchObject(use);
    expect(of({ findings, evidence: undefined })).toMatchObject({ action: 'keep', reason: 'in-use-unknown' });
    expect(of({ findings, evidence: undefined }).detail).toContain('IN_USE');
    const { isUseKnown, ...pullsAlone } = KNOWN;
    expect(isUseKnown).toBe(true);
    expect(of({ findings, evidence: pullsAlone })).toMatchObject({ reason: 'in-use-unknown' });
    const everything: Protection = { reason: 'in-use-unknown', detail: 'kube did not answer' };
    expect(of({ findings, evidence: { ...pullsAlone, everything } })).toMatchObject(everything);
  });

  test('says by which scan, and how many', () => {
    const findings = { app: scanned({ critical: 2, high: 5, low: 7 }, { high: 1 }) };
    expect(of({ rule: HIGH, findings }).detail).toBe(
      'kept by no count, and 40 days old (2026-10-15), older than 30d; its scan (grype, 2026-11-20) names 2 critical, 5 high',
    );
    expect(of({ rule: FIXABLE, findings }).detail).toMatch(/ names 1 high with a fix$/);
    expect(of({ rule: FIXABLE, findings: { app: scanned({ high: 1 }) } }).detail).toBe(
      'its scan (grype, 2026-11-20) names no finding with a fix that is high or worse',
    );
  });
});

describe('an index', () => {
  const index: readonly Thing[] = [
    { name: 'index', tags: ['v1'], children: ['amd64', 'arm64'] },
    { name: 'amd64' },
    { name: 'arm64' },
  ];
  const has = (findings: Readonly<Record<string, ImageFindings>>, rule = CRITICAL) =>
    decided(index, { rule, findings, evidence: KNOWN });

  test('is deleted with its parts where one of them has such a finding, also where another is not scanned', () => {
    const on = has({ amd64: scanned({ critical: 1 }) });
    for (const name of ['v1', 'index', 'amd64', 'arm64']) expect(on(name)).toMatchObject({ reason: 'rule-matched' });
    expect(on('v1').detail).toContain('its scan (grype');
    expect(has({ amd64: scanned({ critical: 1 }), arm64: scanned({ critical: 2 }) })('v1').detail).toMatch(
      /; the scans of its parts name 3 critical$/,
    );
  });

  test('is kept with its parts where none has, and where none is scanned', () => {
    const on = has({ amd64: scanned({ high: 1 }), arm64: scanned({}) });
    expect(on('v1')).toMatchObject({ reason: 'no-findings' });
    expect(on('amd64')).toMatchObject({ reason: 'child-of-kept-index' });
    expect(has({})('v1')).toMatchObject({ reason: 'not-scanned' });
    expect(has({ amd64: { packages: 1 } })('v1')).toMatchObject({ reason: 'not-scanned' });
  });

  test('counts by its own scan only where no part has one: as decisions show it', () => {
    expect(has({ index: scanned({ critical: 1 }) })('v1')).toMatchObject({ reason: 'rule-matched' });
    expect(has({ index: scanned({ critical: 1 }), arm64: scanned({}) })('v1')).toMatchObject({ reason: 'no-findings' });
  });

  test('that holds another one counts by the parts of that', () => {
    const nested: readonly Thing[] = [
      { name: 'outer', tags: ['v1'], children: ['inner'] },
      { name: 'inner', children: ['amd64'] },
      { name: 'amd64' },
    ];
    const on = decided(nested, { findings: { amd64: scanned({ critical: 1 }) }, evidence: KNOWN });
    expect(on('v1')).toMatchObject({ reason: 'rule-matched' });
    expect(on('amd64')).toMatchObject({ reason: 'rule-matched' });
  });

  test('whose part is used is kept, with all of it', () => {
    const findings = { amd64: scanned({ critical: 1 }), arm64: scanned({ critical: 1 }) };
    const digests = new Map([[d('arm64'), { reason: 'in-use', detail: 'runs' } as const]]);
    const on = decided(index, { findings, evidence: { ...KNOWN, digests } });
    expect(on('v1')).toMatchObject({ action: 'keep', reason: 'in-use' });
    expect(on('amd64')).toMatchObject({ action: 'keep' });
  });
});

describe('what belongs to an image', () => {
  const signature = `${d('app').replace(':', '-')}.sig`;
  const things: readonly Thing[] = [
    { name: 'app', tags: ['v1', 'v2'] },
    { name: 'sbom', subject: 'app', type: 'application/vnd.oci.artifact.manifest.v1+json' },
    { name: 'sig', tags: [signature] },
  ];

  test('follows it, and is asked for no findings itself', () => {
    const gone = decided(things, { findings: { app: scanned({ critical: 1 }) }, evidence: KNOWN });
    for (const name of ['v1', 'v2', 'app', 'sbom', signature, 'sig']) expect(gone(name).action, name).toBe('delete');
    const kept = decided(things, { findings: { app: scanned({}), sig: scanned({ critical: 9 }) }, evidence: KNOWN });
    for (const name of ['v1', 'v2', 'app', 'sbom', signature, 'sig']) expect(kept(name).action, name).toBe('keep');
  });
});

describe('a rule that asks for the end of life', () => {
  test.each([
    ['2026-11-23', 'rule-matched'],
    // It is that day.
    ['2026-11-24', 'supported'],
    ['2026-11-25', 'supported'],
    ['2026-11-23T23:59:59Z', 'rule-matched'],
    ['2026-11-23T23:59:59.1234567Z', 'rule-matched'],
    // A day later in UTC.
    ['2026-11-23T23:00:00-05:00', 'supported'],
    ['2026-11-24T01:00:00+02:00', 'rule-matched'],
    ['2026-11-23T10:00:00', 'rule-matched'],
    ['', 'end-of-life-unknown'],
    ['yesterday', 'end-of-life-unknown'],
    ['2020', 'end-of-life-unknown'],
    ['11/23/2020', 'end-of-life-unknown'],
    ['2020-13-45', 'end-of-life-unknown'],
    [undefined, 'end-of-life-unknown'],
  ])('%s: %s', (endOfLife, reason) => {
    const findings = { app: endOfLife === undefined ? {} : { endOfLife } };
    expect(of({ rule: PAST, findings })).toMatchObject({ reason });
  });

  test('says when it was, and needs what findings need', () => {
    const findings = { app: { endOfLife: '2026-01-31' } };
    expect(of({ rule: PAST, findings }).detail).toMatch(/older than 30d; its end of life was 2026-01-31$/);
    expect(of({ rule: PAST, findings, evidence: undefined })).toMatchObject({ reason: 'in-use-unknown' });
    expect(of({ rule: PAST, findings: undefined })).toMatchObject({ reason: 'end-of-life-unknown' });
  });

  test('beside findings: both must hold', () => {
    const rule = { ...PAST, ...CRITICAL };
    const past = { endOfLife: '2026-01-31' };
    expect(of({ rule, findings: { app: past } })).toMatchObject({ reason: 'not-scanned' });
    expect(of({ rule, findings: { app: scanned({ critical: 1 }) } })).toMatchObject({ reason: 'end-of-life-unknown' });
    expect(of({ rule, findings: { app: { ...past, ...scanned({ critical: 1 }) } } })).toMatchObject({
      reason: 'rule-matched',
    });
  });

  test.each([
    ['OCI', undefined],
    ['Docker', DOCKER],
  ])('an index of images by %s counts by its own, else by the part that is supported the longest', (_, type) => {
    const index: readonly Thing[] = [
      { name: 'index', tags: ['v1'], children: ['amd64', 'arm64'] },
      ...['amd64', 'arm64'].map((name) => ({ name, ...(type !== undefined && { type }) })),
    ];
    const reason = (days: Readonly<Record<string, string>>) =>
      decided(index, {
        rule: PAST,
        findings: Object.fromEntries(Object.entries(days).map(([name, endOfLife]) => [name, { endOfLife }])),
        evidence: KNOWN,
      })('v1').reason;
    expect(reason({ index: '2026-01-01', amd64: '2027-01-01' })).toBe('rule-matched');
    expect(reason({ index: '2027-01-01', amd64: '2026-01-01', arm64: '2026-01-01' })).toBe('supported');
    expect(reason({ amd64: '2026-01-01', arm64: '2026-01-01' })).toBe('rule-matched');
    expect(reason({ amd64: '2026-01-01', arm64: '2027-01-01' })).toBe('supported');
    expect(reason({ amd64: '2026-01-01' })).toBe('end-of-life-unknown');
  });
});
