import { Command } from 'commander';
import { PolicyError } from '../../policy/errors.ts';
import { jsonLine } from '../../report/escape.ts';
import { renderSighting, renderUse } from '../../report/runs.ts';
import { styleOf } from '../../report/style.ts';
import { parseImage, usesOf } from '../../index.ts';
import { openLedger, type ReadingFlags, withReading } from './flags.ts';
import { write } from './show.ts';

/** `acr-retention explain <image>`: every decision that is recorded of one artifact. */
export function explainCommand(): Command {
  return withReading(new Command('explain'))
    .description('what every recorded run decided on one tag or manifest, and why')
    .argument('<image>', 'repository:tag, or repository@sha256:…')
    .action(async (image: string, flags: ReadingFlags) => {
      const { ledger } = openLedger(flags, process.env);
      const named = parseImage(image);
      if (!named)
        throw new PolicyError('image', image, 'write repository:tag, or repository@sha256:… with all its digits');
      if (flags.output === 'text')
        for (const use of await usesOf(ledger, named))
          await write(renderUse(use, styleOf(process.stdout, process.env)));
      let found = 0;
      for await (const sighting of ledger.explain(named)) {
        found += 1;
        const { run, decision } = sighting;
        await write(
          flags.output === 'text'
            ? renderSighting(sighting, styleOf(process.stdout, process.env))
            : `${jsonLine({ runId: run.id, ...decision })}\n`,
        );
      }
      if (found === 0 && flags.output === 'text')
        await write(`No run in ${ledger.place} has decided on it: none has seen it, or no filter matches it.\n`);
    });
}
