import { Command } from 'commander';
import type { CommandFlags } from '../../policy/flags.ts';
import { parseDuration } from '../../policy/duration.ts';
import { PolicyError } from '../../policy/errors.ts';
import { renderCheck, renderFinding } from '../../report/check-quarantine.ts';
import { isFine, renderRegistryCheck } from '../../report/check-registry.ts';
import { jsonLine } from '../../report/escape.ts';
import { styleOf } from '../../report/style.ts';
import { checkQuarantineAt, checkRegistryAt } from '../../index.ts';
import { type Form, identityOf, oneRegistry, openLedger, type ReadingFlags, withLedger, withOutput } from './flags.ts';
import { write } from './write.ts';

interface Flags extends Pick<CommandFlags, 'registry' | 'username' | 'password'> {
  readonly repository?: string;
  readonly output: Form;
}

/** Runs ask the registry as well. */
const READS_AT_ONCE = 8;
/** There are few calls. */
const CONCURRENCY = 2;
/** As the registry takes names. */
const NAME = /^[a-z0-9]+(?:[._/-]+[a-z0-9]+)*$/;
const LONGEST_NAME = 255;

interface RegistryFlags extends ReadingFlags, Pick<CommandFlags, 'registry' | 'username' | 'password'> {
  readonly repository?: readonly string[];
  readonly lockedOlderThan: string;
}

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

/**
 * `acr-retention check`: what is broken or left over in a registry; `check quarantine`: how it behaves, by trying it.
 * @param finish is told the exit code
 */
export function checksCommand(finish: (exitCode: 0 | 1) => void): Command {
  return new Command('check')
    .description('find out what is broken or left over in a registry, or how it behaves')
    .addCommand(registryCheckCommand(finish), { isDefault: true })
    .addCommand(quarantineCheckCommand(finish));
}

function registryCheckCommand(finish: (exitCode: 0 | 1) => void): Command {
  return withOutput(withLedger(new Command('registry')), ['text', 'json'])
    .description('what is broken or left over in a registry, whichever client did it; reads only')
    .option('-r, --registry <name>', 'registry (default: ACR_REGISTRY)')
    .option('--repository <glob>', 'only these repositories; may be repeated (default: all)', collect)
    .option('--locked-older-than <duration>', 'what is locked and was not changed for so long is named', '365d')
    .option('-u, --username <name>', 'user name (default: an Entra identity)')
    .option('-p, --password <secret>', 'password; better in the environment as ACR_PASSWORD')
    .allowExcessArguments(false)
    .action(async (flags: RegistryFlags) => {
      const { env, stdout } = process;
      const endpoint = oneRegistry(flags.registry ?? env['ACR_REGISTRY'] ?? '');
      const lockedOlderThan = parseDuration(flags.lockedOlderThan, '--locked-older-than').milliseconds;
      const { ledger } = openLedger(flags, env);
      const stop = new AbortController();
      const interrupt = (): void => stop.abort();
      process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
      try {
        const check = await checkRegistryAt(
          { endpoint, concurrency: READS_AT_ONCE, ...identityOf(flags, env) },
          { ledger, repositories: flags.repository ?? [], lockedOlderThan, signal: stop.signal },
        );
        await write(
          flags.output === 'json' ? `${jsonLine(check)}\n` : renderRegistryCheck(check, styleOf(stdout, env)),
        );
        // What is shown as the state of the registry is a whole one.
        if (!flags.repository && !stop.signal.aborted) await ledger.keepCheck(check);
        finish(isFine(check) ? 0 : 1);
      } finally {
        process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
      }
    });
}

function quarantineCheckCommand(finish: (exitCode: 0 | 1) => void): Command {
  return withOutput(new Command('quarantine'), ['text', 'json'])
    .description(
      'whether a quarantine works: push a tiny image, make it unreadable, pull it, make it readable, delete it',
    )
    .requiredOption('--repository <name>', 'where the image is pushed, e.g. scratch/test; it is deleted at the end')
    .option('-r, --registry <name>', 'registry (default: ACR_REGISTRY)')
    .option('-u, --username <name>', 'user name (default: an Entra identity)')
    .option('-p, --password <secret>', 'password; better in the environment as ACR_PASSWORD')
    .allowExcessArguments(false)
    .action(async (flags: Flags) => {
      const { env, stdout, stderr } = process;
      const { repository = '', output } = flags;
      if (!NAME.test(repository) || repository.length > LONGEST_NAME)
        throw new PolicyError('--repository', repository, 'is no name of a repository; write e.g. scratch/test');
      const endpoint = oneRegistry(flags.registry ?? env['ACR_REGISTRY'] ?? '');
      const stop = new AbortController();
      const interrupt = (): void => {
        stderr.write('Stopping: the image is deleted first.\n');
        stop.abort();
      };
      process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
      const style = styleOf(stdout, env);
      try {
        const check = await checkQuarantineAt(
          { endpoint, concurrency: CONCURRENCY, ...identityOf(flags, env) },
          {
            repository,
            signal: stop.signal,
            onFinding: (finding) => {
              if (output === 'text') stdout.write(`${renderFinding(finding, style)}\n`);
            },
          },
        );
        await write(output === 'json' ? `${jsonLine(check)}\n` : `\n${renderCheck(check, style)}`);
        finish(check.works ? 0 : 1);
      } finally {
        process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
      }
    });
}
