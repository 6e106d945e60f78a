// In this order: the second needs what the first makes global.
import '@kusto/language-service-next/bridge.js';
import '@kusto/language-service-next';
import { APPLICATION_INSIGHTS } from './application-insights.ts';
import { CONTAINER_REGISTRY } from './container-registry.ts';

/*
 * Queries, as the language service of Azure Data Explorer and Azure Monitor understands them. It is .NET turned into
 * JavaScript, and lives in two global objects.
 */

const { Syntax, Symbols, KustoCode, GlobalState } = Kusto.Language;

type Node = Kusto.Language.Syntax.SyntaxElement | null;

/** A comparison of a field of the record with values that stand in the query. */
interface Comparison {
  readonly path: string;
  readonly values: readonly string[];
  /** Every row of the result fulfils it: it stands in a `where` by itself, or joined with `and`. */
  readonly isSelecting: boolean;
}

export interface Query {
  /** What the language service has to say against it. */
  readonly diagnostics: readonly string[];
  /** Names of the columns of its result. */
  readonly columns: readonly string[];
  /** The fields of the parsed record that it reads, e.g. `tags.deleted`. */
  readonly paths: readonly string[];
  readonly comparisons: readonly Comparison[];
}

function globalsOf(name: string, schema: Readonly<Record<string, Readonly<Record<string, string>>>>) {
  const tables = Object.entries(schema).map(([table, columns]) => {
    const listed = Object.entries(columns).map(([column, type]) => `${column}:${type}`);
    return new Symbols.TableSymbol.$ctor7(table, `(${listed.join(', ')})`, null);
  });
  return GlobalState.Default?.WithDatabase(new Symbols.DatabaseSymbol.ctor(name, tables)) ?? null;
}
const applicationInsights = globalsOf('ApplicationInsights', APPLICATION_INSIGHTS);
const containerRegistry = globalsOf('LogAnalytics', CONTAINER_REGISTRY);

/** Parses a query, and binds it to the tables of Application Insights. */
export function readQuery(text: string): Query {
  return read(text, applicationInsights);
}

/** Parses a query, and binds it to the table that registries write to. */
export function readRegistryQuery(text: string): Query {
  return read(text, containerRegistry);
}

function read(text: string, globals: Kusto.Language.GlobalState | null): Query {
  const code = KustoCode.ParseAndAnalyze(text, globals);
  if (!code) throw new Error('the language service gave no answer');
  const paths = new Set<string>();
  const comparisons: Comparison[] = [];
  Syntax.SyntaxElement.WalkNodes(code.Syntax, (node) => {
    const path = pathOf(node);
    // Of d.error.message, not d.error as well.
    if (path !== undefined && pathOf(node.Parent) === undefined) paths.add(path);
    const compared = comparisonIn(node);
    if (compared) comparisons.push({ ...compared, isSelecting: isSelecting(node) });
  });
  return {
    diagnostics: listOf(code.GetDiagnostics()).map(
      (found) => `${found.Message ?? ''}: ${text.slice(found.Start, found.Start + found.Length)}`,
    ),
    columns: columnsOf(code.ResultType),
    paths: [...paths],
    comparisons,
  };
}

/** `a.b` of `d.a.b` and `d.a['b']`, where `d` is a column of any shape. */
function pathOf(node: Node): string | undefined {
  if (!(node instanceof Syntax.PathExpression || node instanceof Syntax.ElementExpression)) return undefined;
  const { Expression: base, Selector: selector } = node;
  const name =
    selector instanceof Syntax.NameReference
      ? selector.SimpleName
      : selector instanceof Syntax.BracketedExpression
        ? literalIn(selector.Expression)
        : undefined;
  if (name === undefined || name === null) return undefined;
  if (base instanceof Syntax.NameReference) return base.ResultType === Symbols.ScalarTypes.Dynamic ? name : undefined;
  const before = pathOf(base);
  return before === undefined ? undefined : `${before}.${name}`;
}

function comparisonIn(node: Node): Pick<Comparison, 'path' | 'values'> | undefined {
  if (node instanceof Syntax.InExpression) {
    const path = pathOf(unconverted(node.Left));
    const values = elementsOf(node.Right).map(literalIn);
    return path === undefined ? undefined : { path, values: values.filter((value) => value !== undefined) };
  }
  const { EqualExpression, NotEqualExpression } = Syntax.SyntaxKind;
  if (!(node instanceof Syntax.BinaryExpression) || ![EqualExpression, NotEqualExpression].includes(node.Kind))
    return undefined;
  const path = pathOf(unconverted(node.Left));
  const value = literalIn(node.Right);
  return path === undefined || value === undefined ? undefined : { path, values: [value] };
}

/** `d.a` of `tostring(d.a)`. */
function unconverted(node: Node): Node {
  if (!(node instanceof Syntax.FunctionCallExpression) || !/^to[a-z]+$/.test(node.Name?.SimpleName ?? '')) return node;
  return elementsOf(node.ArgumentList)[0] ?? node;
}

function literalIn(node: Node): string | undefined {
  if (!(node instanceof Syntax.LiteralExpression)) return undefined;
  const value: unknown = node.LiteralValue;
  return typeof value === 'string' ? value : (node.toString() ?? '').trim();
}

function isSelecting(node: Kusto.Language.Syntax.SyntaxNode): boolean {
  const { Kind: kind, Parent: parent } = node;
  if (kind !== Syntax.SyntaxKind.EqualExpression && kind !== Syntax.SyntaxKind.InExpression && !isAnd(node))
    return false;
  return parent instanceof Syntax.FilterOperator || (isAnd(parent) && isSelecting(parent));
}

function isAnd(node: Node): node is Kusto.Language.Syntax.BinaryExpression {
  return node instanceof Syntax.BinaryExpression && node.Kind === Syntax.SyntaxKind.AndExpression;
}

function columnsOf(result: Kusto.Language.Symbols.TypeSymbol | null): readonly string[] {
  return result instanceof Symbols.TableSymbol ? listOf(result.Columns).map(({ Name }) => Name ?? '') : [];
}

function elementsOf(list: Kusto.Language.Syntax.ExpressionList | null): readonly Node[] {
  return listOf(list?.Expressions ?? null).map((one) => (one instanceof Syntax.SeparatedElement ? one.Element : null));
}

interface List<T> {
  readonly Count: number;
  readonly getItem: (index: number) => T;
}

function listOf<T>(list: List<T> | null): readonly T[] {
  return list ? Array.from({ length: list.Count }, (_, index) => list.getItem(index)) : [];
}
