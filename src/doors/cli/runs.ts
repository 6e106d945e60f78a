import { Command, Option } from 'commander';
import { PolicyError } from '../../policy/errors.ts';
import { jsonLine } from '../../report/escape.ts';
import { renderDifference, renderParent, renderRun, renderRuns, renderSighting, resumerOf } from '../../report/runs.ts';
import { type Style, styleOf } from '../../report/style.ts';
import { differences, parentStatus, parseImage, type Ledger, type RunRecord } from '../../index.ts';
import { type LedgerFlags, openLedger, withLedger } from './record.ts';
import { write } from './show.ts';

const OUTPUTS = ['text', 'ndjson'] as const;
const MOST_RUNS = 1000;

interface Flags extends LedgerFlags {
  readonly output: (typeof OUTPUTS)[number];
}

const style = (): Style => styleOf(process.stdout, process.env);

const output = (): Option => new Option('--output <form>', 'how to say it').choices(OUTPUTS).default('text');

/** `acr-retention runs`, and `runs show <id>`. */
export function runsCommand(): Command {
  const list = withLedger(new Command('list').description('the recorded runs, the newest first'))
    .addOption(output())
    .option('--limit <n>', 'how many', '20')
    .option('--parent <id>', 'only the runs of several registries that this one began')
    .action(async (flags: Flags & { readonly limit: string; readonly parent?: string }) => {
      if (!/^[1-9]\d{0,3}$/.test(flags.limit) || Number(flags.limit) > MOST_RUNS)
        throw new PolicyError('--limit', flags.limit, `write a number from 1 to ${MOST_RUNS}`);
      const runs: RunRecord[] = [];
      const query = flags.parent === undefined ? {} : { parent: flags.parent };
      for await (const run of openLedger(flags, process.env).ledger.runs(query)) {
        runs.push(run);
        if (runs.length === Number(flags.limit)) break;
      }
      await write(
        flags.output === 'text' ? renderRuns(runs, style()) : runs.map((run) => `${jsonLine(run)}\n`).join(''),
      );
    });
  const show = withLedger(
    new Command('show').description('one run, or those of a parent: who, when, by which rule, and what became of it'),
  )
    .argument('<id>', 'its id')
    .addOption(output())
    .action(async (id: string, flags: Flags) => {
      const { ledger } = openLedger(flags, process.env);
      const parent = (await ledger.run(id)) ? undefined : await parentStatus(ledger, id);
      if (parent) return write(flags.output === 'text' ? renderParent(parent, style()) : `${jsonLine(parent)}\n`);
      const run = await find(ledger, id);
      if (flags.output === 'text') {
        const resumer = await resumerOf(ledger, run, new Date());
        return write(renderRun(run, await Array.fromAsync(ledger.repositories(id)), style(), resumer));
      }
      await write(`${jsonLine(run)}\n`);
      for await (const decision of ledger.decisions(id)) await write(`${jsonLine(decision)}\n`);
    });
  return new Command('runs')
    .description('look at the recorded runs')
    .addCommand(list, { isDefault: true })
    .addCommand(show);
}

/** `acr-retention explain <image>`: everything that is known of one artifact. */
export function explainCommand(): Command {
  return withLedger(
    new Command('explain').description('what every recorded run decided on one tag or manifest, and why'),
  )
    .argument('<image>', 'repository:tag, or repository@sha256:…')
    .addOption(output())
    .action(async (image: string, flags: Flags) => {
      const { ledger } = openLedger(flags, process.env);
      const named = parseImage(image);
      if (!named)
        throw new PolicyError('image', image, 'write repository:tag, or repository@sha256:… with all its digits');
      let found = 0;
      for await (const sighting of ledger.explain(named)) {
        found += 1;
        const { run, decision } = sighting;
        await write(
          flags.output === 'text' ? renderSighting(sighting, style()) : `${jsonLine({ runId: run.id, ...decision })}\n`,
        );
      }
      if (found === 0 && flags.output === 'text')
        await write(`No run in ${ledger.place} has decided on it: none has seen it, or no filter matches it.\n`);
    });
}

/** `acr-retention diff <run> <run>`: what changed between two plans. */
export function diffCommand(): Command {
  return withLedger(
    new Command('diff').description('what one recorded run deletes, or would delete, and another does not'),
  )
    .argument('<run>', 'the earlier one')
    .argument('<run>', 'the later one')
    .addOption(output())
    .action(async (before: string, after: string, flags: Flags) => {
      const { ledger } = openLedger(flags, process.env);
      for (const id of [before, after]) await find(ledger, id);
      let found = 0;
      for await (const difference of differences(ledger, before, after)) {
        found += 1;
        await write(flags.output === 'text' ? renderDifference(difference) : `${jsonLine(difference)}\n`);
      }
      if (found === 0 && flags.output === 'text') await write('Both delete the same artifacts.\n');
    });
}

async function find(ledger: Ledger, id: string): Promise<RunRecord> {
  const run = await ledger.run(id);
  if (!run) throw new PolicyError('run', id, `there is no such run in ${ledger.place}; acr-retention runs lists them`);
  return run;
}
