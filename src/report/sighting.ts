import type { Sighting } from '../ledger/reader.ts';
import type { UseOfImage } from '../ledger/uses-of.ts';
import type { Decision } from '../planner/decision.ts';
import { printable } from './escape.ts';
import { findingDetail } from './finding-words.ts';
import { restoredWhat } from './restored.ts';
import { kindOf } from './runs.ts';
import { PLAIN_STYLE, sentence, type Style } from './style.ts';
import { renderDecision } from './text.ts';

/* What was recorded of one artifact, as text. */

/** One sighting of an artifact: a line about the run, and one about its decision. */
export function renderSighting({ run, decision }: Sighting, style: Style = PLAIN_STYLE): string {
  const rule = run.policy.commands.map(({ given }) => given).join(' && ');
  const what = run.restores ? `restores ${restoredWhat(run.restores)}` : `purge ${rule}`;
  const about = sentence(style, `${run.id}  ${kindOf(run)}, ${run.state}; ${printable(what)}`);
  return `${about}\n${renderWithFindings(decision, style)}`;
}

/** A decision, and below it all that is known of its findings. */
export function renderWithFindings(decision: Decision, style: Style): string {
  const { what, ids, about } = findingDetail(decision) ?? {};
  const details = [what, ids, about].flatMap((line) => (line === undefined ? [] : [`    ${printable(line)}`]));
  return `${[renderDecision(decision), ...details].map((line) => sentence(style, line, '    ')).join('\n')}\n`;
}

/** Where an image was seen in use, a line. */
export function renderUse(use: UseOfImage, style: Style = PLAIN_STYLE): string {
  const { registry, source, where, first, last } = use;
  return `${sentence(style, printable(`In use: ${where} (${source}, ${registry}); first seen ${first}, last ${last}`))}\n`;
}
