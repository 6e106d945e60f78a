/** What is done with a registry. */
export interface Way {
  readonly name: string;
  readonly flags: readonly string[];
  /** It is a dry run, and its plan is applied. */
  readonly applied?: boolean;
  /** A purge that is done before, which no kill meets, and for how long it is waited after that. */
  readonly after?: { readonly flags: readonly string[]; readonly milliseconds: number };
  /** A list says that everything in the registry runs. */
  readonly isUsed?: boolean;
}

const DELETING: readonly Way[] = [
  { name: 'purge', flags: ['--concurrency', '4'] },
  { name: 'apply', flags: ['--concurrency', '4'], applied: true },
  { name: 'purge, everything planned first', flags: ['--concurrency', '3', '--max-deletion-percent', '100'] },
  { name: 'purge, one call at a time', flags: ['--concurrency', '1'] },
  { name: 'purge, locked ones too', flags: ['--concurrency', '4', '--include-locked'] },
];

const LONG = ['--concurrency', '4', '--quarantine', '14d'];
const SHORT = ['--concurrency', '4', '--quarantine', '1s'];

/** Into quarantine, and out of it in both ways. */
const QUARANTINE: readonly Way[] = [
  { name: 'quarantine', flags: LONG },
  { name: 'release what is used', flags: LONG, after: { flags: LONG, milliseconds: 0 }, isUsed: true },
  { name: 'delete after quarantine', flags: SHORT, after: { flags: SHORT, milliseconds: 1_500 } },
  { name: 'quarantine, applied', flags: LONG, applied: true },
];

export const WAYS = { all: [...DELETING, ...QUARANTINE], deleting: DELETING, quarantine: QUARANTINE } as const;
