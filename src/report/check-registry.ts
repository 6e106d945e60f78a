import { printable } from './escape.ts';
import { plural } from './page/format.ts';
import { paint, PLAIN_STYLE, sentence, type Style } from './style.ts';

/** What can be wrong in a registry, the worst first. */
export const CHECK_KINDS = [
  'tag-without-manifest',
  'manifest-gone',
  'platform-missing',
  'unreadable',
  'not-known',
  'referrer-without-image',
  'signature-without-image',
  'hidden',
  'locked-and-old',
  'repository-locked',
  'repository-empty',
] as const;

export type CheckKind = (typeof CHECK_KINDS)[number];

/** `broken`: a pull fails; `left over`: it costs space or attention; `not known`: it could not be looked at. */
export type CheckState = 'broken' | 'left over' | 'not known';

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

/** Something that was found. */
export interface RegistryFinding {
  readonly kind: CheckKind;
  readonly state: CheckState;
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
  /** Since when it is so at the earliest: when what is named was changed last (ISO 8601, UTC). Absent: not known. */
  readonly since?: string;
  /** What it is: a sentence without a full stop. */
  readonly says: string;
  /** What a person does about it: a sentence, or a command. */
  readonly todo: string;
}

export interface RegistryCheck {
  readonly registry: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  /** Repositories that were looked at, of those that were to be. */
  readonly repositories: { readonly checked: number; readonly of: number };
  /** How many there are of each kind, also of those that are not listed here. */
  readonly counts: Readonly<Partial<Record<CheckKind, number>>>;
  /** The worst first; of each kind the first ones. */
  readonly findings: readonly RegistryFinding[];
}

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
  const [broken, unknown, left] = (['broken', 'not known', 'left over'] as const).map((one) => countOf(check, one));
  const seen = `${plural(checked, 'repository')} checked${checked === of ? '' : `, of ${of}`}`;
  const found = `${broken ?? 0} broken, ${unknown ?? 0} not known, ${left ?? 0} left over`;
  return `${printable(check.registry)}: ${seen}: ${found}.`;
}
