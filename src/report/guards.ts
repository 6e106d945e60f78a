import { GUARD_NAMES, type Hold, holdInWords } from '../planner/decision.ts';
import { printable } from './escape.ts';
import type { RepositorySummary } from '../ledger/summary.ts';

/** Lines that a summary has of what guards hold back. */
const MOST_LINES = 20;

/** What guards held back, or in a dry run would hold back, a line each. */
export function guardsInWords(breakers: readonly Hold[], isDry: boolean): readonly string[] {
  const lines = breakers.slice(0, MOST_LINES).map((hold) => {
    const what = hold.repository === undefined ? 'everything: ' : '';
    const sentence = printable(`${what}${holdInWords(hold)}`);
    return `${isDry ? 'WOULD BE HELD BACK' : 'HELD BACK'}: ${sentence} (guard ${GUARD_NAMES[hold.breaker]})`;
  });
  const more = breakers.length - lines.length;
  return more > 0 ? [...lines, `… and ${more} more; --output json, and the log, name each`] : lines;
}

/** How many of the deletions of a dry run guards would hold back, and of how many. */
export function foreseenCount(
  breakers: readonly Hold[],
  repositories: readonly RepositorySummary[],
): { readonly held: number; readonly of: number } {
  const deletions = ({ tags, manifests }: RepositorySummary): number => tags.deleted + manifests.deleted;
  const isAll = breakers.some(({ repository }) => repository === undefined);
  const names = new Set(breakers.map(({ repository }) => repository));
  const held = repositories.filter(({ repository }) => isAll || names.has(repository));
  return {
    held: held.reduce((all, one) => all + deletions(one), 0),
    of: repositories.reduce((all, one) => all + deletions(one), 0),
  };
}
