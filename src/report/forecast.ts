import type { RunRecord } from '../ledger/records.ts';
import type { Decision } from '../planner/decision.ts';
import type { Forecast } from '../planner/forecast.ts';
import { printable } from './escape.ts';

/** When a policy file will let a tag go, as far as a run has seen its repository. */
export interface Foreseen extends Forecast {
  /** The run that saw it last. */
  readonly run: RunRecord;
  /** What that decided on it. */
  readonly decision: Decision;
  /** Whether the run recorded each tag of the repository: one by filters recorded those that they match. */
  readonly isWhole: boolean;
}

const DAY_MS = 86_400_000;

/** Which rule owns a tag, and when it will go: a line each. */
export function forecastInWords(foreseen: Foreseen, now: Date): readonly string[] {
  const { rule, run, isWhole, decision } = foreseen;
  const seen = isWhole
    ? `If nothing changes but the time since the run ${run.id} saw it.`
    : `As far as the run ${run.id} recorded it: it was by filters, and recorded only what they match. More may be counted.`;
  const besides =
    decision.action === 'keep' && !OWN_REASONS.has(decision.reason)
      ? [`That run kept it for another reason: ${decision.reason}: ${decision.detail}. While that holds, it stays.`]
      : [];
  const owner = rule === undefined ? [] : [`Owned by the rule ${rule}.`];
  const isOpen = foreseen.never === undefined;
  const only = isOpen && foreseen.unknown === undefined ? onlyIfInWords(foreseen) : [];
  return [...owner, whenInWords(foreseen, now), ...only, ...(isOpen ? besides : []), seen].map(printable);
}

/** Reasons that are the policy's own, and are in the forecast already. */
const OWN_REASONS: ReadonlySet<string> = new Set([
  'protected',
  'kept-newest',
  'kept-daily',
  'kept-weekly',
  'kept-monthly',
  'kept-yearly',
  'kept-within',
  'no-rule',
  'below-count',
  'too-young',
  'not-in-plan',
]);

/** `Goes in 12 days (2026-12-06), unless it is pulled in the 7d before.` */
function whenInWords(
  { never, unknown, counts, from, onlyIfMore, notPulledWithin }: Omit<Forecast, 'rule'>,
  now: Date,
): string {
  if (never !== undefined) return `Never deleted by this policy: ${never}.`;
  if (unknown !== undefined) return `When it goes is not known: ${unknown}.`;
  const wait = from && from > now ? from : undefined;
  const more = onlyIfMore && [`there are more than ${onlyIfMore.than} tags of the rule (now ${onlyIfMore.now})`];
  const conditions = [...(more ?? []), ...counts.map(displacedInWords)];
  const unless = notPulledWithin === undefined ? '' : `, unless it is pulled in the ${notPulledWithin} before`;
  const days = wait && Math.ceil((wait.getTime() - now.getTime()) / DAY_MS);
  const inDays = wait ? `in ${days === 1 ? '1 day' : `${days} days`} (${wait.toISOString().slice(0, 16)}Z)` : undefined;
  if (conditions.length === 0 && !inDays)
    return `Goes with the next run${notPulledWithin === undefined ? '' : `, where it was not pulled for ${notPulledWithin}`}.`;
  if (conditions.length === 0) return `Goes ${inDays ?? ''}${unless}.`;
  const notBefore = inDays === undefined ? '' : `, not before ${inDays.replace(/^in .*\((.*)\)$/, '$1')}`;
  return `Goes when ${conditions.join(', and ')}${notBefore}${unless}.`;
}

/** `Only if a scan names a critical finding, and a source says that nothing uses it.` */
function onlyIfInWords({ findings, endOfLife }: Pick<Forecast, 'findings' | 'endOfLife'>): readonly string[] {
  const conditions = [
    ...(findings === undefined ? [] : [`a scan names a ${findings}`]),
    ...(endOfLife ? ['its end of life is past'] : []),
  ];
  return conditions.length === 0
    ? []
    : [`Only if ${[...conditions, 'a source says that nothing uses it'].join(', and ')}.`];
}

/** `2 newer tags of minor 1.4 are there`, `4 later weeks have a tag` */
function displacedInWords({ place, most, unit, group, period: own, isOpen }: Forecast['counts'][number]): string {
  const needed = most - place + 1;
  const ofGroup = group === '' ? '' : ` of ${group}`;
  const one = needed === 1;
  if (unit === 'newest') return `${needed} newer ${one ? 'tag' : 'tags'}${ofGroup} ${one ? 'is' : 'are'} there`;
  const period = one ? unit.slice(0, -1) : unit;
  const later = `${needed} later ${period} ${one ? 'has' : 'have'} a tag${ofGroup}`;
  return isOpen ? `a newer tag${ofGroup} of ${own ?? ''} is there, or ${later}` : later;
}
