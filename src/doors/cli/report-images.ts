import { Command } from 'commander';
import { readInUse, readListTarget } from '../../policy/in-use.ts';
import { printable } from '../../report/escape.ts';
import { reportImages } from '../../index.ts';
import { write } from './write.ts';

interface Flags {
  readonly to?: string;
  readonly inUse?: readonly string[];
}

/** `acr-retention report-images`: a cluster writes down what it runs, for an app that cannot reach it. */
export function reportImagesCommand(finish: (exitCode: 0 | 1) => void): Command {
  return new Command('report-images')
    .description(
      'write down the images that a cluster runs, of all registries, for --in-use list:<where>; nothing is written where they cannot all be read',
    )
    .option('--to <place>', 'the URL of a blob, or a path (default: standard output)')
    .option(
      '--in-use <source>',
      'the cluster: kube, kube:<context>; may be repeated (default: kube)',
      (value: string, previous: readonly string[] | undefined) => [...(previous ?? []), value],
    )
    .allowExcessArguments(false)
    .action(async ({ to, inUse = ['kube'] }: Flags) => {
      const sources = readInUse(inUse, '--in-use');
      const target = to === undefined ? undefined : readListTarget(to, '--to');
      const { ACR_AUDIENCE: audience, AZURE_CLIENT_ID: clientId } = process.env;
      const report = await reportImages(sources, target, { audience, clientId });
      if (!report.complete) {
        for (const problem of report.problems) process.stderr.write(`acr-retention: ${printable(problem)}\n`);
        process.stderr.write('acr-retention: no list was written: it would lack images that are in use\n');
        finish(1);
        return;
      }
      await write(target ? `${report.images} images written to ${printable(target.text)}\n` : report.text);
    });
}
