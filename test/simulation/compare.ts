import { openLedger } from '../../src/ledger/ledger.ts';
import { policiesOf } from '../../src/ledger/policy-record.ts';
import { imageOf, runsIn } from './invariants/told.ts';
import { HOST } from './registry/registry.ts';
import type { DrawOptions, Kind } from './world/draws.ts';
import type { Setup } from './story/setup.ts';
import type { Story } from './story/story.ts';

/** What may happen to processes without anything else being different in the end. */
const ONLY_PROCESSES: ReadonlySet<Kind> = new Set(['kill', 'freeze', 'duplicate', 'lost-step', 'second-schedule']);

/**
 * Whether a seed comes to the same in three ways: on a calm day by one driver and by the other, and with processes that are
 * killed, stand still, and begin at the same time.
 * @param tell tells the story of the seed
 */
export async function compare(
  tell: (options: DrawOptions) => Promise<Story>,
  { without }: DrawOptions,
): Promise<readonly string[]> {
  const told = (driver: Setup['driver'], only: ReadonlySet<Kind>): Promise<Story> =>
    tell({ driver, only, ...(without && { without }) });
  const calm = await told('inline', new Set());
  const wanted = leftIn(calm);
  const heldOnACalmDay = await heldBack(calm);
  const problems: string[] = [];
  for (const [what, story] of [
    ['the durable driver', await told('durable', new Set())],
    ['killed processes of the inline driver', await told('inline', ONLY_PROCESSES)],
    ['killed processes of the durable driver', await told('durable', ONLY_PROCESSES)],
  ] as const) {
    const left = leftIn(story);
    const held = await heldBack(story);
    const more = left.filter((one) => !wanted.includes(one) && !held.has(one));
    const less = wanted.filter((one) => !left.includes(one) && !heldOnACalmDay.has(one));
    if (more.length > 0) problems.push(`${what} left what a calm day does not leave: ${more.join(', ')}`);
    if (less.length > 0) problems.push(`${what} deleted what a calm day leaves: ${less.join(', ')}`);
  }
  return problems;
}

/** What is there when all is over. */
function leftIn({ registry: { contents } }: Story): readonly string[] {
  return [...contents.tagsLeft(), ...contents.manifestsLeft()];
}

/**
 * What a guard holds back in the end, where something became old enough during the story. A guard counts what a plan would
 * delete, and a process that is killed before it has recorded its run plans later: one more may then be too much.
 */
async function heldBack({ stores, state, world }: Story): Promise<ReadonlySet<string>> {
  const runs = await runsIn(openLedger(stores.now()), HOST);
  const last = runs.findLast(({ run }) => run.kind === 'scheduled');
  const limits = (last && policiesOf(last.run.policy))?.map(({ agoMilliseconds }) => agoMilliseconds) ?? [];
  const ages = Object.values(state).flatMap(({ manifests, tags }) =>
    [...manifests, ...tags].map(({ age }) => age * 1_000),
  );
  const isAnyOlder = ages.some((age) => limits.some((limit) => age <= limit && limit < age + world.elapsed));
  if (!last || !isAnyOlder) return new Set();
  return new Set(last.decisions.filter((one) => one.action === 'delete' && one.outcome === 'held').map(imageOf));
}
