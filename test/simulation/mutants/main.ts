import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError } from 'commander';
import { type Mutant, MUTANTS } from './index.ts';

/*
 * Puts one mutant after the other into the product, and lets the simulator look for a story in which something does not
 * hold. Prints a table in Markdown; ends with 1 where a mutant is not found.
 */

interface Flags {
  readonly seeds: number;
  readonly from: number;
  readonly workers: number;
}

interface Found {
  readonly seed: number;
  readonly problem: string;
}

/** What the simulator said. */
interface Told {
  /** How many stories. */
  readonly seeds: number;
  readonly failed: readonly Found[];
}

const whole = (text: string): number => {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('a whole number is expected, such as 1000');
  return Number(text);
};

const command = new Command('simulate:mutants')
  .description('puts faults into the product, one at a time, and looks whether the simulator finds each')
  .argument('[names...]', `which; all of them where none is named: ${MUTANTS.map(({ name }) => name).join(', ')}`)
  .option('--seeds <n>', 'stories that are told at most to find one', whole, 5_000)
  .option('--from <n>', 'the first seed', whole, 0)
  .option('--workers <n>', 'processes', whole, 2);

const SIMULATOR = fileURLToPath(new URL('../main.ts', import.meta.url));

function simulate(mutant: string, flags: Flags): Promise<Told> {
  const { seeds, from, workers } = flags;
  const given = ['--seeds', seeds, '--from', from, '--workers', workers, '--stop-after', 1].map(String);
  const options = { env: { ...process.env, SIMULATION_MUTANT: mutant }, maxBuffer: 256 * 1024 * 1024 };
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [SIMULATOR, ...given, '--no-shrink'], options, (_, stdout, stderr) => {
      const [, told] = /^(\d+) seeds from/m.exec(stdout) ?? [];
      if (told === undefined) reject(new Error(`the simulator broke: ${stderr.trim() || stdout.slice(-2_000)}`));
      else resolve({ seeds: Number(told), failed: failuresIn(stdout) });
    });
  });
}

function failuresIn(text: string): readonly Found[] {
  const failures = text.matchAll(/^seed (\d+): it does not hold\n {2}(.*)$/gm);
  return Array.from(failures, ([, seed, problem = '']) => ({ seed: Number(seed), problem }));
}

interface Hunted {
  readonly seeds: number;
  readonly found?: Found;
  /** Seeds in which something does not hold without the mutant, either. */
  readonly own: readonly number[];
}

/** Looks for a story that holds, and does not with the mutant. */
async function hunt({ name }: Mutant, flags: Flags): Promise<Hunted> {
  const own: number[] = [];
  for (let told = 0; told < flags.seeds;) {
    const { seeds, failed } = await simulate(name, { ...flags, from: flags.from + told, seeds: flags.seeds - told });
    told += seeds;
    for (const found of failed) {
      const without = await simulate('', { from: found.seed, seeds: 1, workers: 1 });
      if (without.failed.length === 0) return { seeds: told, found, own };
      own.push(found.seed);
    }
  }
  return { seeds: flags.seeds, own };
}

const LONGEST = 200;

/** In a cell of a table. */
function cell(text: string): string {
  const line = text.replaceAll(/\bsha256:([0-9a-f]{6})[0-9a-f]{58}\b/g, 'sha256:$1…').replaceAll('|', '\\|');
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line;
}

const print = (line: string): void => void process.stdout.write(`${line}\n`);

const { args } = command.parse();
const flags = command.opts<Flags>();
const unknown = args.filter((name) => !MUTANTS.some((mutant) => mutant.name === name));
if (unknown.length > 0) command.error(`there is no mutant ${unknown.join(', ')}`);
const wanted = args.length === 0 ? MUTANTS : MUTANTS.filter(({ name }) => args.includes(name));

print('| Mutant | What is wrong with it | Seed | Stories told | What did not hold |');
print('|---|---|---|---|---|');
let missed = 0;
for (const mutant of wanted) {
  const { seeds, found, own } = await hunt(mutant, flags);
  if (!found) missed += 1;
  const seed = found === undefined ? 'none' : String(found.seed);
  print(`| ${mutant.name} | ${cell(mutant.says)} | ${seed} | ${seeds} | ${cell(found?.problem ?? 'not found')} |`);
  if (own.length > 0) process.stderr.write(`without a mutant something does not hold in ${own.join(', ')}\n`);
}
process.stderr.write(`${wanted.length - missed} of ${wanted.length} mutants were found\n`);
process.exitCode = missed === 0 ? 0 : 1;
