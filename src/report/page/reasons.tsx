import type { Reason } from '../../planner/decision.ts';
import type { RunRecord } from '../../ledger/records.ts';
import type { Totals } from '../../ledger/summary.ts';
import { Share } from './charts.tsx';
import { count, words } from './format.ts';
import { Badge, type Setting, Table } from './parts.tsx';
import { isDeleteReason, meaningOf } from './words.ts';

interface ReasonsProps {
  readonly setting: Setting;
  readonly run: RunRecord;
  readonly totals: Totals;
}

/** Why artifacts go and stay: what goes first, the most frequent first. */
export function Reasons({ setting, run, totals }: ReasonsProps) {
  const found = (Object.entries(totals.reasons) as [Reason, number][])
    .filter(([, number]) => number > 0)
    .map(([reason, number]) => ({ reason, number, goes: isDeleteReason(reason) }))
    .toSorted((a, b) => Number(b.goes) - Number(a.goes) || b.number - a.number);
  if (found.length === 0) return null;
  const largest = found.reduce((most, { number }) => Math.max(most, number), Number.NEGATIVE_INFINITY);
  return (
    <section aria-labelledby="reasons">
      <h2 id="reasons">Reasons</h2>
      <Table
        caption="Tags and manifests by the reason for which they go or stay"
        rows={found}
        columns={[
          {
            head: 'Reason',
            cell: ({ reason }) => (
              <>
                <a class="name" href={setting.link({ run: run.id, view: 'decisions', reason })}>
                  {words(reason)}
                </a>
                <p class="detail">{meaningOf(reason)}</p>
              </>
            ),
          },
          {
            head: 'Decision',
            cell: ({ goes }) => <Badge tone={goes ? 'goes' : 'calm'}>{goes ? 'goes' : 'stays'}</Badge>,
          },
          { head: 'Artifacts', number: true, cell: ({ number }) => count(number) },
          { head: 'Share', cell: ({ number, goes }) => <Share value={number} largest={largest} goes={goes} /> },
        ]}
      />
    </section>
  );
}
