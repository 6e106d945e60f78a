import type { Decision, Decisions } from '../planner/decision.ts';
import { csvHeader, csvLines, decisionSheet, withFindings } from './csv.ts';
import { jsonLine, printable } from './escape.ts';
import { PLAIN_STYLE, type Style } from './style.ts';
import type { RegistryOutcome, RunSummary } from '../ledger/summary.ts';
import { renderDecision, renderSummary } from './text.ts';

export type OutputForm = 'text' | 'json' | 'ndjson';

/** Decisions in one piece of text: some hundred kilobytes. */
const PIECE = 500;

/** A run as text, piece by piece, so that neither a run nor a repository is too large to be written. */
export interface Output {
  readonly decisions: (decisions: Decisions) => Iterable<string>;
  readonly end: (summary: RunSummary) => string;
}

/** The runs of one registry or several as text. All calls for a registry come before those for the next one. */
export interface Answer {
  /** The id of the run, or of the parent of several. */
  readonly begun: (id: string) => void;
  readonly decisions: (decisions: Decisions, registry: string) => Iterable<string>;
  readonly outcome: (outcome: RegistryOutcome) => Iterable<string>;
  readonly end: () => Iterable<string>;
}

/** @param isOne whether there is one registry only: its run is written as `outputOf` writes it */
export function answerOf(form: OutputForm, isOne: boolean): Answer {
  return isOne ? one(outputOf(form, 'all')) : { text: severalTexts, json: severalJson, ndjson: severalLines }[form]();
}

/** Which decisions the text lists, what is changed first. The other forms list all. */
export type Listed = 'none' | 'deletions' | 'all';

/**
 * @param style how a text is laid out
 * @param findings whether a source of findings is asked, for the columns of a table
 */
export function outputOf(
  form: OutputForm | 'csv',
  listed: Listed,
  style: Style = PLAIN_STYLE,
  findings = false,
): Output {
  return { text: () => text(listed, style), json, ndjson, csv: () => csv(findings) }[form]();
}

/** How a text is ordered: what is changed first. */
const CHANGES = ['delete', 'release', 'restore'] as const;

type Listing = (typeof CHANGES)[number] | 'keep';

/** What is kept and comes back from quarantine is a change, too. */
function listingOf(decision: Decision): Listing {
  return decision.action === 'keep' && decision.release ? 'release' : decision.action;
}

function text(listed: Listed, style: Style): Output {
  let isFirst = true;
  const actions = ({ none: [], deletions: CHANGES, all: [...CHANGES, 'keep'] } as const)[listed];
  return {
    *decisions(decisions) {
      for (const action of actions) {
        for (const piece of pieces(decisions, lines(renderDecision), action)) {
          if (piece !== '') isFirst = false;
          yield piece;
        }
      }
    },
    end: (summary) => `${listed === 'all' || !isFirst ? '\n' : ''}${renderSummary(summary, style)}`,
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

/** A table of the decisions; the summary is none. */
function csv(findings: boolean): Output {
  const sheet = withFindings(decisionSheet(), findings);
  let header = csvHeader(sheet);
  const next = (text: string): string => {
    const headed = header + text;
    header = '';
    return headed;
  };
  return {
    decisions: (decisions) => pieces(decisions, (some) => next(csvLines(some, sheet))),
    end: () => next(''),
  };
}

function one(output: Output): Answer {
  return {
    begun: () => undefined,
    decisions: output.decisions,
    outcome: (outcome) => ('summary' in outcome ? [output.end(outcome.summary)] : []),
    end: () => [],
  };
}

/** A section for each registry. */
function severalTexts(): Answer {
  const { decisions, end } = text('all', PLAIN_STYLE);
  let current: string | undefined;
  const heading = (registry: string): readonly string[] => {
    if (registry === current) return [];
    const gap = current === undefined ? '' : '\n';
    current = registry;
    const title = printable(registry);
    return [`${gap}${title}\n${'='.repeat(title.length)}\n\n`];
  };
  return {
    begun: () => undefined,
    *decisions(some, registry) {
      yield* heading(registry);
      yield* decisions(some);
    },
    *outcome(outcome) {
      yield* heading(outcome.registry);
      if ('summary' in outcome) yield end(outcome.summary);
      else yield `${outcome.notBegun === undefined ? 'FAILED' : 'STOPPED'}: ${printable(outcome.error.message)}\n`;
    },
    end: () => [],
  };
}

/** One document: `{"parent":…,"runs":[{"registry":…,"decisions":[…],"summary":{…}}]}`, and `error` instead of `summary`. */
function severalJson(): Answer {
  let before = '';
  let isOpen = false;
  const next = (registry: string): string => {
    const text = `${before}{"registry":${jsonLine(registry)}`;
    before = ',\n';
    return text;
  };
  return {
    begun: (parent) => void (before = `{"parent":${jsonLine(parent)},"runs":[\n`),
    *decisions(decisions, registry) {
      for (const piece of pieces(decisions, (some) => some.map(jsonLine).join(',\n'))) {
        yield isOpen ? ',\n' : `${next(registry)},"decisions":[\n`;
        isOpen = true;
        yield piece;
      }
    },
    *outcome(outcome) {
      const isDone = 'summary' in outcome;
      if (isOpen) yield '\n]';
      else yield `${next(outcome.registry)}${isDone ? ',"decisions":[]' : ''}`;
      isOpen = false;
      yield isDone ? `,"summary":${jsonLine(outcome.summary)}}` : `,"error":${jsonLine(outcome.error)}}`;
    },
    end: () => ['\n]}\n'],
  };
}

/** A decision a line, each with its registry; after those of a registry `{"summary":{…}}`, or `{"registry":…,"error":{…}}`. */
function severalLines(): Answer {
  return {
    begun: () => undefined,
    decisions(decisions, registry) {
      const line = (decision: Decision): string => jsonLine({ registry, ...decision });
      return pieces(decisions, lines(line));
    },
    outcome(outcome) {
      const { registry } = outcome;
      const line = 'summary' in outcome ? { summary: outcome.summary } : { registry, error: outcome.error };
      return [`${jsonLine(line)}\n`];
    },
    end: () => [],
  };
}

/** An empty piece where none of so many decisions is wanted, so that the caller gets a turn after each. */
function* pieces(
  decisions: Decisions,
  render: (some: readonly Decision[]) => string,
  listing?: Listing,
): Generator<string> {
  let some: Decision[] = [];
  let seen = 0;
  for (const decision of decisions) {
    if (listing === undefined || listingOf(decision) === listing) some.push(decision);
    seen += 1;
    if (seen % PIECE > 0) continue;
    yield render(some);
    some = [];
  }
  if (some.length > 0) yield render(some);
}

function lines<T>(render: (one: T) => string): (some: readonly T[]) => string {
  return (some) => some.map((one) => `${render(one)}\n`).join('');
}
