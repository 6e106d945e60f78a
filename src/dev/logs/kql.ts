/*
 * As much of the Kusto query language as the app asks in: one table, `where` with one comparison, `summarize` with `min`,
 * `max` and `count` by columns and `bin`, `order by`. Anything else is an error, as it is to the service.
 */

type Value = string | number | Date;
export type Row = Readonly<Record<string, Value>>;

type Type = 'string' | 'datetime' | 'long';

export interface Answer {
  readonly columns: readonly { readonly name: string; readonly type: Type }[];
  readonly rows: readonly (readonly (string | number)[])[];
}

/** A query that is none, or more than is understood here. */
export class QueryError extends Error {
  override readonly name = 'QueryError';
}

const TABLE = 'ContainerRegistryRepositoryEvents';
const HOUR_MS = 3_600_000;

/** @throws {QueryError} */
export function evaluate(query: string, rows: readonly Row[]): Answer {
  const [table, ...operators] = query.split('|').map((part) => part.trim());
  if (table !== TABLE) throw new QueryError(`no table ${table ?? ''}`);
  const result = operators.reduce((before, operator) => applied(operator, before), rows);
  const names = columnsOf(operators);
  return {
    columns: names,
    rows: result.map((row) => names.map(({ name }) => answered(row[name] ?? ''))),
  };
}

const answered = (value: Value): string | number => (value instanceof Date ? value.toISOString() : value);
const shown = (value: Value): string => String(answered(value));

function applied(operator: string, rows: readonly Row[]): readonly Row[] {
  const where = /^where (\w+) (==|=~) "([^"\\]*)"$/.exec(operator);
  if (where) {
    const [, column = '', comparison, text = ''] = where;
    const asCompared = (value: string): string => (comparison === '=~' ? value.toLowerCase() : value);
    return rows.filter((row) => asCompared(shown(row[column] ?? '')) === asCompared(text));
  }
  const order = /^order by (\w+) (asc|desc)$/.exec(operator);
  if (order) {
    const [, column = '', way] = order;
    const sign = way === 'asc' ? 1 : -1;
    return rows.toSorted((a, b) => sign * shown(a[column] ?? '').localeCompare(shown(b[column] ?? '')));
  }
  return summarized(summaryIn(operator), rows);
}

interface Summary {
  readonly values: readonly {
    readonly name: string;
    readonly what: 'min' | 'max' | 'count';
    readonly column: string;
  }[];
  readonly by: readonly { readonly name: string; readonly column: string; readonly isHour: boolean }[];
}

function summaryIn(operator: string): Summary {
  const [, values = '', keys = ''] = /^summarize (.+?) by (.+)$/s.exec(operator) ?? [];
  const summed = values.split(/\s*,\s*/).map((value) => {
    const [, name = '', what, column = ''] = /^(\w+) = (?:(min|max)\((\w+)\)|count\(\))$/.exec(value) ?? [];
    if (name === '') throw new QueryError(`not understood: ${operator}`);
    return { name, what: what === 'min' || what === 'max' ? what : 'count', column } as const;
  });
  const by = keys.split(/\s*,\s*(?![^(]*\))/).map((key) => {
    const [, name = '', column = ''] = /^(\w+) = bin\((\w+), 1h\)$/.exec(key) ?? [];
    if (name !== '') return { name, column, isHour: true };
    if (!/^\w+$/.test(key)) throw new QueryError(`not understood: ${operator}`);
    return { name: key, column: key, isHour: false };
  });
  return { values: summed, by };
}

function summarized({ values, by }: Summary, rows: readonly Row[]): readonly Row[] {
  const groups = new Map<string, Row>();
  for (const row of rows) {
    const keys = Object.fromEntries(
      by.map(({ name, column, isHour }): [string, Value] => {
        const value = row[column] ?? '';
        return [
          name,
          isHour && value instanceof Date ? new Date(value.getTime() - (value.getTime() % HOUR_MS)) : value,
        ];
      }),
    );
    const key = JSON.stringify(keys);
    const known = groups.get(key);
    const best = values.map(({ name, what, column }): [string, Value] => {
      const before = known?.[name];
      if (what === 'count') return [name, Number(before ?? 0) + 1];
      const value = row[column] ?? '';
      return [name, before !== undefined && before > value === (what === 'max') ? before : value];
    });
    groups.set(key, { ...keys, ...Object.fromEntries(best) });
  }
  return [...groups.values()];
}

/** The columns of the answer: by the last `summarize`. */
function columnsOf(operators: readonly string[]): readonly { readonly name: string; readonly type: Type }[] {
  const last = operators.findLast((operator) => operator.startsWith('summarize '));
  if (last === undefined) throw new QueryError('only a summary is asked for');
  const { values, by } = summaryIn(last);
  return [
    ...by.map(({ name, isHour }) => ({ name, type: isHour ? ('datetime' as const) : ('string' as const) })),
    ...values.map(({ name, what }) => ({ name, type: what === 'count' ? ('long' as const) : ('datetime' as const) })),
  ];
}
