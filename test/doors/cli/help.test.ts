import { split } from 'shlex';
import { beforeAll, expect, test } from 'vitest';
import { namedCommands, newProgram } from '../../../src/doors/cli/commands.ts';
import { HELP } from '../../../src/doors/cli/help-texts.ts';
import { normalizeArguments } from '../../../src/policy/flags.ts';

const named = [...namedCommands(newProgram(() => undefined))];

test('there is help for each command, and for nothing else', () => {
  expect(Object.keys(HELP).toSorted()).toEqual(named.map(([name]) => name).toSorted());
});

/** The arguments of an example, up to what the shell takes for itself. */
function argumentsIn(command: string): readonly string[] {
  const words = split(command.replace(/^eval "\$\((.*)\)"$/, '$1'));
  const end = words.findIndex((word) => ['>', '<', '|', '2>'].includes(word));
  // Environment variables stand before the command.
  const start = words.findIndex((word) => !/^[A-Z_]+=/.test(word));
  const [program, ...args] = words.slice(start, end < 0 ? undefined : end);
  expect(program).toBe('acr-retention');
  return args;
}

const examples = Object.entries(HELP).flatMap(([name, { examples: all }]) =>
  all.map(({ command }) => [command, name] as const),
);

test.each(examples)('%s is parsed', async (command, name) => {
  const program = newProgram(() => undefined);
  const called: string[] = [];
  for (const [one, inner] of namedCommands(program))
    inner.action(() => {
      called.push(one);
    });
  await program.parseAsync(normalizeArguments(argumentsIn(command)), { from: 'user' });
  expect(called).toEqual([name]);
});

test.each(named)('%s --help has its examples, environment variables and exit codes', (name, command) => {
  const help = HELP[name];
  let written = '';
  command.configureOutput({ writeOut: (text) => void (written += text) }).outputHelp();
  for (const { command: example } of help?.examples ?? []) expect(written).toContain(`\n    ${example}\n`);
  for (const variable of help?.environment ?? []) expect(written).toMatch(new RegExp(`\\n {2}${variable} +\\S`));
  for (const [code, says] of help?.exitCodes ?? []) expect(written).toContain(`\n  ${code}  ${says}\n`);
});

beforeAll(() => {
  expect(named.length).toBeGreaterThan(15);
});
