import { Command } from 'commander';
import { PolicyError } from '../../policy/errors.ts';
import { jsonLine } from '../../report/escape.ts';
import { renderInUse } from '../../report/in-use.ts';
import { IN_USE, imagesInUse } from '../../report/sheets.ts';
import { styleOf } from '../../report/style.ts';
import { inUseAt } from '../../index.ts';
import { type InUseFlags, inUseOf, withInUse } from './evidence-flags.ts';
import { type Form, type LedgerFlags, oneRegistry, openLedger, withLedger, withOutput } from './flags.ts';
import { write, writeListed } from './write.ts';

interface Flags extends InUseFlags, LedgerFlags {
  readonly registry?: string;
  readonly output: Form;
}

/** `acr-retention in-use`: what the sources say of a registry, before it counts. */
export function inUseCommand(finish: (exitCode: 0 | 1) => void): Command {
  return withOutput(withLedger(withInUse(new Command('in-use'))))
    .description(
      'what is in use at a registry, as every source says, and what a source may not read; nothing is recorded',
    )
    .option('-r, --registry <name>', 'registry (default: ACR_REGISTRY)')
    .allowExcessArguments(false)
    .action(async (flags: Flags) => {
      const registry = oneRegistry(flags.registry ?? process.env['ACR_REGISTRY'] ?? '').host;
      const evidence = inUseOf(flags, process.env);
      if (!evidence || evidence.sources.length === 0)
        throw new PolicyError('--in-use', undefined, 'names no source, and IN_USE does not; write --in-use kube, say');
      const report = await inUseAt(registry, evidence, openLedger(flags, process.env).ledger);
      const { sources, remembered, ...about } = report;
      if (flags.output === 'text') await write(renderInUse(report, styleOf(process.stdout, process.env)));
      else if (flags.output === 'json') await write(`${jsonLine(report)}\n`);
      else
        await writeListed(flags.output, imagesInUse({ sources, remembered }), {
          name: 'images',
          sheet: IN_USE,
          end: () => ({
            ...about,
            sources: sources.map(({ uses, ...source }) => ({ ...source, images: uses.length })),
          }),
        });
      finish(report.state === 'complete' ? 0 : 1);
    });
}
