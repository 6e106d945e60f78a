import type { Decision } from '../planner/decision.ts';
import { jsonLine } from './escape.ts';
import type { RunSummary } from './summary.ts';
import { renderDecision, renderSummary } from './text.ts';

export const OUTPUTS = ['text', 'json', 'ndjson'] as const;

export type OutputForm = (typeof OUTPUTS)[number];

/** A run as text, piece by piece, so that no run is too large to be written. */
export interface Output {
  readonly decisions: (decisions: readonly Decision[]) => string;
  readonly end: (summary: RunSummary) => string;
}

/** @param verbose whether the text lists every decision. The other forms always do. */
export function outputOf(form: OutputForm, verbose: boolean): Output {
  return { text: () => text(verbose), json, ndjson }[form]();
}

function text(verbose: boolean): Output {
  const goingFirst = (a: Decision, b: Decision): number => Number(a.action === 'keep') - Number(b.action === 'keep');
  return {
    decisions: (decisions) => (verbose ? lines(decisions.toSorted(goingFirst).map(renderDecision)) : ''),
    end: renderSummary,
  };
}

/** One document: `{"decisions":[…],"summary":{…}}`. */
function json(): Output {
  const opening = '{"decisions":[\n';
  let written = 0;
  const before = (separator: string): string => (written === 0 ? opening : separator);
  return {
    decisions: (decisions) =>
      decisions
        .map((decision) => {
          const text = before(',\n') + jsonLine(decision);
          written += 1;
          return text;
        })
        .join(''),
    end: (summary) => `${before('')}\n],"summary":${jsonLine(summary)}}\n`,
  };
}

/** A decision a line; the last line is `{"summary":{…}}`. */
function ndjson(): Output {
  return {
    decisions: (decisions) => lines(decisions.map(jsonLine)),
    end: (summary) => lines([jsonLine({ summary })]),
  };
}

function lines(texts: readonly string[]): string {
  return texts.map((one) => `${one}\n`).join('');
}
