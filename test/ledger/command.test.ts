import { cancelStop } from '../../src/ledger/cancellation.ts';
import { split } from 'shlex';
import { expect, test } from 'vitest';
import { commandFor, commandInWords } from '../../src/ledger/command.ts';
import { type EvidenceRecord } from '../../src/ledger/records.ts';

const evidence = (source: string, more: Partial<EvidenceRecord> = {}): EvidenceRecord => ({
  source,
  observedAt: '2026-03-01T00:00:00.000Z',
  scope: 'all namespaces',
  complete: true,
  images: 1,
  ...more,
});
const PULLS = evidence('ContainerRegistryRepositoryEvents', { within: '30d' });

test('the command to take a run up names each source that it rests on', () => {
  const run = { id: '20261124T010000Z-3f9a0c', evidence: [evidence('kube:prod'), evidence("list:it's here.txt"), PULLS] }; // prettier-ignore
  expect(split(commandFor('apply', run, 'a3f0'))).toEqual([
    ...['acr-retention', 'apply', '20261124T010000Z-3f9a0c', '--approve', 'a3f0', '--in-use', 'kube:prod'],
    ...['--in-use', "list:it's here.txt", '--keep-pulled-within', '30d'],
  ]);
  const byRules = { id: 'x', sources: [{ source: PULLS.source }, { source: 'kube' }], evidence: [evidence('kube')] };
  expect(commandInWords('resume', byRules)).toBe('acr-retention resume x --in-use kube');
  expect(commandInWords('resume', { id: 'x' })).toBe('acr-retention resume x');
  expect(commandInWords('resume', { id: 'x', evidence: [PULLS] })).toBe('acr-retention resume x --keep-pulled-within 30d'); // prettier-ignore
});

test('and the sources of its findings', () => {
  const findings = [{ source: 'defender' as const }, { source: 'referrers' as const }];
  expect(commandFor('apply', { id: 'x', evidence: [evidence('kube')], findings, archive: 'a' })).toBe(
    'acr-retention apply x --in-use kube --findings defender,referrers --archive a',
  );
});

test('what is not shown of an address is said', () => {
  const run = { id: 'x', evidence: [evidence('list:https://a.example/prod.txt?…')] };
  expect(commandInWords('apply', run)).toBe(
    "acr-retention apply x --in-use 'list:https://a.example/prod.txt?…' (what follows the ? of an address is not shown: write it in place of …)",
  );
});

test('so a cancelled run says it, too', () => {
  const cancellation = { at: '2026-03-01T00:00:00.000Z', askedBy: 'command line' } as const;
  const { detail } = cancelStop({ id: 'x', progress: { done: 1, of: 2 }, evidence: [evidence('kube')] }, cancellation);
  expect(detail).toMatch(/; to resume it all the same: acr-retention resume x --in-use kube$/);
});
