import { Command } from 'commander';
import { InvalidPolicy } from '../../policy/errors.ts';
import { describePolicy } from '../../policy/file/describe.ts';
import { PolicyFileError } from '../../policy/file/problems.ts';
import { jsonLine, printable } from '../../report/escape.ts';
import { renderPolicyFile } from '../../report/policy-file.ts';
import { styleOf } from '../../report/style.ts';
import { type Form, withOutput } from './flags.ts';
import { pathOf, readPolicyFrom } from './policy-file.ts';
import { write as writeOut } from './write.ts';

interface CheckFlags {
  readonly output: Form;
}

/** What the command reads and writes. */
interface Streams {
  readonly stdin: AsyncIterable<Uint8Array | string>;
  readonly write: (text: string) => Promise<void> | void;
}

/** `acr-retention policy check`: what a policy file means, before it counts. */
export function checkCommand({ stdin, write }: Streams = { stdin: process.stdin, write: writeOut }): Command {
  return withOutput(new Command('check'), ['text', 'json'])
    .description('say whether a policy file is valid, what it means in words, and what is hardly meant')
    .argument('[file]', 'the policy file; - is the standard input (default: RETENTION_POLICY_FILE)')
    .action(async (given: string | undefined, { output }: CheckFlags) => {
      const file = pathOf(given, process.env);
      try {
        const { retention } = await readPolicyFrom(file, 'file', stdin);
        const words = describePolicy(retention);
        const { warnings } = retention;
        await write(
          output === 'json'
            ? `${jsonLine({ valid: true, warnings, ...words })}\n`
            : `${printable(file)} is valid.\n\n${renderPolicyFile(words, warnings, styleOf(process.stdout, process.env))}`,
        );
      } catch (error) {
        // The mistakes themselves are told on the standard error, as those of every command.
        if (error instanceof InvalidPolicy)
          await write(output === 'json' ? `${jsonLine(mistakesIn(error))}\n` : `${printable(file)} is not valid.\n`);
        throw error;
      }
    });
}

function mistakesIn({ problems }: InvalidPolicy) {
  const errors = problems.map((error) => ({
    ...(error instanceof PolicyFileError && { file: error.file, ...error.place }),
    key: error.flag,
    ...(error.text !== undefined && { text: error.text }),
    problem: error.problem,
    message: error.message,
  }));
  return { valid: false, errors };
}
