import { type Guards } from '../../policy/guards.ts';
import { jsonLine, printable } from '../../report/escape.ts';
import { guardsInWords } from '../../report/text.ts';
import { plural } from '../../report/page/format.ts';
import { type Applied, apply, approvalOf, commandInWords, type Ledger, type RunRecord } from '../../index.ts';
import type { recordedRun } from './recorded-run.ts';
import { show } from './show.ts';
import { telling } from './tell.ts';
import { write } from './write.ts';

/** What of a plan is carried out, and who answers for it. */
export interface CarryOut {
  readonly guards: Guards;
  /** The first characters of the plan's hash, where it is approved. */
  readonly approve?: string | undefined;
  /** Only these repositories of it. */
  readonly repositories?: readonly string[] | undefined;
  readonly comment?: string | undefined;
}

type InPart = Extract<Applied, { readonly state: 'in part' }>;

/**
 * Carries out a plan, and shows the run that does so.
 * @returns whether all was done that was asked for
 */
export async function carryOut(
  id: string,
  {
    ledger,
    settings,
    timeBudget,
    evidence,
    findings,
    archive,
    storage,
    keepReleasedMilliseconds,
    hosts,
    display,
    target,
  }: ReturnType<typeof recordedRun>,
  asked: CarryOut,
): Promise<boolean> {
  let before: RunRecord | undefined;
  let left: InPart | undefined;
  const tell = telling(process.env, { ledger, log: display.log, registries: hosts });
  const summary = await tell(() =>
    show({ ...display, withFindings: findings !== undefined }, process.stdout, async (shown) => {
      const applied = await apply(id, target, {
        ...shown,
        ...asked,
        ledger,
        now: new Date(),
        timeBudget,
        evidence,
        findings,
        archive,
        storage,
        keepReleasedMilliseconds,
        planAgeMilliseconds: settings.planAgeMilliseconds,
        hosts,
      });
      if (applied.state === 'applied-before') before = applied.run;
      if (applied.state === 'in part') left = applied;
      return applied.state === 'applied-before' ? undefined : applied.summary;
    }),
  );
  const { output } = display;
  if (before && (output === 'json' || output === 'ndjson')) await write(`${jsonLine({ appliedBefore: before.id })}\n`);
  else if (before) {
    const said = `The plan ${id} was carried out by the run ${before.id}; nothing was done now.\n`;
    if (output === 'text') await write(said);
    else process.stderr.write(said);
  }
  if (left && output === 'text') await write(await leftInWords(ledger, id, left));
  const isHeld = left !== undefined && left.breakers.length > 0;
  return !isHeld && (before !== undefined || summary?.succeeded === true);
}

/** What of a plan is left, what holds it back, and what carries it out. */
async function leftInWords(ledger: Ledger, id: string, { left, breakers }: InPart): Promise<string> {
  const run = await ledger.run(id);
  const approval = breakers.length > 0 && run?.plan ? approvalOf(run.plan) : undefined;
  const how = run ? ` To delete them as well: ${commandInWords('apply', run, approval)}` : '';
  const lines = [...guardsInWords(breakers, false), printable(`Left of the plan: ${plural(left, 'deletion')}.${how}`)];
  return lines.map((line) => `${line}\n`).join('');
}
