import { printable } from './escape.ts';
import { labelled, paint, PLAIN_STYLE, type Style } from './style.ts';
import { type Cell, renderFacts, renderTable } from './table.ts';

interface TriedRight {
  readonly toDo: string;
  readonly repository?: string;
  readonly state: 'granted' | 'missing' | 'unknown';
  readonly needed: boolean;
  readonly error?: string;
  readonly role?: string;
  readonly grant?: string;
}

interface Registry {
  readonly loginServer: string;
  readonly answers: boolean;
  readonly error?: string;
  readonly signedIn?: {
    readonly by: 'basic' | 'refresh-token' | 'entra';
    readonly name?: string;
    readonly objectId?: string;
    readonly principal?: 'User' | 'ServicePrincipal';
    readonly byRepository?: boolean;
  };
  readonly rights?: readonly TriedRight[];
}

/** What is set, who asks, and what it may do. */
export interface StatusReport {
  readonly version: string;
  readonly state: 'ready' | 'misconfigured';
  readonly mistakes: readonly { readonly message: string }[];
  readonly missing: readonly string[];
  readonly settings: Readonly<Record<string, string>>;
  readonly registry?: Registry;
  readonly registries?: readonly Registry[];
  readonly warnings?: readonly string[];
  readonly dryRun?: boolean;
  readonly ledger?: { readonly place: string; readonly answers: boolean; readonly error?: string };
  readonly notify?: { readonly receivers: Readonly<Record<string, number>>; readonly kinds: readonly string[] };
  readonly schedule?: { readonly description: string; readonly next: readonly string[] };
}

/**
 * The status for a person: what is missing last, with the commands that grant it.
 * @param whose where the settings come from
 */
export function renderStatus(report: StatusReport, whose: string, style: Style = PLAIN_STYLE): string {
  const {
    version,
    mistakes,
    settings,
    registry,
    registries,
    warnings = [],
    ledger,
    schedule,
    dryRun,
    missing,
    notify,
  } = report;
  const all = registries ?? (registry ? [registry] : []);
  const given = Object.entries(settings).map(([name, value]) => [name, printable(value)] as const);
  const parts = [
    [paint(style, 'bold', `acr-retention ${version}, ${whose}`)],
    ...(given.length === 0 ? [] : [[paint(style, 'bold', 'SETTINGS'), renderFacts(style, given)]]),
    ...(mistakes.length === 0
      ? []
      : [mistakes.map(({ message }) => labelled(style, 'red', 'WRONG:', printable(message)))]),
    [
      renderFacts(style, [
        ...(ledger
          ? [['runs', printable(ledger.answers ? ledger.place : `${ledger.place}: ${ledger.error ?? ''}`)] as const]
          : []),
        ...(notify ? [['tells', toldInWords(notify)] as const] : []),
        ...(schedule
          ? [
              ['schedule', schedule.description] as const,
              ['next', schedule.next.join(', ')] as const,
              ['deletes', dryRun === true ? 'nothing: dry runs only' : 'yes'] as const,
            ]
          : []),
      ]),
    ].filter((text) => text !== ''),
    ...all.map((one) => renderRegistry(one, style)),
    ...(warnings.length === 0
      ? []
      : [warnings.map((warning) => labelled(style, 'yellow', 'Warning:', printable(warning)))]),
    missing.length === 0
      ? [paint(style, 'green', 'Nothing is missing.')]
      : [
          ...missing.map((one) => labelled(style, 'red', 'MISSING:', printable(`${one}.`))),
          ...grantsIn(all).map((command) => `\n${command}`),
        ],
  ];
  return `${parts
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

/** `2 teams, 1 slack, of plan-waits, run-failed` */
function toldInWords({ receivers, kinds }: NonNullable<StatusReport['notify']>): string {
  const counts = Object.entries(receivers).map(([kind, count]) => `${count} ${kind}`);
  return printable(`${counts.join(', ')}, of ${kinds.join(', ')}`);
}

function renderRegistry(
  { loginServer, answers, error, signedIn, rights = [] }: Registry,
  style: Style,
): readonly string[] {
  const facts = renderFacts(style, [
    ['registry', printable(loginServer) + (answers ? '' : `: ${printable(error ?? 'does not answer')}`)],
    ...(signedIn ? [['signed in', printable(signedInWords(signedIn))] as const] : []),
  ]);
  if (rights.length === 0) return [facts];
  const rows = rights.map(({ toDo, repository = '', state, needed, error: why }): readonly Cell[] => [
    toDo,
    { granted: 'yes', missing: needed ? 'NO' : 'no', unknown: 'not known' }[state],
    printable(repository),
    state === 'missing' && !needed ? 'not needed as it is set' : state === 'granted' ? '' : printable(why ?? ''),
  ]);
  const columns = { head: ['RIGHT TO', 'GRANTED', 'TRIED ON', ''], right: [], names: [2], inWords: wordsOf };
  return [facts, '', renderTable(style, columns, rows)];
}

function wordsOf([, granted = '', on = '', why = '']: readonly Cell[]): string {
  return [granted, on === '' ? '' : `tried on ${on}`, why].filter((one) => one !== '').join('; ');
}

function signedInWords({ by, name, objectId, principal, byRepository }: NonNullable<Registry['signedIn']>): string {
  const mode = byRepository === true ? '; the registry assigns roles by repository (ABAC)' : '';
  if (by === 'basic') return `with a password, as ${name ?? ''}`;
  if (by === 'refresh-token') return `with a token of the registry${mode}`;
  const kind = { User: 'a person', ServicePrincipal: 'an app or a managed identity' };
  const who = [principal && kind[principal], objectId && `object id ${objectId}`].filter((one) => one !== undefined);
  return `as ${name ?? 'an Entra identity'}${who.length === 0 ? '' : ` (${who.join(', ')})`}${mode}`;
}

/** The commands that grant what is needed and missing, each once, as they are copied. */
function grantsIn(registries: readonly Registry[]): readonly string[] {
  const missing = registries.flatMap(({ rights = [] }) =>
    rights.flatMap(({ needed, state, grant }) => (needed && state === 'missing' && grant !== undefined ? [grant] : [])),
  );
  return [...new Set(missing)].map(printable);
}
