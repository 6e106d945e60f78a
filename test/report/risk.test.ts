import { expect, test } from 'vitest';
import { risk } from '../../src/engine/risk/risk.ts';
import { NO_FINDINGS } from '../../src/planner/findings.ts';
import { renderRisk } from '../../src/report/risk-text.ts';
import { RISK_LINE } from '../../src/report/risk.ts';
import { csvLines } from '../../src/report/csv.ts';
import { hostileAtRisk, ledgerAtRisk } from '../support/at-risk.ts';
import { NOW } from '../support/review.ts';

const OPTIONS = { since: new Date('2026-09-01T00:00:00Z'), top: 10, now: NOW };

test('the terminal shows the line as blocks and as a table, what needs a new build, and what a rule', async () => {
  const text = renderRisk(await risk(ledgerAtRisk(), 'contoso.azurecr.io', OPTIONS));
  expect(text).toMatch(/^193 findings in 13 scanned images of contoso\.azurecr\.io, 112 fewer/);
  expect(text).toMatch(/^critical {2}█+▅▆▄+ {2}45 to 17$/m);
  expect(text).toMatch(/^2026-10-08 01:00 {2}run +27 +86 +40 +100 +0 {2}20 critical, 40 high +1 +2$/m);
  expect(text).toMatch(/^shop\/web:2\.0\.0 +2 {2}all have a fix {2}mcr\.microsoft\.com\/dotnet\/aspnet:8\.0 {2}CVE-2026-0001 CVE-2026-0002$/m);
  expect(text).toMatch(/^shop\/web:1\.0\.0 +4 .* it is locked$/m);
  expect(text).toContain('- 1 image was not scanned: nothing is known of it, which is not the same as clean.\n');
}); // prettier-ignore

test('on a narrow terminal a run is a sentence; names of a registry move nothing', async () => {
  const report = await risk(hostileAtRisk(), 'contoso.azurecr.io', OPTIONS);
  const text = renderRisk(report, { width: 60, wraps: true, color: false });
  expect(text).toMatch(/^2026-11-24 01:00\n {2}run: 45 critical, 0 high, 0 medium, 0 low, 0 other; 0 not$/m);
  // eslint-disable-next-line no-control-regex -- what is looked for
  expect(text).not.toMatch(/[\u0000-\u0009\u001b\u202e]/);
});

test('runs that removed nothing say so', async () => {
  const report = await risk(ledgerAtRisk(), 'contoso.azurecr.io', OPTIONS);
  const line = report.line.map((run) => ({ ...run, removed: NO_FINDINGS }));
  expect(renderRisk({ ...report, line })).toMatch(/^\d runs removed no findings\.$/m);
});

test('CSV has a line for each run', async () => {
  const { line } = await risk(ledgerAtRisk(), 'contoso.azurecr.io', OPTIONS);
  const [, second = ''] = csvLines(line, RISK_LINE).split('\r\n');
  expect(second).toBe(
    '20261008T010000Z-3f9a0c,2026-10-08T01:00:00.000Z,scheduled,false,' +
      '47,126,40,100,0,0,13,1,20,40,0,0,0,0,20,0,27,86,40,100,0,0,4,1,1,2,0,defender',
  );
});
