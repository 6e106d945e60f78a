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
  const problems: string[] = [];
  for (const [what, story] of [
    ['the durable driver', await told('durable', new Set())],
    ['killed processes of the inline driver', await told('inline', ONLY_PROCESSES)],
    ['killed processes of the durable driver', await told('durable', ONLY_PROCESSES)],
  ] as const) {
    const left = leftIn(story);
    const more = left.filter((one) => !wanted.includes(one));
    const less = wanted.filter((one) => !left.includes(one));
    if (more.length > 0) problems.push(`${what} left what a calm day does not leave: ${more.join(', ')}`);
    if (less.length > 0) problems.push(`${what} deleted what a calm day leaves: ${less.join(', ')}`);
  }
  return problems;
}

/** What is there when all is over. */
function leftIn({ registry: { contents } }: Story): readonly string[] {
  return [...contents.tagsLeft(), ...contents.manifestsLeft()];
}
