import { Command } from 'commander';
import { PolicyError } from '../../policy/errors.ts';
import { withFindings } from '../../report/csv.ts';
import { renderSighting, renderUse } from '../../report/sighting.ts';
import { forecastInWords } from '../../report/forecast.ts';
import { SIGHTINGS, toldOf } from '../../report/sheets.ts';
import { sentence, styleOf } from '../../report/style.ts';
import { foresee, type ImageName, type Ledger, parseImage, usesOf } from '../../index.ts';
import type { RetentionPolicy } from '../../policy/file/types.ts';
import type { PolicyFileFlags } from '../../policy/flags.ts';
import { openLedger, type ReadingFlags, withReading } from './flags.ts';
import { policyFileOf } from './policy-file.ts';
import { write, writeListed } from './write.ts';

/** `acr-retention explain <image>`: every decision that is recorded of one artifact. */
export function explainCommand(): Command {
  return withReading(new Command('explain'))
    .description(
      'what every recorded run decided on one tag or manifest, and why; which rule of a policy file owns it, and when it goes',
    )
    .option(
      '--policy <file>',
      'what this policy file will do with the tag (default: RETENTION_POLICY_FILE, else that of the run that saw it last)',
    )
    .argument('<image>', 'repository:tag, or repository@sha256:…')
    .action(async (image: string, flags: ReadingFlags & PolicyFileFlags) => {
      const { ledger } = openLedger(flags, process.env);
      const named = parseImage(image);
      if (!named)
        throw new PolicyError('image', image, 'write repository:tag, or repository@sha256:… with all its digits');
      const policy = policyFileOf(flags.policy, process.env)?.retention;
      const sightings = ledger.explain(named);
      if (flags.output !== 'text') {
        const head = { uses: await usesOf(ledger, named), ...(await foreseenOf(ledger, named, policy)) };
        const [first, all] = await withFirst(sightings);
        await writeListed(flags.output, all, {
          name: 'sightings',
          told: toldOf,
          sheet: withFindings(SIGHTINGS, first?.run.findings !== undefined),
          ...(flags.output === 'json' && { head }),
        });
        return;
      }
      const style = styleOf(process.stdout, process.env);
      for (const use of await usesOf(ledger, named)) await write(renderUse(use, style));
      await writeForecast(ledger, named, policy);
      let found = 0;
      for await (const sighting of sightings) {
        found += 1;
        await write(renderSighting(sighting, style));
      }
      if (found === 0)
        await write(`No run in ${ledger.place} has decided on it: none has seen it, or no filter matches it.\n`);
    });
}

/** When a policy file will let the tag go, for a program; nothing where that is not known. */
async function foreseenOf(ledger: Ledger, { repository, tag }: ImageName, policy: RetentionPolicy | undefined) {
  if (tag === undefined) return {};
  const foreseen = await foresee(ledger, { repository, tag }, { now: new Date(), ...(policy && { policy }) });
  if (!foreseen) return {};
  const { run, decision, ...forecast } = foreseen;
  return { forecast: { ...forecast, run: run.id, decision } };
}

/** When a policy file will let the tag go. */
async function writeForecast(ledger: Ledger, named: ImageName, policy: RetentionPolicy | undefined): Promise<void> {
  const { repository, tag } = named;
  if (tag === undefined) {
    if (policy)
      await write('Policy file: rules are about tags; name the image by one of its tags to see when it goes.\n');
    return;
  }
  const now = new Date();
  const foreseen = await foresee(ledger, { repository, tag }, { now, ...(policy && { policy }) });
  const style = styleOf(process.stdout, process.env);
  for (const line of foreseen ? forecastInWords(foreseen, now) : []) await write(`${sentence(style, line)}\n`);
  if (!foreseen && policy)
    await write(
      'Policy file: it is not known when the tag was pushed: it is deleted, or no run has recorded it. A run by filters records what they match; one by the policy file records every tag.\n',
    );
}

/** The first of some values, and all of them. */
async function withFirst<T>(values: AsyncIterable<T>): Promise<readonly [T | undefined, AsyncIterable<T>]> {
  const iterator = values[Symbol.asyncIterator]();
  const first = await iterator.next();
  if (first.done === true) return [undefined, values];
  const { value } = first;
  return [
    value,
    (async function* () {
      yield value;
      yield* { [Symbol.asyncIterator]: () => iterator };
    })(),
  ];
}
