import type { RepositoryRecord, RunRecord } from '../../ledger/records.ts';
import type { RunLog } from '../../report/log.ts';
import { foresee, type Foreseen } from '../guards.ts';
import { type House, targetOf } from './house.ts';

/** What guards would hold back of a dry run whose repositories are all planned. */
export async function foreseeIn(
  house: House,
  record: RunRecord,
  records: readonly RepositoryRecord[],
  log: RunLog,
): Promise<Foreseen> {
  const { guards, registry: name } = record;
  if (guards === undefined) return { holds: [], warnings: [] };
  const target = targetOf(house.settings(), name, 1);
  const found = await house.connections.using(target, (registry) =>
    foresee(records, guards, { ledger: house.ledger, registry, name }),
  );
  for (const hold of found.holds) log.foreseen(hold);
  return found;
}
