import { Command, Option } from 'commander';
import { PolicyError } from '../../policy/errors.ts';
import { convert } from '../../policy/convert.ts';
import { parsePurgeWords } from '../../policy/purge-command.ts';
import { parseTaskFile } from '../../policy/task-file.ts';
import { readText } from './policy-file.ts';
import { write as writeOut } from './write.ts';

interface ConvertFlags {
  readonly task?: string;
}

/** `acr-retention policy convert`: the policy file that means the same as flags of `acr purge`. */
export function convertCommand(write: (text: string) => Promise<void> | void = writeOut): Command {
  return new Command('convert')
    .description('write the policy file that means the same as flags of acr purge, or as an ACR Task')
    .argument('[flags...]', 'behind --: the flags of acr purge')
    .addOption(new Option('--task <file>', 'the YAML of an ACR Task, all of whose steps are purges'))
    .action(async (words: readonly string[], { task }: ConvertFlags) => {
      if ((task === undefined) === (words.length === 0))
        throw new PolicyError(
          task === undefined ? 'flags' : '--task',
          undefined,
          task === undefined
            ? `say what to convert: acr-retention policy convert -- --filter 'app:^dev-' --ago 30d, or --task <file>`
            : 'cannot stand beside flags; write one of them',
        );
      const commands = task === undefined ? [parsePurgeWords(words)] : parseTaskFile(readText(task, '--task')).commands;
      await write(convert(commands.map(({ policy }) => policy)));
    });
}
