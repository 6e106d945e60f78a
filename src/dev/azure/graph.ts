/*
 * Azure Resource Graph, as far as this understands its language: `where` with comparisons of texts, `extend`, `project` and
 * `order by id asc`. A column that is not there is empty, as the service has it.
 */

/** A row of a table, as Resource Graph keeps it. */
export interface GraphRow {
  readonly id: string;
  readonly type: string;
  readonly properties: Readonly<Record<string, unknown>>;
}

type Row = Readonly<Record<string, unknown>>;

/** The rows that a query gives; `undefined`: it is none that this understands. */
export function rowsOf(query: string, table: string, rows: readonly GraphRow[]): readonly Row[] | undefined {
  const [from = '', ...steps] = query.split('\n').flatMap((line) => line.split(/ ?\| (?=where|extend|project|order)/));
  if (from.trim() !== table) return undefined;
  let found: readonly Row[] = rows.map((row) => ({ ...row }));
  for (const step of steps.map((one) => one.trim()).filter((one) => one !== '')) {
    const [, verb = '', rest = ''] = /^(where|extend|project|order by) ([^]*)$/.exec(step) ?? [];
    if (verb === 'where') {
      const tests = rest.split(' or ').map(testOf);
      if (tests.includes(undefined)) return undefined;
      found = found.filter((row) => tests.some((test) => test?.(row)));
    } else if (verb === 'extend' || verb === 'project') {
      const columns = rest.split(/, (?=\w+(?: =|,|$))/).map(columnOf);
      found = found.map((row) => ({ ...(verb === 'extend' && row), ...Object.fromEntries(columns.map(([name, read]) => [name, read(row)])) })); // prettier-ignore
    } else if (rest === 'id asc') {
      found = found.toSorted((a, b) => (String(a['id']) < String(b['id']) ? -1 : 1));
    } else return undefined;
  }
  return found;
}

const COMPARE: Readonly<Record<string, (value: string, other: string) => boolean>> = {
  '=~': (value, other) => value === other,
  contains: (value, other) => value.includes(other),
  endswith: (value, other) => value.endsWith(other),
};

/** All comparisons pass over case, as these operators do. */
function testOf(text: string): ((row: Row) => boolean) | undefined {
  const full = /^isnotempty\((.+)\)$/.exec(text)?.[1];
  if (full !== undefined) return (row) => valueOf(full)(row) !== '';
  const [, value = '', operator = '', quoted = ''] = /^(\S+) (=~|in~|contains|endswith) (.+)$/.exec(text) ?? [];
  const others = [...quoted.matchAll(/'([^']*)'/g)].map(([, other = '']) => other.toLowerCase());
  const compare = COMPARE[operator === 'in~' ? '=~' : operator];
  if (!compare || others.length === 0) return undefined;
  return (row) => others.some((other) => compare(asText(valueOf(value)(row)).toLowerCase(), other));
}

function columnOf(text: string): readonly [string, (row: Row) => unknown] {
  const [name = '', value = name] = text.split(' = ');
  return [name, valueOf(value)];
}

function valueOf(text: string): (row: Row) => unknown {
  const [, verb, inner = ''] = /^(tostring|parse_json)\((.+)\)$/.exec(text) ?? [];
  if (verb === 'tostring') return (row) => asText(valueOf(inner)(row));
  if (verb === 'parse_json') return (row) => parsed(valueOf(inner)(row));
  return (row) => text.split('.').reduce<unknown>((value, part) => (isObject(value) && Object.hasOwn(value, part) ? value[part] : undefined), row); // prettier-ignore
}

const isObject = (value: unknown): value is Row => typeof value === 'object' && value !== null;

function asText(value: unknown): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function parsed(value: unknown): unknown {
  try {
    return JSON.parse(asText(value));
  } catch {
    return value;
  }
}
