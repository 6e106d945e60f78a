import type { DrawOptions, Kind } from './world/draws.ts';
import { loadProduct } from './process/hooks.ts';
import { shrink } from './shrink.ts';
import { simulate, type Verdict } from './simulate.ts';
import { storyOf } from './words.ts';

/** Seeds that a worker tells the stories of. */
export interface Wanted {
  readonly from: number;
  readonly count: number;
  readonly only: readonly Kind[] | undefined;
  readonly without: readonly string[] | undefined;
  readonly shrink: boolean;
  readonly story: boolean;
}

export interface Report {
  readonly seed: number;
  readonly problems: number;
  /** What is shown of it; absent: nothing. */
  readonly text?: string;
  /** How often each kind of draw met each step. */
  readonly coverage: readonly (readonly [string, number])[];
}

// Thousands of errors are made that are expected, and a stack takes longer than the rest of each.
Error.stackTraceLimit = 2;

// Before the first story: an import takes real time, and a mutant that is in no module must not go unnoticed.
const loaded = loadProduct();

process.on('message', (wanted: Wanted) => {
  void loaded.then(() => tellAll(wanted)).then(() => process.send?.('done'));
});

async function tellAll({ from, count, only, without, ...how }: Wanted): Promise<void> {
  const options: DrawOptions = {
    ...(only && { only: new Set(only) }),
    ...(without && { without: new Set(without) }),
  };
  for (let seed = from; seed < from + count; seed += 1) {
    const verdict = await simulate(seed, options);
    const report: Report = {
      seed,
      problems: verdict.problems.length,
      coverage: [...verdict.story.world.met],
      ...(await shown(verdict, options, how)),
    };
    process.send?.(report);
  }
}

async function shown(
  verdict: Verdict,
  options: DrawOptions,
  how: Pick<Wanted, 'shrink' | 'story'>,
): Promise<{ readonly text?: string }> {
  if (verdict.problems.length === 0) return how.story ? { text: storyOf(verdict, options) } : {};
  if (!how.shrink) return { text: storyOf(verdict, options) };
  const { without, ...shorter } = await shrink(verdict, options);
  return { text: storyOf(shorter, { ...options, without }) };
}
