import { Command, Option } from 'commander';
import { PolicyError } from '../../policy/errors.ts';
import { jsonLine } from '../../report/escape.ts';
import { renderInUse } from '../../report/in-use.ts';
import { styleOf } from '../../report/style.ts';
import { inUseAt } from '../../index.ts';
import { type InUseFlags, inUseOf, type LedgerFlags, oneRegistry, openLedger, withInUse, withLedger } from './flags.ts';
import { write } from './show.ts';

interface Flags extends InUseFlags, LedgerFlags {
  readonly registry?: string;
  readonly output: 'text' | 'json';
}

/** `acr-retention in-use`: what the sources say of a registry, before it counts. */
export function inUseCommand(finish: (exitCode: 0 | 1) => void): Command {
  return withLedger(withInUse(new Command('in-use')))
    .description(
      'what is in use at a registry, as every source says, and what a source may not read; nothing is recorded',
    )
    .option('-r, --registry <name>', 'registry (default: ACR_REGISTRY)')
    .addOption(new Option('--output <form>', 'how to say it').choices(['text', 'json']).default('text'))
    .allowExcessArguments(false)
    .addHelpText('after', EXAMPLES)
    .action(async (flags: Flags) => {
      const registry = oneRegistry(flags.registry ?? process.env['ACR_REGISTRY'] ?? '').host;
      const evidence = inUseOf(flags, process.env);
      if (!evidence || evidence.sources.length === 0)
        throw new PolicyError('--in-use', undefined, 'names no source, and IN_USE does not; write --in-use kube, say');
      const report = await inUseAt(registry, evidence, openLedger(flags, process.env).ledger);
      await write(
        flags.output === 'json' ? `${jsonLine(report)}\n` : renderInUse(report, styleOf(process.stdout, process.env)),
      );
      finish(report.state === 'complete' ? 0 : 1);
    });
}

const EXAMPLES = `
Examples:
  What runs of a registry in the cluster of the current kubeconfig:
    acr-retention in-use -r contoso --in-use kube
  The same of two sources, for a program; the exit code is 1 where one cannot be read completely:
    acr-retention in-use -r contoso --in-use kube:prod --in-use list:edge.txt --output json
`;
