import { expect, test } from 'vitest';
import { quarantinesIn } from '../../../src/engine/quarantine/quarantine.ts';
import type { QuarantineEntry } from '../../../src/ledger/quarantine.ts';
import { newLedger } from '../../support/ledger.ts';

const entry = (digest: string): QuarantineEntry => ({
  ...{ kind: 'manifest', digest, tags: [], state: 'quarantined', root: digest, runId: 'run' },
  ...{ since: '2026-11-20T01:00:00.000Z', until: '2026-12-04T01:00:00.000Z' },
  ...{ policy: { hash: '', from: 'settings' }, reason: 'matched-and-expired', detail: '' },
});

test('changes of one record side by side do not take each other for those of another process', async () => {
  const ledger = newLedger();
  const quarantine = quarantinesIn(ledger, 'contoso.azurecr.io', () => undefined);
  const digests = Array.from({ length: 60 }, (_, n) => `sha256:${n}`);
  await Promise.all(
    digests.map((digest) =>
      quarantine.change('app', ({ entries, released }) => ({ entries: [...entries, entry(digest)], released })),
    ),
  );
  const { entries } = await quarantine.of('app');
  expect(entries.map(({ digest }) => digest)).toEqual(digests);
});
