import { printable } from '../../report/escape.ts';
import { paint, sentence, type Style } from '../../report/style.ts';
import type { CaseResult } from './policy-case.ts';

/* What `policy test` says. */

type Difference = CaseResult['differences'][number];
type Decided = Difference['got'] | NonNullable<Difference['expected']>;

/** A line for a case, and a line for each difference. */
export function renderCase(result: CaseResult, style: Style): string {
  const { name, passed, kept, deleted, differences, problems } = result;
  const word = passed ? paint(style, 'green', 'ok  ') : paint(style, 'red', 'FAIL');
  const lines = [
    `${word} ${printable(name)}: ${kept} kept, ${deleted} deleted`,
    ...[...differences.map(inWords), ...problems].map((text) => sentence(style, `     ${printable(text)}`, '       ')),
  ];
  return `${lines.join('\n')}\n`;
}

export function renderCount(results: readonly CaseResult[]): string {
  const failed = results.filter(({ passed }) => !passed).length;
  const cases = `${results.length} ${results.length === 1 ? 'case' : 'cases'}`;
  return `\n${cases}, ${failed === 0 ? 'all as expected' : `${failed} not as expected`}\n`;
}

/** What was expected, what was decided, and why. */
function inWords({ artifact, expected, got }: Difference): string {
  const decided = `${actionOf(got)}: ${got.detail === '' ? got.reason : got.detail}`;
  return expected
    ? `${artifact}: expected ${actionOf(expected)}; is ${decided}`
    : `${artifact}: expect.yaml does not name it; is ${decided}`;
}

/** `kept (kept-newest, rule releases)` */
function actionOf({ action, reason, rule }: Decided): string {
  const why = [reason, rule === undefined ? undefined : `rule ${rule}`].filter((word) => word !== undefined);
  return `${action === 'keep' ? 'kept' : 'deleted'}${why.length === 0 ? '' : ` (${why.join(', ')})`}`;
}
