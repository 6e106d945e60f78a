import { compare } from './compare.ts';
import { type DrawOptions, Draws, type Taken } from './world/draws.ts';
import { forgetSignals, reseed, setTicks } from './process/hooks.ts';
import { tell, type Story } from './story/story.ts';
import { whatIsWrong } from './invariants/verdict.ts';

/** What came out of one seed. */
export interface Verdict {
  readonly seed: number;
  /** What did not hold, in words; none where all held. */
  readonly problems: readonly string[];
  readonly taken: readonly Taken[];
  readonly story: Story;
}

/** Of so many seeds one is told in other ways as well, and must come to the same. */
const COMPARED = 250;

/** Tells the story of a seed, and judges it. Told again, it is the same. */
export async function simulate(seed: number, options: DrawOptions = {}): Promise<Verdict> {
  const story = await storyOf(seed, options);
  const problems = [...(await whatIsWrong(story))];
  if (seed % COMPARED === 0 && !options.only)
    problems.push(...(await compare((other) => storyOf(seed, other), options)));
  return { seed, problems, taken: story.world.draws.taken, story };
}

async function storyOf(seed: number, options: DrawOptions): Promise<Story> {
  forgetSignals();
  reseed(seed);
  return tell(new Draws(seed, options), (world) => setTicks(() => world.elapsed));
}
