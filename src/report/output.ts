import type { Decision, Decisions } from '../planner/decision.ts';
import { jsonLine } from './escape.ts';
import type { RunSummary } from './summary.ts';
import { renderDecision, renderSummary } from './text.ts';

export const OUTPUTS = ['text', 'json', 'ndjson'] as const;

export type OutputForm = (typeof OUTPUTS)[number];

/** Decisions in one piece of text: some hundred kilobytes. */
const PIECE = 500;

/** A run as text, piece by piece, so that no run, and no repository, is too large to be written. */
export interface Output {
  readonly decisions: (decisions: Decisions) => Iterable<string>;
  readonly end: (summary: RunSummary) => string;
}

/** @param verbose whether the text lists every decision. The other forms always do. */
export function outputOf(form: OutputForm, verbose: boolean): Output {
  return { text: () => text(verbose), json, ndjson }[form]();
}

function text(verbose: boolean): Output {
  const goingFirst = (a: Decision, b: Decision): number => Number(a.action === 'keep') - Number(b.action === 'keep');
  return {
    decisions: (decisions) => (verbose ? pieces([...decisions].sort(goingFirst), lines(renderDecision)) : []),
    end: (summary) => `${verbose ? '\n' : ''}${renderSummary(summary)}`,
  };
}

/** One document: `{"decisions":[…],"summary":{…}}`. */
function json(): Output {
  let separator = '{"decisions":[\n';
  const next = (text: string): string => {
    const separated = separator + text;
    separator = ',\n';
    return separated;
  };
  return {
    decisions: (decisions) => pieces(decisions, (some) => some.map((one) => next(jsonLine(one))).join('')),
    end: (summary) => `${separator === ',\n' ? '' : separator}\n],"summary":${jsonLine(summary)}}\n`,
  };
}

/** A decision a line; the last line is `{"summary":{…}}`. */
function ndjson(): Output {
  return {
    decisions: (decisions) => pieces(decisions, lines(jsonLine)),
    end: (summary) => lines(jsonLine)([{ summary }]),
  };
}

function* pieces(decisions: Decisions, render: (some: readonly Decision[]) => string): Generator<string> {
  let some: Decision[] = [];
  for (const decision of decisions) {
    if (some.push(decision) < PIECE) continue;
    yield render(some);
    some = [];
  }
  if (some.length > 0) yield render(some);
}

function lines<T>(render: (one: T) => string): (some: readonly T[]) => string {
  return (some) => some.map((one) => `${render(one)}\n`).join('');
}
