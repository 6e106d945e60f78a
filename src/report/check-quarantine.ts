import { printable } from './escape.ts';
import { labelled, paint, PLAIN_STYLE, sentence, type Style } from './style.ts';

/** One thing that was found out. */
export interface CheckFinding {
  readonly name:
    | 'push'
    | 'hide-manifest'
    | 'pull'
    | 'pull-tag'
    | 'listed'
    | 'time-manifest'
    | 'show-manifest'
    | 'hide-tag'
    | 'time-tag'
    | 'show-tag'
    | 'pull-again'
    | 'hide-again'
    | 'delete'
    | 'clean-up'
    | 'stopped';
  /** `failed`: it should have been otherwise. */
  readonly state: 'yes' | 'no' | 'unsure' | 'failed';
  /** A sentence for a person, without a full stop. */
  readonly says: string;
}

/** A right, as it was found without changing anything. */
interface CheckedRight {
  readonly toDo: string;
  readonly state: 'granted' | 'missing' | 'unknown';
  readonly role?: string;
  readonly grant?: string;
  readonly error?: string;
}

export interface QuarantineCheck {
  readonly repository: string;
  /** The image that was pushed for it. */
  readonly tag: string;
  readonly digest: string;
  readonly access: { readonly error?: string; readonly rights: readonly CheckedRight[] };
  readonly findings: readonly CheckFinding[];
  /** A quarantine works on this registry, with these rights. */
  readonly works: boolean;
}

const MARKS: Readonly<Record<CheckFinding['state'], 'ok' | '--' | '??' | 'FAILED'>> = {
  yes: 'ok',
  no: '--',
  unsure: '??',
  failed: 'FAILED',
};

export function renderFinding({ state, says }: CheckFinding, style: Style = PLAIN_STYLE): string {
  const mark = MARKS[state].padEnd('FAILED'.length);
  const tone = { yes: 'green', no: undefined, unsure: 'yellow', failed: 'red' } as const;
  const color = tone[state];
  return sentence(style, `${color ? paint(style, color, mark) : mark}  ${printable(says)}`);
}

/** What follows from all of it. */
export function renderCheck({ access, findings, works }: QuarantineCheck, style: Style = PLAIN_STYLE): string {
  const missing = access.rights.filter(({ state }) => state === 'missing');
  const isPushMissing = findings.some(({ name, state }) => name === 'push' && state === 'failed');
  const lines = [
    ...(access.error === undefined ? [] : [labelled(style, 'red', 'FAILED:', printable(access.error))]),
    ...missing.map(({ toDo, role = '', grant }) =>
      printable(`Missing: the right to ${toDo}. Role: ${role}.${grant === undefined ? '' : `\n  ${grant}`}`),
    ),
    ...(isPushMissing ? [PUSH] : []),
    works
      ? 'A quarantine works on this registry, with these rights.'
      : 'A quarantine does not work here as it is: see what failed.',
  ];
  return `${lines
    .flatMap((line) => line.split('\n'))
    .map((line) => (line.startsWith('  ') ? line : sentence(style, line, '')))
    .join('\n')}\n`;
}

/** For this command alone: a quarantine itself pushes nothing. */
const PUSH = [
  'This command pushes an image of its own; a quarantine itself pushes nothing. For the command:',
  '  az role assignment create --role AcrPush --assignee <object id> --scope "$(az acr show --name <registry> --query id --output tsv)"',
  '  (with ABAC: --role "Container Registry Repository Contributor")',
].join('\n');
