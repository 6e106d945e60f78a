import { stringify } from 'csv-stringify/sync';
import type { Decision, DecisionError } from '../planner/decision.ts';
import { printable } from './escape.ts';

const COLUMNS = [
  'repository',
  'kind',
  'tag',
  'digest',
  'action',
  'reason',
  'outcome',
  'detail',
  'beyondAcrPurge',
  'mediaType',
  'size',
  'createdTime',
  'lastUpdateTime',
  'error',
  'status',
  'code',
  'correlationId',
  'rule',
] as const;

/** The columns of decisions, and of those of several registries. */
export const CSV = { one: COLUMNS, several: ['registry', ...COLUMNS] } as const;

type Columns = (typeof CSV)[keyof typeof CSV];

/** The first line of a CSV of decisions. */
export function csvHeader(columns: Columns): string {
  return stringify([[...columns]], FORM);
}

/** Lines of CSV (RFC 4180). What a spreadsheet would take for a formula begins with an apostrophe. */
export function csvLines(decisions: readonly Decision[], columns: Columns): string {
  return stringify(
    decisions.map((decision) => cells(decision, columns)),
    FORM,
  );
}

const FORM = { escape_formulas: true, record_delimiter: 'windows' } as const;

function cells(decision: Decision, columns: Columns): readonly string[] {
  const { status, code, correlationId, message }: Partial<DecisionError> =
    (decision.action === 'delete' ? decision.error : undefined) ?? {};
  const values: Readonly<Record<string, unknown>> = { ...decision, error: message, status, code, correlationId };
  return columns.map((column) => {
    const value = values[column];
    return typeof value === 'string' ? printable(value) : value === undefined ? '' : JSON.stringify(value);
  });
}
