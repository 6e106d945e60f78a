import { CHECK_KINDS, CHECK_STATES, type CheckKind, type CheckState, type RegistryCheck } from '../ledger/checks.ts';
import { printable } from './escape.ts';
import { plural } from './page/format.ts';
import { paint, PLAIN_STYLE, sentence, type Style } from './style.ts';

export const STATE_OF: Readonly<Record<CheckKind, CheckState>> = {
  'tag-without-manifest': 'broken',
  'manifest-gone': 'broken',
  'platform-missing': 'broken',
  unreadable: 'broken',
  'not-known': 'not known',
  'referrer-without-image': 'left over',
  'signature-without-image': 'left over',
  hidden: 'left over',
  'locked-and-old': 'left over',
  'repository-locked': 'left over',
  'repository-empty': 'left over',
};

/** How many findings there are of a state. */
export function countOf({ counts }: RegistryCheck, state: CheckState): number {
  return CHECK_KINDS.reduce((sum, kind) => sum + (STATE_OF[kind] === state ? (counts[kind] ?? 0) : 0), 0);
}

/** Whether all was looked at, and no pull fails. */
export function isFine(check: RegistryCheck): boolean {
  const { checked, of } = check.repositories;
  return checked === of && countOf(check, 'broken') + countOf(check, 'not known') === 0;
}

/** Findings of a kind that a text lists. */
const MOST_LISTED = 20;

const COLORS = { broken: 'red', 'not known': 'yellow', 'left over': undefined } as const;

/** What was found, the worst first, and what it comes to. */
export function renderRegistryCheck(check: RegistryCheck, style: Style = PLAIN_STYLE): string {
  const lines: string[] = [];
  for (const kind of CHECK_KINDS) {
    const count = check.counts[kind] ?? 0;
    if (count === 0) continue;
    const listed = check.findings.filter((one) => one.kind === kind).slice(0, MOST_LISTED);
    const color = COLORS[STATE_OF[kind]];
    const title = `${STATE_OF[kind].toUpperCase()}  ${kind}: ${count}`;
    lines.push(color ? paint(style, color, title) : paint(style, 'bold', title));
    for (const { says, since, todo } of listed) {
      const when = since === undefined ? '' : ` (since ${since.slice(0, 10)} at the earliest)`;
      lines.push(sentence(style, `  ${printable(says)}${when}`), sentence(style, `    ${printable(todo)}`));
    }
    if (count > listed.length) lines.push(`  … and ${count - listed.length} more`);
    lines.push('');
  }
  lines.push(sentence(style, conclusion(check)));
  return `${lines.join('\n')}\n`;
}

function conclusion(check: RegistryCheck): string {
  const { checked, of } = check.repositories;
  const [broken, unknown, left] = CHECK_STATES.map((one) => countOf(check, one));
  const seen = `${plural(checked, 'repository')} checked${checked === of ? '' : `, of ${of}`}`;
  const found = `${broken ?? 0} broken, ${unknown ?? 0} not known, ${left ?? 0} left over`;
  return `${printable(check.registry)}: ${seen}: ${found}.`;
}
