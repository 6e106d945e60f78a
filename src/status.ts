import type { LedgerReader } from './ledger/reader.ts';
import type { Configuration, Settings } from './policy/settings.ts';
import { isDryRun, openReader, targetOf } from './target.ts';

/** What the app is set to do, and whether it could. */
export interface Status {
  readonly version: string;
  readonly state: 'ready' | 'misconfigured';
  readonly mistakes: readonly { readonly setting: string; readonly message: string }[];
  /** The app settings as they were given, without secrets. */
  readonly settings: Configuration['given'];
  readonly registry?: { readonly loginServer: string; readonly answers: boolean; readonly error?: string };
  readonly commands?: readonly string[];
  /** What is legal in the commands, and hardly meant. */
  readonly warnings?: readonly string[];
  readonly dryRun?: boolean;
  /** Where the record of all runs is kept. */
  readonly ledger?: { readonly place: string; readonly answers: boolean; readonly error?: string };
  readonly timeLimitSeconds?: number;
  /** Times are UTC. */
  readonly schedule?: { readonly expression: string; readonly description: string; readonly next: readonly string[] };
}

/** How long a status waits for the registry. */
const STATUS_TIMEOUT_MS = 20_000;
const NEXT_RUNS = 3;

const PASSING =
  'RETENTION_STORAGE is not set: the record of the runs ends with this instance of the app, and plans with it';

/** Tells what is configured, what is wrong with it, whether the registry answers, and when the next runs are. */
export async function status(
  configuration: Configuration,
  version: string,
  ledger: LedgerReader,
  now: Date,
): Promise<Status> {
  if (configuration.state === 'invalid') {
    const mistakes = configuration.mistakes.map(({ flag, message }) => ({ setting: flag, message }));
    return { version, state: 'misconfigured', mistakes, settings: configuration.given };
  }
  const { settings } = configuration;
  const { commands, schedule, timeLimitSeconds, endpoint } = settings;
  const [problem, ledgerProblem] = await Promise.all([checkRegistry(settings), checkLedger(ledger)]);
  return {
    version,
    state: 'ready',
    mistakes: [],
    settings: configuration.given,
    registry: {
      loginServer: endpoint.host,
      answers: problem === undefined,
      ...(problem !== undefined && { error: problem }),
    },
    commands: commands.map(({ text }) => text),
    warnings: [...commands.flatMap(({ policy }) => policy.warnings), ...(settings.ledger.storage ? [] : [PASSING])],
    dryRun: isDryRun(settings),
    ledger: {
      place: ledger.place,
      answers: ledgerProblem === undefined,
      ...(ledgerProblem !== undefined && { error: ledgerProblem }),
    },
    ...(timeLimitSeconds !== undefined && { timeLimitSeconds }),
    schedule: {
      expression: schedule.expression,
      description: schedule.description,
      next: schedule.next(now, NEXT_RUNS).map((run) => run.toISOString().replace('.000', '')),
    },
  };
}

/** Asks the registry for what a run asks first: one repository, or where filters name repositories outright, one of those. */
async function checkRegistry(settings: Settings): Promise<string | undefined> {
  const { commands } = settings;
  const [literal] = commands.flatMap(({ policy }) =>
    policy.filters.length > 0 ? (policy.compiled.literalRepositories() ?? []) : [],
  );
  const timeout = AbortSignal.timeout(STATUS_TIMEOUT_MS);
  try {
    const reader = await openReader(targetOf(settings, commands));
    await Promise.race([
      reader.check(literal),
      new Promise((_, reject) => {
        timeout.addEventListener('abort', () => reject(new Error(`no answer within ${STATUS_TIMEOUT_MS / 1000} s`)));
      }),
    ]);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

async function checkLedger(ledger: LedgerReader): Promise<string | undefined> {
  try {
    const runs = ledger.runs();
    await runs[Symbol.asyncIterator]().next();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
