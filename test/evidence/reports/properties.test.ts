import fc from 'fast-check';
import { expect, it } from 'vitest';
import { MOST_IDS } from '../../../src/evidence/findings.ts';
import { readReport } from '../../../src/evidence/reports/report.ts';
import { sample } from '../../support/reports.ts';

const TYPES = [
  undefined,
  'application/json',
  'application/sarif+json',
  'application/vnd.cyclonedx+json',
  'application/spdx+json',
];

const SAMPLES = [
  'trivy.json',
  'trivy.sarif.json',
  'trivy.cyclonedx.json',
  'trivy.spdx.json',
  'trivy.cosign-vuln.statement.json',
  'grype.json',
  'grype.sarif.json',
  'grype.cyclonedx.json',
].map((name) => JSON.parse(sample(name).toString()) as unknown);

function holds(bytes: Uint8Array, type: string | undefined): void {
  const found = readReport(bytes, `sha256:${'5'.repeat(64)}`, [type]);
  // Bounded, whatever came.
  expect(JSON.stringify(found).length).toBeLessThan(3_000);
  if (found.state !== 'report' || !found.scan) return;
  const { bySeverity, fixable, ids, at } = found.scan;
  expect(ids.length).toBeLessThanOrEqual(MOST_IDS);
  for (const id of ids) expect(id).toMatch(/^[\w.:-]{3,64}$/);
  for (const [severity, count] of Object.entries(fixable))
    expect(count).toBeLessThanOrEqual(bySeverity[severity as keyof typeof bySeverity] ?? 0);
  if (at !== undefined) expect(new Date(at).toISOString()).toBe(at);
}

it('any bytes, and any JSON, are read without an error', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array(),
        fc.json().map((text) => Buffer.from(text)),
      ),
      fc.constantFrom(...TYPES),
      holds,
    ),
    { numRuns: 300 },
  );
});

/** A document in which one value, wherever, is another. */
function changed(document: unknown, places: readonly number[], value: unknown): unknown {
  const [place, ...rest] = places;
  if (place === undefined || typeof document !== 'object' || document === null) return value;
  const keys = Object.keys(document);
  const key = keys[place % Math.max(1, keys.length)];
  if (key === undefined) return value;
  const inner = changed((document as Record<string, unknown>)[key], rest, value);
  return Array.isArray(document)
    ? document.map((one: unknown, index) => (String(index) === key ? inner : one))
    : { ...document, [key]: inner };
}

it('reports in which something is another thing are read without an error', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...SAMPLES),
      fc.array(fc.nat({ max: 40 }), { minLength: 1, maxLength: 8 }),
      fc.jsonValue(),
      fc.constantFrom(...TYPES),
      (document, places, value, type) => {
        holds(Buffer.from(JSON.stringify(changed(document, places, value))), type);
      },
    ),
    { numRuns: 300 },
  );
});

it('reports that break off are read without an error', () => {
  fc.assert(
    fc.property(fc.constantFrom(...SAMPLES), fc.double({ min: 0, max: 1, noNaN: true }), (document, share) => {
      const bytes = Buffer.from(JSON.stringify(document));
      const end = Math.floor(bytes.length * share);
      holds(bytes.subarray(0, end), 'application/sarif+json');
    }),
  );
});
