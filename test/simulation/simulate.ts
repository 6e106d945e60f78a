import { type DrawOptions, Draws, type Taken } from './draws.ts';
import { reseed, setTicks } from './hooks.ts';
import { tell, type Story } from './story.ts';
import { whatIsWrong } from './verdict.ts';

/** What came out of one seed. */
export interface Verdict {
  readonly seed: number;
  /** What did not hold, in words; none where all held. */
  readonly problems: readonly string[];
  readonly taken: readonly Taken[];
  readonly story: Story;
}

/** Tells the story of a seed, and judges it. Told again, it is the same. */
export async function simulate(seed: number, options: DrawOptions = {}): Promise<Verdict> {
  const draws = new Draws(seed, options);
  reseed(seed);
  const story = await tell(draws, (world) => setTicks(() => world.elapsed));
  return { seed, problems: await whatIsWrong(story), taken: draws.taken, story };
}
