import { Spec, Validation } from '@cyclonedx/cyclonedx-library';
import { describe, expect, it } from 'vitest';
import { LARGEST_REPORT, mayBeReport, readReport } from '../../../src/evidence/reports/report.ts';
import { sample } from '../../support/reports.ts';

/*
 * The samples of Trivy were made by Trivy itself (`trivy convert`) from trivy.json, which is invented; those of grype have
 * the form that its source and its JSON schema say, and SARIF's own validator accepts them.
 */

/** The image that the attestations of the samples are about. */
const IMAGE = `sha256:${'5'.repeat(64)}`;

const read = (name: string, type?: string) => readReport(sample(name), IMAGE, [type]);
const readJson = (document: unknown, type?: string) => readReport(Buffer.from(JSON.stringify(document)), IMAGE, [type]);

const SARIF = 'application/sarif+json';

describe('counts are those of the summaries that the tools print', () => {
  // From trivy.table.txt, as Trivy printed it: a line for each target of packages.
  const totals = Array.from(
    sample('trivy.table.txt')
      .toString()
      .matchAll(/\n(?<target>.+)\n=+\nTotal: (?<total>\d+) \((?<counts>.*)\)/g),
    ({ groups: { target = '', total = '', counts = '' } = {} }) => ({
      target,
      total: Number(total),
      counts: Object.fromEntries(
        counts.split(', ').map((one) => {
          const [severity = '', count] = one.toLowerCase().split(': ');
          return [severity, Number(count)];
        }),
      ),
    }),
  ).filter(({ target }) => !target.endsWith('(secrets)'));
  const bySeverity: Record<string, number> = {};
  for (const { counts } of totals)
    for (const [severity, count] of Object.entries(counts))
      if (count > 0) bySeverity[severity] = (bySeverity[severity] ?? 0) + count;

  it('reads the totals of Trivy', () => {
    expect(totals.map(({ total }) => total)).toEqual([4, 2]);
    expect(bySeverity).toEqual({ critical: 1, high: 1, medium: 1, low: 2, unknown: 1 });
  });

  const trivy = {
    bySeverity,
    fixable: { critical: 1, high: 1, medium: 1 },
    ids: ['CVE-2099-10001', 'CVE-2099-20001', 'GHSA-2222-3333-4444', 'CVE-2099-10002', 'TEMP-0000000-ABCDEF'],
  };
  // 7 vulnerability matches; by severity: 1 critical, 2 high, 2 medium, 0 low, 1 negligible (1 unknown); by status: 3 fixed
  const grype = {
    bySeverity: { critical: 1, high: 2, medium: 2, negligible: 1, unknown: 1 },
    fixable: { critical: 1, medium: 2 },
    ids: ['CVE-2099-30001', 'CVE-2099-30002', 'GHSA-5555-6666-7777', 'CVE-2099-30003', 'CVE-2099-30004'],
  };
  it.each<[string, object]>([
    ['trivy.json', { scan: { by: 'trivy', at: '2026-11-20T08:15:00.123Z', ...trivy }, packages: 5 }],
    ['trivy.sarif.json', { scan: { by: 'sarif', ...trivy } }],
    ['trivy.cyclonedx.json', { scan: { by: 'cyclonedx', at: '2026-11-20T08:15:00.000Z', ...trivy }, packages: 5 }],
    [
      'trivy.cosign-vuln.statement.json',
      { scan: { by: 'trivy', at: '2026-11-20T08:15:00.000Z', ...trivy }, packages: 5 },
    ],
    ['trivy.spdx.json', { packages: 5 }],
    ['grype.json', { scan: { by: 'grype', at: '2026-11-21T06:30:00.123Z', ...grype } }],
    [
      // Of SARIF the score counts, and grype writes 0.0 for both.
      'grype.sarif.json',
      { scan: { by: 'sarif', ...grype, bySeverity: { critical: 1, high: 2, medium: 2, unknown: 2 } } },
    ],
    [
      // grype writes no fix into CycloneDX.
      'grype.cyclonedx.json',
      { scan: { by: 'cyclonedx', at: '2026-11-21T06:30:00.000Z', ...grype, fixable: {} }, packages: 5 },
    ],
  ])('%s', (name, said) => {
    expect(read(name)).toEqual({ state: 'report', ...said });
  });

  it.each([
    ['trivy.cyclonedx.json', Spec.Version.v1dot5],
    ['grype.cyclonedx.json', Spec.Version.v1dot6],
  ])('%s is what the schema of CycloneDX says', async (name, version) => {
    const mistakes: unknown = await new Validation.JsonStrictValidator(version).validate(sample(name).toString());
    expect(mistakes).toBeNull();
  });
});

describe('attestations', () => {
  const statement = JSON.parse(sample('trivy.cosign-vuln.statement.json').toString()) as unknown;
  const envelope = {
    payloadType: 'application/vnd.in-toto+json',
    payload: Buffer.from(JSON.stringify(statement)).toString('base64'),
    signatures: [{ sig: 'aW52ZW50ZWQ=' }],
  };

  it.each([
    ['DSSE', envelope],
    ['a Sigstore bundle', { mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json', dsseEnvelope: envelope }],
  ])('%s: what is attested is read', (_, document) => {
    expect(readJson(document)).toEqual(read('trivy.cosign-vuln.statement.json'));
  });

  it('an SBOM in one', () => {
    const predicate = JSON.parse(sample('trivy.spdx.json').toString()) as unknown;
    const subject = [{ digest: { sha256: 'a'.repeat(64) } }, { digest: { sha256: '5'.repeat(64) } }];
    expect(readJson({ predicateType: 'https://spdx.dev/Document', predicate, subject })).toEqual({
      state: 'report',
      packages: 5,
    });
  });

  it.each<[unknown]>([[[]], [undefined], [[{ digest: { sha256: 'a'.repeat(64) } }]], [[null, {}]]])(
    'about another image says nothing of this one: %j',
    (subject) => {
      const found = readJson({ predicateType: 'https://spdx.dev/Document', predicate: {}, subject });
      expect(found).toEqual({ state: 'damaged', why: 'it is an attestation about another image' });
    },
  );

  it('envelopes have an end', () => {
    let document: unknown = statement;
    for (let depth = 0; depth < 9; depth += 1)
      document = { ...envelope, payload: Buffer.from(JSON.stringify(document)).toString('base64') };
    expect(readJson(document)).toEqual({ state: 'other' });
  });

  it('a payload that is not JSON is of nothing known', () => {
    expect(readJson({ ...envelope, payload: 'AAAA' })).toEqual({ state: 'other' });
  });
});

describe('what looks clean and is not known to be scanned', () => {
  const run = (name: string, more: object) => ({ version: '2.1.0', runs: [{ tool: { driver: { name } }, ...more }] });
  it.each<[string, unknown]>([
    ['Trivy, that recognised nothing in the image', { SchemaVersion: 2, ArtifactName: 'a', Results: null }],
    [
      'Trivy, that looked for secrets',
      { SchemaVersion: 2, ArtifactName: 'a', Results: [{ Target: 'a', Class: 'secret' }] },
    ],
    ['an empty SARIF of a linter', run('ESLint', { results: [] })],
    ['SARIF of a linter', run('ESLint', { results: [{ ruleId: 'no-eval', message: { text: 'no' } }] })],
    ['SARIF of a tool that did not look', run('grype', { results: null })],
    ['SARIF without results', run('grype', {})],
    [
      'CycloneDX by Trivy without vulnerabilities',
      { bomFormat: 'CycloneDX', vulnerabilities: [], metadata: { tools: [{ name: 'trivy' }] } },
    ],
    [
      'CycloneDX that only judges (VEX)',
      { bomFormat: 'CycloneDX', vulnerabilities: [{ id: 'CVE-2099-1', analysis: { state: 'not_affected' } }] },
    ],
  ])('%s', (_, document) => {
    expect(readJson(document)).toEqual({ state: 'report' });
  });

  it('a list of packages', () => {
    expect(readJson({ bomFormat: 'CycloneDX', components: [{ type: 'library' }] })).toEqual({
      state: 'report',
      packages: 1,
    });
  });
});

describe('what is clean', () => {
  const clean = { bySeverity: {}, fixable: {}, ids: [] };
  it.each<[string, unknown, object]>([
    ['grype', { matches: [], descriptor: { name: 'grype' } }, { scan: { by: 'grype', ...clean } }],
    [
      'Trivy',
      { SchemaVersion: 2, ArtifactName: 'a', Results: [{ Target: 'a', Class: 'os-pkgs', Packages: [{}, {}] }] },
      { scan: { by: 'trivy', ...clean }, packages: 2 },
    ],
    [
      'SARIF of a scanner',
      { version: '2.1.0', runs: [{ tool: { driver: { name: 'Trivy', rules: null } }, results: [] }] },
      { scan: { by: 'sarif', ...clean } },
    ],
    [
      'CycloneDX by grype',
      { bomFormat: 'CycloneDX', vulnerabilities: [], metadata: { tools: { components: [{ name: 'grype' }] } } },
      { scan: { by: 'cyclonedx', ...clean } },
    ],
  ])('%s', (_, document, said) => {
    expect(readJson(document)).toEqual({ state: 'report', ...said });
  });
});

describe('SARIF', () => {
  const sarif = (results: readonly object[], rules: readonly object[] = [], more: object = {}) =>
    readJson({ version: '2.1.0', runs: [{ tool: { driver: { name: 'any', rules } }, results, ...more }] }, SARIF);
  const counted = (...given: Parameters<typeof sarif>) => {
    const found = sarif(...given);
    return found.state === 'report' ? found.scan?.bySeverity : found;
  };

  it.each([
    ['9.0', 'critical'],
    [10, 'critical'],
    ['8.9', 'high'],
    ['7.0', 'high'],
    ['6.9', 'medium'],
    ['4', 'medium'],
    ['3.9', 'low'],
    [0.1, 'low'],
    ['0.0', 'unknown'],
    ['11', 'unknown'],
    ['-1', 'unknown'],
    ['', 'unknown'],
    ['high', 'unknown'],
    [null, 'unknown'],
  ])('a score of %j is %s', (score, severity) => {
    const rules = [{ id: 'CVE-2099-1', properties: { 'security-severity': score } }];
    expect(counted([{ ruleId: 'CVE-2099-1' }], rules)).toEqual({ [severity]: 1 });
  });

  it('the score of a result counts before that of its rule', () => {
    const rules = [{ id: 'a1x', properties: { 'security-severity': '9.8' } }];
    expect(counted([{ ruleId: 'a1x', properties: { 'security-severity': '5.0' } }], rules)).toEqual({ medium: 1 });
  });

  it('a rule is found by its id, or else by its place', () => {
    const rules = [
      { id: 'CVE-2099-1', properties: { 'security-severity': '9.8' } },
      { id: 'CVE-2099-2', properties: { 'security-severity': '2.0' } },
    ];
    const results = [
      { ruleId: 'CVE-2099-2', ruleIndex: 0 },
      { ruleIndex: 0 },
      { rule: { index: 1 } },
      { ruleIndex: -1 },
    ];
    expect(sarif(results, rules)).toMatchObject({
      scan: { bySeverity: { critical: 1, low: 2 }, ids: ['CVE-2099-1', 'CVE-2099-2'] },
    });
  });

  it.each<[string, object]>([
    ['passed', { kind: 'pass' }],
    ['gone since', { baselineState: 'absent' }],
    ['accepted', { suppressions: [{ kind: 'external', status: 'accepted' }] }],
    ['suppressed without a status', { suppressions: [{ kind: 'inSource' }] }],
  ])('%s is no finding', (_, more) => {
    expect(counted([{ ruleId: 'CVE-2099-1', ...more }])).toEqual({});
  });

  it.each<[string, object]>([
    ['under review', { suppressions: [{ kind: 'external', status: 'underReview' }] }],
    ['not suppressed', { suppressions: [] }],
    ['open', { kind: 'open' }],
  ])('%s is one', (_, more) => {
    expect(counted([{ ruleId: 'CVE-2099-1', ...more }])).toEqual({ unknown: 1 });
  });

  it('a run that failed says nothing', () => {
    expect(counted([], [], { invocations: [{ executionSuccessful: false }] })).toMatchObject({
      state: 'damaged',
      why: 'the tool says that it failed',
    });
  });
});

describe('CycloneDX', () => {
  const rated = (vulnerability: object) => {
    const found = readJson({ bomFormat: 'CycloneDX', vulnerabilities: [{ id: 'CVE-2099-1', ...vulnerability }] });
    return found.state === 'report' ? found.scan?.bySeverity : found;
  };
  it.each<[string, object, object]>([
    [
      'its own source counts',
      {
        source: { name: 'debian' },
        ratings: [
          { source: { name: 'nvd' }, severity: 'critical' },
          { source: { name: 'debian' }, severity: 'low' },
        ],
      },
      { low: 1 },
    ],
    [
      'else the worst',
      {
        source: { name: 'debian' },
        ratings: [
          { source: { name: 'nvd' }, severity: 'low' },
          { source: { name: 'ghsa' }, severity: 'high' },
        ],
      },
      { high: 1 },
    ],
    ['a score where there is no word', { ratings: [{ score: 9.1 }] }, { critical: 1 }],
    ['none is negligible', { ratings: [{ severity: 'none' }] }, { negligible: 1 }],
    ['info is negligible', { ratings: [{ severity: 'info' }] }, { negligible: 1 }],
    ['nothing is unknown', {}, { unknown: 1 }],
    ['each component once', { affects: [{ ref: 'a' }, { ref: 'b' }, { ref: 'a' }] }, { unknown: 2 }],
  ])('%s', (_, vulnerability, counts) => {
    expect(rated(vulnerability)).toEqual(counts);
  });

  it('components in components', () => {
    const components = [
      { type: 'application', components: [{ type: 'library', components: [{ type: 'framework' }] }] },
      { type: 'application', purl: 'pkg:generic/a' },
      { type: 'operating-system' },
      { type: 'file' },
      null,
    ];
    expect(readJson({ bomFormat: 'CycloneDX', components })).toEqual({ state: 'report', packages: 3 });
  });
});

describe('lists of packages', () => {
  it('SPDX 3', () => {
    const graph = ['software_Package', 'software_Package', 'software_File'].map((type) => ({ type }));
    const container = { type: 'software_Package', software_primaryPurpose: 'container' };
    const document = { '@context': 'https://spdx.org/rdf/3.0.1/spdx-context.jsonld', '@graph': [...graph, container] };
    expect(readJson(document)).toEqual({ state: 'report', packages: 2 });
  });

  it('syft', () => {
    expect(readJson({ artifacts: [{}, {}, {}], descriptor: { name: 'syft' } })).toEqual({
      state: 'report',
      packages: 3,
    });
  });
});

describe('hostile content', () => {
  it.each<[string, string, string]>([
    ['no JSON', '<sarif/>', 'it is not JSON'],
    ['nothing', '', 'it is not JSON'],
    ['a list', '[]', 'it is not a JSON object'],
    ['another document', '{}', 'it is of no format that is known here'],
    [
      'a list that is none',
      '{"bomFormat":"CycloneDX","vulnerabilities":{}}',
      'vulnerabilities: is not what it should be',
    ],
    ['entries that are none', '{"version":"2.1.0","runs":[1]}', 'runs: is not what it should be'],
    ['brackets without end', '['.repeat(200_000), 'it is nested too deeply'],
    [
      'a deep graph',
      `{"@graph":[],"@context":${'['.repeat(200_000)}${']'.repeat(200_000)}}`,
      'it is nested too deeply',
    ],
    ['deep brackets', '['.repeat(200_000) + ']'.repeat(200_000), 'it is nested too deeply'],
  ])('%s, called SARIF, is damaged', (_, text, why) => {
    expect(readReport(Buffer.from(text), IMAGE, [SARIF])).toEqual({ state: 'damaged', why });
  });

  it.each<[string, string]>([
    ['lists', `[${'[],'.repeat(500_000)}1]`],
    ['values', `[${'1,'.repeat(1_000_001)}1]`],
  ])('too many %s', (_, text) => {
    expect(readReport(Buffer.from(text), IMAGE, [SARIF])).toEqual({ state: 'damaged', why: 'it has too many values' });
  });

  it('brackets in a text are none', () => {
    const id = '[{\\"'.repeat(300);
    expect(readJson({ matches: [{ vulnerability: { id, severity: 'High' } }], source: {} })).toMatchObject({
      scan: { bySeverity: { high: 1 } },
    });
  });

  it('what is only called JSON is something else', () => {
    expect(readReport(Buffer.from('{"test":"passed"}'), IMAGE, ['application/json'])).toEqual({ state: 'other' });
  });

  it('is larger than what is read', () => {
    expect(readReport(Buffer.alloc(LARGEST_REPORT + 1, ' '), IMAGE, [])).toMatchObject({ state: 'damaged' });
  });

  it('has more entries than are read', () => {
    expect(readJson({ matches: Array(100_001).fill({}), descriptor: { name: 'grype' } })).toEqual({
      state: 'damaged',
      why: 'matches: a list has more than 100000 entries',
    });
  });

  it('names that have not the form of one are counted, and not passed on', () => {
    const ids = [
      '<script>',
      'CVE-2099-1\u001b[31m',
      '=cmd|calc',
      7,
      null,
      'x'.repeat(65),
      'CVE-2099-12345-' + 'y'.repeat(500),
      'DLA-1-1',
    ];
    const matches = ids.map((id) => ({ vulnerability: { id, severity: 'High' } }));
    expect(readJson({ matches, source: {} })).toMatchObject({
      scan: { bySeverity: { high: 8 }, ids: ['CVE-2099-12345', 'DLA-1-1'] },
    });
  });

  it('names twenty at most, the worst', () => {
    const matches = Array.from({ length: 60 }, (_, n) => ({
      vulnerability: { id: `CVE-2099-${1000 + n}`, severity: ['Low', 'Critical', 'High'][n % 3] },
    }));
    const found = readJson({ matches, source: {} });
    const ids = found.state === 'report' ? found.scan?.ids : undefined;
    expect(ids).toEqual(Array.from({ length: 20 }, (_, n) => `CVE-2099-${1001 + 3 * n}`));
  });
});

it.each([
  ['application/sarif+json', true],
  ['application/vnd.cyclonedx+json', true],
  ['application/spdx+json', true],
  ['application/json', true],
  ['application/vnd.example.trivy.report+json', true],
  ['application/vnd.in-toto+json', true],
  ['application/vnd.dsse.envelope.v1+json', true],
  ['application/vnd.dev.sigstore.bundle.v0.3+json', true],
  ['text/spdx+json', true],
  ['application/vnd.dev.cosign.simplesigning.v1+json', false],
  ['application/vnd.cyclonedx+xml', false],
  ['application/jose+json', true],
  ['application/vnd.oci.image.layer.v1.tar+gzip', false],
  ['application/vnd.oci.image.config.v1+json', false],
])('%s may be a report: %s', (type, may) => {
  expect(mayBeReport(type)).toBe(may);
});
