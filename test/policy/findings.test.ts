import { expect, test } from 'vitest';
import { readFindings } from '../../src/policy/findings.ts';
import { readFindingsSetting, readSettings } from '../../src/policy/settings.ts';

test.each([
  ['defender', ['defender']],
  [' Referrers,DEFENDER ', ['defender', 'referrers']],
  ['referrers\n\nreferrers', ['referrers']],
  ['off', []],
  [' , ', []],
  ['', []],
])('%j', (text, sources) => expect(readFindings(text, 'FINDINGS')).toEqual(sources));

test.each(['trivy', 'off defender', 'defender=1', 'constructor'])('%j is refused by its name', (text) =>
  expect(() => readFindings(text, '--findings')).toThrow(/--findings/),
);

test('the flag counts instead of the setting', () => {
  expect(readFindingsSetting({ FINDINGS: 'defender' })).toEqual(['defender']);
  expect(readFindingsSetting({ FINDINGS: 'defender' }, 'off')).toEqual([]);
  expect(readFindingsSetting({ FINDINGS: 'wrong' }, 'referrers')).toEqual(['referrers']);
  expect(readFindingsSetting({})).toEqual([]);
});

test('the app is given none, or those that are set; defender needs no resource id to load', () => {
  const of = (more: Readonly<Record<string, string>>) => {
    const read = readSettings({ ACR_REGISTRY: 'contoso', PURGE_COMMAND: '--filter .*:a --ago 1d', PURGE_SCHEDULE: '0 1 * * *', ...more }, () => ''); // prettier-ignore
    return read.state === 'valid' ? read.settings.findings : read.mistakes.map(({ message }) => message);
  };
  expect([of({}), of({ FINDINGS: 'defender' })]).toEqual([[], ['defender']]);
  expect(of({ FINDINGS: 'grype' })).toEqual([expect.stringMatching(/is no source of findings; there are defender, referrers, and off/)]); // prettier-ignore
});
