import { Command } from 'commander';
import type { CommandFlags } from '../../policy/flags.ts';
import { PolicyError } from '../../policy/errors.ts';
import { renderCheck, renderFinding } from '../../report/check-quarantine.ts';
import { jsonLine } from '../../report/escape.ts';
import { styleOf } from '../../report/style.ts';
import { checkQuarantineAt } from '../../index.ts';
import { type Form, identityOf, oneRegistry, withOutput } from './flags.ts';
import { write } from './write.ts';

interface Flags extends Pick<CommandFlags, 'registry' | 'username' | 'password'> {
  readonly repository?: string;
  readonly output: Form;
}

/** There are few calls. */
const CONCURRENCY = 2;
/** As the registry takes names. */
const NAME = /^[a-z0-9]+(?:[._/-]+[a-z0-9]+)*$/;
const LONGEST_NAME = 255;

/** `acr-retention check …`: finds out how a registry behaves, by trying it. @param finish is told the exit code */
export function checksCommand(finish: (exitCode: 0 | 1) => void): Command {
  return new Command('check')
    .description('find out how a registry behaves, by trying it with an image of its own')
    .addCommand(quarantineCheckCommand(finish));
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
