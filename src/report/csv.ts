import { stringify } from 'csv-stringify/sync';
import { type Decision, type DecisionError, errorOf } from '../planner/decision.ts';
import { printable } from './escape.ts';
import { FINDING_COLUMNS, findingCells } from './finding-fields.ts';

/** A table of CSV: its columns, and what stands in them for a value. */
export interface Sheet<T> {
  readonly columns: readonly string[];
  readonly cells: (value: T) => Readonly<Record<string, unknown>>;
}

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
  'quarantinedUntil',
] as const;

/** The columns of decisions, and of those of several registries. */
export const CSV = { one: COLUMNS, several: ['registry', ...COLUMNS] } as const;

/** A table of decisions, with columns of findings behind the others where something was asked for these. */
export function withFindings<T>(sheet: Sheet<T>, isAsked: boolean): Sheet<T> {
  return isAsked ? { ...sheet, columns: [...sheet.columns, ...FINDING_COLUMNS] } : sheet;
}

/** The cells of a decision. */
export function decisionCells(decision: Decision): Readonly<Record<string, unknown>> {
  const { status, code, correlationId, message }: Partial<DecisionError> = errorOf(decision) ?? {};
  const outcome = decision.action === 'keep' ? decision.release?.outcome : decision.outcome;
  return {
    ...decision,
    ...findingCells(decision.findings),
    outcome,
    quarantinedUntil: decision.quarantine?.until,
    error: message,
    status,
    code,
    correlationId,
  };
}

/** Decisions, or those of several registries. */
export function decisionSheet(columns: readonly string[] = CSV.one): Sheet<Decision> {
  return { columns, cells: decisionCells };
}

/** The first line of a table. */
export function csvHeader({ columns }: Pick<Sheet<unknown>, 'columns'>): string {
  return stringify([[...columns]], FORM);
}

/** Lines of CSV (RFC 4180). What a spreadsheet would take for a formula begins with an apostrophe. */
export function csvLines<T>(values: readonly T[], { columns, cells }: Sheet<T>): string {
  return stringify(
    values.map((value) => {
      const named = cells(value);
      return columns.map((column) => cellOf(named[column]));
    }),
    FORM,
  );
}

const FORM = { escape_formulas: true, record_delimiter: 'windows' } as const;

function cellOf(value: unknown): string {
  return typeof value === 'string' ? printable(value) : value === undefined ? '' : JSON.stringify(value);
}
