import { type Emulator, type EmulatorOptions, startEmulator } from '../../src/dev/emulator/index.ts';
import { purgeCommand, normalizeArguments, type CommandFlags } from '../../src/policy/flags.ts';
import { parsePolicyFile } from '../../src/policy/file/parse.ts';
import { createPolicy, type PurgeFlags, type PurgePolicy } from '../../src/policy/purge-policy.ts';
import type { Decision } from '../../src/planner/decision.ts';
import type { RunSummary } from '../../src/ledger/summary.ts';
import { credentialsOf } from '../../src/registry/identity.ts';
import { emulatorInProcess } from './in-process.ts';
import { newLedger } from './ledger.ts';
import { openRegistry } from '../../src/registry/registry.ts';
import { dryRun, type Ledger, purge, readOnly, type Registry, type RunOptions } from '../../src/index.ts';

export const USER = { username: 'tester', password: 'not-a-secret' } as const;

type Test<T> = (emulator: Emulator) => Promise<T>;

/** A registry for the length of a test, in this process: nothing but the sockets is left out. */
export function withEmulator<T>(options: EmulatorOptions, test: Test<T>): Promise<T> {
  return until(test, emulatorInProcess({ basic: USER, ...options }));
}

/** The same over TLS, for other processes, and for what is about the connections themselves. */
export function withServedEmulator<T>(options: EmulatorOptions, test: Test<T>): Promise<T> {
  return until(test, startEmulator({ basic: USER, ...options }));
}

async function until<T>(test: Test<T>, starting: Promise<Emulator>): Promise<T> {
  const emulator = await starting;
  try {
    return await test(emulator);
  } finally {
    await emulator.close();
  }
}

/** The real thing, as the command line opens it, at an emulator. */
export function connectTo(emulator: Pick<Emulator, 'url' | 'certificate'>, concurrency = 8): Registry {
  return openRegistry({
    endpoint: new URL(emulator.url),
    certificate: emulator.certificate,
    concurrency,
    credentials: credentialsOf(USER),
  });
}

/** The policy of a policy file. */
export function ruledBy(text: string, flags: Pick<PurgeFlags, 'dryRun' | 'includeLocked'> = {}): PurgePolicy {
  return createPolicy({ ...flags, file: { name: 'retention.yaml', retention: parsePolicyFile(text) } });
}

/** Parses arguments as the command line does. */
export function policyOf(args: readonly string[]) {
  const command = purgeCommand()
    .exitOverride()
    .configureOutput({ outputError: () => undefined });
  command.parse(normalizeArguments(args), { from: 'user' });
  return createPolicy(command.opts<CommandFlags>());
}

export interface Run {
  readonly summary: RunSummary;
  readonly decisions: readonly Decision[];
}

/** Runs `purge <args>` at an emulator; a dry run where the arguments say so. */
export async function run(
  emulator: Emulator,
  given: readonly string[] | PurgePolicy,
  signal?: AbortSignal,
  ledger: Ledger = newLedger(),
  more: Pick<RunOptions, 'evidence' | 'findings' | 'archive' | 'storage' | 'keepReleasedMilliseconds'> = {},
): Promise<Run> {
  const policy = 'filters' in given ? given : policyOf(given);
  const registry = connectTo(emulator);
  const decisions: Decision[] = [];
  const options = {
    policies: [policy],
    ledger,
    // Ages count from the emulator's start. What has an age of exactly --ago is older when a run begins, if only just.
    now: new Date(emulator.start.getTime() + 1),
    onDecisions: (some: Iterable<Decision>) => {
      for (const decision of some) decisions.push(decision);
    },
    ...(signal && { signal }),
    ...more,
  };
  const summary = policy.dryRun ? await dryRun(readOnly(registry), options) : await purge(registry, options);
  return { summary, decisions };
}

/** `repo:tag` or `repo@digest`. */
export function reference({ repository, kind, tag, digest }: Decision): string {
  return kind === 'tag' ? `${repository}:${tag ?? ''}` : `${repository}@${digest ?? ''}`;
}
