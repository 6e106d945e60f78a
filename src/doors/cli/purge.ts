import type { Command } from 'commander';
import { attempts, InvalidPolicy } from '../../policy/errors.ts';
import type { TimeBudget } from '../../policy/duration.ts';
import { type CommandFlags, type PolicyFileFlags, purgeCommand, withPolicyFile } from '../../policy/flags.ts';
import { type GuardFlags, guardsOf, withGuards, type Guards } from '../../policy/guards.ts';
import { createPolicy, type PurgePolicy, replacedIn } from '../../policy/purge-policy.ts';
import { withQuarantine } from '../../policy/quarantine.ts';
import { readQuarantineSetting, readRememberSetting } from '../../policy/settings.ts';
import { type ArchiveFlags, archiveOf, withArchive } from './archive-flags.ts';
import { askOn, confirmedPurge, isInteractive } from './confirm.ts';
import {
  type FindingsFlags,
  findingsOf,
  type InUseFlags,
  inUseOf,
  type PullFlags,
  withEvidence,
} from './evidence-flags.ts';
import {
  type BudgetFlags,
  type DisplayFlags,
  displayOf,
  identityOf,
  type LedgerFlags,
  oneRegistry,
  openLedger,
  timeBudgetOf,
  withDisplay,
  withLedger,
  withTimeBudget,
} from './flags.ts';
import { policyFileOf } from './policy-file.ts';
import { withLists } from './protect-lists.ts';
import { type OutputOptions, show, type Shown } from './show.ts';
import { type StorageFlags, storageOf, withStorage } from './storage-flags.ts';
import { telling } from './tell.ts';
import {
  dryRun,
  type Ledger,
  openReader,
  openRegistry,
  purge,
  type RunOptions,
  type RunSummary,
  type TargetOptions,
} from '../../index.ts';

interface CliFlags
  extends
    Omit<CommandFlags, 'verbose'>,
    PolicyFileFlags,
    DisplayFlags,
    LedgerFlags,
    GuardFlags,
    BudgetFlags,
    InUseFlags,
    PullFlags,
    FindingsFlags,
    ArchiveFlags,
    StorageFlags {
  readonly yes?: boolean;
}

/** `acr-retention purge`: `acr purge`, with a choice of outputs. */
export function runPurgeCommand(finish: (exitCode: 0 | 1) => void): Command {
  return withDisplay(
    withLedger(withTimeBudget(withStorage(withArchive(withEvidence(withGuards(withPolicyFile(purgeCommand()))))))),
  )
    .option('-y, --yes', 'do not ask before deleting; without a terminal nothing is asked')
    .action(async (flags: CliFlags) => {
      const { policy, target, ledger, days, planAgeMilliseconds, ...held } = prepare(flags, process.env);
      const { stdin, stdout, stderr } = process;
      const options = { ...displayOf(flags, process.env, stdout), ...held, ledger };
      const asks = !policy.dryRun && flags.yes !== true && isInteractive(stdin, stdout);
      const terminal = flags.output === 'text' ? stdout : stderr;
      const tell = telling(process.env, { ledger, log: options.log, registries: [target.endpoint.host] });
      const succeeded = await tell(async () =>
        asks
          ? confirmedPurge(
              target,
              policy,
              { ...options, ask: askOn(stdin, terminal), planAgeMilliseconds, terminal },
              stdout,
            )
          : (await runPurge(target, policy, options, stdout)).succeeded,
      );
      // Old records that cannot be pruned now are pruned the next time.
      if (!policy.dryRun) await ledger.prune(new Date(Date.now() - days * DAY_MS)).catch(() => undefined);
      finish(succeeded ? 0 : 1);
    });
}

const DAY_MS = 86_400_000;

/**
 * Reads everything that the input says before anything is contacted.
 * @throws {InvalidPolicy} with every mistake
 */
function prepare(flags: CliFlags, environment: NodeJS.ProcessEnv) {
  const { problems, attempt } = attempts();
  const policy = attempt(() => policyIn(flags, environment));
  // ACR Tasks set the second for the commands they run.
  const name = flags.registry ?? environment['ACR_REGISTRY'] ?? environment['ACR_DEFAULT_REGISTRY'] ?? '';
  const endpoint = attempt(() => oneRegistry(name));
  const guards = attempt(() => guardsOf(flags));
  const budget = attempt(() => ({ limit: timeBudgetOf(flags) }));
  const opened = attempt(() => openLedger(flags, environment));
  const inUse = attempt(() => ({ evidence: inUseOf(flags, environment, policy ? [policy] : []) }));
  const found = attempt(() => ({ findings: findingsOf(flags, environment) }));
  const archived = attempt(() => ({ archive: archiveOf(flags, environment) }));
  const stored = attempt(() => ({ storage: storageOf(flags, environment) }));
  const keepReleasedMilliseconds = attempt(() => readRememberSetting(environment));
  if (!policy || !endpoint || !guards || !opened || !budget || !inUse || !found || !archived || !stored)
    throw new InvalidPolicy(problems);
  const target = { endpoint, concurrency: policy.concurrency, ...identityOf(flags, environment) };
  return {
    policy,
    target,
    guards,
    ledger: opened.ledger,
    days: opened.settings.days,
    planAgeMilliseconds: opened.settings.planAgeMilliseconds,
    budget: budget.limit,
    evidence: inUse.evidence,
    findings: found.findings,
    archive: archived.archive,
    storage: stored.storage,
    keepReleasedMilliseconds,
  };
}

/** @throws {InvalidPolicy | PolicyError} */
function policyIn(flags: CliFlags, environment: NodeJS.ProcessEnv): PurgePolicy {
  // Flags that say what to delete count instead of the environment. Beside --policy they are refused.
  const isByFlags = flags.policy === undefined && replacedIn(flags).length > 0;
  const file = isByFlags ? undefined : policyFileOf(flags.policy, environment);
  const policy = createPolicy({
    ...flags,
    ...(file && { file }),
    ...(flags.protect && { protect: withLists(flags.protect) }),
  });
  return withQuarantine(policy, readQuarantineSetting(environment));
}

export interface RunPurgeOptions extends OutputOptions {
  readonly ledger: Ledger;
  readonly guards?: Guards;
  readonly budget?: TimeBudget | undefined;
  readonly evidence?: RunOptions['evidence'];
  readonly findings?: RunOptions['findings'];
  readonly archive?: RunOptions['archive'];
  readonly storage?: RunOptions['storage'];
  readonly keepReleasedMilliseconds?: RunOptions['keepReleasedMilliseconds'];
}

/** Runs a purge or a dry run, and writes what it decides. Only a purge is given a registry that can delete. */
export function runPurge(
  target: TargetOptions,
  policy: PurgePolicy,
  options: RunPurgeOptions,
  stdout: NodeJS.WriteStream,
): Promise<RunSummary> {
  const output = { ...options, withFindings: options.findings !== undefined };
  return show(output, stdout, async (shown) => {
    const given = runOptionsOf(shown, policy, options);
    return policy.dryRun ? dryRun(await openReader(target), given) : purge(await openRegistry(target), given);
  });
}

/** What a run of the command line is given. */
export function runOptionsOf(
  shown: Shown,
  policy: PurgePolicy,
  options: Omit<RunPurgeOptions, keyof OutputOptions>,
): RunOptions {
  const { ledger, guards, budget, evidence, findings, archive, storage, keepReleasedMilliseconds } = options;
  const kept = { evidence, findings, archive, storage, keepReleasedMilliseconds };
  const about = { policies: [policy], now: new Date(), ledger, timeBudget: budget, ...kept };
  return { ...shown, ...about, ...(guards && { guards }) };
}
