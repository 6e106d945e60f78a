import { keptIn, percentOf } from '../text.ts';
import type { ComponentChildren } from 'preact';
import type { Decision } from '../../planner/decision.ts';
import type { RunRecord } from '../../ledger/records.ts';
import { bytes, count, minute, name, shorten } from './format.ts';
import type { Totals } from '../../ledger/summary.ts';
import type { Link } from './links.ts';
import { OUTCOMES, STATES, type Tone } from './words.ts';

/** What every view is told beside its data. */
export interface Setting {
  /** The function key that the page was opened with, if it was in the address. */
  readonly code: string | undefined;
  readonly link: Link;
  readonly now: Date;
  /** Where the ledger is kept. */
  readonly place: string;
}

interface Column<T> {
  readonly head: string;
  readonly number?: boolean;
  readonly cell: (row: T) => ComponentChildren;
}

interface TableProps<T> {
  readonly caption: string;
  /** The first one names the row. */
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  /** Not turned into cards on a narrow screen: it is narrow itself. */
  readonly narrow?: boolean;
}

/**
 * A table that is a list of cards on a narrow screen. The roles say what the elements say already: some browsers take
 * the meaning from a table that is not laid out as one.
 */
export function Table<T>({ caption, columns, rows, narrow = false }: TableProps<T>) {
  return (
    <div class="region" role="region" aria-label={caption} tabIndex={0}>
      <table role="table" class={narrow ? 'narrow' : 'cards'} data-filter={caption}>
        <caption>{caption}</caption>
        <thead role="rowgroup">
          <tr role="row">
            {columns.map(({ head, number }) => (
              <th role="columnheader" scope="col" class={number ? 'number' : undefined}>
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {rows.map((row) => (
            <tr role="row">
              {columns.map(({ head, number, cell }, index) =>
                index === 0 ? (
                  <th role="rowheader" scope="row">
                    {cell(row)}
                  </th>
                ) : (
                  <td role="cell" class={number ? 'number' : undefined} data-head={head}>
                    <div>{cell(row)}</div>
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** A point in time, in UTC; the script adds the reader's own. */
export function Time({ iso }: { readonly iso: string }) {
  return <time dateTime={name(iso)}>{minute(iso)}</time>;
}

export function Badge({ tone, children }: { readonly tone: Tone; readonly children: ComponentChildren }) {
  return <span class={`badge ${tone}`}>{children}</span>;
}

export function StateBadge({ state }: Pick<RunRecord, 'state'>) {
  const { tone, words } = STATES[state];
  return <Badge tone={tone}>{words}</Badge>;
}

/** What becomes of an artifact. */
export function OutcomeBadge({ decision }: { readonly decision: Decision }) {
  if (decision.action === 'keep') return <Badge tone="calm">stays</Badge>;
  const { tone, words } = OUTCOMES[decision.outcome];
  return <Badge tone={tone}>{words}</Badge>;
}

/** A digest, short to the eye and whole to whoever copies it. */
export function Digest({ digest }: { readonly digest: string }) {
  return (
    <code class="digest" title={name(digest)} data-copy={name(digest)} data-copy-name="digest">
      {shorten(name(digest))}
    </code>
  );
}

/** A command to be copied. */
export function Command({ text, named }: { readonly text: string; readonly named: string }) {
  return (
    <div class="copyable">
      <pre class="command">
        <code data-command="" data-copy="" data-copy-name={named}>
          {text}
        </code>
      </pre>
    </div>
  );
}

/** Facts with their names. Those that are undefined are left out. */
export function Facts({ facts }: { readonly facts: readonly (readonly [string, ComponentChildren])[] }) {
  return (
    <dl class="facts">
      {facts
        .filter(([, value]) => value !== undefined)
        .map(([term, value]) => (
          <div>
            <dt>{term}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}

/** Fields that a form carries along, the function key among them. */
export function Carried({ setting, fields }: { readonly setting: Setting; readonly fields: Record<string, string> }) {
  const carried = Object.entries({ ...fields, ...(setting.code !== undefined && { code: setting.code }) });
  return (
    <>
      {carried.map(([field, value]) => (
        <input type="hidden" name={field} value={value} />
      ))}
    </>
  );
}

interface PagerProps {
  readonly named: string;
  readonly back?: { readonly href: string; readonly text: string } | undefined;
  readonly next?: { readonly href: string; readonly text: string } | undefined;
}

export function Pager({ named, back, next }: PagerProps) {
  if (!back && !next) return null;
  return (
    <nav class="pager" aria-label={named}>
      {back && (
        <a rel="prev" href={back.href}>
          {back.text}
        </a>
      )}
      {next && (
        <a rel="next" href={next.href}>
          {next.text}
        </a>
      )}
    </nav>
  );
}

/** What became of everything, as figures. */
export function Figures({ totals, isDry }: { readonly totals: Totals; readonly isDry: boolean }) {
  const { tags, manifests } = totals;
  const verb = isDry ? 'that would be deleted' : 'deleted';
  const share = (kind: 'tags' | 'manifests'): string => {
    const percent = percentOf(totals, kind);
    return count(totals[kind].deleted) + (percent === undefined ? '' : ` (${percent})`);
  };
  const left = totals.leftUntagged?.manifests ?? 0;
  const together = (of: 'failed' | 'notAttempted' | 'alreadyGone'): string | undefined =>
    tags[of] + manifests[of] > 0 ? count(tags[of] + manifests[of]) : undefined;
  return (
    <div class="card figures">
      <Facts
        facts={[
          [`Tags ${verb}`, share('tags')],
          [`Manifests ${verb}`, share('manifests')],
          ['Size, at most (layers are shared)', bytes(totals.bytes)],
          ['Tags kept', count(keptIn(totals, 'tags'))],
          ['Manifests kept', count(keptIn(totals, 'manifests'))],
          ['Manifests left without a tag (--untagged deletes them)', left > 0 ? count(left) : undefined],
          ['Failed or refused', together('failed')],
          ['Not attempted or held back', together('notAttempted')],
          ['Had gone already', together('alreadyGone')],
          [
            'acr purge would have deleted, and is kept',
            totals.beyondAcrPurge > 0 ? count(totals.beyondAcrPurge) : undefined,
          ],
        ]}
      />
    </div>
  );
}
