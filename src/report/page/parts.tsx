import { cancelledInWords } from '../../ledger/cancellation.ts';
import type { ComponentChildren } from 'preact';
import { type Cancellation, type RunProgress, type RunState } from '../../ledger/records.ts';
import type { Decision, DecisionError } from '../../planner/decision.ts';
import { resultOf, shortDigests } from '../text.ts';
import { type Titled, whatOf, whenOf, whereOf } from '../title.ts';
import { count, minute, name, plural, words } from './format.ts';
import { OUTCOME_TONES, RESTORE_TONES, STATES, type Tone } from './words.ts';

interface SectionProps {
  readonly id: string;
  readonly title: string;
  readonly children: ComponentChildren;
}

export function Section({ id, title, children }: SectionProps) {
  return (
    <section aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      {children}
    </section>
  );
}

interface NoticeProps {
  readonly tone: 'wait' | 'bad';
  readonly title: string;
  readonly children: ComponentChildren;
}

/** What needs the reader's attention. */
export function Notice({ tone, title, children }: NoticeProps) {
  return (
    <section class={`card ${tone}`} aria-label={title}>
      <h2>{title}</h2>
      {children}
    </section>
  );
}

interface ListProps<T> {
  readonly items: readonly T[];
  /** How many there are in all; the list says how many it leaves out. */
  readonly of: number;
  readonly children: (item: T) => ComponentChildren;
}

/** The first of many. */
export function FirstOf<T>({ items, of, children }: ListProps<T>) {
  return (
    <ul>
      {items.map((item) => (
        <li>{children(item)}</li>
      ))}
      {of > items.length && <li>… and {count(of - items.length)} more</li>}
    </ul>
  );
}

export interface Column<T> {
  readonly head: string;
  readonly number?: boolean;
  /** The address of the same rows sorted by this column; `is`: how they are sorted by it now. */
  readonly sort?: { readonly href: string; readonly is?: 'ascending' | 'descending' | undefined };
  readonly cell: (row: T) => ComponentChildren;
}

interface TableProps<T> {
  readonly caption: string;
  /** The first one names the row. */
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  /** Stays a table on a narrow screen. */
  readonly narrow?: boolean;
  /** What stands below a row, as wide as the table. */
  readonly below?: (row: T) => ComponentChildren;
}

/**
 * A table that becomes a list of cards on a narrow screen. The roles repeat what the elements say, because some browsers
 * drop the meaning of a table that is not laid out as one.
 */
export function Table<T>({ caption, columns, rows, narrow = false, below }: TableProps<T>) {
  const isSortable = columns.some(({ sort }) => sort);
  return (
    <div class="region" role="region" aria-label={caption} tabIndex={0}>
      <table role="table" class={`${narrow ? 'narrow' : 'cards'}${isSortable ? ' sortable' : ''}`}>
        <caption>{caption}</caption>
        <thead role="rowgroup">
          <tr role="row">
            {columns.map(({ head, number, sort }) => (
              <th role="columnheader" scope="col" class={number ? 'number' : undefined} aria-sort={sort?.is}>
                {sort ? <a href={sort.href}>{head}</a> : head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {rows.map((row) => {
            const under = below?.(row);
            return (
              <>
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
                {under && (
                  <tr role="row" class="below">
                    <td role="cell" colSpan={columns.length}>
                      {under}
                    </td>
                  </tr>
                )}
              </>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

/** A point in time, in UTC; the script adds the reader's own time zone. */
export function Time({ iso }: { readonly iso: string }) {
  return <time dateTime={name(iso)}>{minute(iso)}</time>;
}

/** What people call a run, with its time as one. */
export function RunTitle({ run, now }: { readonly run: Titled; readonly now: Date }) {
  return (
    <>
      {whatOf(run)}, {name(whereOf(run))},{' '}
      <time class="nowrap" dateTime={name(run.started)}>
        {name(whenOf(run.started, now))}
      </time>
    </>
  );
}

export function Badge({ tone, children }: { readonly tone: Tone; readonly children: ComponentChildren }) {
  return <span class={`badge ${tone}`}>{children}</span>;
}

export function StateBadge({ state }: { readonly state: RunState }) {
  return <Badge tone={STATES[state].tone}>{state}</Badge>;
}

export function OutcomeBadge({ decision }: { readonly decision: Decision }) {
  return <Badge tone={toneOf(decision)}>{resultOf(decision)}</Badge>;
}

function toneOf(decision: Decision): Tone {
  if (decision.action === 'restore') return RESTORE_TONES[decision.outcome];
  if (decision.action === 'delete')
    return decision.quarantine && decision.outcome === 'planned' ? 'wait' : OUTCOME_TONES[decision.outcome];
  const { outcome } = decision.release ?? {};
  return outcome === 'refused' || outcome === 'failed' ? 'bad' : outcome === undefined ? 'calm' : 'good';
}

/** A digest, short to read and whole to copy. */
export function Digest({ digest }: { readonly digest: string }) {
  return (
    <code class="digest" title={name(digest)} data-copy={name(digest)} data-copy-name="digest">
      {shortDigests(name(digest))}
    </code>
  );
}

/** A command to copy. */
export function Command({ text, label }: { readonly text: string; readonly label: string }) {
  return (
    <div class="copyable">
      <pre class="command">
        <code data-command="" data-copy="" data-copy-name={label}>
          {text}
        </code>
      </pre>
    </div>
  );
}

export type Fact = readonly [name: string, value: ComponentChildren];

/** Facts with their names. Those that are undefined are left out. */
export function Facts({ facts }: { readonly facts: readonly Fact[] }) {
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

/** How many repositories are done. */
export function doneInWords({ done, of, planned }: RunProgress): string {
  return `${count(done)} of ${plural(of, 'repository')} done${planned === undefined ? '' : `, ${count(planned)} planned`}`;
}

export function Progress({ progress }: { readonly progress: RunProgress }) {
  const { done, of } = progress;
  return (
    <p>
      <progress value={done} max={Math.max(of, 1)} aria-label="Repositories done" />{' '}
      {`${doneInWords(progress)}, ${count(of - done)} left`}
    </p>
  );
}

interface CancelledProps {
  readonly title: string;
  readonly cancelled: Cancellation | undefined;
  readonly children: string;
}

export function Cancelled({ title, cancelled, children }: CancelledProps) {
  if (!cancelled) return null;
  return (
    <Notice tone="wait" title={title}>
      <p>
        {words(cancelledInWords(cancelled))}: {children}
      </p>
    </Notice>
  );
}

/** An error as it came, with what the registry's support asks for. */
export function Failed({ error }: { readonly error: DecisionError | undefined }) {
  if (!error) return null;
  const about = [
    error.status === undefined ? undefined : `HTTP ${error.status}`,
    error.code === undefined ? undefined : words(error.code),
    error.correlationId === undefined ? undefined : `correlation id ${words(error.correlationId)}`,
  ].filter((one) => one !== undefined);
  return (
    <p class="error">
      {words(error.message)}
      {about.length > 0 && ` (${about.join(', ')})`}
    </p>
  );
}
