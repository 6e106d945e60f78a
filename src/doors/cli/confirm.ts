import { createInterface } from 'node:readline';
import prettyBytes from 'pretty-bytes';
import { guardsInWords } from '../../report/text.ts';
import { printable } from '../../report/escape.ts';
import { untilInWords } from '../../report/quarantine-words.ts';
import { sentence, styleOf } from '../../report/style.ts';
import type { PurgePolicy } from '../../policy/purge-policy.ts';
import { runOptionsOf, type RunPurgeOptions } from './purge.ts';
import { show } from './show.ts';
import { apply, commandInWords, dryRun, openReader, type RunSummary, type TargetOptions } from '../../index.ts';

/** Asks a person. Everything but yes is no, also Ctrl-C and the end of the input. */
export type Ask = (question: string) => Promise<boolean>;

/** @returns whether there is a person to ask: input and output are both a terminal */
export function isInteractive(
  stdin: { readonly isTTY?: boolean | undefined },
  stdout: { readonly isTTY?: boolean | undefined },
): boolean {
  return stdin.isTTY === true && stdout.isTTY === true;
}

export function askOn(input: NodeJS.ReadableStream, output: NodeJS.WritableStream): Ask {
  return (question) =>
    new Promise((resolve) => {
      const lines = createInterface({ input, output, terminal: true });
      lines.once('SIGINT', () => {
        output.write('\n');
        lines.close();
      });
      lines.once('close', () => resolve(false));
      lines.question(`${question} [y/N] `, (answer) => {
        resolve(/^y(?:es)?$/i.test(answer.trim()));
        lines.close();
      });
    });
}

export interface ConfirmOptions extends RunPurgeOptions {
  readonly ask: Ask;
  readonly planAgeMilliseconds: number;
  /** Where the question is shown: not where the result is written as JSON. */
  readonly terminal: NodeJS.WriteStream;
}

/**
 * Purges after a question: plans as a dry run, shows the plan, asks, and applies exactly that plan. After a no the plan
 * stays recorded.
 *
 * @returns whether everything was done that was to be done
 */
export async function confirmedPurge(
  target: TargetOptions,
  policy: PurgePolicy,
  { ask, planAgeMilliseconds, terminal, ...options }: ConfirmOptions,
  stdout: NodeJS.WriteStream,
): Promise<boolean> {
  const { ledger, guards, budget, evidence, findings, archive, storage, keepReleasedMilliseconds, ...output } = options;
  const planned = await show({ ...output, output: 'text', passing: true }, terminal, async (shown) =>
    dryRun(await openReader(target), runOptionsOf(shown, policy, options)),
  );
  const { plan, breakers } = planned;
  const style = styleOf(terminal, process.env);
  const say = (text: string): void => void terminal.write(`${sentence(style, printable(text))}\n`);
  if (!plan || planned.stopped) {
    if (planned.succeeded) say('There is nothing to delete.');
    return planned.succeeded;
  }
  if (breakers.length > 0) {
    for (const line of guardsInWords(breakers, false)) say(line);
    say(
      'Nothing was deleted. With --yes what guards do not hold back is deleted without a question. ' +
        `To delete all of it: ${commandInWords('apply', { ...planned, id: plan.id }, plan.hash.slice(0, 12))}`,
    );
    return false;
  }
  if (!(await ask(sentence(style, questionOf(planned))))) {
    say(`Nothing was deleted. To delete exactly this later: ${commandInWords('apply', { ...planned, id: plan.id })}`);
    return false;
  }
  const summary = await show({ ...output, withFindings: findings !== undefined }, stdout, async (shown) => {
    const applied = await apply(plan.id, () => target, {
      ...shown,
      ledger,
      now: new Date(),
      timeBudget: budget,
      evidence: () => evidence,
      findings,
      archive,
      storage,
      keepReleasedMilliseconds,
      planAgeMilliseconds,
      guards: guards ?? {},
    });
    return applied.state === 'applied-before' ? undefined : applied.summary;
  });
  return planned.succeeded && summary?.succeeded === true;
}

/** What is about to be deleted, as a question. */
export function questionOf({ totals, registry }: Pick<RunSummary, 'totals' | 'registry'>): string {
  const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`;
  const { tags, manifests, bytes } = totals;
  const both = (outcome: 'deleted' | 'quarantined'): string =>
    `${count(tags[outcome] ?? 0, 'tag')} and ${count(manifests[outcome] ?? 0, 'manifest')}`;
  const host = printable(registry);
  const deletes = `elete ${both('deleted')} (at most ${prettyBytes(bytes)}) from ${host}?`;
  const { until } = totals.quarantine ?? {};
  if (until === undefined) return `D${deletes}`;
  const hides = `Make ${both('quarantined')} of ${host} unreadable ${untilInWords(until)}`;
  return tags.deleted + manifests.deleted === 0 ? `${hides}?` : `${hides}, and d${deletes}`;
}
