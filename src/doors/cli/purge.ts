import type { Command } from 'commander';
import { attempts, InvalidPolicy } from '../../policy/errors.ts';
import type { TimeBudget } from '../../policy/duration.ts';
import { type CommandFlags, type PolicyFileFlags, purgeCommand, withPolicyFile } from '../../policy/flags.ts';
import { type GuardFlags, guardsOf, withGuards, type Guards } from '../../policy/guards.ts';
import { createPolicy, type PurgePolicy } from '../../policy/purge-policy.ts';
import { askOn, confirmedPurge, isInteractive } from './confirm.ts';
import { type InUseFlags, inUseOf, type PullFlags, withEvidence } from './evidence-flags.ts';
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
import { readPolicyFile } from './policy-file.ts';
import { withLists } from './protect-lists.ts';
import { type OutputOptions, show, type Shown } from './show.ts';
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
    PullFlags {
  readonly yes?: boolean;
}

/** `acr-retention purge`: `acr purge`, with a choice of outputs. */
export function runPurgeCommand(finish: (exitCode: 0 | 1) => void): Command {
  return withDisplay(withLedger(withTimeBudget(withEvidence(withGuards(withPolicyFile(purgeCommand()))))))
    .option('-y, --yes', 'do not ask before deleting; without a terminal nothing is asked')
    .addHelpText('after', EXAMPLES)
    .action(async (flags: CliFlags) => {
      const { policy, target, ledger, days, planAgeMilliseconds, ...held } = prepare(flags, process.env);
      const { stdin, stdout, stderr } = process;
      const options = { ...displayOf(flags, process.env, stdout), ...held, ledger };
      const asks = !policy.dryRun && flags.yes !== true && isInteractive(stdin, stdout);
      const terminal = flags.output === 'text' ? stdout : stderr;
      const succeeded = asks
        ? await confirmedPurge(
            target,
            policy,
            { ...options, ask: askOn(stdin, terminal), planAgeMilliseconds, terminal },
            stdout,
          )
        : (await runPurge(target, policy, options, stdout)).succeeded;
      // Old records that cannot be pruned now are pruned the next time.
      if (!policy.dryRun) await ledger.prune(new Date(Date.now() - days * DAY_MS)).catch(() => undefined);
      finish(succeeded ? 0 : 1);
    });
}

const EXAMPLES = `
Examples:
  What would be deleted, and why:
    acr-retention purge -r contoso --filter '.*:^(dev|pr)-' --ago 30d --untagged --dry-run
  Delete it; on a terminal it shows the plan and asks first:
    acr-retention purge -r contoso --filter '.*:^(dev|pr)-' --ago 30d --untagged --keep 3
  The same, but what a list names stays, and of what the filter matches the newest 5, whatever their age:
    acr-retention purge -r contoso --filter '.*:^(dev|pr)-' --ago 30d --protect @keep.txt --keep-at-least 5
  By the rules of a policy file:
    acr-retention purge -r contoso --policy retention.yaml --dry-run
  The same in a pipeline, with a summary alone, and a log of JSON beside it:
    acr-retention purge -r contoso --filter 'app:^v0\\.' --ago 90d --yes --quiet --log-format json 2> log.json
`;

const DAY_MS = 86_400_000;

/**
 * Reads everything that the input says before anything is contacted.
 * @throws {InvalidPolicy} with every mistake
 */
function prepare(flags: CliFlags, environment: NodeJS.ProcessEnv) {
  const { problems, attempt } = attempts();
  const policy = attempt(() =>
    createPolicy({
      ...flags,
      ...(flags.policy !== undefined && { file: readPolicyFile(flags.policy) }),
      ...(flags.protect && { protect: withLists(flags.protect) }),
    }),
  );
  // ACR Tasks set the second for the commands they run.
  const name = flags.registry ?? environment['ACR_REGISTRY'] ?? environment['ACR_DEFAULT_REGISTRY'] ?? '';
  const endpoint = attempt(() => oneRegistry(name));
  const guards = attempt(() => guardsOf(flags));
  const budget = attempt(() => ({ limit: timeBudgetOf(flags) }));
  const opened = attempt(() => openLedger(flags, environment));
  const inUse = attempt(() => ({ evidence: inUseOf(flags, environment, policy ? [policy] : []) }));
  if (!policy || !endpoint || !guards || !opened || !budget || !inUse) throw new InvalidPolicy(problems);
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
  };
}

export interface RunPurgeOptions extends OutputOptions {
  readonly ledger: Ledger;
  readonly guards?: Guards;
  readonly budget?: TimeBudget | undefined;
  readonly evidence?: RunOptions['evidence'];
}

/** Runs a purge or a dry run, and writes what it decides. Only a purge is given a registry that can delete. */
export function runPurge(
  target: TargetOptions,
  policy: PurgePolicy,
  { ledger, guards, budget, evidence, ...output }: RunPurgeOptions,
  stdout: NodeJS.WriteStream,
): Promise<RunSummary> {
  return show(output, stdout, async (shown) => {
    const options = runOptionsOf(shown, policy, { ledger, ...(guards && { guards }), budget, evidence });
    return policy.dryRun ? dryRun(await openReader(target), options) : purge(await openRegistry(target), options);
  });
}

/** What a run of the command line is given. */
export function runOptionsOf(
  shown: Shown,
  policy: PurgePolicy,
  { ledger, guards, budget, evidence }: Pick<RunPurgeOptions, 'ledger' | 'guards' | 'budget' | 'evidence'>,
): RunOptions {
  const about = { policies: [policy], now: new Date(), ledger, timeBudget: budget, evidence };
  return { ...shown, ...about, ...(guards && { guards }) };
}
