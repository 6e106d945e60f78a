import { expect, test } from 'vitest';
import { openLedger } from '../../src/ledger/ledger.ts';
import { pathsOf } from '../../src/ledger/paths.ts';
import { memoryStore } from '../../src/ledger/store/memory.ts';
import { ConflictError } from '../../src/ledger/store/store.ts';
import { summarize } from '../../src/ledger/summary.ts';
import { whileHeld } from '../../src/ledger/writer.ts';
import type { Decision } from '../../src/planner/decision.ts';

const RUN = '20261124T010000Z-3f9a0c';
const KEPT: Decision = {
  repository: 'app',
  kind: 'tag',
  tag: 'v1',
  action: 'keep',
  reason: 'too-young',
  detail: 'young',
  beyondAcrPurge: false,
};

test('what was decided is not recorded where the lock runs out while it is written', async () => {
  const store = memoryStore();
  const ledger = openLedger(store);
  const recorded = () => store.read(pathsOf(RUN).decisions('app'));
  const summary = summarize('app', [KEPT]);
  await ledger.writer(RUN).repository('app').write(summary, [KEPT]);
  const before = await recorded();
  let isHeld = true;
  const late = whileHeld(ledger.writer(RUN), [{ isHeld: () => isHeld }]).repository('app');
  const decisions = {
    *[Symbol.iterator]() {
      yield { ...KEPT, tag: 'v2' };
      isHeld = false;
    },
  };
  await expect(late.write(summary, decisions)).rejects.toThrow(ConflictError);
  expect(before).toBeDefined();
  expect(await recorded()).toEqual(before);
});
